"""What students get is made whole, or stays as it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
import small_course
import tiny_course
from nbgrader.converters import GenerateAssignment

from autograder.authoring.release import release
from autograder.errors import AutograderError
from autograder.grading.course import Course

pytestmark = pytest.mark.slow


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with a release."""
    course = tiny_course.make_course(tmp_path)
    release(course, tiny_course.NAME)
    return course


def released(course: Course) -> dict[str, bytes]:
    """All that lies in release/."""
    folder = course.path("release", ".", tiny_course.NAME).parent
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_a_release_leaves_out_is_named(course: Course, run: small_course.Run) -> None:
    """nbgrader takes no notebook in a subfolder, and students would miss it without a word."""
    folder = course.source(tiny_course.NAME)
    for name in ("data/more.ipynb", ".ipynb_checkpoints/tiny.ipynb", "data/x.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "tiny.ipynb", folder / name)
    (course.root / "far").mkdir()
    (folder / "far").symlink_to(course.root / "far")
    code, _, shown = run("release", tiny_course.NAME, "--no-validate", here=course.root)
    assert code == 0
    assert shown.startswith("Left out, since nbgrader releases no notebook in a subfolder and no linked folder: ")
    assert "linked folder: data/more.ipynb, far. What students need of it" in shown
    assert released(course).keys() == {"tiny/tiny.ipynb", "tiny/data/x.csv"}


def fail(*about: object, **more: object) -> None:
    raise OSError(28, "No space left on device")


def test_what_nbgrader_refuses_leaves_the_release_before(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader begins with removing it: students would find nothing until somebody has mended the cause."""
    before = released(course)
    assert before.keys() == {"tiny/tiny.ipynb"}
    monkeypatch.setattr(GenerateAssignment, "convert_single_notebook", fail)
    with pytest.raises(AutograderError, match=r"^nbgrader could not release tiny: .*[^.][.]$"):
        release(course, tiny_course.NAME)
    assert released(course) == before


def test_what_cannot_be_written_leaves_the_release_before(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk would leave half a release."""
    before = released(course)
    monkeypatch.setattr(shutil, "copytree", fail)
    with pytest.raises(AutograderError) as refused:
        release(course, tiny_course.NAME)
    target = course.path("release", ".", tiny_course.NAME)
    assert str(refused.value) == f"{target} cannot be written: No space left on device."
    assert released(course) == before


@pytest.mark.parametrize(
    ("cell", "source", "why"),
    [
        ("square", "### BEGIN SOLUTION\nx = 1", "SOLUTION is never closed: add ### END SOLUTION"),
        ("square_checks", "%%check\n### END HIDDEN TESTS", "### END HIDDEN TESTS without its ### BEGIN HIDDEN TESTS"),
    ],
)
def test_a_misplaced_marker_is_refused_with_its_cell(course: Course, cell: str, source: str, why: str) -> None:
    """An author would search a long notebook, or hidden tests would be released."""
    before = released(course)
    path = course.source(tiny_course.NAME) / "tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    (changed,) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == cell]
    changed.source = source
    nbformat.write(notebook, path)
    with pytest.raises(AutograderError, match=rf"tiny.ipynb, cell \d \({cell}\): {why}\.$"):
        release(course, tiny_course.NAME)
    assert released(course) == before
