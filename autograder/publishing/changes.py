"""Scores that changed, as they were kept: as data, as a table and as CSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook import tables
from autograder.gradebook.class_rows import full_name, student_rows
from autograder.gradebook.groups import notice_given
from autograder.publishing.class_results import graded_assignment
from autograder.publishing.csv_forms import harmless
from autograder.text import in_column_of, in_points, printable

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["ScoreChange", "all_changes", "changes_table", "read_changes", "write_changes"]

COLUMNS = (
    *("at", "student", "name", "notebook", "cell", "from", "to", "why", "note"),
    *("given_by", "submission", "assignment", "check"),
)


@dataclass(frozen=True)
class ScoreChange:
    """A score that changed, for a student with this id and this `name`, which may be empty. `before` and `after` are
    None where there was, or is, no score. `cell` is the grade cell, or empty for the notebook's late penalty, which is
    below zero. `given_by` is the login name of who gave the points with a sheet, or empty. `submission`, `assignment`
    and `check` are the digests behind the new score; `check` is empty where several cells are behind it. `at` is in
    UTC, and `number` grows with it."""

    number: int
    at: datetime
    student: str
    name: str
    notebook: str
    cell: str
    before: float | None
    after: float | None
    why: str
    note: str
    given_by: str
    submission: str
    assignment: str
    check: str

    def data(self) -> dict[str, Any]:
        """The change as JSON can hold it; the time as ISO 8601."""
        data = {key: value for key, value in vars(self).items() if key not in ("number", "before", "after")}
        return data | {"at": f"{self.at.isoformat()}Z", "from": self.before, "to": self.after}


def read_changes(course: Course, name: str, since: datetime | None = None) -> list[ScoreChange]:
    """Every score of the assignment that changed, or changed `since` a time in UTC, in order. What was given by hand
    since the last command is noticed first. Raises AutograderError if the gradebook does not know the assignment."""
    with graded_assignment(course, name) as session:
        notice_given(course, session, name)
        return [change for change in all_changes(session, name) if since is None or change.at >= since]


def all_changes(session: Any, name: str) -> list[ScoreChange]:
    """Every score of the assignment that changed, in order. The first score of a cell is no change."""
    of = tables.scores.c
    order: dict[str, Any] = {"partition_by": [of.student, of.notebook, of.cell], "order_by": of.id}
    before, first = (func.lag(column).over(**order) for column in (of.score, of.id))
    rows = select(tables.scores, before.label("before"), first.label("first")).where(of.assignment == name).subquery()
    found = session.execute(select(rows).where(rows.c.first.is_not(None)).order_by(rows.c.id)).mappings()
    people = student_rows(session)
    same = ("at", "student", "notebook", "cell", "before", "why", "note")
    return [
        ScoreChange(
            number=row["id"],
            name=full_name(people.get(row["student"], {})),
            after=row["score"],
            given_by=row["given_by"] or "",
            submission=row["submission_digest"] or "",
            assignment=row["assignment_digest"] or "",
            check=row["cell_digest"] or "",
            **{key: row[key] for key in same},
        )
        for row in found
    ]


def changes_table(name: str, changes: list[ScoreChange], zone: tzinfo) -> Table:
    """A table for the terminal: time, student, cell, old and new score, reason. Versions would leave it no room."""
    from rich.table import Table
    from rich.text import Text

    many, any_name = len({change.notebook for change in changes}) > 1, any(change.name for change in changes)
    table = Table(title=f"{name}: {len(changes)} score{'s' * (len(changes) != 1)} changed", title_justify="left")
    names = ("name",) if any_name else ()
    for column in (f"when ({zone})", "student", *names, "cell", "from", "to", "why"):
        table.add_column(column, justify="right" if column in ("from", "to") else "left", overflow="fold")
    for change in changes:
        cell = change.cell or "late penalty"
        table.add_row(
            in_column_of(zone, change.at),
            Text(printable(change.student)),
            *([Text(printable(change.name))] if any_name else []),
            Text(f"{change.notebook}/{cell}" if many else cell),
            points(change.before),
            points(change.after),
            Text(why_text(change)),
        )
    return table


def why_text(change: ScoreChange) -> str:
    by = f" ({change.given_by})" if change.given_by else ""
    return printable(": ".join(filter(None, (change.why + by, change.note))))


def points(score: float | None) -> str:
    return "–" if score is None else in_points(score)


def write_changes(changes: list[ScoreChange], path: Path) -> None:
    """Write changes as CSV, a line each. Raises AutograderError if the file cannot be written."""
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for change in changes:
                row = change.data()
                writer.writerow({key: harmless(text) if isinstance(text, str) else text for key, text in row.items()})
    except OSError as error:
        raise AutograderError(f"{path} cannot be written: {error.strerror}.") from None
