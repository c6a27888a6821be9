"""Private files: tests read them, and nobody gets them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import small_course
from small_course import CHECK, NAME, source_notebook

from autograder.authoring.release import release
from autograder.checking.cell import CheckCell, CheckCellError
from autograder.course.course import Course
from autograder.course.source_files import data_files, refuse_private
from autograder.course.source_notebooks import load_assignment
from autograder.errors import AutograderError
from autograder.grading.class_run import grade_class

IGNORE = 'c.CourseDirectory.ignore.append("private")\n'
LABELS = b"2.5\n-7.5\n"
PRIVATE_CHECK = f'''{CHECK}

### BEGIN HIDDEN TESTS
def test_private(student, rng, private):
    """Right on numbers that nobody has seen."""
    a = np.loadtxt(private("numbers/labels.csv")) + 0 * rng.normal(size=2)
    assert_close(student.mean(a), -2.5)
### END HIDDEN TESTS'''


def make_course(root: Path, config: str = IGNORE) -> Course:
    """A course with a data file and a private one."""
    course = small_course.make_course(root, small_course.LIMITS + config, students=["ada", "bob"])
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", source_notebook(PRIVATE_CHECK))
    (course.source(NAME) / "private" / "numbers").mkdir(parents=True)
    (course.source(NAME) / "private" / "numbers" / "labels.csv").write_bytes(LABELS)
    (course.source(NAME) / "given.csv").write_text("1\n")
    return course


def test_private_files_lie_beside_no_notebook(tmp_path: Path) -> None:
    """Student code, or the answer key that it borrows from, would read them."""
    assignment = load_assignment(make_course(tmp_path / "c"), NAME)
    assert assignment.files == {"given.csv": b"1\n"}
    assert assignment.private == {"numbers/labels.csv": LABELS}
    assert assignment.key_files(assignment.notebooks[0]) == assignment.files


def test_other_private_files_are_another_assignment(tmp_path: Path) -> None:
    """Grades would stay as the old data made them."""
    course = make_course(tmp_path / "c")
    before = load_assignment(course, NAME).digest
    (course.source(NAME) / "private" / "numbers" / "labels.csv").write_text("1\n2\n")
    assert load_assignment(course, NAME).digest != before


def test_what_nbgrader_would_release_is_refused(tmp_path: Path) -> None:
    """nbgrader's own commands copy all that lies in source/ but for what they are told to ignore."""
    course = make_course(tmp_path / "c", config="")
    assert dict(data_files(course.source(NAME), course)) == {"given.csv": b"1\n"}
    line = re.escape("add the line c.CourseDirectory.ignore.append('private') to ")
    with pytest.raises(AutograderError, match=rf"^nbgrader would release .*/source/small/private: {line}"):
        load_assignment(course, NAME)


@pytest.mark.parametrize(
    ("name", "why"),
    [("copy.csv", "it is private/numbers/labels.csv"), ("private/more.csv", "its folder is private")],
)
def test_what_would_get_out_is_refused(tmp_path: Path, name: str, why: str) -> None:
    """A copy that an author has left beside the notebook would be handed out."""
    (tmp_path / "given.csv").write_text("1\n")
    refuse_private(tmp_path, {"numbers/labels.csv": LABELS, "empty": b""})
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(LABELS if name == "copy.csv" else b"other")
    with pytest.raises(AutograderError, match=rf"^{Path(name).parts[0]}.* would be released, and {why}"):
        refuse_private(tmp_path, {"numbers/labels.csv": LABELS})


def test_a_visible_check_takes_no_private_files() -> None:
    """Its record would hold what the answer key gives for them."""
    cell = CheckCell("%%check\ndef test_a(student, private):\n    pass\n")
    with pytest.raises(CheckCellError, match="line 2: test_a takes private files, so it must be hidden"):
        cell.tests()


@pytest.mark.slow
def test_a_class_is_graded_on_private_files_and_shown_none_of_them(tmp_path: Path) -> None:
    """They would be in the release, in a graded submission, or in a counterexample."""
    course = make_course(tmp_path / "c", f"{IGNORE}c.Autograder.show_counterexamples = True\n")
    release(course, NAME)
    grade_class(course, NAME, jobs=1)
    query = "SELECT student, outcome, counterexample FROM autograder_check WHERE name = 'test_private'"
    found = small_course.rows(course.root, query)
    assert sorted(found) == [("ada", "passed", ""), ("bob", "wrong", "")]
    others = small_course.rows(course.root, "SELECT counterexample FROM autograder_check WHERE student = 'bob'")
    assert any(shown for (shown,) in others), "no counterexample is shown at all"
    made = [path for step in ("release", "autograded") for path in (course.root / step).rglob("*") if path.is_file()]
    assert {path.name for path in made} == {f"{NAME}.ipynb", "given.csv"}
    (course.source(NAME) / "copy.csv").write_bytes(LABELS)
    with pytest.raises(AutograderError, match=r"^copy\.csv would be released"):
        release(course, NAME)
