"""What is refused of an assignment without running it, and that what is refused names its cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import tiny_course
from nbformat import NotebookNode
from tiny_course import NAME, TEXT, make_course

from autograder.authoring.notebooks import notebook_from_text
from autograder.authoring.structure import structure_problems
from autograder.errors import AutograderError

BEGIN_SOLUTION, END_SOLUTION = "    ### BEGIN SOLUTION\n", "    ### END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS\n", "### END HIDDEN TESTS"


def problems(tmp_path: Path, text: str = TEXT, change: Callable[[NotebookNode], None] | None = None) -> list[str]:
    """The problems of the tiny assignment with this text, or with its notebook changed."""
    path = tmp_path / "text.md"
    path.write_text(text, encoding="utf-8")
    notebook = notebook_from_text(path)
    if change is not None:
        change(notebook)
    return [str(problem) for problem in structure_problems({tmp_path / f"{NAME}.ipynb": notebook})]


def replaced(old: str, new: str, count: int = 1) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, count)


def test_a_good_assignment_has_no_problems(tmp_path: Path) -> None:
    """No assignment could be released."""
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (BEGIN_SOLUTION, "", "cell 3 (square): ### END SOLUTION without its ### BEGIN SOLUTION"),
        (END_SOLUTION, "", "cell 3 (square): SOLUTION is never closed: add ### END SOLUTION"),
        (BEGIN_SOLUTION, BEGIN_SOLUTION * 2, "cell 3 (square): SOLUTION begins inside SOLUTION: close that first"),
        (END_SOLUTION, f"{END_SOLUTION}\n{END_SOLUTION}", "cell 3 (square): ### END SOLUTION without its"),
        ("# Tiny", "# Tiny\n### BEGIN SOLUTION\n### END SOLUTION", "cell 1: a solution in a cell that is not marked"),
        (
            "import numpy as np",
            "### BEGIN SOLUTION\n### END SOLUTION",
            "cell 2 (setup): a solution in a cell that is not",
        ),
        (BEGIN_HIDDEN, "", "cell 4 (square_checks): ### END HIDDEN TESTS without its ### BEGIN HIDDEN TESTS"),
        (END_HIDDEN, "", "cell 4 (square_checks): HIDDEN TESTS is never closed: add ### END HIDDEN TESTS"),
        (BEGIN_HIDDEN, BEGIN_HIDDEN * 2, "cell 4 (square_checks): HIDDEN TESTS begins inside HIDDEN TESTS"),
        (BEGIN_HIDDEN, BEGIN_HIDDEN + BEGIN_SOLUTION, "cell 4 (square_checks): SOLUTION begins inside HIDDEN TESTS"),
        (
            BEGIN_SOLUTION,
            BEGIN_SOLUTION + END_SOLUTION + "\n" + BEGIN_HIDDEN + END_HIDDEN + "\n",
            "cell 3 (square): hidden tests in a cell that is not a grade cell would be released",
        ),
        (
            "import numpy as np",
            f"{BEGIN_HIDDEN}import os\n{END_HIDDEN}",
            "cell 2 (setup): hidden tests in a cell that is not a grade cell would be released",
        ),
        (
            "Two answers.",
            "=== BEGIN MARK SCHEME ===\nx\n=== END MARK SCHEME ===",
            "cell 1: nbgrader keeps a mark scheme here in the release",
        ),
    ],
)
def test_a_marker_that_is_moved_nested_or_unclosed_is_refused(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """A solution or a hidden test would be released to students."""
    assert [text for text in problems(tmp_path, replaced(old, new)) if text.startswith(expected)]


def test_an_answer_without_markers_is_refused(tmp_path: Path) -> None:
    """nbgrader would release a cell without the signature that students need."""
    text = replaced(BEGIN_SOLUTION, "").replace(END_SOLUTION, "", 1)
    assert problems(tmp_path, text) == [
        "cell 3 (square): the answer is not between ### BEGIN SOLUTION and ### END SOLUTION"
    ]


HIDDEN_NORM = '@given("square")\ndef test_norm_random(student, rng):'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "def test_norm_345",
            "def test_square_two",
            "cell 6 (norm_checks): line 3: test_square_two is the name of a test in square_checks too: take another",
        ),
        (
            "def test_norm_random",
            "def test_norm_345",
            "cell 6 (norm_checks): line 9: test_norm_345 is already defined at line 3",
        ),
        (
            HIDDEN_NORM,
            HIDDEN_NORM.replace("square", "norm"),
            "cell 6 (norm_checks): line 9: test_norm_random lends norm, which this cell checks",
        ),
        (
            "@points(3)\n",
            '@given("norm")\n',
            "cell 4 (square_checks): line 8: test_square_random lends norm, which is not an earlier answer",
        ),
        (
            "@points(3)\n",
            '@given("norm")\n',
            "cell 4 (square_checks): line 8: test_square_random lends norm, which cell 6 (norm_checks) checks",
        ),
        (
            "    a = rng.normal(size=5)\n",
            "    a = rng.normal(size=5) + student.square(0.0)\n",
            "cell 6 (norm_checks): line 9: test_norm_random lends square, which this cell checks",
        ),
        (
            HIDDEN_NORM,
            HIDDEN_NORM.replace("square", "np"),
            "cell 6 (norm_checks): line 9: test_norm_random lends np, which is not an earlier answer",
        ),
        (
            "@points(3)",
            "@points(-3)",
            "cell 4 (square_checks): line 8: test_square_random weighs less than nothing: @points takes a number",
        ),
        ("@points(3)", "@points('a')", "cell 4 (square_checks): line 8: @points takes a number"),
        ("    x = rng.normal()\n", "   x = (\n", "cell 4 (square_checks): line "),
        (
            "    assert_close(student.square(2.0), 4.0)",
            "    assert_choice(student.square(2.0), [2, 4], right=4)",
            "cell 4 (square_checks): line 4: students read here which options are right: hide the test, or leave",
        ),
        (
            "def test_square_two(student):\n",
            f"def test_square_two(student):\n    {BEGIN_HIDDEN}    assert True\n    {END_HIDDEN}\n",
            "cell 4 (square_checks): line 2: test_square_two is hidden only in part",
        ),
    ],
)
def test_a_test_that_is_written_wrongly_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """Scores would be wrong, a test be lost, or an answer be lent to the student whose answer is checked."""
    found = problems(tmp_path, replaced(old, new))
    assert [text for text in found if text.startswith(expected)], found


def test_lending_what_a_later_cell_checks_is_refused(tmp_path: Path) -> None:
    """A student's code could keep what the lent answer gave, and pass its own check with it."""

    def check_square_last(notebook: NotebookNode) -> None:
        notebook.cells.append(notebook.cells.pop(3))

    assert problems(tmp_path, change=check_square_last) == [
        "cell 5 (norm_checks): line 9: test_norm_random lends square, which cell 8 (square_checks) checks"
    ]


