"""Writes results into autograded/ and the gradebook. The versions behind a grade are written last, so that a submission
whose writing was stopped is graded again."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry
from sqlalchemy import and_, delete, insert
from sqlalchemy.exc import SAWarning

from autograder.course.course import Course
from autograder.files import atomic_dir
from autograder.gradebook import tables
from autograder.gradebook.by_hand import changed_answers, is_as_seen, write_grade
from autograder.gradebook.extensions import apply_extension
from autograder.gradebook.last_grading import LastGrading, read_last_grading, rows_of
from autograder.gradebook.score_history import keep_graded
from autograder.submission.graded import CellGrade, GradedNotebook, GradedSubmission
from autograder.submission.incidents import Incident, IncidentKind
from autograder.submission.times import read_timestamp

__all__ = [
    "introduce",
    "write_autograded",
    "write_notebooks",
    "write_result",
]


def introduce(gradebook: Any, student: str, about: dict[str, str]) -> None:
    """Add a student to the gradebook, or fill in missing columns: first_name, last_name, email, lms_user_id. A person's
    own entries stay."""
    try:
        known = gradebook.find_student(student)
        about = {key: value for key, value in about.items() if not getattr(known, key)}
    except MissingEntry:
        pass
    gradebook.update_or_create_student(student, **{key: value for key, value in about.items() if value})


def write_result(gradebook: Any, course: Course, assignment: str, graded: GradedSubmission) -> None:
    """Write the result of a submission. autograded/ is in place before the database says so: whenever this is stopped,
    grading again ends in the same gradebook."""
    write_autograded(course, assignment, graded)
    at, untimed = submission_time(course.path("submitted", graded.student, assignment))
    graded.incidents += untimed
    submission = submission_rows(gradebook, assignment, graded.student, at)
    before = read_last_grading(gradebook.db, assignment, graded.student)
    done = {notebook.name: notebook for notebook in graded.notebooks}
    for row in submission.notebooks:
        notebook = done.get(row.name)
        graded.incidents += changed_answers(row.grades, notebook, before, unknown=graded.needs_a_person)
        if notebook is not None:
            write_grades(row, notebook, before, graded.versions)
        else:
            write_missing(row, graded.needs_a_person)
    for table in (tables.checks, tables.incidents, tables.graded):
        gradebook.db.execute(delete(table).where(rows_of(table, assignment, graded.student)))
    forget_cells(gradebook.db, assignment, graded)
    write_checks(gradebook.db, assignment, graded)
    write_digests(gradebook.db, assignment, graded)
    keep_graded(gradebook.db, assignment, graded, before)
    gradebook.db.commit()


def submission_time(folder: Path) -> tuple[datetime | None, list[Incident]]:
    """When a submission was handed in, or the incident that this cannot be read: nobody is late by a guess."""
    try:
        return read_timestamp(folder), []
    except ValueError as error:
        return None, [Incident(IncidentKind.UNTIMED, f"{error}, and grade again")]


def submission_rows(gradebook: Any, assignment: str, student: str, at: datetime | None) -> Any:
    """nbgrader's rows of one submission, made or brought up to date."""
    with unexpired(gradebook.db()), warnings.catch_warnings():
        gradebook.update_or_create_student(student)
        # nbgrader links a submission to its assignment before it adds it to the session, which SQLAlchemy warns
        # about three times; it is added a few lines later.
        warnings.filterwarnings("ignore", "Object of type <Submitted", SAWarning)
        submission = gradebook.update_or_create_submission(assignment, student, timestamp=at)
        apply_extension(gradebook.db, assignment, submission)
        return submission


@contextmanager
def unexpired(session: Any) -> Iterator[None]:
    """Keep rows valid after a commit in the block: nbgrader commits often, and would read again all that it wrote."""
    session.expire_on_commit = False
    try:
        yield
    finally:
        session.expire_on_commit = True


def write_notebooks(gradebook: Any, course: Course, assignment: str, graded: GradedSubmission, *, whole: bool) -> None:
    """Write the results of some notebooks of a submission that has rows already; its other notebooks stay as they are.
    `whole` says that it is graded as a whole with these. The time of submission is as we read it: nbgrader guesses."""
    submission = gradebook.find_submission(assignment, graded.student)
    submission.timestamp, untimed = submission_time(course.path("submitted", graded.student, assignment))
    graded.incidents += untimed
    apply_extension(gradebook.db, assignment, submission)
    rows = {notebook.name: notebook for notebook in submission.notebooks}
    session = gradebook.db
    before = read_last_grading(session, assignment, graded.student)
    session.execute(delete(tables.graded).where(rows_of(tables.graded, assignment, graded.student)))
    for notebook in graded.notebooks:
        graded.incidents += changed_answers(rows[notebook.name].grades, notebook, before)
        write_grades(rows[notebook.name], notebook, before, graded.versions)
        for table in (tables.checks, tables.incidents, tables.cells):
            # Incidents of the submission as a whole name no notebook: a run that has one to write says so itself.
            replaced = table.c.notebook.in_([notebook.name, ""])
            session.execute(delete(table).where(and_(rows_of(table, assignment, graded.student), replaced)))
    write_checks(session, assignment, graded)
    if whole:
        write_digests(session, assignment, graded)
    keep_graded(session, assignment, graded, before)
    session.commit()


