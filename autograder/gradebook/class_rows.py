"""Reads a whole class from nbgrader's tables, in a number of queries that does not grow with it: nbgrader's own objects
ask anew for every student, notebook, grade and sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    GradeCell,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from sqlalchemy import func, select

__all__ = [
    "CommentRow",
    "GradeRow",
    "NotebookRow",
    "SubmissionRow",
    "full_name",
    "max_scores",
    "read_submissions",
    "seconds_late",
    "student_rows",
]

ABOUT = ("first_name", "last_name", "email", "lms_user_id")


@dataclass(frozen=True)
class GradeRow:
    """One of nbgrader's grades. `id` is its key."""

    id: str
    cell: str
    cell_type: str
    max_score: float
    auto_score: float | None
    manual_score: float | None
    extra_credit: float | None
    needs_manual_grade: bool

    @property
    def score(self) -> float:
        """As nbgrader has it: a person's points come before the automatic ones, and nothing is zero."""
        given = self.auto_score if self.manual_score is None else self.manual_score
        return 0.0 if given is None else given + (self.extra_credit or 0.0)

    @property
    def waits(self) -> bool:
        """Whether nobody has given points yet."""
        return self.auto_score is None and self.manual_score is None


@dataclass(frozen=True)
class CommentRow:
    """One of nbgrader's comments: a person's comes before the automatic one. `id` is its key."""

    id: str
    cell: str
    auto_comment: str | None
    manual_comment: str | None

    @property
    def comment(self) -> str:
        return (self.auto_comment if self.manual_comment is None else self.manual_comment) or ""


@dataclass
class NotebookRow:
    """A submitted notebook. `max_score` is of all the cells that it should have."""

    id: str
    name: str
    max_score: float
    late_penalty: float
    grades: list[GradeRow] = field(default_factory=list)
    comments: list[CommentRow] = field(default_factory=list)

    @property
    def score(self) -> float:
        return sum(grade.score for grade in self.grades)


@dataclass
class SubmissionRow:
    """A submission. `about` has the student's first_name, last_name, email and lms_user_id, and `seconds_late` counts
    from the due date with the student's extension."""

    assignment: str
    student: str
    about: dict[str, str]
    timestamp: datetime | None
    seconds_late: float
    max_score: float
    notebooks: list[NotebookRow] = field(default_factory=list)

    @property
    def score(self) -> float:
        return sum(notebook.score for notebook in self.notebooks)

    @property
    def late_penalty(self) -> float:
        return sum(notebook.late_penalty for notebook in self.notebooks)

    @property
    def needs_manual_grade(self) -> bool:
        return any(grade.needs_manual_grade for notebook in self.notebooks for grade in notebook.grades)


def seconds_late(timestamp: datetime | None, due: datetime | None, extension: timedelta | None) -> float:
    """How late a submission is; one without a time, or without a due date, is not."""
    if timestamp is None or due is None:
        return 0.0
    return max(0.0, (timestamp - due - (extension or timedelta(0))).total_seconds())


def full_name(about: Mapping[str, str]) -> str:
    """A student's name as the gradebook has it; empty where it has none."""
    return " ".join(filter(None, (about.get("first_name"), about.get("last_name"))))


def student_rows(session: Any) -> dict[str, dict[str, str]]:
    """Every student of the gradebook by id, with first_name, last_name, email and lms_user_id."""
    rows = session.execute(select(Student.id, *(getattr(Student, key) for key in ABOUT)).order_by(Student.id))
    return {student: dict(zip(ABOUT, (value or "" for value in values), strict=True)) for student, *values in rows}


def read_submissions(session: Any, assignment: str, student: str = "") -> list[SubmissionRow]:
    """The submissions of an assignment in order of student id, or the one of `student`."""
    chosen = select(SubmittedAssignment.id).join(Assignment).where(Assignment.name == assignment)
    if student:
        chosen = chosen.where(SubmittedAssignment.student_id == student)
    people, cells = student_rows(session), cells_of(session, assignment)
    max_scores: dict[str, float] = {}
    for _, notebook, _, points in cells.values():
        max_scores[notebook] = max_scores.get(notebook, 0.0) + points
    of = SubmittedAssignment
    query = select(of.id, of.student_id, of.timestamp, of.extension, Assignment.duedate).join(Assignment)
    submissions = {
        key: SubmissionRow(assignment, who, people[who], at, seconds_late(at, due, extension), sum(max_scores.values()))
        for key, who, at, extension, due in session.execute(query.where(of.id.in_(chosen)).order_by(of.student_id))
    }
    notebooks: dict[str, NotebookRow] = {}
    taken = SubmittedNotebook
    query = select(taken.id, taken.assignment_id, Notebook.id, Notebook.name, taken.late_submission_penalty)
    for key, submission, book, name, penalty in session.execute(
        query.join(Notebook, Notebook.id == taken.notebook_id).where(taken.assignment_id.in_(chosen))
    ):
        notebooks[key] = NotebookRow(key, name, max_scores.get(book, 0.0), penalty or 0.0)
        submissions[submission].notebooks.append(notebooks[key])
    books = select(taken.id).where(taken.assignment_id.in_(chosen))
    for book, cell, *values in session.execute(grades_in(books)):
        name, _, kind, points = cells.get(cell, ("", "", "", 0.0))
        key, auto, manual, extra, needs = values
        notebooks[book].grades.append(GradeRow(key, name, kind, points, auto, manual, extra, needs))
    comments = select(Comment.notebook_id, Comment.id, BaseCell.name, Comment.auto_comment, Comment.manual_comment)
    for book, *values in session.execute(
        comments.join(BaseCell, BaseCell.id == Comment.cell_id).where(Comment.notebook_id.in_(books))
    ):
        notebooks[book].comments.append(CommentRow(*values))
    return list(submissions.values())


def max_scores(session: Any) -> dict[tuple[str, str], float]:
    """The points of every notebook of the gradebook, by the keys of its assignment and its own."""
    found: dict[tuple[str, str], float] = {}
    for kind in (GradeCell, TaskCell):
        query = select(Notebook.assignment_id, Notebook.id, func.sum(kind.max_score))
        query = query.join(kind, kind.notebook_id == Notebook.id).group_by(Notebook.assignment_id, Notebook.id)
        for assignment, notebook, points in session.execute(query):
            found[assignment, notebook] = found.get((assignment, notebook), 0.0) + points
    return found


def grades_in(books: Any) -> Any:
    points = (Grade.auto_score, Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade)
    return select(Grade.notebook_id, Grade.cell_id, Grade.id, *points).where(Grade.notebook_id.in_(books))


def cells_of(session: Any, assignment: str) -> dict[str, tuple[str, str, str, float]]:
    """An assignment's cells with points by their key: name, key of the notebook, type, points."""
    found: dict[str, tuple[str, str, str, float]] = {}
    for kind in (GradeCell, TaskCell):
        query = select(kind.id, kind.name, kind.notebook_id, kind.cell_type, kind.max_score)
        query = query.join(Notebook, Notebook.id == kind.notebook_id).join(Assignment)
        for key, *about in session.execute(query.where(Assignment.name == assignment)):
            found[key] = tuple(about)
    return found
