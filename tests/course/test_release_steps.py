"""What grading makes of an instructor's notebook is what nbgrader makes of it, autotests and all."""

from __future__ import annotations

from pathlib import Path

import nbformat
import nbgrader
import pytest
import small_course
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from small_course import NAME, Run, cell

from autograder.course.course import Course
from autograder.course.release_steps import names_in, prepared, released, resources_of
from autograder.course.source_notebooks import load_assignment, source_notebook
from autograder.errors import AutograderError
from autograder.grading.class_run import grade_class

pytestmark = pytest.mark.slow

AUTOTESTS = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide" / "autotests.yml"
SQUARE = "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION"
VISIBLE = "### AUTOTEST square(3); square(0.5)"
HIDDEN = "### BEGIN HIDDEN TESTS\n### HASHED AUTOTEST square(7)\n### END HIDDEN TESTS"


def source() -> NotebookNode:
    book = small_course.source_notebook()
    book.cells += [
        cell("square", SQUARE, solution=True),
        cell("autotest", VISIBLE, grade=True, locked=True, points=1),
        cell("hashed", HIDDEN, grade=True, locked=True, points=2),
    ]
    return book


def make(root: Path) -> Course:
    course = small_course.make_course(root, students=[])
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", source())
    (root / "autotests.yml").write_text(AUTOTESTS.read_text(encoding="utf-8"))
    return course


def texts(book: NotebookNode) -> list[tuple[str, object]]:
    return [(cell.source, dict(cell.metadata.get("nbgrader", {}))) for cell in book.cells]


def test_every_step_of_nbgrader_s_release_is_taken(tmp_path: Path, run: Run) -> None:
    """nbgrader would hand its steps something else from some version on, and everybody would get full marks."""
    course = make(tmp_path / "c")
    path = course.source(NAME) / f"{NAME}.ipynb"
    assert run("release", NAME, "--no-validate", here=course.root)[0] == 0
    made = nbformat.read(course.path("release", ".", NAME) / f"{NAME}.ipynb", as_version=4)
    ours = released(source_notebook(path), path, course)
    checks = {cell.metadata.nbgrader.grade_id for cell in ours.cells if cell.source.startswith("%%check")}
    # Check cells get a record of recorded answers beside what nbgrader makes of them.
    wanted = [text for text in texts(made) if text[1].get("grade_id") not in checks]  # type: ignore[attr-defined]
    assert [text for text in texts(ours) if text[1].get("grade_id") not in checks] == wanted, (  # type: ignore[attr-defined]
        "nbgrader's generate_assignment makes something else: see course/release_steps.py"
    )
    with Gradebook(course.db_url, course.course_id) as gradebook:
        saved = {cell.name: cell.source for cell in gradebook.find_notebook(NAME, NAME).source_cells}
    kept = {c.metadata.nbgrader.grade_id: c.source for c in prepared(source_notebook(path), path, course).cells[1:]}
    assert {name: kept[name] for name in saved} == saved


def test_nbgrader_hands_its_steps_the_names_that_we_read(tmp_path: Path) -> None:
    """`nbgrader autograde` and `generate_feedback` would not know whose notebook they have."""
    course = small_course.make_course(tmp_path / "c", students=[])
    course.directory.assignment_id, course.directory.student_id = NAME, "ada"
    command = Autograde(coursedir=course.directory, config=course.config)
    handed = command.init_single_notebook_resources(str(course.path("submitted", "ada", NAME) / f"{NAME}.ipynb"))
    told = f"nbgrader {nbgrader.__version__} hands its steps other names: see names_in in course/release_steps.py"
    assert {"assignment", "student", "notebook"} <= handed.get("nbgrader", {}).keys(), told
    assert names_in(handed) == (NAME, "ada", NAME), told
    ours = resources_of(tmp_path / NAME / f"{NAME}.ipynb", course)
    assert handed["nbgrader"].keys() >= ours["nbgrader"].keys(), told


def test_autotests_tell_right_from_wrong(tmp_path: Path) -> None:
    """An unsolved notebook had full marks: a line of comment raises nothing."""
    course = make(tmp_path / "c")
    for student, answer in (
        ("ada", "def square(x):\n    return x ** 2"),
        ("bob", "def square(x):\n    return 9 if x == 3 else x / 3"),
        ("cyd", "def square(x):\n    raise NotImplementedError()"),
    ):
        book = source()
        small_course.cells_by_id(book)["square"].source = answer
        small_course.submit(course.root, student, book)
    grade_class(course, NAME, jobs=1)
    scores = small_course.auto_scores(course.root)
    found = {student: (scores[student, "autotest"], scores[student, "hashed"]) for student in ("ada", "bob", "cyd")}
    assert found == {"ada": (1.0, 2.0), "bob": (0.0, 0.0), "cyd": (0.0, 0.0)}


def test_a_step_that_fails_is_told_before_anybody_is_graded(tmp_path: Path) -> None:
    """Without the course's autotests.yml there is nothing that these lines could become."""
    course = make(tmp_path / "c")
    (course.root / "autotests.yml").unlink()
    with pytest.raises(AutograderError, match=r"step InstantiateTests fails: .*autotests"):
        load_assignment(course, NAME)


@pytest.mark.parametrize(
    ("steps", "said"),
    [("[]", "has no SaveCells: put it back"), ("['no.such.Step']", "c.GenerateAssignment.preprocessors: ")],
)
def test_a_chain_that_cannot_be_taken_is_refused(tmp_path: Path, steps: str, said: str) -> None:
    """Half of a release would be graded, or a traceback shown."""
    course = small_course.make_course(tmp_path / "c", f"c.GenerateAssignment.preprocessors = {steps}\n", students=[])
    with pytest.raises(AutograderError) as told:
        load_assignment(course, NAME)
    assert said in str(told.value)


def test_a_source_in_another_language_is_refused(tmp_path: Path) -> None:
    """R would run as Python, and everybody get zero."""
    course = small_course.make_course(tmp_path / "c", students=[])
    book = small_course.source_notebook()
    book.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", book)
    with pytest.raises(AutograderError, match="is a notebook in R: only notebooks in Python can be graded"):
        load_assignment(course, NAME)
