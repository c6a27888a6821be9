"""Scores of an assignment, read from the gradebook: as data and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy import inspect, select

from autograder.errors import AutograderError
from autograder.grading import tables
from autograder.grading.course import Course
from autograder.grading.late_days import LateUse, late_days
from autograder.grading.recorded import read_verdict

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Score", "graded_submissions", "lateness", "read_scores", "rows", "scores_table", "taken_out"]

Score = dict[str, Any]


def read_scores(course: Course, name: str) -> list[Score]:
    """One entry per submission, in order of student id:

    `{"student", "first_name", "last_name", "email", "lms_user_id", "submitted", "seconds_late", "score",
    "late_penalty", "final_score", "max_score", "needs_manual_grade", "cells": {grade_id: {"score", "max_score",
    "checks": [{"name", "passed", "points", "hidden", "message", "void"}]}}, "comments": {cell: text}, "late_days":
    {"days", "free", "left"} or None, "incidents": [{"kind", "cell", "text"}]}`.

    `submitted` is in UTC, or None. `score` is before the late penalty, `final_score` after it; `comments` are a
    grader's, `void` says why a check was taken out and does not count, and is empty for one that counts. A grade id
    that several notebooks have is preceded by the notebook's name and a slash.
    Raises AutograderError if the gradebook does not know the assignment.
    """
    with graded_submissions(course, name) as (submissions, session):
        return [score_of(s, session) | {"late_days": asdict(use) if use else None} for s, use in submissions]


@contextmanager
def graded_submissions(course: Course, name: str) -> Iterator[tuple[list[tuple[Any, LateUse | None]], Any]]:
    """nbgrader's rows of an assignment's submissions in order of student id, each with the late days that it took, and
    a session to read our own rows with (None where there are no tables of ours).

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
        if ours:
            tables.make_tables(gradebook.engine)
        plugin = late_days(course)
        submissions = sorted(assignment.submissions, key=lambda submission: submission.student_id)
        uses = [plugin.uses(gradebook, s.student_id).get(name) if plugin else None for s in submissions]
        yield list(zip(submissions, uses, strict=True)), gradebook.db if ours else None


def score_of(submission: Any, session: Any) -> Score:
    """The score of one submission."""
    checks = rows(session, tables.checks, submission) if session is not None else []
    grades = named([grade for notebook in submission.notebooks for grade in notebook.grades])
    comments = named([comment for notebook in submission.notebooks for comment in notebook.comments])
    incidents = rows(session, tables.incidents, submission) if session is not None else []
    return {
        "student": submission.student_id,
        **{key: getattr(submission.student, key) or "" for key in ("first_name", "last_name", "email", "lms_user_id")},
        "submitted": f"{submission.timestamp.isoformat()}Z" if submission.timestamp else None,
        "seconds_late": submission.total_seconds_late,
        "score": submission.score,
        "late_penalty": submission.late_submission_penalty,
        "final_score": max(0.0, submission.score - submission.late_submission_penalty),
        "max_score": submission.max_score,
        "needs_manual_grade": submission.needs_manual_grade,
        "cells": {name: cell_of(grade, checks) for name, grade in grades.items()},
        "comments": {name: comment.manual_comment for name, comment in comments.items() if comment.manual_comment},
        "incidents": [{key: row[key] for key in ("kind", "cell", "text")} for row in incidents],
    }


def named(cells: list[Any]) -> dict[str, Any]:
    """nbgrader's rows by the name of their cell, with the notebook's where several have it."""
    names = Counter(cell.name for cell in cells)
    return {cell.name if names[cell.name] == 1 else f"{cell.notebook.name}/{cell.name}": cell for cell in cells}


def rows(session: Any, table: Any, submission: Any) -> list[Any]:
    """Our own rows on a submission."""
    mine = (table.c.assignment == submission.name, table.c.student == submission.student_id)
    order = [table.c.cell, table.c.position] if "position" in table.c else []
    return list(session.execute(select(table).where(*mine).order_by(*order)).mappings())


def cell_of(grade: Any, checks: list[Any]) -> dict[str, Any]:
    """A grade cell with its checks; a check's points are its share of the cell's, none if it is taken out."""
    mine = [row for row in checks if row["cell"] == grade.name and row["notebook"] == grade.notebook.name]
    total = sum(row["weight"] for row in mine if not row["void"]) or 1
    return {
        "score": grade.score,
        "max_score": grade.max_score,
        "checks": [
            {
                "name": row["name"],
                "passed": row["outcome"] == "passed",
                "points": 0.0 if row["void"] else round(grade.max_score * row["weight"] / total, 4),
                "hidden": row["hidden"],
                "message": read_verdict(row).told,
                "void": row["void"] or "",
            }
            for row in mine
        ],
    }


def scores_table(name: str, scores: list[Score]) -> Table:
    """A table for the terminal: students, points after late penalties, the checks they lose, what a person must look
    at; and the late days where somebody has used some."""
    from rich.table import Table
    from rich.text import Text

    any_late = any(lateness(score) for score in scores)
    table = Table(title=f"{name}: {len(scores)} submissions", title_justify="left")
    for column, justify in (("student", "left"), ("score", "right"), ("checks", "right"), ("by hand", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    if any_late:
        table.add_column("late")
    table.add_column("incidents", overflow="fold")
    for score in scores:
        checks = [check for cell in score["cells"].values() for check in cell["checks"] if not check["void"]]
        passed = sum(check["passed"] for check in checks)
        told = list(dict.fromkeys(f"{i['kind']} ({i['cell']})" if i["cell"] else i["kind"] for i in score["incidents"]))
        table.add_row(
            Text(score["student"]),
            f"{round(score['final_score'], 2):g} / {score['max_score']:g}",
            f"{passed} / {len(checks)}" if checks else "–",
            "to do" if score["needs_manual_grade"] else "",
            *([lateness(score)] if any_late else []),
            Text(", ".join(told)),
        )
    return table


def taken_out(scores: list[Score]) -> list[str]:
    """A line for every check that does not count."""
    cells = [(name, check) for score in scores for name, cell in score["cells"].items() for check in cell["checks"]]
    lines = [f"Taken out: {name}::{check['name']} – {check['void']}" for name, check in cells if check["void"]]
    return list(dict.fromkeys(lines))


def lateness(score: Score) -> str:
    """How late a submission was and what that costs; empty for one in time."""
    days, penalty = score["late_days"], score["late_penalty"]
    said = []
    if days and days["days"]:
        said.append(f"{days['days']} day{'s' if days['days'] > 1 else ''}, {days['free']} free, {days['left']} left")
    if penalty:
        said.append(f"−{round(penalty, 2):g} points")
    return ": ".join(said)
