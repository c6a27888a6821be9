"""What a notebook answered while a test ran, and whether two answers are equal up to rounding."""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

import numpy as np

from autograder.checking.replies import raised_of
from autograder.checking.transports import CallBack, Transport
from autograder.kernel_side.parts import dissected
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.values import Decoder, Unsupported, ValueRefused
from autograder.kernel_side.wire import Message

__all__ = ["Observed", "OutOfTime", "Recorder", "alike", "asked_by", "canonical", "plain", "size_of"]

# What came back is kept until the cell's tests are done, up to this many bytes and answers.
MAX_KEPT, MAX_ANSWERS = 64 * 2**20, 5_000
NODE_BYTES = 64
ROUNDING = 1e-9
# Finite differences and long sums are less exact. Two answers are also equal if they differ far less from each other
# than from the right one.
CLOSER, NEAR = 1e-3, 1e-5
# What sums of large terms leave of a small one.
CANCELLED = 1e-3
NUMBERS = "biufc"
MISSING = object()
# The parts of a request that say what is asked for, beside its arguments.
ASKED = ("op", "target", "operation", "source")


class Observed(NamedTuple):
    """One answer: what was asked, how it ended, and the value, if one came back."""

    asked: str
    ended: str
    value: Any = None

    @property
    def is_given(self) -> bool:
        """Whether a function returned or raised something, or a name had a value."""
        return self.ended in ("return", "value") or self.ended.startswith("raise ")


class OutOfTime(BaseException):
    """Nothing more may be asked. Not an Exception, so that no test catches it."""


class Recorder:
    """A transport that keeps what came back, by test. `begin` starts a test; after `until` (`time.monotonic`
    seconds) it raises OutOfTime."""

    def __init__(self, transport: Transport, until: float = math.inf) -> None:
        self.transport, self.until = transport, until
        self.replies: dict[str, list[tuple[Message, Reply]]] = {}
        self.decoded: dict[str, list[Observed]] = {}
        self.test = ""
        self.kept = self.answers = 0

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
        self.answers += 1
        if self.complete:
            kept = {key: message[key] for key in ASKED if key in message}
            self.replies[self.test].append((kept, (reply, received)))

    @property
    def complete(self) -> bool:
        """Whether everything that came back was kept."""
        return self.kept <= MAX_KEPT and self.answers <= MAX_ANSWERS

    def used(self, test: str) -> set[str]:
        """The names of the notebook that a test used."""
        targets = [message.get("target", [0]) for message, _ in self.replies.get(test, [])]
        return {target[1] for target in targets if target[0] is None}

    def observed(self, test: str) -> list[Observed]:
        """What came back in a test, in order."""
        decoded, replies = self.decoded.setdefault(test, []), self.replies.get(test, [])
        decoded += [observed(*answer) for answer in replies[len(decoded) :]]
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
    """What a request asks for, in a line."""
    target = ".".join(str(part) for part in message.get("target", ()) if part is not None)
    return " ".join(filter(None, [message["op"], target, *(message.get(key, "") for key in ("operation", "source"))]))


def observed(message: Message, answer: Reply) -> Observed:
    """One reply as plain data."""
    reply, received = answer
    asked, ended = asked_by(message), str(reply.get("op"))
    if ended == "raise":
        return Observed(asked, f"raise {raised_of(reply)[0]}")
    if "value" not in reply:
        return Observed(asked, ended)
    try:
        return Observed(asked, ended, plain(reply["value"], received))
    except ValueRefused:
        return Observed(asked, "unreadable", MISSING)


def plain(tree: Any, buffers: list[bytes]) -> Any:
    """The value of a tree, with objects and functions as tuples of their numbers and types. Raises ValueRefused."""
    return Decoder(buffers, lambda kind, rest: (kind, *rest)).decode(tree)


def alike(got: Any, other: Any, right: Any = MISSING) -> bool:
    """Whether two values are equal up to rounding; `right` is the value that they should be, if that is known."""
    if is_numeric(got) and is_numeric(other):
        return numbers_alike(np.asarray(got), np.asarray(other), right)
    if got is MISSING or type(got) is not type(other) or isinstance(got, Unsupported):
        return False
    parts, others = dissected(got), dissected(other)
    if parts is not None and others is not None:
        return parts.kind == others.kind and alike(parts.parts, others.parts)
    if isinstance(got, dict):
        known = right if isinstance(right, dict) else {}
        return got.keys() == other.keys() and all(alike(got[k], other[k], known.get(k, MISSING)) for k in got)
    if isinstance(got, (list, tuple)):
        rights = right if isinstance(right, (list, tuple)) and len(right) == len(got) else [MISSING] * len(got)
        return len(got) == len(other) and all(map(alike, got, other, rights))
    if isinstance(got, np.random.Generator):
        return bool(got.bit_generator.state == other.bit_generator.state)
    if isinstance(got, np.ndarray):
        return bool(got.shape == other.shape and (got == other).all())
    return bool(got == other)


def is_numeric(value: Any) -> bool:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in NUMBERS
    return isinstance(value, (bool, int, float, complex))


def numbers_alike(got: Any, other: Any, right: Any) -> bool:
    """Whether two arrays of numbers have one shape and are equal up to rounding."""
    if got.shape != other.shape:
        return False
    try:
        a, b = got.astype(complex), other.astype(complex)
    except OverflowError:
        return bool((got == other).all())
    with np.errstate(all="ignore"):
        finite = np.isfinite(a) & np.isfinite(b)
        if not np.array_equal(got[~finite], other[~finite], equal_nan=True):
            return False
        size = np.abs(b[finite])
        allowed = rounding(got, other) * (size + CANCELLED * size.max(initial=0.0))
        if is_numeric(right) and np.shape(right) == got.shape:
            away = np.nan_to_num(np.abs(a - np.asarray(right).astype(complex)))[finite]
            allowed += np.minimum(CLOSER * away, NEAR * size)
        return bool((np.abs(a - b)[finite] <= allowed).all())


def rounding(*arrays: Any) -> float:
    """The relative error that arrays of these types may have."""
    return max([ROUNDING, *(64 * float(np.finfo(a.dtype).eps) for a in arrays if a.dtype.kind in "fc")])


def canonical(value: Any) -> str:
    """A text that two values share if they are equal up to rounding, but for a number just between two texts."""
    if is_numeric(value):
        return f"{np.shape(value)}:" + ",".join(digits(np.asarray(value)))
    parts = dissected(value)
    if parts is not None:
        return parts.kind + canonical(parts.parts)
    if isinstance(value, dict):
        return "{" + ";".join(sorted(f"{key!r}={canonical(part)}" for key, part in value.items())) + "}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}[" + ";".join(map(canonical, value)) + "]"
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, (set, frozenset)):
        return "{" + ";".join(sorted(map(canonical, value))) + "}"
    if isinstance(value, np.ndarray):
        return f"{value.shape}:{value.tolist()!r}"
    return repr(value)


def digits(array: Any) -> list[str]:
    """The numbers of an array with six digits; those that are zero but for rounding as zero."""
    if array.dtype.kind == "c":
        return [*digits(array.real), *digits(array.imag)]
    try:
        flat = array.astype(float).ravel()
    except OverflowError:
        return [str(array)]
    with np.errstate(all="ignore"):
        finite = flat[np.isfinite(flat)]
        tiny = ROUNDING * np.abs(finite).max(initial=0.0)
        return [f"{x:.5e}" for x in np.where(np.abs(flat) <= tiny, 0.0, flat)]
