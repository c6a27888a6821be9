"""The answer key, run once in a sandbox of its own and copied afresh for every check of every submission."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, ClassVar

from autograder.checking.outcomes import CheckFailed, GraderFault, Mistake, StudentStopped
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import CallBack, SocketTransport, Transport
from autograder.course.assignment import KeyCell
from autograder.grading.course_errors import key_failure
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.wire import Channel, Frames, Message, WireError
from autograder.sandbox.base import PRELOAD_ANSWER_KEY
from autograder.sandbox.descriptors import send_descriptors
from autograder.sandbox.levels import open_sandbox
from autograder.sandbox.limits import Limits

__all__ = ["AnswerKey"]


class AnswerKey:
    """The answer key of one notebook: `at(grade_id)` is the state that a check cell sees.

    Raises GraderFault when the answer key itself does not run.
    """

    # Whether there are copies of the state before every cell, and not only at check cells.
    copied_everywhere: ClassVar[bool] = False

    def __init__(self, cells: tuple[KeyCell, ...], files: dict[str, bytes], limits: Limits) -> None:
        self.limits = limits
        self.snapshots: dict[str, socket.socket] = {}
        self.sandbox = open_sandbox(limits, PRELOAD_ANSWER_KEY)
        try:
            self._prepare(cells, files)
        except BaseException:
            self.close()
            raise

    def _prepare(self, cells: tuple[KeyCell, ...], files: dict[str, bytes]) -> None:
        ours, theirs = socket.socketpair()
        self.control = Channel(ours)
        with theirs:
            job = {"kind": "reference", "files": list(files)}
            self.process = self.sandbox.spawn(job, list(files.values()), {"control": theirs.fileno()})
        for cell in cells:
            if cell.is_check or self.copied_everywhere:
                self.snapshots[cell.grade_id] = self._snapshot()
            if not cell.is_check:
                self._run(cell)

    def _ask(self, message: Message, descriptor: int | None = None) -> Message:
        deadline = time.monotonic() + self.limits.notebook_seconds
        try:
            self.control.send(message, [], deadline)
            if descriptor is not None:
                send_descriptors(self.control.sock, [descriptor])
            return self.control.receive(deadline)[0]
        except TimeoutError as error:
            raise GraderFault(f"the answer key stopped answering: {error or 'it took too long'}") from None
        except (WireError, OSError) as error:
            text = f"{error}; if it takes much memory, set c.Autograder.memory_mb higher"
            raise GraderFault(f"the answer key stopped answering: {text}") from None

    def _run(self, cell: KeyCell) -> None:
        error = self._ask({"op": "run", "source": cell.source})["error"]
        if error:
            raise GraderFault(key_failure(cell.grade_id, error))

    def _snapshot(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._ask({"op": "snapshot"}, theirs.fileno())
        return ours

    @contextmanager
    def at(self, grade_id: str, fault: Callable[[str], BaseException] | None = None) -> Iterator[NotebookProxy]:
        """The answer key as it is at the check cell `grade_id`, for expected values: a fresh copy for every test."""
        copies = FreshCopies(partial(self.copy, grade_id, fault))
        try:
            yield NotebookProxy(copies, trusted=True)
        finally:
            copies.close()

    def lent_at(self, grade_id: str) -> AbstractContextManager[NotebookProxy]:
        """A copy for objects that are lent to the student's notebook. No expected value comes from it, so the student's
        arguments can spoil it for their own test only."""
        return self.at(grade_id, lent_stopped)

    @contextmanager
    def stand_in(self, grade_id: str, until: float, mistake: Mistake | None) -> Iterator[Transport]:
        """The same with a known mistake in place of its answer, which answers as a student's notebook would, until
        `until` (`time.monotonic` seconds)."""
        with self.copy(grade_id, StudentStopped, until) as transport:
            if mistake is not None:
                seconds = min(self.limits.cell_seconds, max(0.1, until - time.monotonic()))
                job = {"op": "run", "source": mistake.source, "seconds": seconds}
                transport.request(job, [], refuse_call_back)
            yield transport

    @contextmanager
    def copy(
        self, grade_id: str, fault: Callable[[str], BaseException] | None = None, until: float = math.inf
    ) -> Iterator[Transport]:
        """A transport to a fresh copy of the answer key as it is at a check cell. `fault` makes the exception for one
        that stops answering: by default it is the answer key's fault."""
        with self.channel(grade_id) as channel:
            yield SocketTransport(channel, self.limits.cell_seconds, lambda: None, fault or key_stopped, until)

    @contextmanager
    def channel(self, grade_id: str) -> Iterator[Frames]:
        """A channel to a fresh copy of the answer key as it is at a check cell, or before any other that has copies."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                try:
                    send_descriptors(self.snapshots[grade_id], [theirs.fileno()])
                except OSError as error:
                    raise GraderFault(f"the answer key is gone: {error}") from None
            yield Channel(ours)

    def close(self) -> None:
        for snapshot in self.snapshots.values():
            snapshot.close()
        if hasattr(self, "process"):
            self.process.close()
            self.control.sock.close()
        self.sandbox.close()

    def __enter__(self) -> AnswerKey:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


class FreshCopies:
    """A transport to copies of the answer key, a fresh one for every test: none sees what another test, or a student's
    arguments, has left behind."""

    def __init__(self, open_copy: Callable[[], AbstractContextManager[Transport]]) -> None:
        self.open_copy = open_copy
        self.opened = ExitStack()
        self.copy: Transport | None = None

    def request(self, message: Message, buffers: list[bytes], call_back: CallBack) -> Reply:
        if self.copy is None or message.get("forget"):  # how a new test begins
            self.close()
            self.copy = self.opened.enter_context(self.open_copy())
        return self.copy.request(message, buffers, call_back)

    def close(self) -> None:
        self.opened.close()


def lent_stopped(why: str) -> CheckFailed:
    """The failure of a test in which a lent function does not come back from what a student's code gave it."""
    return CheckFailed("a function that was lent to your code did not come back from what it was given", why)


def refuse_call_back(message: Message, buffers: list[bytes]) -> Reply:
    """Refuse a call-back: a known mistake is only being defined."""
    return {"op": "error"}, []


def key_stopped(why: str) -> GraderFault:
    """The fault when the answer key does not answer, which is not the student's doing."""
    return GraderFault(f"the answer key: {why}")
