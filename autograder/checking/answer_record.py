"""The record of a released check cell: what it knows without the answer key.

The last line of a released check cell is a comment with its record: what the answer key gives in the visible checks,
digests of what known mistakes give in them, and what the hidden checks will ask. `%%check` reads it in the student's
own notebook. Grading puts the course's cell back and never reads a record, so a student who edits it fools only
themselves.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.checking.call_recorder import CallRecorder, asked_by, plain
from autograder.checking.cell import RECORD
from autograder.checking.equality import canonical
from autograder.checking.mistakes import Attempt, unambiguous
from autograder.checking.outcomes import CheckFailed, Mistake, NotRecorded, StudentError, Verdict
from autograder.checking.transports import CallBack, Transport
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.values import ValueRefused
from autograder.kernel_side.wire import Message

__all__ = [
    "KnownMistake",
    "Record",
    "RecordedReplies",
    "RecordedReply",
    "ReplyRecorder",
    "arguments_digest",
    "digest_of_test",
    "read_record",
    "record_line",
    "recorded_mistakes",
    "rounded",
]

MAX_RECORD = 2**20
VERSION = 2
# Recorded float64 arrays keep 36 of the 52 bits behind the leading one: eleven digits, in three quarters of the place.
LEFT_OUT = 16


@dataclass(frozen=True)
class RecordedReply:
    """One reply of the answer key: the request (`given` is a digest of the arguments), and the encoded reply."""

    asked: str
    given: str
    reply: Message
    buffers: list[bytes]


@dataclass(frozen=True)
class KnownMistake:
    """A known mistake without its code: the sentence for its student, the names that it defines, and a digest of every
    visible check that it loses."""

    says: str
    defines: frozenset[str]
    loses: Mapping[str, str]

    @property
    def mistake(self) -> Mistake:
        return Mistake("", "", self.says, self.defines, frozenset(self.loses))


@dataclass(frozen=True)
class Record:
    """The record of one check cell. `hidden` are the descriptions of the hidden checks; `made_from` is a digest of
    these and of the mistakes."""

    made_from: str = ""
    replies: Mapping[str, list[RecordedReply]] = field(default_factory=dict)
    mistakes: Sequence[KnownMistake] = ()
    hidden: Sequence[str] = ()


def record_line(record: Record) -> str:
    """The comment that holds a record: a line of JSON and the data of its arrays, compressed."""
    arrays = [buffer for recorded in record.replies.values() for reply in recorded for buffer in reply.buffers]
    replies = {
        test: [[reply.asked, reply.given, reply.reply, list(map(len, reply.buffers))] for reply in recorded]
        for test, recorded in record.replies.items()
    }
    mistakes = [[m.says, sorted(m.defines), dict(m.loses)] for m in record.mistakes]
    document = {
        "version": VERSION,
        "made_from": record.made_from,
        "answers": replies,
        "mistakes": mistakes,
        "hidden": list(record.hidden),
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    return RECORD + base64.b85encode(zlib.compress(b"\n".join([text, b"".join(arrays)]), 9)).decode()


def read_record(source: str) -> Record | None:
    """The record of a check cell, or None if it has none that can be read."""
    line = next((line for line in source.split("\n") if line.startswith(RECORD)), "")
    try:
        packed = base64.b85decode(line.removeprefix(RECORD)[:MAX_RECORD])
        unpacking = zlib.decompressobj()
        unpacked = unpacking.decompress(packed, MAX_RECORD)
        if not unpacking.eof or unpacking.unused_data:
            return None
        text, _, arrays = unpacked.partition(b"\n")
        return record_of(json.loads(text), io.BytesIO(arrays))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, zlib.error):
        return None


def record_of(document: Any, arrays: io.BytesIO) -> Record:
    """The record that a JSON document describes. Raises ValueError, TypeError, KeyError or AttributeError."""
    if document["version"] != VERSION:
        raise ValueError
    replies = {
        str(test): [
            RecordedReply(str(asked), str(given), dict(reply), [arrays.read(int(size)) for size in sizes])
            for asked, given, reply, sizes in found
        ]
        for test, found in document["answers"].items()
    }
    mistakes = [
        KnownMistake(str(says), frozenset(map(str, defines)), {str(k): str(v) for k, v in loses.items()})
        for says, defines, loses in document["mistakes"]
    ]
    return Record(str(document["made_from"]), replies, mistakes, [str(text) for text in document["hidden"]])


class ReplyRecorder:
    """A transport to the answer key that keeps its replies for the record, by test. The tests get the arrays rounded,
    as the record will give them."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.replies: dict[str, list[RecordedReply]] = {}
        self.test = ""

    def begin(self, test: str) -> None:
        self.test = test

    def request(self, message: Message, buffers: list[bytes], call_back: CallBack) -> Reply:
        reply, received = self.transport.request(message, buffers, call_back)
        received = rounded(reply.get("value"), received)
        kept: Message = {key: reply[key] for key in ("op", "value", "type") if key in reply}
        recorded = RecordedReply(asked_by(message), arguments_digest(message, buffers), kept, received)
        self.replies.setdefault(self.test, []).append(recorded)
        return reply, received


