"""From the exception that ended a test to points and sentences, word by word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.checking import cell
from autograder.checking.explain import UNGRADED, no_function, verdict_of
from autograder.checking.outcomes import (
    CheckFailed,
    GraderFault,
    Mistake,
    Outcome,
    StudentError,
    StudentStopped,
    Verdict,
    split_points,
    student_error,
)

(SEEN,) = cell.CheckCell(
    "%%check\n@points(2)\ndef test_a(student):\n    '''What it says.'''\n    student.relu(1)"
).tests()
HIDDEN = replace(SEEN, hidden=True)
FRAMES = [["outer", 9, "inner(1)"], ["inner", 3, "return 1 / 0"]]


def failure(text: str) -> BaseException:
    with pytest.raises(pytest.fail.Exception) as caught:
        pytest.fail(text)
    return caught.value


TOLD = [
    (SEEN, None, Outcome.PASSED, "", ""),
    (SEEN, CheckFailed("too small", "got 1"), Outcome.WRONG, "Too small. Got 1.", "too small\ngot 1"),
    (HIDDEN, CheckFailed("too small", "got 1"), Outcome.WRONG, "Too small.", "too small\ngot 1"),
    (SEEN, CheckFailed("is it so?"), Outcome.WRONG, "Is it so?", "is it so?"),
    (
        SEEN,
        CheckFailed("relu changes its argument"),
        Outcome.WRONG,
        "relu changes its argument.",
        "relu changes its argument",
    ),
    (SEEN, failure("relu, again"), Outcome.WRONG, "relu, again.", "relu, again"),
    (SEEN, CheckFailed("", "got 1."), Outcome.WRONG, "Got 1.", "got 1."),
    (SEEN, failure("no loop here"), Outcome.WRONG, "No loop here.", "no loop here"),
    (HIDDEN, failure("no loop here"), Outcome.WRONG, "", "no loop here"),
    (
        SEEN,
        student_error("f", "ZeroDivisionError", " by zero ", FRAMES),
        Outcome.RAISED,
        "f raised ZeroDivisionError: by zero — in inner, line 3: return 1 / 0",
        "f raised ZeroDivisionError: by zero — in inner, line 3: return 1 / 0",
    ),
    (
        HIDDEN,
        student_error("f", "ZeroDivisionError", "by zero", FRAMES),
        Outcome.RAISED,
        "f raised ZeroDivisionError.",
        "f raised ZeroDivisionError: by zero — in inner, line 3: return 1 / 0",
    ),
    (SEEN, student_error("f", "Mine", " ", []), Outcome.RAISED, "f raised Mine", "f raised Mine"),
    (HIDDEN, student_error("f", "Mine", "", []), Outcome.RAISED, "f raised an exception of its own.", "f raised Mine"),
    (SEEN, StudentStopped("it hangs"), Outcome.RAISED, "Your code was stopped: it hangs.", "it hangs"),
]


@pytest.mark.parametrize(("test", "error", "outcome", "message", "detail"), TOLD)
def test_what_is_told_of_a_test(
    test: cell.Test, error: BaseException | None, outcome: Outcome, message: str, detail: str
) -> None:
    """A student would read something else than what happened, or of a hidden check what it compares."""
    expected = Verdict("test_a", "What it says.", 2.0, test.hidden, outcome, message, detail)
    assert verdict_of(test, error) == expected


def test_the_name_of_a_function_that_raised_stays_as_it_is_before_the_sentence_of_a_mistake() -> None:
    """Students would look for a function `Forward` that they do not have."""
    mistake = Mistake("columns", "", "The columns of W were used.", frozenset(), frozenset())
    told = verdict_of(SEEN, student_error("forward", "ValueError", "mismatch", []), mistake).message
    assert told == "forward raised ValueError: mismatch. The columns of W were used."


def test_an_instructor_reads_an_exception_in_full() -> None:
    """Nobody could find out why a check was lost."""
    verdict = verdict_of(HIDDEN, ValueError("unusable"))
    assert verdict.detail.endswith("ValueError: unusable\n")
    assert verdict.message == "What your code gave back could not be used."


def test_an_instructor_reads_a_fault_of_the_graders_as_a_sentence() -> None:
    """A terminal would show the first line of a traceback and not why a check waits."""
    verdict = verdict_of(HIDDEN, GraderFault("the answer key died"))
    assert (verdict.detail, verdict.message) == ("the answer key died", UNGRADED)


@pytest.mark.parametrize("kind", ["Mine", "ExceptionGroup", "UnicodeDecodeError", "OSError"])
def test_an_exception_that_cannot_be_mixed_in_says_the_same(kind: str) -> None:
    """The student would read of an exception without a name or a place."""
    error = student_error("f", kind, "why", FRAMES)
    assert isinstance(error, StudentError)
    assert (error.function, error.type_name, error.text, error.frames) == ("f", kind, "why", FRAMES)


def test_checks_share_a_cells_points_by_weight() -> None:
    """Points would be shown that nobody can get, or be given for a check that does not count."""
    one, three = replace(SEEN, weight=1.0), replace(SEEN, weight=3.0)
    assert split_points([one, three], 8.0) == [2.0, 6.0]
    assert split_points([one, replace(three, void="unfair"), three], 8.0) == [2.0, 0.0, 6.0]
    assert split_points([replace(one, weight=0.0)], 8.0) == [0.0]
    assert split_points([replace(one, weight=0.5)], 8.0) == [8.0]


def test_an_exception_that_cannot_be_told_is_no_value_in_the_place_of_a_function() -> None:
    """The text of an exception is code of the test or of a library, and its failure would end the checks."""

    class Untold(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert no_function(Untold(), "softmax", 0.5) is None
