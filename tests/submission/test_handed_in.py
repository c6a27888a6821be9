"""One rule for which file is the notebook, whoever asks: `collect`, `grade` or Gradescope."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import nbformat
import pytest
import small_course
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from small_course import NAME, cells_by_id

from autograder.course.assignment import Assignment
from autograder.course.source_notebooks import load_assignment
from autograder.submission.handed_in import handed_in

SOLVED = "def mean(a):\n    return np.mean(a)"


def zipped(files: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.fixture(scope="module")
def assignment(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    course = small_course.make_course(tmp_path_factory.mktemp("c") / "course", students=[])
    return load_assignment(course, NAME)


def written(book: NotebookNode) -> bytes:
    return nbformat.writes(book).encode()


def solved(mean: str = SOLVED) -> bytes:
    return written(small_course.submission(mean=mean))


@pytest.fixture(scope="module")
def unsolved(assignment: Assignment) -> bytes:
    """The notebook as it was released."""
    book = small_course.source_notebook()
    for cell in assignment.notebooks[0].release:
        if cell.grade_id:
            cells_by_id(book)[cell.grade_id].source = cell.source
    return written(book)


SHAPES = [
    ("small.ipynb", {"data.csv", "sub/more.csv"}),
    ("Small.IPYNB", {"data.csv", "sub/more.csv"}),
    ("small.ipynb.txt", {"data.csv", "sub/more.csv"}),
    ("small (1).ipynb", {"data.csv", "sub/more.csv"}),
    ("small-Copy1.ipynb", {"data.csv", "sub/more.csv"}),
    ("small-Copy1 (2).ipynb.json", {"data.csv", "sub/more.csv"}),
    ("my work.ipynb", {"data.csv", "sub/more.csv"}),
    ("hw/small.ipynb", {"data.csv", "sub/more.csv"}),
    ("hw/1/Small (2).ipynb", {"data.csv", "sub/more.csv"}),
]


@pytest.mark.parametrize("in_zip", [False, True])
@pytest.mark.parametrize(("name", "files"), SHAPES)
def test_the_notebook_is_found_wherever_it_is(assignment: Assignment, name: str, files: set[str], in_zip: bool) -> None:
    """A student whose notebook is not found gets zero for a file name."""
    folder = name.rpartition("/")[0]
    beside = {f"{folder}/{file}".lstrip("/"): b"1" for file in files}
    given = {name: solved(), **beside, "__MACOSX/._small.ipynb": b"x", ".ipynb_checkpoints/small.ipynb": b"x"}
    found = handed_in({"all.zip": zipped(given)} if in_zip else given, assignment, 8)
    assert cells_by_id(found.notebooks[NAME])["mean"].source == SOLVED
    assert set(found.files) == files
    assert {incident.kind.name for incident in found.incidents} == (
        set() if name.endswith("small.ipynb") else {"CHANGED"}
    )


@pytest.mark.parametrize("copy", ["small-Copy1.ipynb", "small (1).ipynb", "homework.ipynb", "old/small.ipynb"])
def test_the_copy_with_answers_is_graded(assignment: Assignment, unsolved: bytes, copy: str) -> None:
    """Who works in a copy and hands in both got zero for the one that is as it was released."""
    found = handed_in({"small.ipynb": unsolved, copy: solved()}, assignment, 8)
    assert cells_by_id(found.notebooks[NAME])["mean"].source == SOLVED
    (incident,) = found.incidents
    assert (incident.kind.name, incident.notebook) == ("FOUND", NAME)
    assert incident.text == f"small.ipynb has no answers; {copy} was graded"


def test_a_copy_beside_the_notebook_changes_nothing(assignment: Assignment) -> None:
    """An old copy would be graded in place of what was handed in."""
    found = handed_in({"small.ipynb": solved(), "small-Copy1.ipynb": solved("def mean(a): pass")}, assignment, 8)
    assert cells_by_id(found.notebooks[NAME])["mean"].source == SOLVED
    assert found.incidents == []


@pytest.mark.parametrize(
    "names", [("small (1).ipynb", "small (2).ipynb"), ("a/small.ipynb", "b/small.ipynb"), ("one.ipynb", "two.ipynb")]
)
def test_a_person_looks_where_several_could_be_meant(assignment: Assignment, names: tuple[str, str]) -> None:
    """The wrong one of two would be graded without a word."""
    found = handed_in({names[0]: solved("def mean(a): pass"), names[1]: solved()}, assignment, 8)
    assert [incident.kind.name for incident in found.incidents] == ["UNSURE"]
    assert NAME in found.notebooks


def test_nothing_is_found_where_nothing_is(assignment: Assignment) -> None:
    """The student must read what is missing."""
    assert handed_in({"small.pdf": b"x"}, assignment, 8).incidents[0].text == "small.ipynb: no notebook was handed in"
    found = handed_in({"small.ipynb": b"{}"}, assignment, 8)
    assert found.notebooks == {}
    assert found.incidents[0].kind.name == "REFUSED"


def test_a_copy_that_can_be_read_is_taken_for_one_that_cannot(assignment: Assignment) -> None:
    """A file that was saved by half stood in the way of the whole one."""
    found = handed_in({"small.ipynb": b'{"cells": [', "small (1).ipynb": solved()}, assignment, 8)
    assert cells_by_id(found.notebooks[NAME])["mean"].source == SOLVED
    assert [incident.kind.name for incident in found.incidents] == ["CHANGED"]


def test_no_notebook_is_taken_for_two(tmp_path_factory: pytest.TempPathFactory) -> None:
    """In an assignment of several notebooks, one that is missing must not be graded with another's answers."""
    course = small_course.make_course(tmp_path_factory.mktemp("two") / "course", students=[])
    small_course.write(course.source(NAME) / "small-2.ipynb", small_course.source_notebook())
    both = load_assignment(course, NAME)
    found = handed_in({"small-2.ipynb": solved(), "other.ipynb": solved()}, both, 8)
    assert set(found.notebooks) == {"small-2"}
    assert [(one.kind.name, one.notebook) for one in found.incidents] == [("REFUSED", NAME)]


