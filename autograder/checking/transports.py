"""How requests reach a notebook: over a socket to a sandboxed kernel, or in this process (a student's own notebook)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Protocol

from autograder.checking.deadline import TOOK_TOO_LONG
from autograder.checking.outcomes import StudentStopped
from autograder.kernel_side.serve import Reply, Server
from autograder.kernel_side.wire import Frames, Message, NotAFrame, WireError

__all__ = ["MAX_CALL_BACKS", "TOO_LONG", "CallBack", "InProcessTransport", "SocketTransport", "Transport"]

MAX_CALL_BACKS = 100_000
TOO_LONG = "it took longer than"

CallBack = Callable[[Message, list[bytes]], Reply]


class Transport(Protocol):
    """Whatever answers a message; while it works it may ask for call-backs."""

    def request(self, message: Message, buffers: list[bytes], call_back: CallBack) -> Reply: ...


class InProcessTransport:
    """A server in this very process: the student's own notebook. After a call that the student has interrupted nothing
    is asked any more, since each check would have to be interrupted."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.call_back: CallBack | None = None
        self.is_interrupted = False
        self.server = Server(namespace, self._call_back)

    def _call_back(self, message: Message, buffers: list[bytes]) -> Reply:
        assert self.call_back is not None
        return self.call_back(message, buffers)

    def request(self, message: Message, buffers: list[bytes], call_back: CallBack) -> Reply:
        if self.is_interrupted:
            raise StudentStopped("you interrupted an earlier check")
        outer, self.call_back = self.call_back, call_back
        try:
            reply, received = self.server.handle(message, buffers)
            self.is_interrupted = reply.get("type") == "KeyboardInterrupt"
            return reply, received
        finally:
            self.call_back = outer


class SocketTransport:
    """A server in another process, reached over a socket, with a deadline for every reply.

    A call that takes longer than `seconds` is interrupted (`interrupt()` asks for that), and the server has
    `GRACE` seconds more to say so; if it does not, or talks nonsense, it is gone for good. `fault` makes the
    exception for either. After `until` (`time.monotonic` seconds) nothing is asked any more. What no server of ours
    sends is noted in `tampering`.
    """

    GRACE = 3.0

    def __init__(
        self,
        channel: Frames,
        seconds: float,
        interrupt: Callable[[], None],
        fault: Callable[[str], BaseException] = StudentStopped,
        until: float = math.inf,
    ) -> None:
        self.channel, self.seconds, self.interrupt, self.fault = channel, seconds, interrupt, fault
        self.until = until
        self.why_gone = ""
        self.tampering: set[str] = set()
        self.deadline: float | None = None
        self.number = 0

    def request(self, message: Message, buffers: list[bytes], call_back: CallBack) -> Reply:
        if self.why_gone:
            raise self.fault(self.why_gone)
        self.number += 1
        numbered = message | {"id": self.number}
        if self.deadline is not None:
            return self._ask(numbered, buffers, call_back)
        self.deadline = min(time.monotonic() + self.seconds, self.until)
        try:
            return self._ask(numbered, buffers, call_back)
        except TimeoutError:
            if time.monotonic() >= self.until:
                self.why_gone = TOOK_TOO_LONG
                raise self.fault(self.why_gone) from None
            self._stop(self.number)
            raise self.fault(f"{TOO_LONG} {self.seconds:g} s") from None
        except WireError as error:
            if isinstance(error, NotAFrame):
                self.tampering.add(f"what came over the check channel was {error}")
            self.why_gone = "the notebook stopped answering"
            raise self.fault(self.why_gone) from None
        finally:
            self.deadline = None

    def _ask(self, message: Message, buffers: list[bytes], call_back: CallBack) -> Reply:
        self.channel.send(message, buffers, self.deadline)
        for _ in range(MAX_CALL_BACKS):
            reply, received = self.channel.receive(self.deadline)
            if reply.get("op") == "callback":
                self.channel.send(*call_back(reply, received), self.deadline)
            elif reply.get("id") == message["id"]:
                return reply, received
            else:
                self.tampering.add("a message that nobody had asked for came over the check channel")
        raise WireError("too many messages for one call")

    def _stop(self, number: int) -> None:
        """Interrupt the call that is running, and see whether the server comes back from it."""
        self.why_gone = "an earlier call took too long and could not be interrupted"
        self.interrupt()
        end = time.monotonic() + self.GRACE
        try:
            while self.channel.receive(end)[0].get("id") != number:
                pass
        except (TimeoutError, WireError):
            return
        self.why_gone = ""
