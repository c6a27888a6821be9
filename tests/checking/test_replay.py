"""A known mistake is named when it explains every failed test, call by call, and never on less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from autograder.checking import call_recorder
from autograder.checking.call_recorder import (
    MAX_REPLIES,
    NODE_BYTES,
    CallRecorder,
    OutOfTime,
    PlainReply,
    plain,
    size_of,
)
from autograder.checking.cell import CheckCell
from autograder.checking.check_runner import Checks, Seeds, with_checks
from autograder.checking.equality import MISSING, alike
from autograder.checking.mistakes import Attempt
from autograder.checking.outcomes import CheckFailed, GraderFault, Mistake, StudentError, Verdict
from autograder.checking.proxies import NotebookProxy
from autograder.checking.replay import named_mistakes, same, same_ending
from autograder.checking.transports import InProcessTransport, Transport
from autograder.kernel_side.values import Unsupported

RIGHT = """
def spread(X):
    return np.sqrt(((X - X.mean(axis=0)) ** 2).mean(axis=0))
def slope(f, x):
    return (f(x + 1e-5) - f(x - 1e-5)) / 2e-5
"""
CELL = '''%%check
def test_spread(student):
    """The spread of each column."""
    assert_close(student.spread(np.array([[1.0, 2.0], [3.0, 8.0]])), np.array([1.0, 3.0]))

def test_unchanged(student):
    """X stays as it is."""
    student.spread(np.eye(2))
    assert_unchanged(student)

def test_slope(student):
    """The slope of the cube at 2 is 12."""
    assert_close(student.slope(lambda x: x**3, 2.0), 12.0, rtol=1e-8)

### BEGIN HIDDEN TESTS
@pytest.mark.parametrize("n", [3, 5])
def test_random(student, reference, rng, n):
    """Right on random numbers."""
    X = rng.normal(size=(n, 2))
    assert_close(student.spread(X), reference.spread(X))
### END HIDDEN TESTS
'''


ALL = frozenset(test.name for test in CheckCell(CELL).tests())


def mistake(title: str, source: str, says: str = "", *names: str, loses: frozenset[str] = ALL) -> Mistake:
    return Mistake(title, source, says or f"This is {title}", frozenset(names or {"spread"}), loses)


ROWS = mistake("rows", "def spread(X):\n    return np.sqrt(((X.T - X.mean(axis=1)) ** 2).mean(axis=0))")
VARIANCE = mistake("variance", "def spread(X):\n    return ((X - X.mean(axis=0)) ** 2).mean(axis=0)")
SAMPLE = mistake("sample", "def spread(X):\n    return X.std(axis=0, ddof=1)")
ONE_SIDED = mistake("one", "def slope(f, x):\n    return (f(x + 1e-5) - f(x)) / 1e-5", "It is one-sided", "slope")
IN_PLACE = mistake("in place", "def spread(X):\n    X -= X.mean(axis=0)\n    return np.sqrt((X ** 2).mean(axis=0))")
KNOWN = [ROWS, VARIANCE, SAMPLE, ONE_SIDED, IN_PLACE]


def namespace(*sources: str) -> dict[str, Any]:
    names: dict[str, Any] = {"np": np}
    for source in sources:
        exec(source, names)
    return names


@contextmanager
def stand_in(mistake: Mistake | None) -> Iterator[Transport]:
    if mistake is not None and mistake.title == "fault":
        raise GraderFault("the answer key ended")
    yield InProcessTransport(namespace(RIGHT, mistake.source if mistake else ""))


def graded(
    answer: str, known: list[Mistake] = KNOWN, seconds: float = 60.0
) -> tuple[dict[str, Verdict], dict[str, str]]:
    """The verdicts on `answer` by test, and the titles of the mistakes that were named."""

    def work(checks: Checks) -> tuple[dict[str, Verdict], dict[str, str]]:
        recorder = CallRecorder(InProcessTransport(namespace(RIGHT, answer)))
        reference = NotebookProxy(InProcessTransport(namespace(RIGHT)), trusted=True)
        verdicts = checks.run("c", NotebookProxy(recorder), reference, Seeds(b"s", "a", "b"), recorder)
        named = named_mistakes(checks, verdicts, recorder, known, stand_in, seconds)
        return {v.name: v for v in checks.verdicts(named)}, {test: m.title for test, m in named.items()}

    return with_checks({"c": CheckCell(CELL)}, work)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            "def spread(X):\n    return X.var(axis=0)",
            {"test_spread": "variance", "test_random": "variance"},
        ),
        (
            "def spread(X):\n    n = len(X)\n    mean = sum(X) / n\n"
            "    return np.array([sum((x - m) ** 2 for x in c) for c, m in zip(X.T, mean)]) / n",
            {"test_spread": "variance", "test_random": "variance"},
        ),
        ("def slope(f, x):\n    h = 1e-5\n    return (f(h + x) - f(x)) / h", {"test_slope": "one"}),
        (
            "def spread(X):\n    return X.var(axis=0)\ndef slope(f, x):\n    return (f(x + 1e-5) - f(x)) / 1e-5",
            {"test_spread": "variance", "test_random": "variance", "test_slope": "one"},
        ),
        ("def spread(X):\n    X -= X.mean(axis=0)\n    return X.std(axis=0)", {"test_unchanged": "in place"}),
        (RIGHT, {}),
    ],
    ids=["in other words", "as loops", "calls back", "two mistakes", "changes its argument", "right"],
)
def test_a_known_mistake_in_other_words_is_named(answer: str, expected: dict[str, str]) -> None:
    """A student would be told that the values are wrong, and not why."""
    assert graded(answer)[1] == expected


def test_a_mistake_that_keeps_something_between_calls_is_named() -> None:
    """A dict that all objects of a class share, or a default that changes, looks another way in every test."""
    source = "def spread(X, seen=[]):\n    seen.append(X)\n    return {} * X.std(axis=0)"
    known = [*KNOWN, mistake("default", source.format("(len(seen) if len(seen) > 2 else 1)"))]
    answer = source.format("(1 if len(seen) < 3 else len(seen))")
    assert graded(answer, known)[1] == {"test_random": "default"}


def test_a_mistake_that_raises_is_named() -> None:
    """A student would read the type of an error, and not why it is raised."""
    answer = "def spread(X):\n    return np.sqrt(X, X, X, X)"
    known = [*KNOWN, mistake("raises", "def spread(X):\n    raise TypeError")]
    assert set(graded(answer, known)[1].values()) == {"raises"}


def test_a_mistake_in_what_no_test_calls_must_explain_every_failed_test() -> None:
    """A student whose helper function is wrong would not be told so."""
    helper = "def root(x):\n    return x\ndef spread(X):\n    return root(X.var(axis=0))"
    known = [mistake("no root", helper, "", "root")]
    assert graded("def spread(X):\n    return X.var(axis=0)", known)[1].keys() == {"test_spread", "test_random"}
    assert graded("def spread(X):\n    return X.var(axis=0)\ndef slope(f, x):\n    return 1.0", known)[1] == {}


def test_numbers_far_closer_to_the_mistake_than_to_the_right_ones_are_its() -> None:
    """A student who sums in another order would not be told their mistake."""
    half = mistake("half", "def slope(f, x):\n    return 6.0", "", "slope")
    assert graded("def slope(f, x):\n    return 6.0000001", [half])[1] == {"test_slope": "half"}
    assert graded("def slope(f, x):\n    return 6.001", [half])[1] == {}


def test_a_mistake_that_cannot_be_run_explains_nothing() -> None:
    """One entry that ends the answer key would end the grading of whoever fails its check."""
    fault = mistake("fault", "def spread(X):\n    return X")
    assert set(graded("def spread(X):\n    return X.var(axis=0)", [fault, VARIANCE])[1].values()) == {"variance"}


def test_an_answer_is_compared_with_the_right_one_to_the_same_question_alone() -> None:
    """Rounding would be judged by another value."""
    got, other = (PlainReply("call f", "return", value) for value in (1.0, 1.0 + 1e-7))
    assert same(got, other, [PlainReply("call f", "return", 5.0)])
    assert not same(got, other, [PlainReply("call g", "return", 5.0)])
    assert not same(got, other, [])
    assert not same(got, PlainReply("call g", "return", 1.0), [])
    assert not same(got, PlainReply("call f", "raise", 1.0), [])


@pytest.mark.parametrize(
    ("error", "other", "expected"),
    [
        (CheckFailed("the shape is wrong", "of 3"), CheckFailed("the shape is wrong", "of 4"), True),
        (CheckFailed("the shape is wrong"), CheckFailed("the values are wrong"), False),
        (CheckFailed("it raises"), StudentError("f", "TypeError", "", []), False),
        (StudentError("f", "TypeError", "a", []), StudentError("f", "TypeError", "b", []), True),
        (StudentError("f", "TypeError", "", []), StudentError("f", "KeyError", "", []), False),
        (StudentError("f", "TypeError", "", []), TypeError(), False),
        (AssertionError("1 == 2"), AssertionError("1 == 3"), True),
        (AssertionError(), KeyError(), False),
        (AssertionError(), None, False),
        (None, None, False),
    ],
    ids=range(10),
)
def test_tests_fail_alike_for_one_reason(error: Any, other: Any, expected: bool) -> None:
    """Who returns the same for another reason would be told of a mistake that they have not made."""
    assert same_ending(error, other) is expected


def test_what_was_not_kept_is_explained_by_nothing() -> None:
    """A passed test whose answers are not known might fail with the mistake."""

    def work(checks: Checks) -> list[bool]:
        recorder = CallRecorder(InProcessTransport(namespace(RIGHT, VARIANCE.source)))
        reference = NotebookProxy(InProcessTransport(namespace(RIGHT)), trusted=True)
        verdicts = checks.run("c", NotebookProxy(recorder), reference, Seeds(b"s", "a", "b"), recorder)
        before = Attempt(verdicts, recorder).is_explainable
        recorder.count = MAX_REPLIES + 1
        return [before, Attempt(verdicts, recorder).is_explainable]

    assert with_checks({"c": CheckCell(CELL)}, work) == [True, False]


@pytest.mark.parametrize(
    "answer",
    [
        "def spread(X):\n    return X.var(axis=0) + 1e-6",
        "def spread(X):\n    return X.var(axis=0) if len(X) == 2 else 2 * X.var(axis=0)",
        "def spread(X):\n    return X.var(axis=0) if len(X) < 5 else X.std(axis=0, ddof=1)",
        "def spread(X):\n    X *= 1\n    X += 1\n    return (X - 1).var(axis=0)",
        "def spread(X):\n    return list(X.var(axis=0))[:1]",
        "def slope(f, x):\n    return (f(x + 2e-5) - f(x)) / 2e-5",
        "def spread(X):\n    return None",
        "def spread(X):\n    raise ValueError('no')",
        "del spread",
    ],
    ids=["nearly", "one test", "two mistakes", "more than that", "cut", "another step", "None", "raises", "not there"],
)
def test_what_no_mistake_explains_is_not_named(answer: str) -> None:
    """A student would be told of a mistake that they have not made."""
    assert graded(answer)[1] == {}


def test_two_mistakes_with_different_sentences_that_give_the_same_name_nothing() -> None:
    """It would be chance which of the two the student is told."""
    again = mistake("again", "def spread(X):\n    return X.var(axis=0)", "This is something else")
    assert graded("def spread(X):\n    return X.var(axis=0)", [*KNOWN, again])[1] == {}
    agreed = mistake("agreed", again.source, VARIANCE.says)
    told = {"test_spread": "variance", "test_random": "variance"}
    assert graded("def spread(X):\n    return X.var(axis=0)", [*KNOWN, agreed])[1] == told


def test_a_mistake_is_run_only_if_its_entry_says_that_it_loses_what_failed() -> None:
    """Each of a hundred entries would be run for every failed test."""
    slow = "import time\ndef spread(X):\n    time.sleep(9)\n    return X.mean(axis=0)"
    elsewhere = mistake("slow", slow, loses=frozenset({"test_spread", "test_slope"}))
    assert graded("def spread(X):\n    return X.var(axis=0)", [*KNOWN, elsewhere], seconds=5)[1].keys() == {
        "test_spread", "test_random",
    }  # fmt: skip


def test_without_the_time_for_all_mistakes_nothing_is_named() -> None:
    """A mistake that was not tried might explain the same."""
    slow = mistake("slow", "import time\ndef spread(X):\n    time.sleep(0.3)\n    return X.mean(axis=0)")
    assert graded("def spread(X):\n    return X.var(axis=0)", [*KNOWN, slow], seconds=0.2)[1] == {}


def test_the_sentence_is_told_in_place_of_a_guess_and_kept_with_the_check() -> None:
    """Students would read a guess beside what is known, and instructors could not count."""
    verdicts, _ = graded("def spread(X):\n    return X.var(axis=0)")
    assert verdicts["test_random"].message == "This is variance."
    assert verdicts["test_spread"].message.startswith("This is variance. ")
    assert "got 9, expected 3" in verdicts["test_spread"].message
    assert [verdicts[name].mistake for name in ("test_spread", "test_random", "test_unchanged")] == [
        "variance", "variance", "",
    ]  # fmt: skip
    said = mistake("said", "def spread(X):\n    return X[0]", "expected, and this is")
    answer = "def spread(X):\n    return 'none'"
    same = mistake("same", answer, "Expected, and this is")
    assert graded(answer, [same])[0]["test_random"].message.count("xpected, and this is") == 1
    assert graded(answer, [said])[1] == {}


def test_more_than_can_be_kept_is_not_replayed() -> None:
    """A student's large answers would fill the grader's memory."""
    answer = "def spread(X):\n    return np.zeros(9 * 2**20)"
    assert graded(answer, [mistake("large", answer)])[1] == {}
    answer = "def spread(X):\n    return np.zeros(2**10)"
    assert graded(answer, [mistake("large", answer)])[1].keys() == {"test_spread", "test_random"}


class Answering:
    """A transport that gives one reply to everything."""

    def __init__(self, reply: Any, *buffers: bytes) -> None:
        self.reply, self.buffers, self.asked = reply, list(buffers), 0

    def request(self, message: Any, buffers: Any, call_back: Any) -> Any:
        self.asked += 1
        return self.reply, self.buffers


GET = {"op": "get", "target": [None, "f"]}


def test_what_is_kept_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small answers, or one of many parts, would fill the grader's memory."""
    reply = {"op": "value", "value": ["list", [1, ["dict", [["a", {"b": 2}]]]]]}
    parts = 11  # every list, dictionary and value
    assert size_of(reply, [b"12", b"345"]) == 5 + NODE_BYTES * parts
    for most, limit in (("MAX_REPLIES", 3), ("MAX_KEPT", 3 * NODE_BYTES * parts)):
        with monkeypatch.context() as context:
            context.setattr(call_recorder, most, limit)
            recorder = CallRecorder(Answering(reply))
            for test in ("a", "a", "b", "b"):
                assert recorder.complete
                recorder.begin(test)
                recorder.request(GET, [], pytest.fail)
            assert not recorder.complete
            assert [len(recorder.plain_replies(test)) for test in ("a", "b", "none")] == [2, 1, 0]


