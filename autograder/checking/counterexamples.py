"""Counterexamples: a small input for which a student's function fails a hidden check, with its result and the right
one.

A failed check is run again with random numbers of its own, so that nothing is shown of those that were graded.
Arguments that do not depend on the random numbers would be those that were graded, and are never shown; nor is what is
expected, where it may belong to such arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checking.answer_record import arguments_digest
from autograder.checking.call_recorder import plain, size_of
from autograder.checking.equality import alike
from autograder.checking.outcomes import CheckFailed, StudentError
from autograder.checking.transports import CallBack, Transport
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.values import ValueRefused
from autograder.kernel_side.wire import Message
from autograder.text import legible

__all__ = ["SEEDS", "CallKeeper", "SeededRun", "smallest"]

SEEDS = 3
MOST_CALLS, MOST_KEPT = 50, 2**20  # bytes of what they gave
MOST_NUMBERS, MOST_LETTERS, MOST_DEEP = 60, 2_000, 3
DIGITS = 4
NUMBERS = "biuf"

Names = Mapping[str, Sequence[str]]  # the parameters of each function


class TooMuch(Exception):
    """A value that cannot be written down in a few lines of Python."""


@dataclass(frozen=True)
class KeptCall:
    """One call of a student's function, still encoded."""

    name: str
    message: Message
    buffers: list[bytes]
    reply: Message
    received: list[bytes]

    @property
    def given(self) -> str:
        """A digest of the arguments."""
        return arguments_digest(self.message, self.buffers)

    def is_like(self, other: KeptCall) -> bool:
        """Whether the arguments of both are the same, byte for byte."""
        arguments, other_arguments = ([call.message.get(key) for key in ("args", "kwargs")] for call in (self, other))
        return arguments == other_arguments and self.buffers == other.buffers


# A request that was not kept: no call of a function, or one behind the last that was kept.
NOT_KEPT = KeptCall("", {}, [], {}, [])


class CallKeeper:
    """A transport that keeps the first calls of functions of the notebook in each test, until one gives too much, and
    where other requests were."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.begin("")

    def begin(self, test: str) -> None:
        self.calls: list[KeptCall] = []
        self.kept = 0

    def request(self, message: Message, buffers: list[bytes], call_back: CallBack) -> Reply:
        reply, received = self.transport.request(message, buffers, call_back)
        # Before a function is called, it is asked whether it is one.
        is_asked = message["op"] not in ("lend", "restore") and reply.get("op") != "function"
        if is_asked and len(self.calls) <= MOST_CALLS:
            self.calls.append(self.keep(message, buffers, reply, received))
        return reply, received

    def keep(self, message: Message, buffers: list[bytes], reply: Message, received: list[bytes]) -> KeptCall:
        """The part of a request that is kept."""
        target = message.get("target") or [0]
        if message["op"] != "call" or target[0] is not None:
            return NOT_KEPT
        self.kept += size_of(reply, received)
        is_small = self.kept <= MOST_KEPT and len(self.calls) < MOST_CALLS
        return KeptCall(str(target[1]), message, buffers, reply, received) if is_small else NOT_KEPT


@dataclass(frozen=True)
class SeededRun:
    """One run of a failed test: the calls of the student's functions, and what ended it."""

    calls: Sequence[KeptCall]
    error: BaseException | None

    @property
    def suspects(self) -> list[int]:
        """The places of the calls whose value may have been the wrong one, or of the one that raised, the last first. A
        student's function can give the same in several calls, so any of them may be the one that was compared."""
        places = range(len(self.calls) - 1, -1, -1)
        if isinstance(self.error, StudentError):
            return [place for place in places if self.calls[place].reply.get("op") == "raise"][:1]
        if isinstance(self.error, CheckFailed) and self.error.values is not None:
            got = self.error.values[0]
            return [place for place in places if size(got) <= MOST_NUMBERS and holds(self.calls[place], got)]
        return []

    def outcome(self) -> str:
        """The result and the expected value, or the exception, as lines of text. Raises TooMuch."""
        if isinstance(self.error, CheckFailed) and self.error.values is not None:
            got, expected = map(literal, self.error.values)
            return f"{indented('gave      ', got)}\n{indented('expected  ', expected)}"
        assert isinstance(self.error, StudentError)
        return f"raised    {self.error.type_name}: {self.error.text.strip()[:200]}"


