"""Scores of an assignment, read from the gradebook: as data and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from autograder.grading.course import Course
from autograder.grading.late_days import LateUse
from autograder.publishing.results import Cell, Result, graded_submissions, incidents_of, lateness, results_of

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Score", "read_scores", "scores_table", "void_checks"]

Score = dict[str, Any]
Part = TypeVar("Part")


def read_scores(course: Course, name: str) -> list[Score]:
    """One entry per submission, in order of student id:

    `{"student", "first_name", "last_name", "email", "lms_user_id", "submitted", "seconds_late", "score",
    "late_penalty", "final_score", "max_score", "needs_manual_grade", "cells": {grade_id: {"score", "max_score",
    "checks": [{"name", "passed", "points", "hidden", "message", "void", "mistake"}]}}, "comments": {cell: text},
    "late_days": {"days", "free", "left"} or None, "incidents": [{"kind", "cell", "text"}]}`.

    `submitted` is in UTC, or None. `score` is before the late penalty, `final_score` after it; a cell's is None as long
    as a person has to give it. `comments` are a grader's, `void` says why a check is void and does not count, and
    is empty for one that counts. A grade id that several notebooks have is preceded by the notebook's name and a slash.
    Raises AutograderError if the gradebook does not know the assignment.
    """
    with graded_submissions(course, name) as (submissions, session):
        return [score_of(submission, use, session) for submission, use in submissions]


def score_of(submission: Any, use: LateUse | None, session: Any) -> Score:
    """The score of one submission."""
    results = results_of(submission, use, session)
    comments = named(results, said_by_a_person)
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
        "cells": {name: data_of(cell) for name, cell in named(results, lambda result: result.cells).items()},
        "comments": {name: text for name, text in comments.items() if text},
        "incidents": incidents_of(submission, session),
        "late_days": asdict(use) if use else None,
    }


def named(results: Sequence[Result], parts: Callable[[Result], Mapping[str, Part]]) -> dict[str, Part]:
    """The parts of all notebooks by the name of their cell, with the notebook's where several have it."""
    names = Counter(name for result in results for name in parts(result))
    return {
        name if names[name] == 1 else f"{result.notebook}/{name}": part
        for result in results
        for name, part in parts(result).items()
    }


def said_by_a_person(result: Result) -> dict[str, str]:
    """The comments of a notebook, empty where none is a grader's."""
    return {name: "" if name in result.silent else text for name, text in result.comments.items()}


def data_of(cell: Cell) -> dict[str, Any]:
    """A grade cell with its checks; a check's points are its share of the cell's, none if it is void."""
    return {
        "score": cell.score,
        "max_score": cell.max_score,
        "checks": [
            {
                "name": check.name,
                "passed": check.passed,
                "points": round(check.points, 4),
                "hidden": check.hidden,
                "message": check.message,
                "void": check.void,
                "mistake": check.mistake,
            }
            for check in cell.checks
        ],
    }


def scores_table(name: str, scores: list[Score]) -> Table:
    """A table for the terminal: students, points after late penalties, the checks they lose, what a person must look
    at; and the late days where somebody has used some."""
    from rich.table import Table
    from rich.text import Text

    any_late = any(late(score) for score in scores)
    table = Table(title=f"{name}: {len(scores)} submission{'s' * (len(scores) != 1)}", title_justify="left")
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
            *([late(score)] if any_late else []),
            Text(", ".join(told)),
        )
    return table


def void_checks(scores: list[Score]) -> list[str]:
    """A line for every check that does not count."""
    cells = [(name, check) for score in scores for name, cell in score["cells"].items() for check in cell["checks"]]
    lines = [f"Void: {name}::{check['name']} – {check['void']}" for name, check in cells if check["void"]]
    return list(dict.fromkeys(lines))


def late(score: Score) -> str:
    """How late a submission was and what that costs; empty for one in time."""
    days = score["late_days"]
    return lateness(LateUse(**days) if days else None, score["late_penalty"])