@pytest.mark.parametrize(
    ("message", "asked", "used"),
    [
        ({"op": "call", "target": [None, "f"], "args": ["list", []]}, "call f", {"f"}),
        ({"op": "get", "target": [None, "f", "x"]}, "get f.x", {"f"}),
        ({"op": "call", "target": [3, "scale"]}, "call 3.scale", set()),
        ({"op": "operate", "operation": "length", "args": ["list", []]}, "operate length", set()),
        ({"op": "evaluate", "source": "a + b"}, "evaluate a + b", set()),
        ({"op": "drawn", "since": 3}, "drawn", set()),
        ({"op": "lend", "values": ["dict", []]}, None, set()),
        ({"op": "restore"}, None, set()),
    ],
    ids=range(8),
)
def test_what_a_test_asked_is_kept(message: Any, asked: str | None, used: set[str]) -> None:
    """An answer would be compared with that to another question, or a mistake in a name that no test uses be named."""
    recorder = CallRecorder(Answering({"op": "value", "value": 1}))
    recorder.begin("a")
    recorder.request(message, [], pytest.fail)
    assert [answer.asked for answer in recorder.plain_replies("a")] == ([asked] if asked else [])
    assert recorder.used("a") == used


def test_objects_and_functions_are_kept_as_what_is_said_of_them() -> None:
    """Two objects of different types would be taken for the same answer."""
    for tree in (["object", 3, "Net", True], ["yours", 2]):
        assert plain(["list", [tree]], []) == [tuple(tree)]


