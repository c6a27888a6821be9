"""The grades of a notebook's cells, and the table that a check cell shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import nbformat
from nbformat import NotebookNode

from autograder.checking.outcomes import Verdict
from autograder.checking.table import html_table
from autograder.course.assignment import Template, digest_of
from autograder.submission.graded import CellGrade
from autograder.text import in_points

__all__ = ["cell_grades", "ordinary", "table", "unanswered"]


def table(verdicts: list[Verdict], earned: float | None, points: float) -> NotebookNode:
    """A check cell's output: a table to read, with the score as text so that nbgrader's own tools understand it."""
    score = "waits for a person" if earned is None else f"{in_points(earned)} of {in_points(points)} points"
    data = {"text/html": html_table(verdicts, score), "text/plain": "0.0" if earned is None else repr(float(earned))}
    return nbformat.v4.new_output("execute_result", data=data)


def cell_grades(notebook: NotebookNode, checked: Iterable[CellGrade], unanswered: Collection[str]) -> list[CellGrade]:
    """The grade of every grade cell of a notebook that was run; those of check cells are given in `checked`. An answer
    to grade by hand that is `unanswered` has no points."""
    by_id = {grade.grade_id: grade for grade in checked}
    return [by_id.get(id_of(cell)) or grade_of(cell, unanswered) for cell in notebook.cells if is_set(cell, "grade")]


def grade_of(cell: NotebookNode, unanswered: Collection[str]) -> CellGrade:
    return by_hand(cell, id_of(cell) in unanswered) if is_set(cell, "solution") else ordinary(cell)


def by_hand(cell: NotebookNode, unanswered: bool) -> CellGrade:
    """The grade of an answer that a person grades."""
    score, points = 0.0 if unanswered else None, points_of(cell)
    digest = digest_of([cell.source, cell.get("attachments") or None])
    return CellGrade(id_of(cell), score, points, digest=digest, by_hand=True)


def ordinary(cell: NotebookNode) -> CellGrade:
    """The grade of a cell with a test of nbgrader's own kind."""
    points = points_of(cell)
    return CellGrade(id_of(cell), points_shown(cell, points), points)


def points_shown(cell: NotebookNode, points: float) -> float | None:
    """The share of `points` that the outputs of a test cell give. This is `determine_grade` of nbgrader.utils, which
    worker processes would take half a second to import, but for results that make no sense. More points than there are,
    or an empty result, stop nbgrader, and for NaN and a number below zero it gives all points. Here they wait for a
    person, as does a cell without code."""
    if cell.cell_type != "code":
        return None
    for output in cell.outputs:
        if output.output_type == "error" or (output.output_type == "stream" and output.name == "stderr"):
            return 0.0
        if output.output_type == "execute_result":
            shown = output.data.get("text/plain")
            try:
                earned = float(shown)
            except ValueError:
                return points if shown else None
            except TypeError:  # there is no text
                return None
            return earned if 0 <= earned <= points else None
    return points


def unanswered(notebook: NotebookNode, template: Template) -> list[str]:
    """The grade ids of answers that are as they were released."""
    released = {cell.grade_id: cell.source for cell in template.cells}
    answers = [cell for cell in notebook.cells if is_set(cell, "solution")]
    return [id_of(cell) for cell in answers if cell.source == released[id_of(cell)]]


def is_set(cell: NotebookNode, flag: str) -> bool:
    """Whether a cell is one of nbgrader's that has this flag."""
    return bool(cell.metadata.get("nbgrader", {}).get(flag))


def id_of(cell: NotebookNode) -> str:
    return str(cell.metadata.nbgrader.grade_id)


def points_of(cell: NotebookNode) -> float:
    return float(cell.metadata.nbgrader.points)
