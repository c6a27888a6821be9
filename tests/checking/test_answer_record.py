"""Records survive being written and read, and whatever is in one ends in no record, never in an error."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from autograder.checking.answer_record import (
    KnownMistake,
    Record,
    RecordedReplies,
    RecordedReply,
    ReplyRecorder,
    arguments_digest,
    digest_of_test,
    read_record,
    record_line,
    rounded,
)
from autograder.checking.call_recorder import CallRecorder, asked_by
from autograder.checking.cell import RECORD, CheckCell, without_record
from autograder.checking.check_runner import PUBLIC, Checks, Watchers, with_checks
from autograder.checking.equality import canonical
from autograder.checking.magic import check
from autograder.checking.outcomes import CheckFailed, NotRecorded, Outcome, StudentError, StudentStopped
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import InProcessTransport

RECORDED = Record(
    "abc",
    {"test_a": [RecordedReply("call f", "d", {"op": "return", "value": ["array", "<f8", [1], 0]}, [b"\0" * 8])]},
    [KnownMistake("It is “wrong”", frozenset({"f", "g"}), {"test_a": "123"})],
    ["More.", "Even more."],
)


def packed(document: Any) -> str:
    return RECORD + base64.b85encode(zlib.compress(json.dumps(document).encode())).decode()


def test_a_record_is_read_as_it_was_written() -> None:
    """Right values would be lost, or sentences mangled."""
    cell = "import math\n\ndef test_a(student): pass"
    source = f"{cell}\n{record_line(RECORDED)}"
    assert read_record(source) == RECORDED
    assert without_record(source) == without_record(cell) == cell
    assert read_record(without_record(source)) is None


def test_numbers_are_kept_to_eleven_digits() -> None:
    """A right answer would be found wrong, or infinity be taken for NaN."""
    tops = [np.finfo(float).max, np.inf, -np.inf, np.nan, -np.nan, 0.0, -0.0, 1.0, 3.0, -(2.0**36) + 1, 5e-324]
    numbers = np.concatenate([np.random.default_rng(5).normal(size=1000), tops]).astype("<f8")
    whole = np.arange(5, dtype="<i8") * (2**50 + 1)
    tree = ["tuple", [["array", "<f8", [len(numbers)], 0], ["dict", [["a", ["array", "<i8", [5], 1]]]]]]
    kept, untouched = rounded(tree, [numbers.tobytes(), whole.tobytes()])
    assert untouched == whole.tobytes()
    got = np.frombuffer(kept, "<f8")
    np.testing.assert_allclose(got, numbers, rtol=8e-12, atol=1e-300)
    assert not np.array_equal(got[:1000], numbers[:1000])
    assert np.array_equal(np.signbit(got), np.signbit(numbers))
    assert np.array_equal(got[1000:-1], numbers[1000:-1], equal_nan=True)


GOOD = {"version": 2, "made_from": "", "answers": {}, "mistakes": [], "hidden": []}
BOMB = RECORD + base64.b85encode(zlib.compress(b"[" * 10**8)).decode()


@pytest.mark.parametrize(
    "line",
    [
        RECORD,
        RECORD + "%%%",
        BOMB,
        packed([]),
        packed(None),
        packed(GOOD | {"version": 1}),
        packed(GOOD | {"answers": [1]}),
        packed(GOOD | {"answers": {"test_a": [[1, 2, 3]]}}),
        packed(GOOD | {"answers": {"test_a": [["call f", "", 5, []]]}}),
        packed(GOOD | {"mistakes": [["x", 5, {}]]}),
        packed(GOOD | {"hidden": 5}),
        RECORD + base64.b85encode(zlib.compress(b"[" * 100_000)).decode(),
        *(packed(GOOD | {"answers": {"t": [["call f", "d", {}, [size]]]}}) for size in (2**70, float("inf"))),
    ],
)
def test_a_bad_record_is_none(line: str) -> None:
    """A damaged notebook would end in a traceback of ours, or fill the memory."""
    assert read_record(f"x\n{line}") is None


@pytest.mark.parametrize("value", [["array", "<f8", [10**12], 0], ["function", 3], {"a": 1}, ["int", "x"], None])
def test_a_false_value_in_a_record_fools_only_its_student(value: Any) -> None:
    """It would end the student's kernel, or in a traceback of ours."""
    body = "def test_a(student, reference):\n    assert_same(student.f(), reference.f())\n"
    get = {"op": "get", "target": [None, "f"]}
    call = {"op": "call", "target": [None, "f"], "args": ["list", []], "kwargs": ["dict", []]}
    answers = [
        RecordedReply(asked_by(get), arguments_digest(get, []), {"op": "function", "type": "function"}, []),
        RecordedReply(asked_by(call), arguments_digest(call, []), {"op": "return", "value": value}, []),
    ]
    record = Record("", {"test_a": answers})
    table = check(f"{body}{record_line(record)}", {"f": lambda: 1})
    assert table is not None
    assert table.verdicts[0].outcome in (Outcome.WRONG, Outcome.UNGRADED)


