"""Text to notebook and back: one way, the same each time, compared by contents."""

from __future__ import annotations

import difflib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import small_course
from small_course import Run
from tiny_course import DEMO, NAME, TEXT, make_course

from autograder.authoring.notebooks import (
    make_notebook,
    notebook_from_text,
    notebook_path,
    text_from_notebook,
)
from autograder.course.course import Course
from autograder.course.made_from_text import refuse_stale, text_path
from autograder.errors import AutograderError

ROOT = Path(__file__).parents[2]


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
    assert all(not cell.get("outputs") for cell in read(root).cells)
    assert not text_from_notebook(root, NAME)
    make_notebook(root, NAME)
    assert contents(read(root)) == contents(notebook)


def edit_notebook(root: Path) -> bytes:
    """An edit as JupyterLab saves it: with an output, and a number for the cell that ran."""
    notebook = read(root)
    notebook.cells[1].source += "\nimport math"
    notebook.cells[1].execution_count = 7
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="ran")]
    nbformat.write(notebook, notebook_path(root, NAME))
    return notebook_path(root, NAME).read_bytes()


def edit_text(root: Path) -> str:
    text = text_path(root, NAME)
    text.write_text(TEXT.replace("Two answers.", "Two."), encoding="utf-8")
    return text.read_text(encoding="utf-8")


def test_an_edited_notebook_is_not_made_anew(root: Path) -> None:
    """An afternoon's work in JupyterLab would be gone with `make release`."""
    edit = edit_notebook(root)
    with pytest.raises(AutograderError) as raised:
        make_notebook(root, NAME)
    target, text = notebook_path(root, NAME), text_path(root, NAME)
    assert str(raised.value) == (
        f"{target} was edited, so it is not made anew from {text}: carry the edit into the text with "
        "`autograder make --text tiny`, or remove the notebook and its edit with it."
    )
    assert target.read_bytes() == edit


def test_a_text_that_was_edited_too_is_not_written_over(root: Path) -> None:
    """Of two edits one would be lost."""
    edit, text = edit_notebook(root), edit_text(root)
    for way in (text_from_notebook, make_notebook):
        with pytest.raises(AutograderError, match=r"Both .* were edited: bring both edits into one of them"):
            way(root, NAME)
    assert notebook_path(root, NAME).read_bytes() == edit
    assert text_path(root, NAME).read_text(encoding="utf-8") == text


def test_a_notebook_as_it_was_made_is_not_carried_over_a_newer_text(root: Path) -> None:
    """`make text`, which looks at every assignment, would undo what was written into a text."""
    text = edit_text(root)
    assert not text_from_notebook(root, NAME)
    assert text_path(root, NAME).read_text(encoding="utf-8") == text


def test_a_notebook_that_only_ran_is_made_anew(root: Path) -> None:
    """Who tries a notebook out would have to remove it before each change of its text."""
    edit_text(root)
    notebook = read(root)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"new-{number}"
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="ran")]
    notebook.cells[1].metadata["execution"] = {"iopub.status.busy": "2026-01-01"}
    nbformat.write(notebook, notebook_path(root, NAME))
    assert make_notebook(root, NAME)
    assert "Two." in read(root).cells[0].source


def test_edits_in_turns_are_carried_each_time(root: Path) -> None:
    """After one edit of the notebook the next would look like one of the text."""
    for _ in range(2):
        edit_notebook(root)
        assert text_from_notebook(root, NAME)
    assert text_path(root, NAME).read_text(encoding="utf-8").count("import math") == 2
    assert not make_notebook(root, NAME)


@pytest.mark.parametrize("saved", [{}, {"language_info": {"name": "python", "version": "3.11"}}], ids=["made", "saved"])
def test_an_edit_of_one_line_changes_one_line_of_the_text(tmp_path: Path, saved: dict[str, Any]) -> None:
    """An author could not review what came from JupyterLab."""
    shutil.copytree(ROOT / "assignments" / "xor", tmp_path / "assignments" / "xor")
    make_notebook(tmp_path, "xor")
    notebook = nbformat.read(notebook_path(tmp_path, "xor"), as_version=4)
    next(cell for cell in notebook.cells if cell.cell_type == "code").source += "\nimport math"
    notebook.metadata.update(saved)
    nbformat.write(notebook, notebook_path(tmp_path, "xor"))
    before = text_path(tmp_path, "xor").read_text(encoding="utf-8").splitlines()
    assert text_from_notebook(tmp_path, "xor")
    after = text_path(tmp_path, "xor").read_text(encoding="utf-8").splitlines()
    assert list(difflib.unified_diff(before, after, n=0, lineterm=""))[3:] == ["+import math"]


