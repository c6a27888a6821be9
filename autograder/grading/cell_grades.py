"""The grades of a notebook's cells, and the table that a check cell shows."""

from __future__ import annotations

from collections.abc import Iterable

import nbformat
from nbformat import NotebookNode
from nbgrader import utils

from autograder.checking.outcomes import Verdict
from autograder.checking.table import html_table
from autograder.grading.assignment import digest_of
from autograder.grading.graded import CellGrade
from autograder.text import in_points

__all__ = ["cell_grades", "ordinary", "table", "unanswered"]


def table(verdicts: list[Verdict], earned: float | None, points: float) -> NotebookNode:
    """A check cell's output: a table to read, with the score as text so that nbgrader's own tools understand it."""
    told = "waits for a person" if earned is None else f"{in_points(earned)} of {in_points(points)} points"
    data = {"text/html": html_table(verdicts, told), "text/plain": "0.0" if earned is None else repr(float(earned))}
    return nbformat.v4.new_output("execute_result", data=data)


def cell_grades(notebook: NotebookNode, checked: Iterable[CellGrade]) -> list[CellGrade]:
    """The grade of every grade cell of a notebook that was run; those of check cells are given in `checked`."""
    by_id = {grade.grade_id: grade for grade in checked}
    return [by_id.get(c.metadata.nbgrader.grade_id) or ordinary(c) for c in notebook.cells if utils.is_grade(c)]


def ordinary(cell: NotebookNode) -> CellGrade:
    """The grade of a cell that nbgrader itself would grade: by its outputs, or by hand. A test whose output says
    more points than there are, or fewer than none, stops nbgrader; here it waits for a person.
    """
    points = float(cell.metadata.nbgrader["points"])
    try:
        earned, _ = utils.determine_grade(cell)
    except (ValueError, KeyError):
        earned = None
    by_hand = utils.is_solution(cell)
    digest = digest_of([cell.source, cell.get("attachments") or None]) if by_hand else ""
    return CellGrade(cell.metadata.nbgrader["grade_id"], earned, points, digest=digest, by_hand=by_hand)


def unanswered(notebook: NotebookNode) -> list[str]:
    """The grade ids of answers that are as they were released."""
    return [
        cell.metadata.nbgrader["grade_id"]
        for cell in notebook.cells
        if utils.is_solution(cell) and cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
    ]
