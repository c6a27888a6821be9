"""Writes grades: the only code of ours that changes gradebook.db. What a grade was made from is written last, so
that a submission whose recording was stopped is graded again."""

from __future__ import annotations

import errno
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from sqlalchemy import and_, delete, event, insert, select
from sqlalchemy.exc import SAWarning

from autograder.grading import tables
from autograder.grading.course import Course
from autograder.grading.late import assign_late_penalties
from autograder.grading.results import CellGrade, GradedNotebook, GradedSubmission, Incident

__all__ = [
    "forget_grade",
    "graded_digests",
    "open_gradebook",
    "record",
    "record_notebook",
    "write_autograded",
    "write_checks",
    "write_grades",
]

BUSY_SECONDS = 60


@contextmanager
def open_gradebook(course: Course) -> Iterator[Any]:
    """The course's gradebook, patient with a database that somebody else is writing, and with our tables in it."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        engine = gradebook.engine
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", be_patient)
            engine.dispose()
        tables.metadata.create_all(engine)
        yield gradebook


def be_patient(connection: Any, record: Any) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")


def of(table: Any, assignment: str, student: str) -> Any:
    """The rows of one submission."""
    return and_(table.c.assignment == assignment, table.c.student == student)


def graded_digests(gradebook: Any, assignment: str) -> dict[str, tuple[str, str]]:
    """For every graded student, the digests of the submission and of the assignment that the grade was made from."""
    columns = (tables.graded.c.student, tables.graded.c.submission_digest, tables.graded.c.assignment_digest)
    rows = gradebook.db.execute(select(*columns).where(tables.graded.c.assignment == assignment))
    return {student: (submission, key) for student, submission, key in rows}


def record(gradebook: Any, course: Course, assignment: str, graded: GradedSubmission) -> None:
    """Record one submission. autograded/ is in place before the database says so: whenever this is stopped,
    grading again ends in the same gradebook."""
    write_autograded(course, assignment, graded)
    submission = submission_rows(gradebook, course, assignment, graded.student)
    done = {notebook.name: notebook for notebook in graded.notebooks}
    for row in submission.notebooks:
        if row.name in done:
            write_grades(row, done[row.name])
        else:
            write_missing(row, graded.needs_a_person)
    if submission.total_seconds_late > 0 or any(row.late_submission_penalty for row in submission.notebooks):
        gradebook.db.commit()  # nbgrader's step has a connection of its own
        assign_late_penalties(course, assignment, graded)
    for table in (tables.checks, tables.incidents, tables.graded):
        gradebook.db.execute(delete(table).where(of(table, assignment, graded.student)))
    write_checks(gradebook.db, assignment, graded)
    write_digests(gradebook.db, assignment, graded)
    gradebook.db.commit()


def submission_rows(gradebook: Any, course: Course, assignment: str, student: str) -> Any:
    """nbgrader's rows of one submission, made or brought up to date."""
    timestamp = course.directory.get_existing_timestamp(str(course.path("submitted", student, assignment)))
    gradebook.update_or_create_student(student)
    with warnings.catch_warnings():
        # nbgrader links a submission to its assignment before it adds it to the session, which SQLAlchemy warns
        # about three times; it is added a few lines later.
        warnings.filterwarnings("ignore", "Object of type <Submitted", SAWarning)
        return gradebook.update_or_create_submission(assignment, student, timestamp=timestamp)


def record_notebook(gradebook: Any, assignment: str, graded: GradedSubmission, *, whole: bool) -> None:
    """Record notebooks of a submission whose rows are there already, and leave its other notebooks as they are.
    `whole` says that it is graded as a whole with these."""
    submission = gradebook.find_submission(assignment, graded.student)
    rows = {notebook.name: notebook for notebook in submission.notebooks}
    session = gradebook.db
    session.execute(delete(tables.graded).where(of(tables.graded, assignment, graded.student)))
    for notebook in graded.notebooks:
        write_grades(rows[notebook.name], notebook)
        for table in (tables.checks, tables.incidents):
            mine = and_(of(table, assignment, graded.student), table.c.notebook == notebook.name)
            session.execute(delete(table).where(mine))
    write_checks(session, assignment, graded)
    if whole:
        write_digests(session, assignment, graded)
    session.commit()


