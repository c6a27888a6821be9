"""How questions are found and what they are called."""

from __future__ import annotations

from typing import Any

import pytest
from pdf_notebooks import code, graded, homework, markdown, notebook

from autograder.publishing.doctree.parsed_notebook import from_json
from autograder.publishing.doctree.questions import questions_of


def names(*cells: dict[str, Any]) -> list[str]:
    return [question.name for question in questions_of(from_json(notebook(*cells)).cells)]


def answer(name: str) -> list[dict[str, Any]]:
    check = graded(code("%%check"), f"{name}_checks", "check", 2)
    return [graded(code(f"def {name}(): pass"), name, "answer"), check]


def test_questions_have_the_notebooks_own_numbers() -> None:
    """Exercise 2 in the notebook must not be Question 3 on the page."""
    cells = (
        markdown("# Title"),
        markdown("## 1 Scores\n\n### Exercise 1: `scores` (4 points, 1 line)\n\n```\n# not a heading\n```"),
        *answer("scores"),
        markdown("### By hand: rows of $W$ (2.5 points)"),
        graded(markdown("Because."), "rows", "written", 2.5),
        *answer("loss"),
    )
    expected = ["Exercise 1: scores", "By hand: rows of W", "loss"]
    assert names(*cells) == expected
    assert [question.heading for question in questions_of(from_json(notebook(*cells)).cells)] == expected


def test_a_notebook_without_numbers_gets_ours() -> None:
    """Their headings name chapters, not questions."""
    assert names(*homework()) == ["linear", "quadratic", "why"]


@pytest.mark.parametrize("heading", ["# " + " " * 500_000 + "1", "# 1 " + "(point " * 100_000, "#" * 500_000])
def test_a_heading_takes_no_time(heading: str) -> None:
    """A student writes it, and it must not hold up the class."""
    assert len(names(markdown(heading), *answer("f"))[0]) <= 80