def test_nothing_is_asked_when_the_time_is_over() -> None:
    """A test that calls in a loop would go on for as long as it likes."""
    transport = Answering({"op": "value", "value": 1})
    with pytest.raises(OutOfTime):
        CallRecorder(transport, until=0.0).request(GET, [], pytest.fail)
    assert transport.asked == 0


@pytest.mark.parametrize(
    ("reply", "ended", "is_given"),
    [
        ({"op": "value", "value": 5}, "value", True),
        ({"op": "return", "value": None}, "return", True),
        ({"op": "raise", "type": "KeyError"}, "raise KeyError", True),
        ({"op": "function"}, "function", False),
        ({"op": "missing"}, "missing", False),
        ({"op": "value", "value": ["array", "<f8", [9], 7]}, "unreadable", False),
        ({"op": 5}, "5", False),
        ({}, "None", False),
    ],
    ids=range(8),
)
def test_any_reply_is_kept_as_an_answer(reply: Any, ended: str, is_given: bool) -> None:
    """A reply of the wrong form would end the search for mistakes, or count as what a function returned."""
    recorder = CallRecorder(Answering(reply))
    recorder.begin("a")
    recorder.request(GET, [], pytest.fail)
    (answer,) = recorder.plain_replies("a")
    assert (answer.asked, answer.ended, answer.is_given) == ("get f", ended, is_given)
    assert recorder.plain_replies("a") == [answer]