def write_grades(notebook: Any, graded: GradedNotebook, before: LastGrading, versions: tuple[str, str]) -> None:
    """Set the automatic scores and comments of a submitted notebook's rows; points by hand stay. `versions` are the
    digests of submission and assignment, `before` is the last record."""
    grades = {grade.grade_id: grade for grade in graded.grades}
    for row in notebook.grades:
        if row.name in grades:
            grade = grades[row.name]
            write_grade(row, grade, seen=is_as_seen(row, grade, before, versions))
    for row in notebook.comments:
        row.auto_comment = "No response." if row.name in graded.unanswered else None


def write_missing(notebook: Any, needs_a_person: bool) -> None:
    """A notebook that was not handed in scores zero, as with nbgrader, and a person looks again at what they gave to an
    earlier one. One that we could not grade waits for a person; points that a person has given stay."""
    for row in notebook.grades:
        if not needs_a_person:
            row.auto_score, row.needs_manual_grade = 0.0, row.manual_score is not None
        elif row.manual_score is None:
            row.auto_score, row.needs_manual_grade = None, True


def write_checks(session: Any, assignment: str, graded: GradedSubmission) -> None:
    """Write this submission's verdicts and incidents, and the digests and points of its cells."""
    who = {"assignment": assignment, "student": graded.student}
    for table, rows in (
        (tables.checks, [row for notebook in graded.notebooks for row in check_rows(notebook)]),
        (tables.cells, [row for notebook in graded.notebooks for row in cell_rows(notebook)]),
        (tables.incidents, [incident_row(incident) for incident in graded.incidents]),
    ):
        if rows:
            session.execute(insert(table), [who | row for row in rows])


def forget_cells(session: Any, assignment: str, graded: GradedSubmission) -> None:
    """Delete the origins of cells' grades. They are kept for notebooks that we could not grade, since a person may have
    graded these answers by hand."""
    rows = rows_of(tables.cells, assignment, graded.student)
    if graded.needs_a_person:
        rows = and_(rows, tables.cells.c.notebook.in_([notebook.name for notebook in graded.notebooks]))
    session.execute(delete(tables.cells).where(rows))


def write_digests(session: Any, assignment: str, graded: GradedSubmission) -> None:
    """Write the versions behind the grade. A submission that we could not grade has none, so that it is tried again."""
    row = {
        "assignment": assignment,
        "student": graded.student,
        "submission_digest": "" if graded.needs_a_person else graded.digest,
        "assignment_digest": graded.assignment_digest,
        "seconds": graded.seconds,
        "memory_mb": graded.memory_mb,
        "at": datetime.now(UTC).replace(tzinfo=None),
        "run_time": graded.run_time,
    }
    session.execute(insert(tables.graded), row)


def check_rows(notebook: GradedNotebook) -> Iterator[dict[str, Any]]:
    """One row for every check of a notebook."""
    for grade in notebook.grades:
        yield from (row | {"notebook": notebook.name} for row in verdict_rows(grade))


def cell_rows(notebook: GradedNotebook) -> Iterator[dict[str, Any]]:
    """One row for every grade with a single cell behind it: a check, or an answer that is graded by hand."""
    for grade in notebook.grades:
        if grade.digest:
            points = None if grade.by_hand else grade.max_score
            yield {"notebook": notebook.name, "cell": grade.grade_id, "digest": grade.digest, "points": points}


def verdict_rows(grade: CellGrade) -> Iterator[dict[str, Any]]:
    for position, verdict in enumerate(grade.verdicts):
        yield vars(verdict) | {"cell": grade.grade_id, "position": position, "outcome": verdict.outcome.value}


def incident_row(incident: Incident) -> dict[str, str]:
    about = {"notebook": incident.notebook, "cell": incident.cell, "text": incident.text}
    return about | {"kind": incident.kind.value}


def write_autograded(course: Course, assignment: str, graded: GradedSubmission) -> None:
    """Write the graded notebooks and the files beside them to a new folder, then put it in place of the old one."""
    with atomic_dir(course.path("autograded", graded.student, assignment)) as fresh:
        for notebook in graded.notebooks:
            (fresh / f"{notebook.name}.ipynb").write_text(notebook.text, encoding="utf-8")
        for name, content in graded.files.items():
            write_file(fresh, name, content)


def write_file(folder: Path, name: str, content: bytes) -> None:
    """Write one file below `folder`, never outside of it. A file that has no place there is left out: one with the name
    of a folder, one below the name of a file, or one whose name is too long."""
    path = folder / name
    if ".." in Path(name).parts or Path(name).is_absolute():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG):
            raise