BODY = """def test_two(student):
    assert_close(student.double(2.0), 4.0)

def test_zero(student):
    assert_close(student.double(0.0), 0.0)

def test_random(student, reference, rng):
    x = rng.normal(size=3)
    assert_close(student.double(x), reference.double(x))
"""


def recorded(*known: str, says: str = "") -> Record:
    """The record of the answer key `2 * x` and of known mistakes, each the expression that its function returns."""

    def run(checks: Checks, double: str, reference: RecordedReplies | ReplyRecorder) -> CallRecorder:
        recorder = CallRecorder(InProcessTransport({"double": eval(f"lambda x: {double}")}))
        proxies = NotebookProxy(recorder), NotebookProxy(reference, trusted=True)
        checks.run("", *proxies, PUBLIC, Watchers([recorder, reference]))
        return recorder

    def work(checks: Checks) -> Record:
        key = ReplyRecorder(InProcessTransport({"double": lambda x: 2 * x}))
        run(checks, "2 * x", key)
        mistakes = []
        for double in known:
            recorder = run(checks, double, RecordedReplies(Record(replies=key.replies)))
            loses = {test: digest_of_test(recorder, test, e) for test, e in checks.errors.items() if e is not None}
            mistakes.append(KnownMistake(says or f"You took {double}", frozenset({"double"}), loses))
        return Record("", key.replies, mistakes)

    return with_checks({"": CheckCell(f"%%check\n{BODY}")}, work)


def told(double: Any, record: Record) -> list[str]:
    table = check(f"{BODY}{record_line(record)}", {"double": double})
    assert table is not None
    return [verdict.message.split(".")[0] for verdict in table.verdicts if not verdict.passed]


def test_a_recorded_mistake_is_named_for_who_gives_what_it_gives() -> None:
    """Students would read it after the deadline only, or read of a mistake that they have not made."""
    record = recorded("x / 2", "x + 1", "x * x")
    assert told(lambda x: 2 * x, record) == []
    assert told(lambda x: 1 + x, record) == ["You took x + 1"] * 3
    assert told(lambda x: x**2, record) == ["You took x * x"]
    assert told(lambda x: 0.5 * x, record) == ["You took x / 2"] * 2
    nearly = lambda x: x + (np.ndim(x) == 0), lambda x: x + 1 if np.any(x) else 0.0, lambda x: x * x + np.sign(x)
    for other in nearly:
        assert not any(text.startswith("You took") for text in told(other, record))


def test_two_recorded_mistakes_that_give_the_same_are_named_if_they_say_the_same() -> None:
    """It would be chance which of the two a student reads."""
    assert not any(text.startswith("You") for text in told(lambda x: x + 1, recorded("x + 1", "1 + x")))
    assert told(lambda x: x + 1, recorded("x + 1", "1 + x", says="You added")) == ["You added"] * 3