def test_a_notebook_without_points_need_not_be_handed_in(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A helper that students only run would be missed in every submission, and keep other names from being known."""
    course = small_course.make_course(tmp_path_factory.mktemp("two") / "course", students=[])
    small_course.write(course.source(NAME) / "base.ipynb", small_course.notebook([new_code_cell("base = 1")]))
    both = load_assignment(course, NAME)
    for name, kinds in (("small.ipynb", []), ("my work.ipynb", ["CHANGED"])):
        found = handed_in({name: solved()}, both, 8)
        assert set(found.notebooks) == {NAME}
        assert [incident.kind.name for incident in found.incidents] == kinds
    base, small = both.notebooks
    assert b"base = 1" in both.key_files(small)["base.ipynb"]
    assert b"base = 1" in both.released_notebooks(small)["base.ipynb"]
    assert b"np.sum" in both.key_files(base)["small.ipynb"]
    assert b"np.sum" not in both.released_notebooks(base)["small.ipynb"]
    assert b"def test_" not in both.key_files(base)["small.ipynb"]
    assert b"test_like_the_answer_key" not in both.released_notebooks(base)["small.ipynb"]


@pytest.mark.parametrize("language", ["R", "julia"])
def test_a_notebook_in_another_language_is_refused(assignment: Assignment, language: str) -> None:
    """It ran as Python, and each of its cells was an error and each of its checks a zero."""
    for about in ({"kernelspec": {"name": "x", "language": language}}, {"language_info": {"name": language}}):
        book = small_course.submission()
        book.metadata = nbformat.from_dict(about)
        (incident,) = handed_in({"small.ipynb": written(book)}, assignment, 8).incidents
        assert incident.kind.name == "REFUSED"
        assert f"the notebook is in {language}, and the assignment is in Python" in incident.text
