"""A student's kernel in a sandbox, from outside: every wait ends, and no reply is trusted."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass
from typing import Any, Protocol

from autograder.kernel_side.wire import Channel, Frames, Message
from autograder.sandbox.base import Sandbox
from autograder.sandbox.cell_outputs import FLOOD, Budget, NoOutputs, Outputs
from autograder.sandbox.control_group import ControlGroup, control_group_around
from autograder.sandbox.descriptors import SERVE_DESCRIPTOR
from autograder.sandbox.limits import MB, Limits
from autograder.sandbox.memory_watchdog import PROCESSES, MemoryWatchdog
from autograder.sandbox.messages import Messages, Sockets

__all__ = ["AnyKernel", "Execution", "Kernel"]

GRACE = 3.0
MOMENT = 3.0
STRAGGLERS = 5.0
NOTEBOOK = 32  # times the outputs of one cell

SERVE = f"__import__('autograder.kernel_side.serve', fromlist=['serve']).serve({SERVE_DESCRIPTOR}, globals())"


@dataclass
class Execution:
    """How a cell ended: its outputs, and whether it hit a limit or its kernel died.

    `failed` is what the reply says. `lost` means that outputs may be missing: iopub never reported the end of a cell,
    perhaps because a message was too large. From then on nobody waits for it.
    """

    outputs: Outputs
    timed_out: bool = False
    flooded: bool = False
    died: bool = False
    failed: bool = False
    lost: bool = False
    count: int | None = None
    seconds: float = 0.0


class AnyKernel(Protocol):
    """A kernel or its stand-in: it runs a notebook's cells and answers the calls of its checks. `Kernel` documents the
    members."""

    limits: Limits
    alive: bool
    tampering: set[str]

    @property
    def channel(self) -> Frames: ...

    @property
    def ended_for(self) -> str: ...

    @property
    def ended_by_itself(self) -> bool: ...

    @property
    def peak_mb(self) -> float: ...

    def execute(self, code: str, seconds: float) -> Execution: ...

    def start_serving(self) -> str: ...

    def stop_serving(self, asked: str) -> bool: ...

    def interrupt(self) -> None: ...

    def kill(self) -> None: ...


class Kernel:
    """An IPython kernel in `sandbox`, whose code may run `run_time` times as long as its limits say. Raises
    SandboxBroken if it does not come up.

    What no IPython kernel sends by itself is noted in `tampering`.
    """

    def __init__(self, sandbox: Sandbox, files: dict[str, bytes], run_time: float = 1.0) -> None:
        self.sandbox = sandbox
        self.limits = sandbox.limits.with_run_time(run_time)
        self.alive = True
        self.heard = {"shell", "iopub"}
        self.killed = False
        self.tampering: set[str] = set()
        self.budget = Budget(NOTEBOOK * self.limits.output_kb * 1024)
        self.why_ended = ""
        self.control_group: ControlGroup | None = None
        try:
            self._start(files)
        except Exception:
            self.close()
            raise

    def _start(self, files: dict[str, bytes]) -> None:
        sockets = Sockets()
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        self.messages = Messages(sockets, self.tampering.add, 2 * FLOOD * 1024 * self.limits.output_kb)
        try:
            descriptors = {name: s.fileno() for name, s in (*sockets.listening.items(), ("serve", theirs))}
            job = {"kind": "kernel", "key": self.messages.key, "files": list(files)}
            self.process = self.sandbox.spawn(job, list(files.values()), descriptors)
            self._wait_until_ready()
            self.control_group = control_group_around(self.process.pid, self.limits)
            # Where the sandbox is used once, orphans of its processes belong to the sandbox's own first process.
            first = self.process.pid if self.sandbox.reusable else self.sandbox.process.pid
            self.watchdog = MemoryWatchdog(self._end, first, self.limits.memory_mb * MB)
        finally:
            theirs.close()
            sockets.close()

    def _wait_until_ready(self) -> None:
        """Wait for the first sign of life on both channels; no student code runs before this returns."""
        deadline = time.monotonic() + self.limits.start_seconds
        heard: set[str] = set()
        while heard != {"shell", "iopub"}:
            asked = self._send("shell", "kernel_info_request", {})
            again = time.monotonic() + (0.05 if "shell" in heard else self.limits.start_seconds)
            while heard != {"shell", "iopub"} and time.monotonic() < min(again, deadline):
                for name, message in self._receive(min(again, deadline)):
                    if name == "iopub" or message["parent_header"].get("msg_id") == asked:
                        heard.add(name)
                if not self.alive:
                    raise self.sandbox.broken()
            if time.monotonic() > deadline:
                raise self.sandbox.broken()

    def execute(self, code: str, seconds: float) -> Execution:
        """Run a cell. At the end of `seconds` it is interrupted, and the kernel killed if that does not help."""
        execution = Execution(Outputs(self.limits.output_kb * 1024, self.budget))
        started = time.monotonic()
        if self.alive:
            self._collect(execution, self._send_code(code), started + seconds)
        execution.seconds = time.monotonic() - started
        execution.died = not self.alive
        return execution

    def _send_code(self, code: str, store_history: bool = True, silent: bool = False) -> str:
        content = {
            "code": code,
            "silent": silent,
            "store_history": store_history,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        return self._send("shell", "execute_request", content)

    def _send(self, channel: str, kind: str, content: Message) -> str:
        """Send a request and return its id. Kill a kernel that has broken its connections: it takes no requests."""
        asked = self.messages.send(channel, kind, content)
        if not asked:
            self.kill()
        return asked

    def _collect(self, execution: Execution, asked: str, deadline: float) -> None:
        """Take outputs until the cell is over: a reply on shell, and idle on iopub (or nothing more comes)."""
        outputs, waiting = execution.outputs, set(self.heard)
        execution.lost = "iopub" not in waiting
        while waiting and self.alive:
            for name, message in self._receive(deadline):
                if message["parent_header"].get("msg_id") != asked:
                    if name == "shell" and is_last(name, message):
                        self.tampering.add("the kernel replied to what it had not been asked")
                    continue
                if name == "iopub":
                    outputs.take(message["msg_type"], message["content"], message["oversized"])
                if is_last(name, message):
                    waiting.discard(name)
                    if name == "shell":
                        execution.count = count_of(message["content"])
                        execution.failed = message["content"].get("status") != "ok"
                        deadline = min(deadline, time.monotonic() + STRAGGLERS)
            interrupted = execution.timed_out or execution.flooded
            if waiting and (time.monotonic() >= deadline or (outputs.flooded and not interrupted)):
                if "shell" not in waiting:
                    self.heard.discard("iopub")
                    execution.lost = True
                    return
                if interrupted:
                    self.kill()
                    return
                execution.flooded, execution.timed_out = outputs.flooded, not outputs.flooded
                self.interrupt()
                deadline = time.monotonic() + GRACE

    def _receive(self, deadline: float) -> list[tuple[str, Message]]:
        """Messages from shell and iopub, waiting for the first until `deadline`. Notices that the kernel has died."""
        messages, ended = self.messages.receive(self.process.pidfd, deadline)
        if ended and not messages:
            self.alive = False
        return messages

    def start_serving(self) -> str:
        """Have the kernel serve calls over `self.channel` until `stop_serving`; returns the request's id."""
        return self._send_code(SERVE, store_history=False, silent=True)

    def stop_serving(self, asked: str) -> bool:
        """End serving, and drop what the student's code printed meanwhile. Returns whether the kernel is of no more
        use: it has ended, or so much was printed that nothing is heard on iopub any more, or it had to be killed."""
        could_be_heard = "iopub" in self.heard
        try:
            self.channel.send({"op": "stop"}, [], time.monotonic() + GRACE)
        except Exception:
            if not self.ended_by_itself:
                self.kill()
            return True
        self._collect(Execution(NoOutputs()), asked, time.monotonic() + GRACE)
        return could_be_heard and not ("iopub" in self.heard and self.alive)

    def interrupt(self) -> None:
        """Ask the kernel to interrupt its running cell."""
        self._send("control", "interrupt_request", {})

    def _end(self, reason: str) -> None:
        self.why_ended = reason
        self.kill()

    @property
    def ended_for(self) -> str:
        """The watchdog's reason if it ended the kernel, or if Linux did because of its memory."""
        return self.why_ended or (PROCESSES if self.control_group is not None and self.control_group.exceeded else "")

    @property
    def ended_by_itself(self) -> bool:
        """Whether it ended although nobody here killed it. Its sockets close a moment before it ends."""
        return not self.killed and not self.ended_for and bool(select.select([self.process.pidfd], [], [], MOMENT)[0])

    @property
    def peak_mb(self) -> float:
        """The most memory in MB that the kernel and its descendants held at once; known once it is closed."""
        return self.watchdog.peak / MB

    def kill(self) -> None:
        """End the kernel and all that it has started."""
        self.alive, self.killed = False, True
        self.process.kill()

    def close(self) -> None:
        self.alive = False
        if hasattr(self, "watchdog"):
            self.watchdog.close()
        self.channel.sock.close()
        self.messages.close()
        if hasattr(self, "process"):
            self.process.close()
        if self.control_group is not None:
            self.control_group.close()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def is_last(name: str, message: Message) -> bool:
    """Whether this message ends the request, on its channel."""
    if name == "shell":
        return bool(message["msg_type"] == "execute_reply")
    return bool(message["msg_type"] == "status" and message["content"].get("execution_state") == "idle")


def count_of(content: Message) -> int | None:
    """The execution count of a reply, if it has one."""
    count = content.get("execution_count")
    return count if type(count) is int and 0 <= count < 2**31 else None