def test_the_reason_for_which_a_test_fails_tells_mistakes_apart() -> None:
    """A student whose function warns would be told that it changes its argument: the values are right in both."""
    recorder = CallRecorder(InProcessTransport({}))
    kinds = [CheckFailed("it warns", "of 3"), CheckFailed("it changes"), StudentError("f", "KeyError", "", [])]
    kinds += [StudentError("f", "TypeError", "", []), AssertionError(), StudentStopped()]
    digests = [digest_of_test(recorder, "test_a", error) for error in kinds]
    assert len(set(digests)) == len(kinds)
    assert digest_of_test(recorder, "test_a", CheckFailed("it warns", "of 4")) == digests[0]


def test_answers_are_recorded_for_one_test_in_one_order() -> None:
    """A value would be compared with what the answer key gave for another one."""
    get, other = {"op": "get", "target": [None, "f"]}, {"op": "get", "target": [None, "g"]}
    answers = [
        RecordedReply(asked_by(m), arguments_digest(m, []), {"op": "value", "value": n}, [])
        for n, m in enumerate([get, other])
    ]
    transport = RecordedReplies(Record(replies={"test_a": answers}))
    transport.begin("test_a")
    assert transport.request(get, [], pytest.fail)[0]["value"] == 0
    for begun, message in (("test_a", other), ("test_b", get), ("test_a", get | {"args": ["list", []]})):
        transport.begin(begun)
        with pytest.raises(NotRecorded):
            transport.request(message, [], pytest.fail)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1.0, 1.0 - 1e-13, True),
        (np.array([1.0, 0.0]), np.array([1.0, 1e-17]), True),
        (np.array([1.0, -0.0]), np.array([1.0, 0.0]), True),
        (1e-17, -3e-17, True),
        (np.array([1000.0, 1e-5]), np.array([1000.0, 2e-5]), True),
        (np.array([1000.0, 1e-2]), np.array([1000.0, 2e-2]), False),
        (1e-9, 2e-9, False),
        (2, 2.0, True),
        (1.0, 1.0001, False),
        (np.array([1.0]), 1.0, False),
        ([1.0, 2.0], (1.0, 2.0), False),
        ({"a": 1, "b": 2.0}, {"b": 2, "a": 1.0}, True),
        (np.array([np.nan, np.inf]), np.array([np.nan, -np.inf]), False),
        (np.array([1 + 1j]), np.array([1 - 1j]), False),
        (10**400, 10**400 + 1, False),
        ("a", "b", False),
        (np.array([1.0, 0.0]), np.array([1.0, 1.0]), False),
        (np.array([1 + 1j]), np.array([2 + 1j]), False),
        ([1.0, 2], [1.0 - 1e-13, 2], True),
        ((1.0, 2), (1.0 - 1e-13, 2), True),
        ({0, 8}, {8, 0}, True),
        (frozenset({0, 8}), frozenset({8, 0}), True),
        (np.array(["a"] * 2000), np.array(["a"] * 1000 + ["b"] + ["a"] * 999), False),
        ({1, 2}, {1, 3}, False),
        (csr_array(np.eye(2)), csr_array(np.eye(2) * (1 + 1e-13)), True),
        (csr_array(np.eye(2)), csr_array(2 * np.eye(2)), False),
        (np.array(["a", "b"]), np.array(["a", "b"]), True),
        (np.array(["a", "b"]), np.array(["a", "c"]), False),
        (np.random.default_rng(1), np.random.default_rng(1), True),
        (np.random.default_rng(1), np.random.default_rng(2), False),
    ],
)
def test_values_have_one_text_up_to_rounding(one: Any, other: Any, same: bool) -> None:
    """Another computer's rounding would hide a known mistake, or two mistakes be taken for one."""
    assert (canonical(one) == canonical(other)) is same
