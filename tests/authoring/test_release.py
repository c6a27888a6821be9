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
from autograder.course.course import Course
from autograder.course.made_from_text import text_path
from autograder.course.source_notebooks import load_assignment
from autograder.errors import AutograderError

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
    (folder / "data/x.csv").write_text("1\n")
    (course.root / "far").mkdir()
    (folder / "far").symlink_to(course.root / "far")
    code, _, shown = run("release", tiny_course.NAME, "--no-validate", here=course.root)
    assert code == 0
    assert shown.startswith("Left out, since nbgrader releases no notebook in a subfolder and no linked folder: ")
    assert "linked folder: data/more.ipynb, far. What students need of it" in shown
    assert released(course).keys() == {"tiny/tiny.ipynb", "tiny/data/x.csv"}


def test_nothing_that_programs_keep_of_answers_is_released(course: Course) -> None:
    """Editors and Git keep copies, Jupyter keeps what widgets have shown, and nbgrader an answer's pictures."""
    folder = course.source(tiny_course.NAME)
    for name in (".git/objects/x", ".tiny.ipynb.swp", "data/.x.csv", "data/x.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("cnry" if name.startswith((".", "data/.")) else "1")
    path = folder / "tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["widgets"] = {"state": "cnry"}
    asked = nbformat.v4.new_markdown_cell("Look: ![](attachment:a%20b.png)")
    asked.attachments = {"a b.png": {"image/png": "asked"}, "old.png": {"image/png": "cnry"}}
    notebook.cells.insert(0, asked)
    answer = small_course.cell("why", "### BEGIN SOLUTION\n![](attachment:key.png)\n### END SOLUTION", "markdown")
    answer.metadata.nbgrader |= {"grade": True, "solution": True, "points": 1}
    answer.attachments = {"key.png": {"image/png": "cnry"}}
    notebook.cells.append(answer)
    nbformat.write(notebook, path)
    release(course, tiny_course.NAME)
    made = released(course)
    assert made.keys() == {"tiny/tiny.ipynb", "tiny/data/x.csv"}
    assert b"cnry" not in b"".join(made.values())
    (kept,) = [cell.attachments for cell in nbformat.reads(made["tiny/tiny.ipynb"], 4).cells if "attachments" in cell]
    assert kept == {"a b.png": {"image/png": "asked"}}


@pytest.mark.parametrize("name", ["tiny.ipynb~", "data/tiny.bak", "tiny.md"])
def test_a_copy_of_the_notebook_under_another_name_is_refused(course: Course, name: str) -> None:
    """Students would get the answers as a data file, and their code would find them beside their notebook."""
    folder = course.source(tiny_course.NAME)
    (folder / name).parent.mkdir(exist_ok=True)
    copy = text_path(course.root, tiny_course.NAME) if name.endswith(".md") else folder / "tiny.ipynb"
    shutil.copy(copy, folder / name)
    for command in (release, load_assignment):
        with pytest.raises(
            AutograderError, match=rf"{name} has BEGIN SOLUTION in it, .* students get every file there"
        ):
            command(course, tiny_course.NAME)
    (folder / name).write_text('{"nbgrader": {"grade_id": "x"}}')
    with pytest.raises(AutograderError, match=rf'{name} has "grade_id" in it'):
        load_assignment(course, tiny_course.NAME)


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
