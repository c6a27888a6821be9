"""Keeps the replies of a notebook while a test runs."""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

from autograder.checking.equality import MISSING
from autograder.checking.replies import raised_of
from autograder.checking.transports import CallBack, Transport
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.values import Decoder, ValueRefused
from autograder.kernel_side.wire import Message

__all__ = ["CallRecorder", "OutOfTime", "PlainReply", "asked_by", "plain", "size_of"]

# Replies are kept until the cell's tests are done, up to this many bytes and replies.
MAX_KEPT, MAX_REPLIES = 64 * 2**20, 5_000
NODE_BYTES = 64
# The parts of a request beside its arguments.
ASKED = ("op", "target", "operation", "source")


class PlainReply(NamedTuple):
    """A reply as plain data: the request, how it ended, and the value, if one came back."""

    asked: str
    ended: str
    value: Any = None

    @property
    def is_given(self) -> bool:
        """Whether a function returned or raised something, or a name had a value."""
        return self.ended in ("return", "value") or self.ended.startswith("raise ")


class OutOfTime(BaseException):
    """Nothing more may be asked. Not an Exception, so that no test catches it."""


class CallRecorder:
    """A transport that keeps the replies, by test. `begin` starts a test; after `until` (`time.monotonic` seconds) it
    raises OutOfTime."""

    def __init__(self, transport: Transport, until: float = math.inf) -> None:
        self.transport, self.until = transport, until
        self.replies: dict[str, list[tuple[Message, Reply]]] = {}
        self.decoded: dict[str, list[PlainReply]] = {}
        self.test = ""
        self.kept = self.count = 0

    def begin(self, test: str) -> None:
        self.test = test
        self.replies.setdefault(test, [])

    def request(self, message: Message, buffers: list[bytes], call_back: CallBack) -> Reply:
        if time.monotonic() > self.until:
            raise OutOfTime
        reply, received = self.transport.request(message, buffers, call_back)
        if message["op"] not in ("lend", "restore"):
            self.keep(message, reply, received)
        return reply, received

    def keep(self, message: Message, reply: Message, received: list[bytes]) -> None:
        self.kept += size_of(reply, received)
        self.count += 1
        if self.complete:
            kept = {key: message[key] for key in ASKED if key in message}
            self.replies[self.test].append((kept, (reply, received)))

    @property
    def complete(self) -> bool:
        """Whether everything that came back was kept."""
        return self.kept <= MAX_KEPT and self.count <= MAX_REPLIES

    def used(self, test: str) -> set[str]:
        """The names of the notebook that a test used."""
        targets = [message.get("target", [0]) for message, _ in self.replies.get(test, [])]
        return {target[1] for target in targets if target[0] is None}

    def plain_replies(self, test: str) -> list[PlainReply]:
        """The replies in a test, in order."""
        decoded, replies = self.decoded.setdefault(test, []), self.replies.get(test, [])
        decoded += [plain_reply(*reply) for reply in replies[len(decoded) :]]
        return decoded


def size_of(reply: Message, received: list[bytes]) -> int:
    """About how many bytes a reply takes."""
    return sum(map(len, received)) + NODE_BYTES * nodes(reply.get("value"))


def nodes(tree: Any) -> int:
    """The number of parts of an encoded value."""
    count, waiting = 0, [tree]
    while waiting:
        part = waiting.pop()
        count += 1
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
    return count


def asked_by(message: Message) -> str:
    """A request in a line."""
    target = ".".join(str(part) for part in message.get("target", ()) if part is not None)
    return " ".join(filter(None, [message["op"], target, *(message.get(key, "") for key in ("operation", "source"))]))


def plain_reply(message: Message, received_reply: Reply) -> PlainReply:
    """A kept reply as plain data."""
    reply, received = received_reply
    asked, ended = asked_by(message), str(reply.get("op"))
    if ended == "raise":
        return PlainReply(asked, f"raise {raised_of(reply)[0]}")
    if "value" not in reply:
        return PlainReply(asked, ended)
    try:
        return PlainReply(asked, ended, plain(reply["value"], received))
    except ValueRefused:
        return PlainReply(asked, "unreadable", MISSING)


def plain(tree: Any, buffers: list[bytes]) -> Any:
    """The value of a tree, with objects and functions as tuples of their numbers and types. Raises ValueRefused."""
    return Decoder(buffers, lambda kind, rest: (kind, *rest)).decode(tree)