def write_grades(notebook: Any, graded: GradedNotebook) -> None:
    """Set the automatic scores and comments of a submitted notebook's rows; what a person gave stays."""
    grades = {grade.grade_id: grade for grade in graded.grades}
    for row in notebook.grades:
        if row.name in grades:
            row.auto_score = grades[row.name].score
            row.needs_manual_grade = row.manual_score is not None or grades[row.name].score is None
    for row in notebook.comments:
        row.auto_comment = "No response." if row.name in graded.unanswered else None


def write_missing(notebook: Any, needs_a_person: bool) -> None:
    """A notebook that was not handed in scores zero, as with nbgrader; one that we could not grade waits."""
    for row in notebook.grades:
        row.auto_score = None if needs_a_person else 0.0
        row.needs_manual_grade = needs_a_person


def write_checks(session: Any, assignment: str, graded: GradedSubmission) -> None:
    """Write this submission's verdicts and incidents."""
    who = {"assignment": assignment, "student": graded.student}
    rows = [who | row for notebook in graded.notebooks for row in check_rows(notebook)]
    if rows:
        session.execute(insert(tables.checks), rows)
    if graded.incidents:
        session.execute(insert(tables.incidents), [who | incident_row(i) for i in graded.incidents])


def write_digests(session: Any, assignment: str, graded: GradedSubmission) -> None:
    """Say what the grade was made from. What we could not grade has no digest, so that it is tried again."""
    row = {
        "assignment": assignment,
        "student": graded.student,
        "submission_digest": "" if graded.needs_a_person else graded.digest,
        "assignment_digest": graded.key,
        "seconds": graded.seconds,
        "at": datetime.now(UTC).replace(tzinfo=None),
    }
    session.execute(insert(tables.graded), row)


def check_rows(notebook: GradedNotebook) -> Iterator[dict[str, Any]]:
    """One row for every check of a notebook."""
    for grade in notebook.grades:
        yield from (row | {"notebook": notebook.name} for row in verdict_rows(grade))


def verdict_rows(grade: CellGrade) -> Iterator[dict[str, Any]]:
    for position, verdict in enumerate(grade.verdicts):
        yield vars(verdict) | {"cell": grade.grade_id, "position": position, "outcome": verdict.outcome.value}


def incident_row(incident: Incident) -> dict[str, str]:
    about = {"notebook": incident.notebook, "cell": incident.cell, "text": incident.text}
    return about | {"kind": incident.kind.value}


def write_autograded(course: Course, assignment: str, graded: GradedSubmission) -> None:
    """Write the graded notebooks and the files beside them to a new folder, then put it in place of the old one."""
    folder = course.path("autograded", graded.student, assignment)
    fresh, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    for notebook in graded.notebooks:
        (fresh / f"{notebook.name}.ipynb").write_text(notebook.text, encoding="utf-8")
    for name, content in graded.files.items():
        write_file(fresh, name, content)
    if folder.exists():
        os.rename(folder, old)
    os.rename(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def write_file(folder: Path, name: str, content: bytes) -> None:
    """One file below `folder`, never outside of it. Left out is what has no place there: a file of the student's that
    has the name of a folder or the other way round, or a name that is too long."""
    path = folder / name
    if ".." in Path(name).parts or Path(name).is_absolute():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG):
            raise


def forget_grade(gradebook: Any, assignment: str, student: str) -> None:
    """Forget what a grade was made from, so that it is made again."""
    gradebook.db.execute(delete(tables.graded).where(of(tables.graded, assignment, student)))
    gradebook.db.commit()
