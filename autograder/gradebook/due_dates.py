"""When assignments are due, as the course's settings or nbgrader's database say: by the rules for all times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from nbgrader.api import Assignment, SubmittedAssignment
from sqlalchemy import String, cast, select, update

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook import tables
from autograder.submission.times import parse_time

__all__ = ["due_date", "settle_due_dates", "time_is_over"]

STORED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")  # as SQLAlchemy writes it


def settle_due_dates(session: Any, course: Course) -> None:
    """Let the gradebook have the due dates of the course's settings. A date that was written into it by hand is put
    into the form that nbgrader reads. Raises AutograderError for one that can be read in several ways."""
    zone = course.zone
    wanted = {name: due_in(text, course.config_file, name, zone) for name, text in course.settings.due_dates.items()}
    table = Assignment.__table__
    for name, text in session.execute(select(table.c.name, cast(table.c.duedate, String))).all():
        due = wanted.get(name)
        if due is None and text and not STORED.fullmatch(text):
            due = due_in(text, course.gradebook_file or "The gradebook", name)
        elif due is None or (text and STORED.fullmatch(text) and parse_time(text) == due):
            continue
        session.execute(update(table).where(table.c.name == name).values(duedate=due))
        session.commit()


def due_in(text: str, where: object, name: str, zone: tzinfo = UTC) -> datetime:
    """A due date in UTC. Raises AutograderError."""
    try:
        return parse_time(text, zone)
    except ValueError as error:
        raise AutograderError(f"{where}: when {name} is due cannot be read: {error}.") from None


def due_date(session: Any, name: str) -> datetime | None:
    """When the assignment `name` is due, in UTC."""
    due: datetime | None = session.execute(select(Assignment.duedate).where(Assignment.name == name)).scalar()
    return due


def time_is_over(session: Any, name: str) -> datetime | None:
    """When nobody has time left, the longest extension included, in UTC; None without a due date."""
    due = due_date(session, name)
    if due is None:
        return None
    of = tables.extensions.c
    given = select(of.seconds).where(of.assignment == name, of.seconds.is_not(None))
    kept = select(SubmittedAssignment.extension).join(Assignment).where(Assignment.name == name)
    seconds = [*session.execute(given).scalars(), *(e.total_seconds() for e in session.execute(kept).scalars() if e)]
    longest = timedelta(seconds=max([0.0, *seconds]))
    return due + min(longest, datetime.max - due)  # in the year 9999 where it never comes
