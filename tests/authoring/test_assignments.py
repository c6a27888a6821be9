"""The real assignments: notebook and release are what the text says, and each of them may be released."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from autograder.authoring import release as release_module
from autograder.authoring.notebooks import make_notebook, notebook_from_text, notebook_path
from autograder.authoring.records import stale_records
from autograder.authoring.release import release
from autograder.authoring.structure import structure_problems
from autograder.authoring.validate import validate
from autograder.checking.cell import without_record
from autograder.course.course import Course
from autograder.course.made_from_text import text_path
from autograder.course.source_notebooks import load_assignment
from autograder.grading.preconditions import checked_limits

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.parent.name for path in ROOT.glob("assignments/*/*.md") if path.stem == path.parent.name)


def contents(notebook: nbformat.NotebookNode) -> list[object]:
    return [(cell.id, cell.cell_type, cell.source, cell.metadata.get("nbgrader")) for cell in notebook.cells]


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("name", NAMES)
def test_the_source_notebook_is_what_the_text_says(name: str, tmp_path: Path) -> None:
    """What was reviewed would not be what is graded: run `make notebooks`. Nor would a clone's first edit be carried
    anywhere: a notebook that is not as it was made is taken for an edited one."""
    made = read(notebook_path(ROOT, name))
    assert contents(made) == contents(notebook_from_text(text_path(ROOT, name)))
    for path in (text_path(ROOT, name), notebook_path(ROOT, name)):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True)
        shutil.copy(path, copy)
    assert not make_notebook(tmp_path, name)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in made.cells)


@pytest.mark.parametrize("name", NAMES)
def test_the_assignment_is_well_formed(name: str) -> None:
    """A marker, name or weight that is wrong would go out to students."""
    path = notebook_path(ROOT, name)
    assert list(structure_problems({path: read(path)})) == []


def solution_lines(source: str) -> int:
    """Lines of the answer key in a cell, without blank ones and comments."""
    inside, count = False, 0
    for line in map(str.strip, source.splitlines()):
        if line in ("### BEGIN SOLUTION", "### END SOLUTION"):
            inside = line == "### BEGIN SOLUTION"
        count += inside and bool(line) and not line.startswith("#")
    return count


@pytest.mark.parametrize("name", NAMES)
def test_hours_and_lines_are_said(name: str) -> None:
    """Students plan by them: every assignment says its hours, and every exercise how many lines its answer takes."""
    text = text_path(ROOT, name).read_text(encoding="utf-8")
    assert re.search(r"(?m)^Plan [\d½ to]+ hours", text)
    lines = {
        cell.metadata.get("nbgrader", {}).get("grade_id"): solution_lines(cell.source)
        for cell in read(notebook_path(ROOT, name)).cells
    }
    headings = re.findall(r"(?m)^### Exercise \d+: (.*) \(\d+ points?, (\d+) lines?\)$", text)
    assert len(headings) == len(re.findall(r"(?m)^### Exercise", text))
    for answers, said in headings:
        assert int(said) == sum(lines[answer] for answer in re.findall(r"`(\w+)`", answers)), answers


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A copy of the course without its release and gradebook."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    for folder in ("source", "assignments"):
        shutil.copytree(ROOT / folder, root / folder)
    return Course(root)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_release_is_what_nbgrader_makes_of_the_source(
    course: Course, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Students would get an old notebook: run `make release`. That the answer key passes with the records is
    asked here; one assignment's are made anew below, which takes long."""
    monkeypatch.setattr(release_module, "add_records", lambda *arguments: None)
    release(course, name)
    made, there = course.path("release", ".", name), ROOT / "release" / name
    assert files_in(made) == files_in(there)
    for file in files_in(made):
        if file.suffix == ".ipynb":
            assert unrecorded(read(made / file)) == unrecorded(read(there / file))
        else:
            assert (made / file).read_bytes() == (there / file).read_bytes()
    assignment = load_assignment(course, name)
    released = read(there / f"{name}.ipynb")
    assert list(stale_records(released, assignment.notebooks[0], assignment, checked_limits(course))) == []
    shutil.rmtree(made)  # the next test would miss its records


@pytest.mark.slow
def test_the_records_are_what_the_answer_key_gives(course: Course) -> None:
    """Students would be compared with other answers than the answer key's."""
    release(course, "softmax")
    path = Path("release", "softmax", "softmax.ipynb")
    assert contents(read(course.root / path)) == contents(read(ROOT / path))


def files_in(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def unrecorded(notebook: nbformat.NotebookNode) -> list[object]:
    """The cells without their records, and without the checksums that these are part of."""
    for cell in notebook.cells:
        cell.source = without_record(cell.source)
        cell.metadata.get("nbgrader", {}).pop("checksum", None)
    return contents(notebook)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_the_assignment_may_be_released(course: Course, name: str) -> None:
    """Right code would lose points, a mistake go unseen, or something secret go out."""
    assert [str(problem) for problem in validate(course, name, seeds=1)] == []