def smallest(attempts: Sequence[SeededRun], names: Names) -> str:
    """The counterexample with the fewest numbers that fits in a few lines; empty if there is none."""
    found = []
    for attempt in attempts:
        suspects = attempt.suspects
        rest = [other for other in attempts if other is not attempt]
        others = [other.calls for other in rest]
        is_shown = bool(suspects) and all(is_random(place, attempt.calls, others) for place in suspects)
        if is_shown and (asks_only_random(attempt, rest) or expects_random(attempt, rest)):
            with suppress(TooMuch, ValueRefused):
                found.append(written(attempt.calls[suspects[0]], names, attempt.outcome()))
    text = min(found)[1] if found else ""
    return legible(text) if len(text) <= MOST_LETTERS else ""


def is_random(place: int, calls: Sequence[KeptCall], others: Iterable[Sequence[KeptCall]]) -> bool:
    """Whether the arguments of a call differ from seed to seed: if not, they are those that were graded."""
    same_place = [other[place] for other in others if len(other) > place]
    given = calls[place].given
    return bool(same_place) and all(other.given != given for other in same_place)


def asks_only_random(attempt: SeededRun, others: Sequence[SeededRun]) -> bool:
    """Whether all that was asked in a run are calls whose arguments are others with other seeds."""
    for place, call in enumerate(attempt.calls):
        same_place = [other.calls[place] for other in others if len(other.calls) > place]
        if call is NOT_KEPT or not same_place or any(call.is_like(other) for other in same_place):
            return False
    return True


def expects_random(attempt: SeededRun, others: Sequence[SeededRun]) -> bool:
    """Whether the expected value differs with other seeds, after as many requests. If not, it may belong to another
    call that gave the same. An error of the student's expects nothing."""
    if not isinstance(attempt.error, CheckFailed) or attempt.error.values is None:
        return True
    for other in others:
        if not isinstance(other.error, CheckFailed) or other.error.values is None:
            return False
        same_expected = alike(other.error.values[1], attempt.error.values[1])
        if same_expected or len(other.calls) != len(attempt.calls):
            return False
    return True


def holds(call: KeptCall, got: Any) -> bool:
    """Whether a call gave this value, by itself or as one of several."""
    try:
        waiting = [plain(call.reply["value"], call.received)]
    except (KeyError, ValueRefused):
        return False
    for _ in range(MOST_DEEP):
        if any(alike(value, got) for value in waiting):
            return True
        waiting = [part for value in waiting if isinstance(value, (list, tuple, dict)) for part in parts_of(value)]
    return False


def parts_of(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def written(call: KeptCall, names: Names, outcome: str) -> tuple[int, str]:
    """How many numbers the arguments of a call have, and the call with its outcome as lines of Python. Raises
    TooMuch."""
    args, kwargs = (plain(call.message[key], call.buffers) for key in ("args", "kwargs"))
    known = [*names.get(call.name, ())][: len(args)]
    known += [f"argument_{place}" for place in range(len(known) + 1, len(args) + 1)]
    given = dict(zip(known, args, strict=True)) | kwargs
    lines = [indented(f"{name} = ", literal(value)) for name, value in given.items()]
    inside = ", ".join([*known, *(f"{name}={name}" for name in kwargs)])
    return sum(map(size, given.values())), "\n".join([*lines, f"{call.name}({inside})", outcome])


def indented(before: str, text: str) -> str:
    """A text of several lines with `before` in front, aligned."""
    return before + text.replace("\n", "\n" + " " * len(before))


def size(value: Any) -> int:
    """How many numbers a value has. Nothing but plain values is asked: a handle would ask the student's object, and a
    masked array refuses to be one."""
    if isinstance(value, (list, tuple, dict)):
        return 1 + sum(map(size, parts_of(value)))
    return int(value.size) if isinstance(value, np.ndarray) else 1


def literal(value: Any) -> str:
    """A value as Python, numbers with four digits. Raises TooMuch."""
    if size(value) > MOST_NUMBERS:
        raise TooMuch
    if isinstance(value, np.ndarray) and type(value) is np.ndarray and value.dtype.kind in NUMBERS:
        shown = np.array2string(
            value, separator=", ", formatter={"float_kind": number, "int_kind": str}, max_line_width=100
        )
        return indented("np.array(", f"{shown})")
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, np.timedelta64):
        return number(value)
    if value is None or isinstance(value, str):
        return repr(value)
    if type(value) is list:
        return f"[{', '.join(map(literal, value))}]"
    if type(value) is tuple and not (value and isinstance(value[0], str)):  # else an object or a function
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    if type(value) is dict and all(isinstance(key, (str, int)) for key in value):
        return "{" + ", ".join(f"{key!r}: {literal(part)}" for key, part in value.items()) + "}"
    raise TooMuch


def number(value: Any) -> str:
    return f"{value:.{DIGITS}g}" if isinstance(value, (float, np.floating)) else str(int(value))
