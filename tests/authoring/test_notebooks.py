"""Text to notebook and back: one way, the same each time, compared by contents."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from tiny_course import DEMO, NAME, TEXT, make_course

from autograder.authoring.notebooks import (
    make_notebook,
    notebook_from_text,
    notebook_path,
    text_from_notebook,
    text_path,
)
from autograder.errors import AutograderError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_course(tmp_path).root


def contents(notebook: nbformat.NotebookNode) -> list[tuple[str, str, object]]:
    return [(cell.cell_type, cell.source, cell.metadata.get("nbgrader")) for cell in notebook.cells]


def read(root: Path) -> nbformat.NotebookNode:
    return nbformat.read(notebook_path(root, NAME), as_version=4)


def test_the_notebook_holds_what_the_text_says(root: Path) -> None:
    """Students would get something else than what was reviewed."""
    notebook = read(root)
    nbformat.validate(notebook)
    ids = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert ids == ["setup", "square", "square_checks", "norm", "norm_checks"]
    assert notebook.cells[3].source.startswith("%%check\ndef test_square_two(student):\n")
    assert notebook.cells[3].metadata.nbgrader.points == 4
    assert notebook.metadata.kernelspec.name == "python3"
    assert "jupytext" not in notebook.metadata
    assert all(not cell.get("outputs") for cell in notebook.cells)


def test_made_twice_the_notebook_is_the_same_file(root: Path) -> None:
    """Every `make notebooks` would be a change in git."""
    before = notebook_path(root, NAME).read_bytes()
    assert not make_notebook(root, NAME)
    notebook_path(root, NAME).unlink()
    assert make_notebook(root, NAME)
    assert notebook_path(root, NAME).read_bytes() == before


def test_cell_ids_stay_when_other_cells_change(root: Path) -> None:
    """A small edit would be a change of every cell in git."""
    before = {cell.id for cell in read(root).cells}
    text = text_path(root, NAME)
    text.write_text(TEXT.replace("Two answers.", "Two short answers.").replace("x * x", "x**2"), encoding="utf-8")
    assert make_notebook(root, NAME)
    after = {cell.id for cell in read(root).cells}
    assert len(before & after) == len(before) - 1
    assert {"setup", "square", "square_checks", "norm", "norm_checks"} <= after


def test_cell_ids_are_unique_and_valid(tmp_path: Path) -> None:
    """nbformat would refuse the notebook, or Jupyter change its ids at every save."""
    notebook = read(make_course(tmp_path, TEXT + DEMO + DEMO).root)
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    nbformat.validate(notebook)


def test_only_contents_count_and_not_times(root: Path) -> None:
    """On a fresh clone, where every file is as old as another, an edit would be lost."""
    os.utime(notebook_path(root, NAME), (2**32, 2**32))
    os.utime(text_path(root, NAME), (0, 0))
    assert not make_notebook(root, NAME)
    assert not text_from_notebook(root, NAME)
    text_path(root, NAME).write_text(TEXT.replace("Two answers.", "Two."), encoding="utf-8")
    os.utime(text_path(root, NAME), (0, 0))
    assert make_notebook(root, NAME)
    assert "Two." in read(root).cells[0].source


def test_a_notebook_edited_elsewhere_is_carried_back(root: Path) -> None:
    """An edit in JupyterLab would be lost, or bring outputs into the text."""
    notebook = read(root)
    notebook.cells[1].source += "\nimport math"
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="secret output")]
    notebook.cells[1].execution_count = 7
    notebook.cells.append(nbformat.v4.new_markdown_cell("The end with $x^2$ and `code`."))
    nbformat.write(notebook, notebook_path(root, NAME))
    assert text_from_notebook(root, NAME)
    text = text_path(root, NAME).read_text(encoding="utf-8")
    assert "import math" in text
    assert "secret output" not in text
    assert contents(notebook_from_text(text_path(root, NAME))) == contents(notebook)
    assert not text_from_notebook(root, NAME)
    make_notebook(root, NAME)
    assert contents(read(root)) == contents(notebook)


def test_without_a_text_it_says_where_it_should_be(tmp_path: Path) -> None:
    """A typing slip would end in a traceback."""
    with pytest.raises(AutograderError, match=r"There is no .*assignments/other/other\.md"):
        make_notebook(tmp_path, "other")


def test_a_text_that_cannot_be_read_is_named(root: Path) -> None:
    """An author would not learn which file is broken."""
    text_path(root, NAME).write_text("```{code-cell} ipython3\n:nbgrader: {\nx\n```\n", encoding="utf-8")
    with pytest.raises(AutograderError, match=r"tiny\.md cannot be read"):
        make_notebook(root, NAME)
