"""Scores of an assignment, read from the gradebook: as data and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from autograder.course.course import Course
from autograder.gradebook.class_rows import full_name
from autograder.gradebook.late_days import LateUse
from autograder.publishing.class_results import (
    CellResult,
    ClassResults,
    NotebookResult,
    StudentResults,
    lateness,
    read_results,
)
from autograder.text import in_points, printable

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Score", "incidents_table", "read_scores", "scores_of", "scores_table", "void_checks"]

Score = dict[str, Any]
Part = TypeVar("Part")


def read_scores(course: Course, name: str) -> list[Score]:
    """One entry per submission, in order of student id:

    `{"student", "group", "first_name", "last_name", "email", "lms_user_id", "submitted", "seconds_late", "score",
    "late_penalty", "final_score", "max_score", "needs_manual_grade", "cells": {grade_id: {"score", "max_score",
    "checks": [{"name", "passed", "points", "hidden", "message", "void", "mistake"}]}}, "comments": {cell: text},
    "late_days": {"days", "free", "left"} or None, "incidents": [{"kind", "cell", "text"}]}`.

    `submitted` is in UTC, or None. `score` is before the late penalty, `final_score` after it; a cell's is None as long
    as a person has to give it. `comments` are a grader's, `void` says why a check is void and does not count, and
    is empty for one that counts. A grade id that several notebooks have is preceded by the notebook's name and a slash.
    Raises AutograderError if the gradebook does not know the assignment.
    """
    return scores_of(read_results(course, name))


def scores_of(results: ClassResults) -> list[Score]:
    """The scores of a class, as `read_scores` gives them."""
    return [score_of(student) for student in results.students]


def score_of(student: StudentResults) -> Score:
    """The score of one submission."""
    comments = by_cell(student.results, said_by_a_person)
    return {
        "student": student.student,
        "group": student.group,
        **student.about,
        "submitted": f"{student.submitted.isoformat()}Z" if student.submitted else None,
        "seconds_late": student.seconds_late,
        "score": student.score,
        "late_penalty": student.late_penalty,
        "final_score": max(0.0, student.score - student.late_penalty),
        "max_score": student.max_score,
        "needs_manual_grade": student.needs_manual_grade,
        "cells": {name: data_of(cell) for name, cell in by_cell(student.results, lambda result: result.cells).items()},
        "comments": {name: text for name, text in comments.items() if text},
        "incidents": student.incidents,
        "late_days": asdict(student.late) if student.late else None,
    }


def by_cell(
    results: Sequence[NotebookResult], parts: Callable[[NotebookResult], Mapping[str, Part]]
) -> dict[str, Part]:
    """The parts of all notebooks by the name of their cell, with the notebook's where several have it."""
    names = Counter(name for result in results for name in parts(result))
    return {
        name if names[name] == 1 else f"{result.notebook}/{name}": part
        for result in results
        for name, part in parts(result).items()
    }


def said_by_a_person(result: NotebookResult) -> dict[str, str]:
    """The comments of a notebook, empty where none is a grader's."""
    return {name: "" if name in result.silent else text for name, text in result.comments.items()}


def data_of(cell: CellResult) -> dict[str, Any]:
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
    """A table for the terminal: students, points after late penalties, the checks they pass, what is to be graded by
    hand; and names, groups and late days where somebody has some."""
    from rich.table import Table
    from rich.text import Text

    any_late, any_name = any(map(late, scores)), any(map(full_name, scores))
    any_group = any(score["group"] for score in scores)
    table = Table(title=f"{name}: {len(scores)} submission{'s' * (len(scores) != 1)}", title_justify="left")
    table.add_column("student", overflow="fold")
    if any_name:
        table.add_column("name", overflow="fold")
    if any_group:
        table.add_column("group", overflow="fold")
    for column, justify in (("score", "right"), ("checks", "right"), ("by hand", "left")):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    if any_late:
        table.add_column("late", overflow="fold")
    for score in scores:
        checks = [check for cell in score["cells"].values() for check in cell["checks"] if not check["void"]]
        passed = sum(check["passed"] for check in checks)
        row = [
            printable(score["student"]),
            *([printable(full_name(score))] if any_name else []),
            *([printable(score["group"])] if any_group else []),
            f"{in_points(score['final_score'])} / {in_points(score['max_score'])}",
            f"{passed} / {len(checks)}" if checks else "–",
            "to do" if score["needs_manual_grade"] else "",
            *([late(score)] if any_late else []),
        ]
        table.add_row(*map(Text, row))
    return table


def incidents_table(scores: list[Score]) -> Table:
    """A table for the terminal: what happened to whom. A table of its own has room for names of cells."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for column in ("student", "incidents"):
        table.add_column(column, overflow="fold")
    for score in scores:
        seen = dict.fromkeys(f"{i['kind']} ({i['cell']})" if i["cell"] else i["kind"] for i in score["incidents"])
        if seen:
            table.add_row(Text(printable(score["student"])), Text(", ".join(seen)))
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