@pytest.mark.parametrize(("flag", "value"), [("grade", False), ("solution", True)])
def test_a_check_cell_that_is_not_a_locked_grade_cell_is_refused(tmp_path: Path, flag: str, value: bool) -> None:
    """Students could change their checks, or checks carry no points."""

    def without(notebook: NotebookNode) -> None:
        notebook.cells[3].metadata.nbgrader[flag] = value

    assert "cell 4 (square_checks): a %%check cell must be a grade cell, locked, with points" in problems(
        tmp_path, change=without
    )


def test_a_check_cell_without_a_test_or_without_weight_is_refused(tmp_path: Path) -> None:
    """Points would be given for nothing."""

    def empty(notebook: NotebookNode) -> None:
        notebook.cells[3].source = "%%check\nx = 1"
        notebook.cells[5].source = "%%check\n@points(0)\ndef test_a(student): pass"

    assert problems(tmp_path, change=empty) == [
        "cell 4 (square_checks): there is no test in this check cell: define a function test_…",
        "cell 6 (norm_checks): no test in this check cell weighs anything, so its points would be for nothing",
    ]


def test_a_topic_that_would_count_nowhere_is_refused(tmp_path: Path) -> None:
    """The author would look for it in the report on the term."""

    def tag(cell: int, *tags: str) -> Callable[[NotebookNode], None]:
        return lambda notebook: notebook.cells[cell].metadata.update(tags=list(tags))

    assert problems(tmp_path, change=tag(3, "topic:powers", "topic:numbers", "hide-input")) == []
    assert problems(tmp_path, change=tag(2, "topic:powers")) == [
        "cell 3 (square): a topic is the tag of a cell with points, such as a check cell: here it would count nowhere"
    ]
    assert problems(tmp_path, change=tag(3, "topic: ")) == [
        "cell 4 (square_checks): the tag topic: names no topic: write it behind the colon, as in topic:gradients"
    ]


def test_an_assignment_without_any_points_is_refused(tmp_path: Path) -> None:
    """An assignment that checks nothing would be released."""
    from autograder.authoring.validate import validate

    text = TEXT.replace(tiny_course.SQUARE_CHECKS, "").replace(tiny_course.NORM_CHECKS, "")
    with pytest.raises(AutograderError, match="tiny has no cell with points"):
        validate(make_course(tmp_path, text), NAME, seeds=1)


@pytest.mark.parametrize("other", ["mistakes.ipynb", "a_copy.ipynb", "tiny-Copy1.ipynb"])
def test_another_notebook_beside_it_is_refused(tmp_path: Path, other: str) -> None:
    """A stray copy with solutions would be released to students."""
    from autograder.authoring.validate import validate

    course = make_course(tmp_path / "course")
    folder = course.source(NAME)
    nbformat.write(nbformat.v4.new_notebook(), folder / other)
    assert [str(problem) for problem in validate(course, NAME, seeds=1)] == [
        f"{folder / other}: tiny.md makes one notebook: move this one away"
    ]


def test_a_notebook_of_another_name_is_refused(tmp_path: Path) -> None:
    """An assignment whose notebook is not the one that its text makes would be validated against the wrong text."""
    from autograder.authoring.validate import validate

    course = make_course(tmp_path / "course")
    folder = course.source(NAME)
    (folder / f"{NAME}.ipynb").rename(folder / "other.ipynb")
    assert [str(problem) for problem in validate(course, NAME, seeds=1)] == [
        f"{folder / 'other.ipynb'}: tiny.md makes one notebook: move this one away",
        "source/tiny/tiny.ipynb: is not what assignments/tiny/tiny.md says: run `autograder make tiny` (with --text, "
        "if the notebook was edited)",
    ]
