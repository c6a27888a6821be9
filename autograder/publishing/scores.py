"""Scores of an assignment, read from the gradebook: as data, as a table, as CSV."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy import inspect, select

from autograder.errors import AutograderError
from autograder.grading import tables
from autograder.grading.course import Course

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["graded_assignment", "read_scores", "rows", "scores_table", "write_csv"]

Score = dict[str, Any]


def read_scores(course: Course, name: str) -> list[Score]:
    """One entry per submission, in order of student id:

    `{"student", "score", "max_score", "needs_manual_grade", "cells": {grade_id: {"score", "max_score", "checks":
    [{"name", "passed", "points", "hidden", "message"}]}}, "incidents": [{"kind", "cell", "text"}]}`.
    A grade id that several notebooks have is preceded by the notebook's name and a slash.
    Raises AutograderError if the gradebook does not know the assignment.
    """
    with graded_assignment(course, name) as (assignment, session):
        return [
            score_of(submission, session)
            for submission in sorted(assignment.submissions, key=lambda submission: submission.student_id)
        ]


@contextmanager
def graded_assignment(course: Course, name: str) -> Iterator[tuple[Any, Any]]:
    """nbgrader's rows of an assignment, and a session to read our own with (None where there are no tables of ours).

    Raises AutograderError if the gradebook does not know the assignment.
    """
    with Gradebook(course.db_url, course.course_id) as gradebook:
        try:
            assignment = gradebook.find_assignment(name)
        except MissingEntry:
            known = ", ".join(course.assignments()) or "none yet"
            raise AutograderError(
                f"Nothing of {name} was graded yet: run `autograder grade {name}` first. Assignments here: {known}."
            ) from None
        ours = inspect(gradebook.engine).has_table(tables.checks.name)
        yield assignment, gradebook.db if ours else None


def score_of(submission: Any, session: Any) -> Score:
    """The score of one submission."""
    checks = rows(session, tables.checks, submission) if session is not None else []
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    names = Counter(grade.name for grade in grades)
    cells = {
        grade.name if names[grade.name] == 1 else f"{grade.notebook.name}/{grade.name}": cell_of(grade, checks)
        for grade in grades
    }
    incidents = rows(session, tables.incidents, submission) if session is not None else []
    return {
        "student": submission.student_id,
        "score": submission.score,
        "max_score": submission.max_score,
        "needs_manual_grade": submission.needs_manual_grade,
        "cells": cells,
        "incidents": [{key: row[key] for key in ("kind", "cell", "text")} for row in incidents],
    }


def rows(session: Any, table: Any, submission: Any) -> list[Any]:
    """Our own rows on a submission."""
    mine = (table.c.assignment == submission.name, table.c.student == submission.student_id)
    order = [table.c.cell, table.c.position] if "position" in table.c else []
    return list(session.execute(select(table).where(*mine).order_by(*order)).mappings())


def cell_of(grade: Any, checks: list[Any]) -> dict[str, Any]:
    """A grade cell with its checks; a check's points are its share of the cell's."""
    mine = [row for row in checks if row["cell"] == grade.name and row["notebook"] == grade.notebook.name]
    total = sum(row["weight"] for row in mine) or 1
    return {
        "score": grade.score,
        "max_score": grade.max_score,
        "checks": [
            {
                "name": row["name"],
                "passed": row["outcome"] == "passed",
                "points": round(grade.max_score * row["weight"] / total, 4),
                "hidden": row["hidden"],
                "message": row["message"],
            }
            for row in mine
        ],
    }


def scores_table(name: str, scores: list[Score]) -> Table:
    """A table for the terminal: students, points, the checks they lose, what a person must look at."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{name}: {len(scores)} submissions", title_justify="left")
    for column, justify in (("student", "left"), ("score", "right"), ("checks", "right"), ("by hand", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    table.add_column("incidents", overflow="fold")
    for score in scores:
        checks = [check for cell in score["cells"].values() for check in cell["checks"]]
        passed = sum(check["passed"] for check in checks)
        told = list(dict.fromkeys(f"{i['kind']} ({i['cell']})" if i["cell"] else i["kind"] for i in score["incidents"]))
        table.add_row(
            Text(score["student"]),
            f"{round(score['score'], 2):g} / {score['max_score']:g}",
            f"{passed} / {len(checks)}" if checks else "–",
            "to do" if score["needs_manual_grade"] else "",
            Text(", ".join(told)),
        )
    return table


def write_csv(scores: list[Score], path: Path) -> None:
    """One line per student: score, and points per cell. Texts that a spreadsheet would run as a formula are quoted."""
    cells = list(dict.fromkeys(cell for score in scores for cell in score["cells"]))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["student", "score", "max_score", "needs_manual_grade", *cells])
        for score in scores:
            points = [score["cells"].get(cell, {}).get("score", "") for cell in cells]
            whole = [score["score"], score["max_score"], score["needs_manual_grade"]]
            writer.writerow([harmless(score["student"]), *whole, *points])


def harmless(text: str) -> str:
    """`text`, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
