"""A small course for tests: a notebook with a check cell, an ordinary test cell and a written answer; six students."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.course.course import Course
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.gradebook_sync import sync_assignment

Run = Callable[..., tuple[int, str, str]]  # the command line in this process: exit code, output, errors

NAME = "small"
FULL = 8.0

CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "small_course"
c.Autograde.exporter_class = "autograder.grading.preprocessors.SubmittedNotebooks"
c.Autograde.sanitize_preprocessors = ["autograder.grading.preprocessors.Restore"]
c.Autograde.autograde_preprocessors = [
    "autograder.grading.preprocessors.Grade",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
"""

SETUP = "import numpy as np"
MEAN = "def mean(a):\n    ### BEGIN SOLUTION\n    return np.sum(a) / len(a)\n    ### END SOLUTION"
CHECK = '''\
%%check
def test_two_numbers(student):
    """The mean of 1 and 3 is 2."""
    assert_close(student.mean(np.array([1.0, 3.0])), 2.0)

### BEGIN HIDDEN TESTS
@points(2)
def test_like_the_answer_key(student, reference, rng):
    """Right on random numbers."""
    a = rng.normal(size=7)
    assert_close(student.mean(a), reference.mean(a))
### END HIDDEN TESTS'''
DOUBLE = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
PLAIN = "assert double(2) == 4\n### BEGIN HIDDEN TESTS\nassert double('a') == 'aa'\n### END HIDDEN TESTS"
WHY = "=== BEGIN MARK SCHEME ===\nSay why.\n=== END MARK SCHEME ===\nBecause of the answer key."


def cell(grade_id: str, source: str, kind: str = "code", **about: Any) -> NotebookNode:
    """An nbgrader cell; what is not said in `about` is off."""
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    flags = {"grade": False, "solution": False, "locked": False, "task": False} | about
    return make(source, metadata={"nbgrader": {"schema_version": 3, "grade_id": grade_id, **flags}})


def notebook(cells: Iterable[NotebookNode]) -> NotebookNode:
    """A Python notebook of `cells`."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(cells=list(cells), metadata={"kernelspec": kernel})
    for number, inside in enumerate(book.cells):
        inside["id"] = f"cell-{number}"
    return book


def source_notebook(check: str = CHECK, mean: str = MEAN) -> NotebookNode:
    """The instructor's notebook."""
    return notebook(
        [
            nbformat.v4.new_markdown_cell("# A small assignment"),
            cell("setup", SETUP, locked=True),
            cell("mean", mean, solution=True),
            cell("test_mean", check, grade=True, locked=True, points=3),
            cell("double", DOUBLE, solution=True),
            cell("test_double", PLAIN, grade=True, locked=True, points=2),
            cell("why", WHY, "markdown", grade=True, solution=True, points=3),
        ]
    )


def cells_by_id(book: NotebookNode) -> dict[str, NotebookNode]:
    """The nbgrader cells of a notebook by their grade id."""
    return {c.metadata.nbgrader.grade_id: c for c in book.cells if "nbgrader" in c.metadata}


def submission(**answers: str) -> NotebookNode:
    """A student's notebook: right, but for the cells that are named in `answers`."""
    book = source_notebook()
    right = {"mean": "def mean(a):\n    return np.mean(a)", "double": "def double(x):\n    return x + x"}
    for grade_id, text in (right | {"why": "Because it is so."} | answers).items():
        cells_by_id(book)[grade_id].source = text
    return book


CLASS: dict[str, Callable[[], NotebookNode]] = {
    "ada": submission,
    "bob": lambda: submission(mean="def mean(a):\n    return 2.0"),
    "cyd": lambda: submission(double="def double(x):\n    return 4", why="YOUR ANSWER HERE"),
    "dan": lambda: submission(mean="import os\nos._exit(3)"),
    "eve": lambda: submission(mean="while True:\n    pass", double="def double(x):\n    return x * 2"),
}
LIMITS = "c.Autograder.cell_seconds = 3\n"


