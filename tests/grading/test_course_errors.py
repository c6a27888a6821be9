"""A cell of the course's own that fails is told once, and not as anybody's answer."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import small_course
from small_course import NAME, cell

from autograder.authoring.judging import Trial, judge_right, raised_problems
from autograder.checking.outcomes import GraderFault
from autograder.course.assignment import KeyCell
from autograder.course.course import Course
from autograder.grading.answer_key import AnswerKey
from autograder.grading.class_run import grade_class
from autograder.sandbox.limits import Limits

pytestmark = pytest.mark.slow

MISSING = "import no_such_module"


def make(root: Path, students: int, **locked: str) -> Course:
    """A course without check cells, whose locked cells `first` and `last` hold this."""
    course = small_course.make_course(root, students=[])
    book = small_course.notebook(
        [
            cell("first", locked.get("first", "import math"), locked=True),
            cell("answer", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION", solution=True),
            cell("last", locked.get("last", "print(x)"), locked=True),
            cell("test", "assert x == 1", grade=True, locked=True, points=1),
        ]
    )
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", book)
    for number in range(students):
        mine = small_course.notebook(book.cells)
        small_course.cells_by_id(mine)["answer"].source = "x = 1" if number else "y = 2"
        small_course.submit(course.root, f"student{number}", mine)
    return course


def test_a_module_that_is_missing_is_told_once(tmp_path: Path) -> None:
    """Everybody's notebook failed at its first line, and it looked as if nobody had learned anything."""
    course = make(tmp_path / "c", 2, first=MISSING)
    done = grade_class(course, NAME, jobs=1)
    (line,) = done.course_errors
    assert line.startswith(
        "The course's own cell first: ModuleNotFoundError: No module named 'no_such_module' fails in"
    )
    assert "(2 of 2 submissions). Install the package that has no_such_module (" in line
    assert line.endswith(" Then grade again with --regrade.")
    assert done.needs_a_person


def test_too_little_memory_is_reported(tmp_path: Path) -> None:
    """Importing torch takes more memory than there is by default, and its error does not name the setting."""
    course = make(tmp_path / "c", 1, first="import numpy as np\nall = np.ones(10**12)")
    (line,) = grade_class(course, NAME, jobs=1).course_errors
    assert "It may need more memory than c.Autograder.memory_mb allows: set it higher in nbgrader_config.py." in line


def test_what_a_student_s_answer_brings_about_is_not_the_course_s(tmp_path: Path) -> None:
    """One student without an answer would have the instructor look for a fault that is not there."""
    course = make(tmp_path / "c", 2)
    assert grade_class(course, NAME, jobs=1).course_errors == []


def test_what_fails_for_everybody_is_reported(tmp_path: Path) -> None:
    """Behind an answer nobody can tell from one submission whose fault it is, but from all of them."""
    course = make(tmp_path / "c", 2, last=MISSING)
    (line,) = grade_class(course, NAME, jobs=1).course_errors
    assert "cell last: ModuleNotFoundError" in line


def test_an_answer_key_that_fails_is_told_once_above_the_scores(tmp_path: Path, run: small_course.Run) -> None:
    """The same traceback stood there for every student."""
    course = small_course.make_course(tmp_path / "c", students=["ada", "bob"])
    book = small_course.source_notebook()
    small_course.cells_by_id(book)["setup"].source = f"{small_course.SETUP}\n{MISSING}"
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", book)
    code, _, complained = run("grade", NAME, here=course.root)
    assert code == 1
    told = [line for line in complained.splitlines() if line.startswith("The course's own cell setup")]
    assert len(told) == 1
    assert "cell setup (answer key): ModuleNotFoundError: No module named 'no_such_module' fails in" in told[0]
    assert "(2 of 2 submissions). Install the package that has no_such_module (" in told[0]


def test_an_answer_key_that_ends_names_the_setting() -> None:
    """A library that takes more memory than there is ends the process and says nothing."""
    cell = KeyCell("setup", "import os\nos.abort()", False)
    with pytest.raises(GraderFault, match=r"stopped answering: .*set c\.Autograder\.memory_mb higher"):
        AnswerKey((cell,), {}, Limits())


def test_validation_names_the_setting() -> None:
    """An author would search the cell for what is wrong with it."""
    error = nbformat.v4.new_output("error", ename="MemoryError", evalue="", traceback=[])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import torch", outputs=[error])])
    (problem,) = raised_problems(Trial("the answer key", notebook, judge_right), notebook)
    assert problem.text.endswith("than c.Autograder.memory_mb allows: set it higher in nbgrader_config.py.")