@pytest.mark.parametrize(
    ("got", "other", "right", "expected"),
    [
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), None, True),
        (np.array([1.0, np.nan]), np.array([np.nan, 1.0]), None, False),
        (np.array([1.0, np.inf]), np.array([1.0, -np.inf]), None, False),
        (2, 2.0, None, True),
        (np.float32(0.1), 0.1, None, True),
        (1.0, 1.0 + 1e-6, None, False),
        (1.0, np.inf, None, False),
        (1.0, "a", None, False),
        ("a", 1.0, None, False),
        (np.zeros(0), np.zeros(0), None, True),
        (np.array([np.nan]), np.array([np.nan]), None, True),
        (np.inf, 1.0, None, False),
        (1 + 1j, 1 + 1j + 1e-12, None, True),
        (1 + 1j, 1 - 1j, None, False),
        ([1.0, 2.0], [1.0, 2.0 + 1e-12], None, True),
        (1e-13, 2e-13, None, False),
        (1e-17, -3e-17, 0.5, True),
        (1e-9, 2e-9, None, False),
        (1.0, 1.0 + 1e-6, 2.0, True),
        ([1.0, 5], [1.0 + 1e-6, 5], [2.0, 6], True),
        ((1.0, 5), (1.0 + 1e-6, 5), (2.0, 6), True),
        ({"a": 1.0}, {"a": 1.0 + 1e-6}, {"a": 2.0}, True),
        ([1.0], [1.0 + 1e-6], [2.0, 6], False),
        (1.0, 1.0, 10**400, True),
        (1.0, 1.0 + 1e-6, 1.0 + 1e-5, False),
        (np.array([1e9, 1.0]), np.array([1e9, 1.5]), np.array([0.0, 0.0]), False),
        ({"a": [1, (2, "x")]}, {"a": [1, (2, "x")]}, None, True),
        ({"a": [1, (2, "x")]}, {"a": [1, (2, "y")]}, None, False),
        ([1.0, 2.0], np.array([1.0, 2.0]), None, False),
        (np.array(["a", "b"]), np.array(["a", "b"]), None, True),
        (np.array(["a", "b"]), np.array(["a", "c"]), None, False),
        (np.array(["a"]), np.array(["a", "a"]), None, False),
        ({"a": 1}, {"a": 1, "b": 2}, None, False),
        ({"a": 1, "b": 2}, {"a": 1}, None, False),
        ([1], [1, 2], None, False),
        (np.random.default_rng(1), np.random.default_rng(1), None, True),
        (np.random.default_rng(1), np.random.default_rng(2), None, False),
        (Unsupported("Net"), Unsupported("Net"), None, False),
        (MISSING, MISSING, None, False),
        (np.ones((2, 1)), np.ones(2), None, False),
        (2**64, np.nan, None, False),
        (10**400, 10**400, None, True),
        (10**400, 10**400 + 1, None, False),
        ({1, 2}, {2, 1}, None, True),
        (Fraction(1, 3), Fraction(1, 3), None, True),
        (Fraction(1, 3), Fraction(1, 4), None, False),
        (csr_array(np.eye(2)), csr_array(np.eye(2)), None, True),
        (csr_array(np.eye(2)), csr_array(2 * np.eye(2)), None, False),
        (np.array([3]), np.array([3], "m8[h]"), None, False),
        (np.array([3], "m8[h]"), np.array([3]), None, False),
        (np.array([3], "m8[h]"), np.array([3], "m8[h]"), None, True),
        (None, None, None, True),
        (None, 0, None, False),
    ],
)
def test_values_are_alike_up_to_rounding(got: Any, other: Any, right: Any, expected: bool) -> None:
    """The same mistake would not be recognised, or another one would."""
    assert alike(got, other, right) is expected
    assert PlainReply("call f", "return").is_given