def make_course(root: Path, config: str = LIMITS, students: Iterable[str] = CLASS) -> Course:
    """The course on disk, with the submissions of `students`, and of one (fay) that is no notebook."""
    root.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG + config)
    write(root / "source" / NAME / f"{NAME}.ipynb", source_notebook())
    for student in students:
        submit(root, student, CLASS[student]())
    if students is CLASS:
        submit(root, "fay", "not a notebook")
    return Course(root)


def make_known(course: Course, name: str = NAME) -> None:
    """Let the gradebook know the assignment, as `nbgrader generate_assignment` does: it takes a tenth of the time."""
    with open_gradebook(course) as gradebook:
        sync_assignment(gradebook, course, name)


def write(path: Path, book: NotebookNode | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(book if isinstance(book, str) else nbformat.writes(book), encoding="utf-8")


def submit(root: Path, student: str, book: NotebookNode | str, name: str = NAME) -> None:
    """Hand in a notebook, or any text instead of one."""
    write(root / "submitted" / student / NAME / f"{name}.ipynb", book)


def autograder(root: Path, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line in the course's folder."""
    return subprocess.run(
        [*COMMAND, *args], cwd=root, capture_output=True, text=True, timeout=options.pop("timeout", 120), **options
    )


COMMAND = [str(Path(sys.executable).with_name("autograder"))]

NBGRADER_ROWS = """
SELECT student.id, notebook.name, base_cell.name, grade.auto_score, grade.manual_score, grade.extra_credit,
       grade.needs_manual_grade, submitted_notebook.late_submission_penalty
FROM grade JOIN grade_cells ON grade.cell_id = grade_cells.id JOIN base_cell ON base_cell.id = grade_cells.id
JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
JOIN notebook ON notebook.id = submitted_notebook.notebook_id
JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
JOIN student ON student.id = submitted_assignment.student_id ORDER BY 1, 2, 3"""
COMMENT_ROWS = """
SELECT student.id, notebook.name, base_cell.name, comment.auto_comment, comment.manual_comment
FROM comment JOIN base_cell ON base_cell.id = comment.cell_id
JOIN submitted_notebook ON submitted_notebook.id = comment.notebook_id
JOIN notebook ON notebook.id = submitted_notebook.notebook_id
JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
JOIN student ON student.id = submitted_assignment.student_id ORDER BY 1, 2, 3"""
CHECK_ROWS = """
SELECT student, notebook, cell, name, outcome, message, weight, hidden, void FROM autograder_check
ORDER BY 1, 2, 3, 4"""

INCIDENT_ROWS = "SELECT student, kind, cell FROM autograder_incident ORDER BY 1, 2, 3"
CELL_ROWS = "SELECT student, notebook, cell, digest, points FROM autograder_cell ORDER BY 1, 2, 3"
GRADED_ROWS = "SELECT student, submission_digest, assignment_digest FROM autograder_graded ORDER BY 1"


def rows(root: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in the course's gradebook."""
    connection = sqlite3.connect(root / "gradebook.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def everything(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All of the gradebook that must not depend on how often, or when, grading was stopped. A notebook whose sandbox
    was killed from outside is graded twice: only that may differ."""
    queries = {"grades": NBGRADER_ROWS, "comments": COMMENT_ROWS, "checks": CHECK_ROWS, "incidents": INCIDENT_ROWS}
    queries |= {"cells": CELL_ROWS, "graded": GRADED_ROWS}
    found = {name: rows(root, query) for name, query in queries.items()}
    return found | {"incidents": [row for row in found["incidents"] if row[1] != "graded twice"]}


def auto_scores(root: Path) -> dict[tuple[str, str], float | None]:
    """The automatic scores by student and cell."""
    return {(student, grade_id): score for student, _, grade_id, score, *_ in rows(root, NBGRADER_ROWS)}


def graded_at(root: Path) -> dict[str, str]:
    """When each student was last graded."""
    return dict(rows(root, "SELECT student, at FROM autograder_graded"))
