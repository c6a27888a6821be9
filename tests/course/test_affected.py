"""Which check cells an answer can touch: validation runs no others for a mistake, so none may be forgotten."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from autograder.course.affected import affected_checks


def answer(name: str, source: str) -> NotebookNode:
    flags = {"grade": False, "solution": True, "locked": False, "grade_id": name}
    return new_code_cell(source, metadata={"nbgrader": flags})


def check(name: str, *body: str) -> NotebookNode:
    flags = {"grade": True, "solution": False, "locked": True, "grade_id": name, "points": 1}
    lines = "\n".join(f"    {line}" for line in body)
    return new_code_cell(f"%%check\ndef test_{name}(student):\n{lines}", metadata={"nbgrader": flags})


RIGHT = "def f(x):\n    return x"


def affected(
    f: str = "def f(x):\n    return -x", second: str = "assert student.g(1) == 1", right: str = RIGHT
) -> set[str]:
    """What another answer f touches in a notebook whose g calls f by way of a helper, and whose h does not."""
    cells = [
        check("earlier", "assert student.f(1) == 1"),
        answer("f", right),
        check("own", "assert student.f(1) == 1"),
        new_code_cell("helper = lambda x: f(x)"),
        answer("g", "def g(x):\n    return helper(x)"),
        check("by_names", second),
        answer("h", "def h(x):\n    return 1"),
        check("alone", "assert student.h(1) == 1", "assert_unchanged(student)"),
    ]
    return affected_checks(new_notebook(cells=cells), "f", f)


def test_checks_behind_an_answer_that_lead_to_it_are_affected() -> None:
    """A mistake that costs a later answer's points would not be noticed."""
    assert affected() == {"own", "by_names"}


@pytest.mark.parametrize(
    "f",
    ["def f(x):\n    return x\nnp.seterr(all='ignore')", "def h(x):\n    return 2\nf = h", "def f(x:\n", "del np"],
    ids=["does more", "defines another's name", "is not Python", "takes a name away"],
)
def test_an_answer_that_does_more_than_to_define_itself_may_touch_anything(f: str) -> None:
    """What it does to the notebook, or does no more, would be seen by nobody."""
    assert {"own", "by_names", "alone"} & affected(f) >= {"alone"}
    assert {"own", "by_names", "alone"} & affected(RIGHT, right=f) >= {"alone"}


def test_an_answer_that_defines_something_else_touches_what_it_no_longer_defines() -> None:
    """A mistake that forgets a function would lose no check."""
    assert affected("number = 3") == {"own", "by_names"}


@pytest.mark.parametrize(
    "second",
    ["f = getattr(student, 'h')", "look(student)", "other = student", "[s for s in [student]]"],
)
def test_a_check_that_hands_the_notebook_on_may_call_anything(second: str) -> None:
    """Whom it calls does not stand in its text."""
    assert affected(second=second) == {"own", "by_names"}
