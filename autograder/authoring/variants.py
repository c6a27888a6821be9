"""Variants of an assignment's notebook: with another answer, with none, and with just what its checks need."""

from __future__ import annotations

from copy import deepcopy
from itertools import dropwhile

from nbformat import NotebookNode
from nbgrader import utils

from autograder.authoring.trials import Variant
from autograder.course.affected import affected_checks, with_answer
from autograder.course.assignment import Template
from autograder.course.source_notebooks import plot_cells
from autograder.submission.sanitize import restore

__all__ = ["answers", "is_check", "only_needed", "unsolved_notebook", "with_affected_checks", "with_replaced"]


def with_replaced(bare: NotebookNode, template: Template, answer: str, source: str) -> Variant:
    """The notebook to try with another source of an answer cell, and the checks that can see it, or of a module."""
    if answer.endswith(".py"):
        return Variant(template.name, restore(bare, template), {answer: source.encode()})
    changed = with_affected_checks(restore(bare, template), answer, source)
    changed.cells = from_answer(changed.cells, answer)
    return Variant(template.name, changed, start=answer if changed.cells else "")


def answers(notebook: NotebookNode) -> set[str]:
    """The grade ids of the cells that students answer in code and that checks look at."""
    return {
        cell.metadata.nbgrader.grade_id
        for cell in notebook.cells
        if cell.cell_type == "code" and utils.is_solution(cell) and not utils.is_grade(cell)
    }


def unsolved_notebook(source: NotebookNode, template: Template) -> NotebookNode:
    """The notebook with every answer as it is released."""
    stubs = {cell.grade_id: cell.source for cell in template.cells}
    notebook = deepcopy(source)
    for cell in notebook.cells:
        if utils.is_solution(cell):
            cell.source = stubs[cell.metadata.nbgrader.grade_id]
    return notebook


def only_needed(source: NotebookNode) -> NotebookNode:
    """The notebook without demonstrations and answers that are graded by hand, but for plots that checks look at."""
    notebook, plots = deepcopy(source), plot_cells(source)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code" and "nbgrader" in cell.metadata]
    for cell in notebook.cells:
        if utils.is_solution(cell) and utils.is_grade(cell) and cell.metadata.nbgrader.grade_id not in plots:
            cell.source = ""
    return notebook


def with_affected_checks(notebook: NotebookNode, answer: str, source: str) -> NotebookNode:
    """The notebook with another source of an answer, and with no other checks than those that can see it, as far as the
    last of them. The others find what they find in the answer key; to run them for each of many entries would take
    several times as long."""
    wanted = affected_checks(notebook, answer, source)
    changed = with_answer(notebook, answer, source)
    cells = [cell for cell in changed.cells if not is_check(cell) or cell.metadata.nbgrader.grade_id in wanted]
    while cells and not is_check(cells[-1]):
        cells.pop()
    return NotebookNode(changed, cells=cells)


def from_answer(cells: list[NotebookNode], answer: str) -> list[NotebookNode]:
    """The cells from an answer on: none, if no check is behind it."""
    return list(dropwhile(lambda cell: cell.metadata.nbgrader.grade_id != answer, cells))


def is_check(cell: NotebookNode) -> bool:
    """Whether this is a test cell, ours or nbgrader's."""
    return bool(utils.is_grade(cell) and utils.is_locked(cell))