@pytest.mark.parametrize("way", [make_notebook, text_from_notebook])
def test_a_notebook_that_cannot_be_read_is_named(root: Path, way: Callable[[Path, str], bool]) -> None:
    """After a merge that git could not finish, an author would stand before a traceback."""
    notebook_path(root, NAME).write_text("<<<<<<< HEAD\n", encoding="utf-8")
    with pytest.raises(AutograderError, match=r"tiny\.ipynb cannot be read as a notebook: .*\.$"):
        way(root, NAME)


def test_tags_that_are_no_list_are_refused_in_a_sentence(root: Path) -> None:
    """The schema of notebooks is no news for an author."""
    path = text_path(root, NAME)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\n:nbgrader: ", "\n:tags: topic:powers\n:nbgrader: ", 1), encoding="utf-8")
    with pytest.raises(
        AutograderError, match=r"tiny\.md cannot be read as MyST Markdown: 'topic:powers' is not of .*\.$"
    ):
        make_notebook(root, NAME)


@pytest.mark.parametrize("about", [None, [], {"grade": True}, {"grade_id": ["a"], "solution": True}])
def test_a_cell_without_a_name_is_named_by_its_number(root: Path, about: Any) -> None:
    """A notebook that somebody else has made would end every command in a traceback."""
    notebook = read(root)
    notebook.cells[1].metadata["nbgrader"] = about
    notebook_path(root, NAME).write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.raises(AutograderError, match=r"tiny\.ipynb: cell 2 has no text as `grade_id`"):
        text_from_notebook(root, NAME)


def test_digests_of_another_form_count_as_none(root: Path) -> None:
    """A notebook that somebody else has made would end every command in a traceback."""
    notebook = read(root)
    notebook.metadata["made_from_text"] = "x"
    nbformat.write(notebook, notebook_path(root, NAME))
    with pytest.raises(AutograderError, match="was not made from"):
        refuse_stale(Course(root), NAME)
    assert not text_from_notebook(root, NAME)
    assert make_notebook(root, NAME)


def test_one_assignment_that_is_refused_keeps_no_other_from_it(root: Path, run: Run) -> None:
    """One edited notebook would leave all later ones as they were, without a word."""
    edit_text(root)
    code, out, err = run("make", "other", NAME, here=root)
    assert (code, out) == (2, "tiny: written\n")
    assert err.startswith("autograder: There is no ")
    assert run("make", NAME, here=root) == (0, "tiny: up to date\n", "")


def test_make_ends_with_a_sentence(root: Path, run: Run) -> None:
    """`make notebooks` would end in a traceback."""
    edit_notebook(root)
    code, _, err = run("make", NAME, here=root)
    assert code == 2
    assert err.startswith(f"autograder: {notebook_path(root, NAME)} was edited")
    assert run("make", "--text", NAME, here=root) == (0, "tiny: written\n", "")
    assert "import math" in text_path(root, NAME).read_text(encoding="utf-8")


def test_a_notebook_older_than_its_text_is_neither_graded_nor_bundled(root: Path, run: Run) -> None:
    """An author edits the text, grades, and is told that all is well: the edit would have done nothing."""
    small_course.write(root / "submitted" / "ada" / NAME / f"{NAME}.ipynb", read(root))
    edit_text(root)
    for command in ("grade", "gradescope"):
        code, _, err = run(command, NAME, here=root)
        assert code == 2
        assert f"{notebook_path(root, NAME)} was not made from {text_path(root, NAME)} as it is now: run" in err
    code, out, _ = run("validate", NAME, here=root)
    assert code == 1
    assert "run `autograder make tiny`" in out
    assert not (root / "gradebook.db").exists()
    assert run("make", NAME, here=root)[0] == 0
    refuse_stale(Course(root), NAME)


def test_a_course_without_texts_is_graded(root: Path) -> None:
    """A course whose notebooks are written in JupyterLab has nothing to be made from."""
    text_path(root, NAME).unlink()
    refuse_stale(Course(root), NAME)


