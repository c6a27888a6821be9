"""Multiple choice: every slip has its sentence, and no sentence says what is right."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from autograder.checking.cell import CheckCell
from autograder.checking.choice import assert_choice
from autograder.checking.outcomes import CheckFailed, GraderFault
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import InProcessTransport

REASONS = {"a": "A counts what was thrown away", "d": "D holds for two classes only"}


@pytest.mark.parametrize("answer", ["b", "B", " b\n", {"b"}, ["b"]])
def test_the_right_option_holds_however_it_is_written(answer: Any) -> None:
    """A capital letter says no less."""
    assert_choice(answer, "abcd", right="b", reasons=REASONS)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (None, "not answered yet: choose one of a, b, c, d"),
        ("", "not answered yet: choose one of a, b, c, d"),
        (set(), "not answered yet: choose one of a, b, c, d"),
        ("e", "this is not an option: choose one of a, b, c, d"),
        ("ab", "this is not an option: choose one of a, b, c, d"),
        (2, "this is not an option: choose one of a, b, c, d"),
        (2.0, "this is not an option: choose one of a, b, c, d"),
        (np.zeros(3), "this is a list of lists, or an array, and not an option"),
        ([["b"]], "this is a list of lists, or an array, and not an option"),
        ({"a", "b"}, "only one option may be chosen"),
        ("a", "A counts what was thrown away"),
        ("c", "another option is right"),
        ("D", "D holds for two classes only"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(answer: Any, cause: str) -> None:
    """A student would lose the point for a slip of the pen, or learn nothing."""
    with pytest.raises(CheckFailed) as failed:
        assert_choice(answer, "abcd", right="b", reasons=REASONS)
    assert failed.value.cause == cause


@pytest.mark.parametrize("answer", [{"a", "c"}, ["C", "a"], ("a", "c", "a")])
def test_all_options_that_apply(answer: Any) -> None:
    """A set, a list and a tuple say the same."""
    assert_choice(answer, "abcd", right={"a", "c"})


def test_one_option_of_a_set_may_be_written_as_text() -> None:
    """A space would make it several options."""
    assert_choice(" a ", "abcd", right={"a"})


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (None, "not answered yet: choose all that apply of a, b, c, d"),
        ("ac", "write the options as a set, for example {'a', 'b'}"),
        ("a, c", "write the options as a set, for example {'a', 'b'}"),
        ({"a", "x"}, "this is not an option: choose all that apply of a, b, c, d"),
        ({"a"}, "a right option is missing, or a wrong one was chosen"),
        ("a", "a right option is missing, or a wrong one was chosen"),
        ({"a", "b", "c"}, "a right option is missing, or a wrong one was chosen"),
        ({"a", "d"}, "D holds for two classes only"),
    ],
)
def test_what_is_wrong_with_a_set_is_said(answer: Any, cause: str) -> None:
    """Whoever knows half of the answer must not be told which half."""
    with pytest.raises(CheckFailed) as failed:
        assert_choice(answer, "abcd", right={"a", "c"}, reasons={"d": REASONS["d"]})
    assert failed.value.cause == cause


def test_three_dots_are_no_answer_yet() -> None:
    """They are what other tools' notebooks have where an answer is to be written; they cross as an object."""
    student = NotebookProxy(InProcessTransport({"q": ...}))
    with pytest.raises(CheckFailed, match=r"^not answered yet"):
        assert_choice(student.q, "abcd", right="b")


def test_without_the_right_one_every_option_holds() -> None:
    """A visible check would tell students which is right."""
    assert_choice("d", "abcd")
    assert_choice({"a", "d"}, "abcd", several=True)
    with pytest.raises(CheckFailed, match=r"^this is not an option"):
        assert_choice("e", "abcd")


def test_options_may_be_numbers_truths_and_letters_of_both_cases() -> None:
    """`w` and `W` can be two things."""
    assert_choice(np.int64(3), [1, 2, 3], right=3)
    assert_choice(False, [True, False], right=False)
    assert_choice("false", [True, False], right=False)
    assert_choice("W", ["w", "W"], right="W")
    assert_choice(2, ["w", "W", 2], right=2)
    with pytest.raises(CheckFailed, match=r"^another option is right"):
        assert_choice("w", ["w", "W"], right="W")


@pytest.mark.parametrize(
    "more",
    [
        {"right": "e"},
        {"right": set()},
        {"right": "b", "reasons": {"b": "x"}},
        {"right": "b", "reasons": {"f": "x"}},
        {"options": []},
    ],
)
def test_a_question_that_makes_no_sense_is_the_authors(more: dict[str, Any]) -> None:
    """Students would lose a point that nobody can win."""
    with pytest.raises(GraderFault, match=r"^assert_choice: "):
        assert_choice("b", **{"options": "abcd"} | more)


def test_all_options_may_be_right() -> None:
    """A question of which everything applies would never be graded."""
    assert_choice({"a", "b"}, "ab", right={"a", "b"})


HIDE = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS\n"


@pytest.mark.parametrize(
    "call",
    [
        '(student.q, "abc", right="b")',
        '(student.q, "abc", right=reference.q)',
        '(student.q, "abc", reasons={"a": "no", "c": "no"})',
    ],
)
def test_an_author_who_shows_the_right_option_is_told(call: str) -> None:
    """Everybody reads a visible test, and the record beside it."""
    test = f"def test_q(student, reference):\n    assert_choice{call}"
    assert CheckCell(f"%%check\n{test}").revealing_lines() == [3]
    assert CheckCell("%%check\n" + HIDE.format(test)).revealing_lines() == []
    assert CheckCell('%%check\ndef test_q(student):\n    assert_choice(student.q, "abc")').revealing_lines() == []


def test_no_text_of_a_student_is_in_the_cause() -> None:
    """In it, what an earlier hidden test passed could be read."""
    with pytest.raises(CheckFailed) as failed:
        assert_choice("77345112.5", "abcd", right="b")
    assert re.search("77345112", failed.value.detail)
    assert not re.search("77345112", failed.value.cause)
