"""A course of nbgrader's as it is: several notebooks of any name, ordinary test cells, cells that raise on purpose."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import small_course
from nbformat import NotebookNode
from small_course import NAME, cell, notebook
from tiny_course import HEAD

from autograder.authoring.mutation import try_mutants
from autograder.authoring.promises import promises
from autograder.authoring.release import release
from autograder.authoring.validate import validate
from autograder.course.course import Course
from autograder.errors import AutograderError

DOUBLE = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
TEST = "assert double(2) == 4\n### BEGIN HIDDEN TESTS\nassert double('a') == 'aa'\n### END HIDDEN TESTS"
PARTIAL = "(double(1) == 2) + (double(0) == 0)"
MISTAKES = (
    f"{HEAD}\n## The sum\n\n```{{code-cell}} ipython3\n:replaces: mean\n"
    ':loses: [test_two_numbers, test_like_the_answer_key]\n:says: "take the mean"\n'
    "def mean(a):\n    return np.sum(a)\n```\n"
)


def first(double: str = DOUBLE, test: str = TEST, partial: str = PARTIAL) -> NotebookNode:
    return notebook(
        [
            nbformat.v4.new_code_cell("1 / 0  # an error, to look at"),
            cell("double", double, solution=True),
            cell("test_double", test, grade=True, locked=True, points=2),
            cell("test_partial", partial, grade=True, locked=True, points=2),
            cell("whole", "answer = 3", solution=True),
            cell("practice", "assert answer == 3", grade=True, locked=True, points=0),
        ]
    )


def course_of(root: Path, **notebooks: NotebookNode) -> Course:
    course = small_course.make_course(root, students=[])
    (course.source(NAME) / f"{NAME}.ipynb").unlink()
    for stem, book in notebooks.items():
        small_course.write(course.source(NAME) / f"{stem}.ipynb", book)
    return course


@pytest.mark.slow
def test_several_notebooks_of_any_name_are_validated_and_released(tmp_path: Path) -> None:
    """A course that nbgrader grades could be released with --no-validate only."""
    course = course_of(tmp_path / "course", a_first=first(), b_second=small_course.source_notebook())
    (course.root / "assignments" / NAME).mkdir(parents=True)
    (course.root / "assignments" / NAME / "mistakes.md").write_text(MISTAKES, encoding="utf-8")
    told: list[str] = []
    assert [str(problem) for problem in validate(course, NAME, seeds=1, on_done=told.append)] == []
    assert sorted(told) == [
        "a_first.ipynb, the answer key",
        "a_first.ipynb, the release",
        "b_second.ipynb, the answer key",
        "b_second.ipynb, the release",
        "mistakes.md, 'The sum'",
    ]
    held, note = promises(course, NAME)
    assert held.startswith("✓ small may be released (a_first.ipynb, b_second.ipynb): right code gets full marks")
    assert note.startswith("Note: 4 ordinary test cells are graded in nbgrader's own way, though in the sandbox")
    release(course, NAME)
    made = {path.name for path in course.path("release", ".", NAME).iterdir()}
    assert made == {"a_first.ipynb", "b_second.ipynb"}
    assert {noticed.mutant.answer for noticed in try_mutants(course, NAME)} == {"mean", "double"}


@pytest.mark.slow
def test_answers_that_fail_and_tests_that_prove_nothing_are_named(tmp_path: Path) -> None:
    """Right submissions would lose points, and empty ones get some."""
    wrong = first(DOUBLE.replace("2 * x", "x + 2"), partial="2.0")
    wrong.cells[4].source = "answer = 4"
    noise = "import sys\nprint('careful', file=sys.stderr)"
    wrong.cells.append(cell("noise", noise, grade=True, locked=True, points=1))
    wrong.cells.append(cell("beyond", "5.0", grade=True, locked=True, points=1))
    course = course_of(tmp_path / "course", homework=wrong)
    assert [str(problem) for problem in validate(course, NAME, seeds=1)] == [
        "the answer key: cell 1 raises ZeroDivisionError: division by zero, which may be why tests fail",
        "the answer key: cell 3 (test_double) gives 0 of 2 points, but the answers are right: TypeError: can only "
        'concatenate str (not "int") to str',
        "the answer key: cell 6 (practice) gives 0 of 0 points, but the answers are right: AssertionError",
        "the answer key: cell 7 (noise) gives 0 of 1 points, but the answers are right: it writes to stderr, for which "
        "nbgrader gives no points",
        "the answer key: cell 8 (beyond) gives 0 of 1 points, but the answers are right: it shows a number that "
        "cannot be its score",
        "the release: cell 4 (test_partial) gives 2 of 2 points without an answer",
    ]
    with pytest.raises(AutograderError, match="small has no check cell that could notice a change"):
        try_mutants(course, NAME)


def test_cells_of_an_older_nbgrader_are_told_with_the_command_that_renews_them(tmp_path: Path) -> None:
    """“Outdated schema version: 1 (expected 3)” says neither where nor what to do."""
    old = first()
    old.cells[1].metadata.nbgrader.schema_version = 1
    with pytest.raises(AutograderError, match=r"older format of nbgrader's: run `nbgrader update .*old.ipynb` once"):
        validate(course_of(tmp_path / "course", old=old), NAME, seeds=1)