def test_without_a_text_it_says_where_it_should_be(tmp_path: Path) -> None:
    """A typing slip would end in a traceback."""
    with pytest.raises(AutograderError, match=r"There is no .*assignments/other/other\.md"):
        make_notebook(tmp_path, "other")


def test_a_text_that_cannot_be_read_is_named(root: Path) -> None:
    """An author would not learn which file is broken."""
    text_path(root, NAME).write_text("```{code-cell} ipython3\n:nbgrader: {\nx\n```\n", encoding="utf-8")
    with pytest.raises(AutograderError, match=r"tiny\.md cannot be read"):
        make_notebook(root, NAME)


V4 = nbformat.v4
PICTURE = {"a.png": {"image/png": "aGk="}}
LOST = {
    "an attached picture": V4.new_markdown_cell("![](attachment:a.png)", attachments=PICTURE),
    "shows a line that begins a cell": V4.new_markdown_cell("a\n\n+++\n\nb"),
    "or a fence {code-cell}": V4.new_markdown_cell("so:\n\n```{code-cell} ipython3\nx = 1\n```\nend"),
    "the invisible character U+2028": V4.new_code_cell("a = '\u2028'"),
    "the invisible character U+000C": V4.new_markdown_cell("a\x0cb"),
    "is empty": V4.new_markdown_cell(""),
    "begins or ends with blanks": V4.new_markdown_cell("\n\n  a"),
}


def test_a_cell_whose_last_tag_was_removed_is_carried_back(root: Path) -> None:
    """JupyterLab leaves an empty list, and the author would be told to write the cell in another way."""
    notebook = read(root)
    notebook.cells[0].metadata["tags"] = []
    notebook.cells[0].source += " New."
    nbformat.write(notebook, notebook_path(root, NAME))
    assert text_from_notebook(root, NAME)
    assert contents(read(root)) == contents(notebook)


@pytest.mark.parametrize("why", LOST)
def test_a_cell_that_the_text_cannot_hold_is_named_and_nothing_is_written(root: Path, why: str) -> None:
    """An afternoon's picture would be gone, or a cell be two from now on, without a word."""
    notebook, before = read(root), text_path(root, NAME).read_text(encoding="utf-8")
    notebook.cells[1:1] = [LOST[why]]
    nbformat.write(notebook, notebook_path(root, NAME))
    edit = notebook_path(root, NAME).read_bytes()
    with pytest.raises(AutograderError) as raised:
        text_from_notebook(root, NAME)
    assert str(raised.value).startswith(f"{notebook_path(root, NAME)}: cell 2 ")
    assert why in str(raised.value)
    assert str(raised.value).endswith(f"{text_path(root, NAME)} is left as it was.")
    assert text_path(root, NAME).read_text(encoding="utf-8") == before
    assert notebook_path(root, NAME).read_bytes() == edit


@pytest.mark.parametrize(
    "cell",
    [
        V4.new_code_cell("\n\nx = 1\n\n"),
        V4.new_code_cell("x = '''\n```\n+++\n'''  "),
        V4.new_code_cell("---\na: 1\n---\nx"),
        V4.new_code_cell(":tags: [a]\nx"),
        V4.new_code_cell("x = '''\n```{code-cell} python\n---\n[a\n---\n```\n'''"),
        V4.new_code_cell("x = '''\n```{code-cell} python\n---\na\n---\n```\n'''"),
        V4.new_code_cell(""),
        V4.new_markdown_cell("```python\nx\n```"),
        V4.new_markdown_cell("---\ntitle: x\n---\n\ntext"),
        V4.new_markdown_cell("\tcode\n\n% no comment"),
        V4.new_raw_cell("raw"),
        V4.new_markdown_cell("x", metadata={"nbgrader": {"grade_id": "a b", "points": 1.5}, "tags": ["x: y", "[1"]}),
    ],
)
def test_whatever_the_text_can_hold_comes_back(root: Path, cell: nbformat.NotebookNode) -> None:
    """Blank lines at the edges of code were lost one by one, with each way there and back."""
    notebook = read(root)
    notebook.cells += [cell, V4.new_markdown_cell("The end.")]
    nbformat.write(notebook, notebook_path(root, NAME))
    assert text_from_notebook(root, NAME)
    assert contents(read(root)) == contents(notebook)
    assert read(root).cells[-2].metadata == cell.metadata
