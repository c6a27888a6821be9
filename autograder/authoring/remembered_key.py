"""An answer key that remembers what its copies have said, for validation alone.

Validation asks the same questions hundreds of times: each trial has the same random numbers, and looks among the same
known mistakes for its own. In grading nothing is remembered: what one student's code has brought about must not reach
another's grade, and each has numbers of its own.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from autograder.authoring.copied_kernel import CopiedKernel
from autograder.checking.call_recorder import size_of
from autograder.course.assignment import KeyCell
from autograder.grading.answer_key import AnswerKey
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.wire import Frames, Message
from autograder.sandbox.limits import Limits

__all__ = ["RememberedKey"]

# For all conversations with one answer key; beyond that, copies are asked.
MOST_BYTES = 256 * 2**20


@dataclass
class Point:
    """A point in a conversation with a copy: what the copy said here, and where the next message leads to. A copy has
    nothing to go by but the messages, so after the same ones it says the same."""

    reply: Reply | None = None
    then: dict[bytes, Point] = field(default_factory=dict)

    def after(self, message: Message, buffers: list[bytes]) -> Point:
        digest = hashlib.sha256(json.dumps([message, list(map(len, buffers))]).encode())
        for buffer in buffers:
            digest.update(buffer)
        return self.then.setdefault(digest.digest(), Point())


class RememberedKey(AnswerKey):
    """An answer key whose copies answer from memory as long as they are told what an earlier copy was told."""

    copied_everywhere = True

    def __init__(self, cells: tuple[KeyCell, ...], files: dict[str, bytes], limits: Limits) -> None:
        self.starts: defaultdict[str, Point] = defaultdict(Point)
        self.room = MOST_BYTES
        super().__init__(cells, files, limits)

    @contextmanager
    def channel(self, grade_id: str) -> Iterator[Frames]:
        open_copy = super().channel
        with ExitStack() as opened:
            yield Conversation(self.starts[grade_id], lambda: opened.enter_context(open_copy(grade_id)), self._has_room)

    @contextmanager
    def kernel(self, grade_id: str) -> Iterator[CopiedKernel]:
        """A copy that runs a notebook from the cell `grade_id` on. What it says is not remembered."""
        with super().channel(grade_id) as channel:
            yield CopiedKernel(channel, self.limits)

    def _has_room(self, reply: Reply) -> bool:
        """Whether a reply may be kept."""
        self.room -= size_of(*reply)
        return self.room >= 0


class Conversation:
    """A channel to a copy that is opened when nobody knows what it would say next. It is then told all that was said
    before, and the time that this takes is not counted."""

    def __init__(self, start: Point, open_copy: Callable[[], Frames], may_keep: Callable[[Reply], bool]) -> None:
        self.at, self.open_copy, self.may_keep = start, open_copy, may_keep
        self.said: list[Reply] = []
        self.copy: Frames | None = None
        self.late = 0.0

    def send(self, message: Message, buffers: list[bytes], deadline: float | None = None) -> None:
        self.at = self.at.after(message, buffers)
        if self.copy is None:
            self.said.append((message, buffers))
        else:
            self.copy.send(message, buffers, self._later(deadline))

    def receive(self, deadline: float | None = None) -> Reply:
        if self.copy is None:
            if self.at.reply is not None:
                return self.at.reply
            self.copy = self._opened()
        point, self.at = self.at, Point()  # what comes after a deadline is not kept
        reply = self.copy.receive(self._later(deadline))
        self.at = point
        if self.may_keep(reply):
            point.reply = reply
        return reply

    def _opened(self) -> Frames:
        started = time.monotonic()
        copy = self.open_copy()
        for message, buffers in self.said[:-1]:
            copy.send(message, buffers)
            copy.receive()
        copy.send(*self.said[-1])
        self.late = time.monotonic() - started
        return copy

    def _later(self, deadline: float | None) -> float | None:
        return None if deadline is None else deadline + self.late
