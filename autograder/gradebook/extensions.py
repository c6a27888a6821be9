"""Extensions: more time for a student, and so for their group, until an assignment is due, before or after they have
handed in, or for their code to run. nbgrader keeps more time until the due date with the submission, so it waits in a
table of ours until there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from typing import Any

from nbgrader.api import Assignment, Student, SubmittedAssignment
from sqlalchemy import insert, select, update

from autograder.course.course import Course
from autograder.course.locking import course_lock
from autograder.errors import AutograderError
from autograder.gradebook import tables
from autograder.gradebook.due_dates import due_date
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.groups import read_groups, settle_given
from autograder.gradebook.last_grading import rows_of
from autograder.gradebook.late import settle_late_penalties
from autograder.text import first_of, in_zone

__all__ = ["apply_extension", "extend", "extend_groups", "give_run_time", "read_run_times"]


def extend(
    course: Course, name: str, students: Iterable[str], more: timedelta | None = None, until: datetime | None = None
) -> tuple[datetime | None, list[str]]:
    """Give `students` and their groups time for the assignment `name`: so much `more`, or `until` a time in UTC. It
    replaces an earlier extension, and no more time takes that back. Penalties are settled at once. Returns when it is
    due for them, in UTC, or None if the assignment has no due date; and for whom.

    Raises AutograderError, and changes nothing, for an assignment or a student that the course does not have, and for a
    time that is not after the due date.
    """
    with extending(course, name, students) as (gradebook, wanted):
        session = gradebook.db
        settle_given(session, name)
        due = due_date(session, name)
        if until is not None:
            if due is None:
                raise AutograderError(f"{name} has no due date: give --days.")
            if until <= due:
                raise AutograderError(
                    f"--until is not after {in_zone(due, course.zone)}, when {name} is due: give --days, or a later "
                    "time."
                )
            more = until - due
        elif due is not None and more is not None:
            more = by_the_clock(due, more, course.zone)
        extension = more or timedelta(0)
        move_due_date(session, name, wanted, extension)
        session.commit()
        settle_late_penalties(course, gradebook, name, extended=wanted)
    return due + extension if due else None, wanted


def by_the_clock(due: datetime, more: timedelta, zone: tzinfo) -> timedelta:
    """How long it is from `due`, in UTC, until clocks in `zone` show `more`, or until the last moment of the year 9999.
    The day on which summer time ends has 25 hours."""
    try:
        local = due.replace(tzinfo=UTC).astimezone(zone)
        # A sum is in the first of two equal hours, and `due` may be in the second.
        return (local + more).replace(fold=local.fold).astimezone(UTC) - local
    except OverflowError:  # a due date that never comes
        return min(more, datetime.max - due)


def move_due_date(session: Any, name: str, students: list[str], extension: timedelta) -> None:
    """Keep an extension in our table, and in nbgrader's rows of those who have handed in."""
    keep_extension(session, name, students, seconds=extension.total_seconds())
    handed_in = select(SubmittedAssignment.id).join(Assignment)
    handed_in = handed_in.where(Assignment.name == name, SubmittedAssignment.student_id.in_(students))
    session.execute(
        update(SubmittedAssignment)
        .where(SubmittedAssignment.id.in_(handed_in))
        .values(extension=extension or None)
        .execution_options(synchronize_session=False)
    )


def extend_groups(session: Any, name: str) -> None:
    """Give all members of a group the longest extension and run time that one of them has: they hand in together."""
    of = tables.extensions.c
    rows = session.execute(select(of.student, of.seconds, of.run_time).where(of.assignment == name)).all()
    given = {student: (seconds, run_time) for student, seconds, run_time in rows}
    for members in members_by_group(read_groups(session, name)):
        of_group = [given[student] for student in members if student in given]
        seconds = max((seconds for seconds, _ in of_group if seconds is not None), default=None)
        run_time = max((run_time for _, run_time in of_group if run_time is not None), default=None)
        if seconds is not None:
            move_due_date(session, name, members, timedelta(seconds=seconds))
        if run_time is not None:
            keep_extension(session, name, members, run_time=run_time)
    session.commit()


def members_by_group(groups: Mapping[str, str]) -> Iterable[list[str]]:
    """The members of each group."""
    members: dict[str, list[str]] = {}
    for student, group in groups.items():
        members.setdefault(group, []).append(student)
    return members.values()


def give_run_time(course: Course, name: str, students: Iterable[str], times: float) -> list[str]:
    """Let the code of `students` and their groups run so many `times` as long as the course's limits say, when `name`
    is graded next. Returns for whom. Raises AutograderError as `extend` does."""
    with extending(course, name, students) as (gradebook, wanted):
        keep_extension(gradebook.db, name, wanted, run_time=times)
        gradebook.db.commit()
    return wanted


def read_run_times(session: Any, name: str) -> dict[str, float]:
    """How many times as long as usual whose code may run."""
    of = tables.extensions.c
    rows = session.execute(select(of.student, of.run_time).where(of.assignment == name, of.run_time.is_not(None)))
    return dict(rows.all())


@contextmanager
def extending(course: Course, name: str, students: Iterable[str]) -> Iterator[tuple[Any, list[str]]]:
    """The gradebook, for this process alone, and the students with all of their groups. Raises AutograderError for an
    assignment or a student that the course does not have."""
    if name not in course.assignments():
        raise AutograderError(f"There is no assignment {name!r}. Assignments here: {', '.join(course.assignments())}.")
    with course_lock(course.root), open_gradebook(course) as gradebook:
        wanted = list(dict.fromkeys(students))
        refuse_unknown(course, gradebook.db, name, wanted)
        groups = read_groups(gradebook.db, name)
        theirs = {groups[student] for student in wanted if student in groups}
        yield gradebook, list(dict.fromkeys([*wanted, *(who for who, group in groups.items() if group in theirs)]))


def keep_extension(session: Any, name: str, students: list[str], **given: float) -> None:
    """Keep what is `given`, seconds or run_time; the other stays."""
    condition = (tables.extensions.c.assignment == name) & tables.extensions.c.student.in_(students)
    known = set(session.execute(select(tables.extensions.c.student).where(condition)).scalars())
    session.execute(update(tables.extensions).where(condition).values(given))
    new = [{"assignment": name, "student": student, **given} for student in students if student not in known]
    if new:
        session.execute(insert(tables.extensions), new)


def refuse_unknown(course: Course, session: Any, name: str, students: list[str]) -> None:
    """Raise AutograderError for a student whom neither the gradebook nor submitted/ knows."""
    known = {*session.execute(select(Student.id)).scalars(), *course.students(name)}
    for student in students:
        if student not in known:
            near = get_close_matches(student, known)
            raise AutograderError(
                f"{student} is not a student of this course. "
                + (f"Did you mean {first_of(near)}? " if near else "Write the id as `autograder scores` does. ")
                + f"Otherwise add the student first: `nbgrader db student add {student}`."
            )


def apply_extension(session: Any, assignment: str, submission: Any) -> None:
    """Let nbgrader's row of a submission have the extension that was given before there was one."""
    given = select(tables.extensions.c.seconds).where(rows_of(tables.extensions, assignment, submission.student_id))
    seconds = session.execute(given).scalar()
    if seconds is not None:
        submission.extension = timedelta(seconds=seconds) if seconds else None
