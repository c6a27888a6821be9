"""What is made of submitted notebooks before anything of them runs: nothing of the course's lost, nothing gained."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import small_course
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from autograder.course.assignment import Template, TemplateCell
from autograder.submission.sanitize import MAX_CELLS, NotANotebook, grade_id_of, plain, read_notebook, restore

KINDS = ("code", "markdown")
KERNEL = {"name": "python3", "display_name": "Python 3"}


@st.composite
def templates(draw: Callable[..., Any]) -> Template:
    """A notebook of the course's with up to six cells, locked or the student's to answer."""
    count = draw(st.integers(1, 6))
    cells = []
    for number in range(count):
        name, locked, kind = f"cell{number}", draw(st.booleans()), draw(st.sampled_from(KINDS))
        flags = {"grade_id": name, "grade": locked, "solution": not locked, "locked": locked, "points": 1}
        cells.append(TemplateCell(name, kind, f"the course's text of {name}", locked, flags))
    return Template("scrambled", tuple(cells), (), KERNEL)


@st.composite
def scrambled(draw: Callable[..., Any]) -> tuple[Template, NotebookNode]:
    """A template and a notebook in which its cells are renamed, doubled, lost, reordered, of another type, and flagged
    as anything, among cells of the student's own."""
    template = draw(templates())
    names = st.sampled_from([*(cell.grade_id for cell in template.cells), "unknown", None, 7, ["cell0"]])
    cells = []
    for number in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from((*KINDS, "raw")))
        cell = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}.get(
            kind, nbformat.v4.new_raw_cell
        )(f"the student's text {number}")
        flags = {"grade_id": draw(names), "locked": draw(st.booleans()), "solution": draw(st.booleans()), "points": 99}
        cell.metadata = NotebookNode({"nbgrader": NotebookNode(flags), "tags": ["skip-execution"]})
        cells.append(cell)
    return template, nbformat.v4.new_notebook(cells=cells)


def named(book: NotebookNode) -> list[tuple[str, NotebookNode]]:
    return [(cell.metadata.nbgrader.grade_id, cell) for cell in book.cells if "nbgrader" in cell.metadata]


@given(scrambled())
@settings(deadline=None, max_examples=200)
def test_every_cell_of_the_course_is_there_once_in_order(case: tuple[Template, NotebookNode]) -> None:
    """Otherwise a student could drop, double or reorder the cells that carry points."""
    template, book = case
    done = restore(plain(book), template)
    assert [name for name, _ in named(done)] == [cell.grade_id for cell in template.cells]
    for wanted, (_, cell) in zip(template.cells, named(done), strict=True):
        assert cell.cell_type == wanted.cell_type
        assert cell.metadata.nbgrader == wanted.nbgrader


@given(scrambled())
@settings(deadline=None, max_examples=200)
def test_locked_text_is_the_course_s_and_answers_are_the_student_s(case: tuple[Template, NotebookNode]) -> None:
    """Otherwise a rewritten check would count, or an answer be graded that nobody gave."""
    template, book = case
    handed_in: dict[str, str] = {}
    for cell in book.cells:
        if isinstance(cell.metadata.nbgrader.grade_id, str):
            handed_in[cell.metadata.nbgrader.grade_id] = cell.source
    for wanted, (name, cell) in zip(template.cells, named(restore(plain(book), template)), strict=True):
        assert cell.source == (wanted.source if wanted.locked else handed_in.get(name, wanted.source))


@given(scrambled())
@settings(deadline=None, max_examples=200)
def test_the_student_s_own_cells_stay_behind_what_they_followed(case: tuple[Template, NotebookNode]) -> None:
    """Otherwise a helper that a student defined before its use is lost, or runs too late."""
    template, book = case
    known = {cell.grade_id: cell for cell in template.cells}
    last = {grade_id_of(cell): index for index, cell in enumerate(book.cells)}
    anchor: str | None = None
    expected = []
    for index, cell in enumerate(book.cells):
        name = grade_id_of(cell)
        if name in known and last[name] == index:
            anchor = name
        elif name not in known or not known[name].locked:
            expected.append((cell.source, anchor))
    found, anchor = [], None
    for cell in restore(plain(book), template).cells:
        if "nbgrader" in cell.metadata:
            anchor = cell.metadata.nbgrader.grade_id
        else:
            found.append((cell.source, anchor))
    assert Counter(found) == Counter(expected)


@given(scrambled())
@settings(deadline=None, max_examples=100)
def test_restored_twice_is_restored_once(case: tuple[Template, NotebookNode]) -> None:
    """Otherwise a notebook that was graded and comes back would be graded differently."""
    template, book = case
    once = restore(plain(book), template)
    assert nbformat.writes(restore(plain(once), template)) == nbformat.writes(once)
    nbformat.validate(once)