class RecordedReplies:
    """A transport that replies from a record as the answer key did, in the same order. Raises NotRecorded for a call
    that was not made then, such as one with values of the student's."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.left: list[RecordedReply] = []

    def begin(self, test: str) -> None:
        self.left = list(self.record.replies.get(test, []))

    def request(self, message: Message, buffers: list[bytes], call_back: CallBack) -> Reply:
        answer = self.left.pop(0) if self.left else None
        if answer is None or (answer.asked, answer.given) != (asked_by(message), arguments_digest(message, buffers)):
            raise NotRecorded
        return dict(answer.reply), answer.buffers


def rounded(tree: Any, buffers: Sequence[bytes]) -> list[bytes]:
    """The data of arrays, with float64 numbers rounded as in a record, except infinity and NaN."""
    kept = list(buffers)
    for number in float_arrays(tree):
        bits = np.frombuffer(kept[number], "<u8")
        nearest = (bits + np.uint64(1 << (LEFT_OUT - 1))) >> np.uint64(LEFT_OUT) << np.uint64(LEFT_OUT)
        finite = np.isfinite(bits.view("<f8")) & np.isfinite(nearest.view("<f8"))
        kept[number] = np.where(finite, nearest, bits).tobytes()
    return kept


def float_arrays(tree: Any) -> Iterator[int]:
    """The numbers of the buffers that hold float64 arrays in the tree of a value (`kernel_side.values`)."""
    match tree:
        case ["array", "<f8", _, int(number)]:
            yield number
        case [*parts]:
            for part in parts:
                yield from float_arrays(part)
        case {}:
            for part in tree.values():
                yield from float_arrays(part)


def arguments_digest(message: Message, buffers: list[bytes]) -> str:
    """A digest of a request's arguments, up to rounding."""
    try:
        return digest([canonical(plain(message[key], buffers)) for key in ("args", "kwargs") if key in message])
    except ValueRefused:
        return "unreadable"


def digest(parts: Sequence[str]) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=4).hexdigest()


def digest_of_test(recorder: CallRecorder, test: str, error: BaseException | None) -> str:
    """A digest, up to rounding, of a notebook's replies in a test and of how the test ended."""
    if isinstance(error, CheckFailed):
        ending = error.cause
    else:
        ending = error.type_name if isinstance(error, StudentError) else type(error).__name__
    given = [part for a in recorder.plain_replies(test) for part in (a.asked, a.ended, canonical(a.value))]
    return digest([*given, ending])


def recorded_mistakes(
    record: Record, verdicts: Sequence[Verdict], recorder: CallRecorder, errors: Mapping[str, BaseException | None]
) -> dict[str, Mistake]:
    """The recorded mistakes that explain the failed tests of a student's notebook, by test."""
    attempt = Attempt(verdicts, recorder)
    if not attempt.is_explainable:
        return {}
    digests = {test: digest_of_test(recorder, test, errors[test]) for test in attempt.failed}
    found: dict[str, list[Mistake]] = {}
    for known in record.mistakes:
        failed, passed = attempt.to_explain(known.defines)
        if all(known.loses.get(test) == digests[test] for test in failed) and known.loses.keys().isdisjoint(passed):
            for test in failed:
                found.setdefault(test, []).append(known.mistake)
    return unambiguous(found)
