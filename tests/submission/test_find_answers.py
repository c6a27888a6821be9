"""Answers that have lost their cell are found and said, and nothing that has its cell is touched."""

from __future__ import annotations

import copy
from collections.abc import Callable

import nbformat
import pytest
import small_course
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from small_course import NAME, cells_by_id

from autograder.course.assignment import Template
from autograder.course.source_notebooks import load_assignment
from autograder.submission.find_answers import NOTHING, find_answers, longest_rise
from autograder.submission.sanitize import plain, restore

MEAN = "def mean(a):\n    return np.mean(a)"
PLOT = "### BEGIN SOLUTION\nprint('plot')\n### END SOLUTION"


def source() -> NotebookNode:
    """The small assignment with a plot to grade by hand, and a cell that nbgrader does not know."""
    book = small_course.source_notebook()
    book.cells.insert(4, new_markdown_cell("Now double it."))
    book.cells.append(small_course.cell("plot", PLOT, grade=True, solution=True, points=2))
    return book


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    course = small_course.make_course(tmp_path_factory.mktemp("c") / "course", students=[])
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", source())
    return load_assignment(course, NAME).notebooks[0]


@pytest.fixture
def unsolved(template: Template) -> NotebookNode:
    """The notebook as students get it."""
    flags = {cell.grade_id: cell.nbgrader for cell in template.cells}
    book = nbformat.v4.new_notebook()
    for cell in template.release:
        make = new_code_cell if cell.cell_type == "code" else new_markdown_cell
        book.cells.append(make(cell.source))
        if cell.grade_id:
            book.cells[-1].metadata["nbgrader"] = nbformat.from_dict(copy.deepcopy(flags[cell.grade_id]))
    return book


ANSWERS = {
    "mean": MEAN,
    "double": "def double(x):\n    return x + x",
    "why": "Because it is so.",
    "plot": "print('my plot')",
}


def solve(book: NotebookNode, *but: str) -> NotebookNode:
    for name, text in ANSWERS.items():
        if name not in but:
            cells_by_id(book)[name].source = text
    return book


def without_metadata(book: NotebookNode, *names: str) -> NotebookNode:
    """As a conversion leaves it: all names gone, or those of some cells."""
    for cell in book.cells:
        if not names or cell.metadata.get("nbgrader", {}).get("grade_id") in names:
            cell.metadata = NotebookNode()
    return book


def own_cell(book: NotebookNode, at: int, cell: NotebookNode) -> NotebookNode:
    book.cells.insert(at, cell)
    return book


def index_of(book: NotebookNode, name: str) -> int:
    return [c.metadata.get("nbgrader", {}).get("grade_id") for c in book.cells].index(name)


def colab(book: NotebookNode) -> NotebookNode:
    """Everything solved, and every name lost."""
    return without_metadata(solve(book))


def one_without_metadata(book: NotebookNode) -> NotebookNode:
    return without_metadata(solve(book), "mean")


def unsolved_copy_at_the_end(book: NotebookNode) -> NotebookNode:
    pasted = copy.deepcopy(book.cells)
    solve(book).cells.extend(pasted)
    return book


def nameless_copy_at_the_end(book: NotebookNode) -> NotebookNode:
    pasted = without_metadata(copy.deepcopy(book)).cells
    solve(book).cells.extend(pasted)
    return book


def written_below_its_place(book: NotebookNode) -> NotebookNode:
    at = index_of(solve(book, "why"), "why")
    return own_cell(book, at + 1, new_markdown_cell(ANSWERS["why"]))


def written_above_its_place(book: NotebookNode) -> NotebookNode:
    return own_cell(book, index_of(solve(book, "why"), "why"), new_markdown_cell(ANSWERS["why"]))


def function_above_its_place(book: NotebookNode) -> NotebookNode:
    """The placeholder below would take the answer's place."""
    return own_cell(book, index_of(solve(book, "mean"), "mean"), new_code_cell(ANSWERS["mean"]))


def function_at_the_end(book: NotebookNode) -> NotebookNode:
    return own_cell(solve(book, "double"), len(book.cells), new_code_cell(ANSWERS["double"]))


def plot_below_its_place(book: NotebookNode) -> NotebookNode:
    return own_cell(solve(book, "plot"), len(book.cells), new_code_cell(ANSWERS["plot"]))


def place_deleted(book: NotebookNode) -> NotebookNode:
    """The answer's own cell is gone, and a new one has taken its place."""
    at = index_of(solve(book), "why")
    book.cells[at] = new_markdown_cell(ANSWERS["why"])
    return book