def test_nothing_is_changed_in_an_honest_notebook() -> None:
    """An honest student's notebook must run as it ran for them."""
    book = small_course.submission()
    cells = tuple(
        TemplateCell(
            c.metadata.nbgrader.grade_id, c.cell_type, c.source, c.metadata.nbgrader.locked, c.metadata.nbgrader
        )
        for c in book.cells
        if "nbgrader" in c.metadata
    )
    assert [c.source for c in restore(plain(book), Template("small", cells, (), KERNEL)).cells] == [
        c.source for c in book.cells
    ]


@pytest.mark.parametrize("kind", ["code", "markdown", "raw"])
@pytest.mark.parametrize(("name", "wanted"), [("mean", "code"), ("why", "markdown")])
def test_an_answer_in_a_cell_of_another_kind_is_the_answer(name: str, wanted: str, kind: str) -> None:
    """A key makes a text cell of a code cell; nothing in the notebook could be graded."""
    book = small_course.submission()
    about = {cell_id: cell.metadata.nbgrader for cell_id, cell in small_course.cells_by_id(book).items()}
    cells = tuple(
        TemplateCell(n, small_course.cells_by_id(book)[n].cell_type, "", flags.locked, flags)
        for n, flags in about.items()
    )
    answer = small_course.cells_by_id(book)[name]
    answer.cell_type, answer["attachments"] = kind, {"a.png": {"image/png": "eA=="}}
    restored = dict(named(restore(read_notebook(json.dumps(book).encode()), Template("small", cells, (), KERNEL))))
    assert (restored[name].cell_type, restored[name].source) == (wanted, answer.source)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
cell_like = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "heading"]) | json_values,
        "source": st.text() | st.lists(st.text()) | json_values,
        "metadata": st.fixed_dictionaries({}, optional={"nbgrader": json_values}) | json_values,
        "outputs": json_values,
        "attachments": json_values,
        "id": json_values,
    },
)
notebook_like = st.fixed_dictionaries(
    {},
    optional={
        "nbformat": st.sampled_from([1, 2, 3, 4, 5, -1, 10**30, True]) | json_values,
        "nbformat_minor": st.integers(-1, 9) | json_values,
        "metadata": json_values,
        "cells": st.lists(cell_like | json_values, max_size=4) | json_values,
        "worksheets": json_values,
    },
)


@given(st.one_of(st.binary(max_size=300), notebook_like.map(lambda value: json.dumps(value).encode())))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_a_notebook_or_refused_with_a_text(data: bytes) -> None:
    """Otherwise one broken file stops the grading of a class."""
    try:
        book = read_notebook(data)
    except NotANotebook as error:
        text = str(error)
    else:
        text = ""
        nbformat.validate(book)
        json.dumps(book)
    assert text == "" or text.startswith("the file is ")


REFUSED = {
    "empty": (b" \n", "the file is empty"),
    "text": (b"hello", "the file is not a Jupyter notebook (not JSON): was it saved completely?"),
    "cut off": (
        b'{"nbformat": 4, "cells": [',
        "the file is not a Jupyter notebook (not JSON): was it saved completely?",
    ),
    "deep": (b"[" * 100_000, "the file is not a Jupyter notebook (not JSON): was it saved completely?"),
    "no format": (b"{}", "the file is not a Jupyter notebook (no nbformat)"),
    "a list": (b"[1]", "the file is not a Jupyter notebook (no nbformat)"),
    "another version": (b'{"nbformat": 99}', "the file is not a Jupyter notebook that can be read"),
    "binary": (bytes(range(256)), "the file is not a Jupyter notebook (not JSON): was it saved completely?"),
}


@pytest.mark.parametrize(("data", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_notebook_is_refused_in_a_sentence(data: bytes, text: str) -> None:
    """A student must be told what is wrong with the file."""
    with pytest.raises(NotANotebook) as refused:
        read_notebook(data)
    assert str(refused.value) == text


def test_a_byte_order_mark_does_not_spoil_a_notebook() -> None:
    """Some editors on Windows write one, and the student cannot see it."""
    assert read_notebook(b"\xef\xbb\xbf" + nbformat.writes(small_course.submission()).encode()).cells


def test_ten_thousand_cells_are_cut() -> None:
    """Otherwise a notebook of nothing but cells takes the grader's time."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1") for _ in range(MAX_CELLS + 10)])
    assert len(read_notebook(nbformat.writes(book).encode()).cells) == MAX_CELLS


@pytest.mark.parametrize("version", [2, 3])
def test_notebooks_of_old_versions_are_read(version: int) -> None:
    """Old editors still write them, and the answers in them count."""
    old = nbformat.convert(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")]), version)
    assert [cell.source for cell in read_notebook(json.dumps(old).encode()).cells] == ["x = 1"]


def test_grading_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """Random cell ids would make every regrade look like a change."""
    template = Template("t", (TemplateCell("a", "code", "1", True, {"grade_id": "a"}),), (), KERNEL)
    book = plain(small_course.submission())
    random.seed(1)
    first = nbformat.writes(restore(book, template))
    random.seed(2)
    assert nbformat.writes(restore(plain(small_course.submission()), template)) == first
