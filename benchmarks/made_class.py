"""A graded class of any size, made without grading anybody: one submission is recorded as if it had been graded, and
its rows and folders are copied for everybody else."""

from __future__ import annotations

import shutil
import uuid
from typing import Any

from nbgrader.api import Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import insert, select

from autograder.checking.outcomes import Outcome, Verdict, score
from autograder.course.assignment import Assignment, TemplateCell
from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.gradebook import tables
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.gradebook_sync import sync_assignment
from autograder.gradebook.secret import check_secret
from autograder.gradebook.write_results import write_result
from autograder.submission.graded import CellGrade, GradedNotebook, GradedSubmission
from autograder.submission.reading import read_submission

__all__ = ["make_class"]

OURS = (tables.checks, tables.cells, tables.incidents, tables.graded, tables.scores)


def make_class(course: Course, name: str, size: int, model: str = "ada") -> None:
    """Record the submission of `model`, which lies in submitted/, as graded, and copy it until there are `size`."""
    assignment = load_assignment(course, name)
    with open_gradebook(course) as gradebook:
        check_secret(gradebook.db, course)
        sync_assignment(gradebook, course, name)
        write_result(gradebook, course, name, as_graded(course, assignment, model))
        copy_rows(gradebook.db, name, model, [f"s{number:05}" for number in range(1, size)])
    for number in range(1, size):
        for step in ("submitted", "autograded"):
            source, target = (course.path(step, student, name) for student in (model, f"s{number:05}"))
            if source.is_dir():
                shutil.copytree(source, target)


def as_graded(course: Course, assignment: Assignment, student: str) -> GradedSubmission:
    """A result in which every other check passes, and what a person grades waits."""
    submission = read_submission(student, course.path("submitted", student, assignment.name), 64)
    graded = GradedSubmission(student, submission.digest, assignment.digest, seconds=1.0, memory_mb=100.0)
    for template in assignment.notebooks:
        text = submission.files[f"{template.name}.ipynb"].decode()
        grades = [grade_of(cell) for cell in template.cells if cell.graded]
        graded.notebooks.append(GradedNotebook(template.name, text, grades, []))
    return graded


def grade_of(cell: TemplateCell) -> CellGrade:
    points = float(cell.nbgrader["points"])
    if not cell.is_check:
        by_hand = bool(cell.nbgrader.get("solution"))
        return CellGrade(cell.grade_id, None if by_hand else points, points, [], cell.digest, by_hand)
    verdicts = [
        Verdict(test.name, test.description, test.weight, test.hidden, *outcome(number), "")
        for number, test in enumerate(cell.check.tests())
    ]
    return CellGrade(cell.grade_id, score(verdicts, points), points, verdicts, cell.digest)


def outcome(number: int) -> tuple[Outcome, str]:
    return (Outcome.WRONG, "It is 2 times too large.") if number % 2 else (Outcome.PASSED, "")


def copy_rows(session: Any, assignment: str, model: str, students: list[str]) -> None:
    """Give every student the rows of `model`."""
    session.execute(insert(Student), [{"id": student} for student in students]) if students else None
    (submission,) = session.execute(
        select(SubmittedAssignment.__table__).where(
            SubmittedAssignment.student_id == model, SubmittedAssignment.assignment.has(name=assignment)
        )
    ).mappings()
    of = {student: uuid.uuid4().hex for student in students}
    copies(session, SubmittedAssignment, submission, [{"id": of[who], "student_id": who} for who in students])
    for book in rows(session, SubmittedNotebook, SubmittedNotebook.assignment_id == submission["id"]):
        books = {student: uuid.uuid4().hex for student in students}
        copies(session, SubmittedNotebook, book, [{"id": books[who], "assignment_id": of[who]} for who in students])
        for kind in (Grade, Comment):
            for row in rows(session, kind, kind.notebook_id == book["id"]):
                new = [{"id": uuid.uuid4().hex, "notebook_id": books[who]} for who in students]
                copies(session, kind, row, new)
    for table in OURS:
        columns = [column for column in table.c if column.name != "id"]
        query = select(*columns).where(table.c.student == model, table.c.assignment == assignment)
        for row in session.execute(query).mappings().all():
            if students:
                session.execute(insert(table), [dict(row) | {"student": student} for student in students])
    session.commit()


def rows(session: Any, kind: Any, condition: Any) -> list[Any]:
    return list(session.execute(select(kind.__table__).where(condition)).mappings())


def copies(session: Any, kind: Any, row: Any, changes: list[dict[str, Any]]) -> None:
    if changes:
        session.execute(insert(kind.__table__), [dict(row) | change for change in changes])