LOST: list[tuple[Callable[[NotebookNode], NotebookNode], set[str]]] = [
    (colab, {"mean", "double", "why", "plot"}),
    (one_without_metadata, {"mean"}),
    (unsolved_copy_at_the_end, {"mean", "double", "why", "plot"}),
    (nameless_copy_at_the_end, set()),
    (written_below_its_place, {"why"}),
    (written_above_its_place, {"why"}),
    (function_above_its_place, {"mean"}),
    (function_at_the_end, {"double"}),
    (plot_below_its_place, {"plot"}),
    (place_deleted, {"why"}),
]


@pytest.mark.parametrize(("lose", "found"), LOST, ids=[lose.__name__ for lose, _ in LOST])
def test_a_lost_answer_is_found_and_said(
    template: Template, unsolved: NotebookNode, lose: Callable[[NotebookNode], NotebookNode], found: set[str]
) -> None:
    """Each was a silent zero for a student who had answered."""
    book = plain(lose(unsolved))
    incidents = find_answers(book, template)
    assert {incident.cell for incident in incidents} == found
    assert {incident.kind.name for incident in incidents} <= {"FOUND"}
    restored = restore(book, template)
    assert {name: cell.source for name, cell in cells_by_id(restored).items() if name in ANSWERS} == ANSWERS
    placeholders = {cell.source for cell in template.cells if not cell.locked}
    assert not [cell for cell in restored.cells if cell.source in placeholders], "it would undo the answer"
    order = [cell.metadata.nbgrader.grade_id for cell in restored.cells if "nbgrader" in cell.metadata]
    assert order == [cell.grade_id for cell in template.cells]


def test_an_honest_notebook_is_left_as_it_is(template: Template, unsolved: NotebookNode) -> None:
    """A cell of the student's own could be graded in place of their answer."""
    solve(unsolved)
    own_cell(unsolved, 3, new_code_cell("def mean(a):\n    return 'another try'"))
    own_cell(unsolved, len(unsolved.cells), new_markdown_cell("Notes."))
    book = plain(unsolved)
    before = copy.deepcopy(book)
    assert find_answers(book, template) == []
    assert book == before


def test_a_notebook_with_nothing_done_says_nothing(template: Template, unsolved: NotebookNode) -> None:
    """Whoever has not begun would get the course's own prose for an answer."""
    for book in (plain(unsolved), plain(without_metadata(copy.deepcopy(unsolved)))):
        found = [incident for incident in find_answers(book, template) if incident.cell]
        assert found == []


def test_a_person_looks_where_several_cells_could_be_meant(template: Template, unsolved: NotebookNode) -> None:
    """The wrong one of two would be graded without a word."""
    solve(unsolved, "mean", "why")
    own_cell(unsolved, len(unsolved.cells), new_code_cell("def mean(a):\n    return 0"))
    own_cell(unsolved, len(unsolved.cells), new_code_cell(MEAN))
    at = index_of(unsolved, "why")
    unsolved.cells[at + 1 : at + 1] = [new_markdown_cell("First."), new_markdown_cell("Second.")]
    book = plain(unsolved)
    told = {incident.cell: incident for incident in find_answers(book, template)}
    assert {name: incident.kind.name for name, incident in told.items()} == {"mean": "UNSURE", "why": "UNSURE"}
    assert "cell 13" in told["mean"].text
    cells = cells_by_id(restore(book, template))
    assert (cells["mean"].source, cells["why"].source) == (MEAN, "First.\n\nSecond.")


def test_the_notebook_of_another_assignment_waits_for_a_person(template: Template) -> None:
    """It would be a zero like any other."""
    book = plain(nbformat.v4.new_notebook(cells=[new_code_cell("x = 1"), new_markdown_cell("Homework 3")]))
    assert [(incident.kind.name, incident.text) for incident in find_answers(book, template)] == [("UNSURE", NOTHING)]


def test_looking_takes_time_in_proportion(template: Template) -> None:
    """A notebook of many cells would hold up the class before any limit."""
    stub = next(cell.source for cell in template.release if cell.grade_id == "why")
    cells = [new_markdown_cell(stub if number % 2 else f"Note {number}.") for number in range(5_000)]
    book = plain(nbformat.v4.new_notebook(cells=cells))
    find_answers(book, template)
    rise = longest_rise([(number, (number * 7919) % 5_000) for number in range(5_000)])
    values = [value for _, value in rise]
    assert values == sorted(set(values))
    assert len(values) > 100
