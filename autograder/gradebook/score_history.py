"""Every score that a cell has had: rows are added, none is changed, and each says why it came.

A score that autograder gives is kept with the grade, in one transaction. What a person gives in formgrader is noticed
by the next command that looks, and so is what another program changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from nbgrader.api import Assignment, BaseCell, Grade, Notebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import and_, func, insert, literal, or_, select

from autograder.checking.outcomes import Verdict
from autograder.gradebook import tables
from autograder.gradebook.last_grading import LastGrading, Place
from autograder.submission.graded import CellGrade, GradedSubmission

__all__ = [
    "Reason",
    "Why",
    "given_places",
    "given_reason",
    "keep_given",
    "keep_graded",
    "keep_penalties",
    "keep_scores",
    "void_reason",
]

PENALTY = ""  # in the place of a cell's name


class Why(StrEnum):
    """Why a score changed."""

    SUBMISSION = "new submission"
    CHECK = "check changed"
    ASSIGNMENT = "assignment changed"
    RUN_TIME = "other run time"
    AGAIN = "graded again"
    FAULT = "could not be graded"
    VOID = "check void"
    COUNTS = "check counts again"
    POINTS = "points changed"
    HAND = "given by hand"
    LATE = "lateness"
    EXTENSION = "extension"
    OUTSIDE = "changed outside autograder"


@dataclass(frozen=True)
class Reason:
    """Why a score changed, and a note with more about it."""

    why: tuple[Why, ...]
    note: str = ""


@dataclass(frozen=True)
class MovedScore:
    """A cell whose score differs from the row that was kept last: `kept` is the row's number, None if there is no row,
    and `kept_why` its reason. `by_hand` says that a person's points count, `extra` that they gave extra credit."""

    student: str
    place: Place
    score: float | None
    by_hand: bool
    extra: bool
    kept: int | None
    kept_why: str


def keep_graded(session: Any, assignment: str, graded: GradedSubmission, before: LastGrading) -> None:
    """Keep the scores of a submission that was just recorded; `before` is its record until then."""
    grades = {(book.name, grade.grade_id): grade for book in graded.notebooks for grade in book.grades}

    def reason(moved: MovedScore) -> Reason:
        if moved.score is None:
            return Reason((Why.FAULT,))
        return grading_reason(before, graded, moved.place, grades.get(moved.place))

    keep_scores(session, assignment, reason, graded.student)


def grading_reason(before: LastGrading, graded: GradedSubmission, place: Place, grade: CellGrade | None) -> Reason:
    """Why a grade changed: what differs from the last time that the submission was graded."""
    earlier, versions, found = before.cells.get(place), graded.versions, list[Why]()
    if before.versions[0] and before.versions[0] != versions[0]:
        found.append(Why.SUBMISSION)
    if earlier is not None and grade is not None and earlier.points is not None and earlier.digest != grade.digest:
        found.append(Why.CHECK)
    if before.versions[1] and before.versions[1] != versions[1]:
        found.append(Why.ASSIGNMENT)
    if before.run_time != graded.run_time:
        found.append(Why.RUN_TIME)
    voids = void_reason(earlier.verdicts if earlier else [], grade.verdicts if grade else [])
    return Reason((*found, *voids.why) or (Why.AGAIN,), voids.note)


def void_reason(before: Iterable[Verdict], now: Iterable[Verdict]) -> Reason:
    """Which checks have become void, or count again."""
    earlier = {verdict.name: verdict.void for verdict in before}
    void = [f"{verdict.name}: {verdict.void}" for verdict in now if verdict.void and not earlier.get(verdict.name)]
    counts = [verdict.name for verdict in now if not verdict.void and earlier.get(verdict.name)]
    return Reason((Why.VOID,) * bool(void) + (Why.COUNTS,) * bool(counts), "; ".join(void + counts))


def keep_given(session: Any, assignment: str, given_by: str | None = None) -> None:
    """Keep the scores that changed while no command of autograder was at work, or that `given_by` just gave."""
    keep_scores(session, assignment, given_reason, given=True, given_by=given_by)


def given_reason(moved: MovedScore) -> Reason:
    """Why a score changed between two commands of autograder: a person took points back or gave extra credit, or
    another program was at work."""
    return Reason((Why.HAND if moved.extra or Why.HAND in moved.kept_why else Why.OUTSIDE,))


def given_places(session: Any, assignment: str) -> set[tuple[str, Place]]:
    """The student and place of all points that a person gave and that are not kept yet."""
    found = session.execute(moved_scores(assignment, "")).all()
    return {(who, (notebook, cell)) for _, _, _, by_hand, _, who, notebook, cell, *_ in found if by_hand is not None}


def keep_scores(
    session: Any,
    assignment: str,
    reason: Callable[[MovedScore], Reason],
    student: str = "",
    *,
    given: bool = False,
    given_by: str | None = None,
) -> None:
    """Keep every score of the assignment, or of `student`, that differs from the row that was kept last. `reason` says
    why it changed. Points that a person gave need no reason, and are kept only with `given`: first they must be shared
    in the student's group. `given_by` is that person, if known."""
    rows = []
    for kept, kept_why, score, by_hand, extra, *about in session.execute(moved_scores(assignment, student)):
        who, notebook, cell, *versions = about
        moved = MovedScore(who, (notebook, cell), score, by_hand is not None, extra is not None, kept, kept_why or "")
        if given or not moved.by_hand:
            row = row_of(assignment, moved, versions, reason_of(moved, reason))
            rows.append(row | {"given_by": given_by if moved.by_hand else None})
    if rows:
        session.execute(insert(tables.scores), rows)


def reason_of(moved: MovedScore, reason: Callable[[MovedScore], Reason]) -> Reason:
    if moved.by_hand:
        return Reason((Why.HAND,))
    return reason(moved) if moved.kept is not None else Reason(())  # a score that is given first needs none


def keep_penalties(session: Any, assignments: Iterable[str], extended: Collection[str]) -> None:
    """Keep the late penalties of these assignments that differ from the rows that were kept last, as points below zero.
    Students in `extended` were just given another extension."""
    rows = []
    for assignment in sorted(set(assignments)):
        for kept, score, who, notebook, *versions in session.execute(moved_penalties(assignment)):
            moved = MovedScore(who, (notebook, PENALTY), score, False, False, kept, "")
            why = Why.EXTENSION if who in extended else Why.LATE
            rows.append(row_of(assignment, moved, [*versions, None], Reason((why,) if kept else ())))
    if rows:
        session.execute(insert(tables.scores), rows)


def row_of(assignment: str, moved: MovedScore, versions: list[str | None], reason: Reason) -> dict[str, Any]:
    names = ("submission_digest", "assignment_digest", "cell_digest")
    return {
        "assignment": assignment,
        "student": moved.student,
        "notebook": moved.place[0],
        "cell": moved.place[1],
        "at": datetime.now(UTC).replace(tzinfo=None),
        "score": moved.score,
        "why": ", ".join(reason.why),
        "note": reason.note,
        **dict(zip(names, versions, strict=True)),
    }


def moved_scores(assignment: str, student: str) -> Any:
    """The query for cells whose score differs from the row that was kept last; the database compares."""
    points = func.coalesce(Grade.manual_score, Grade.auto_score) + func.coalesce(Grade.extra_credit, 0.0)
    last, of, made_from = tables.scores.c, tables.graded.c, tables.cells.c
    who, notebook = SubmittedAssignment.student_id, Notebook.name
    same_cell = and_(
        made_from.assignment == Assignment.name,
        made_from.student == who,
        made_from.notebook == notebook,
        made_from.cell == BaseCell.name,
    )
    query = (
        select(last.id, last.why, points, Grade.manual_score, Grade.extra_credit, who, notebook, BaseCell.name)
        .add_columns(of.submission_digest, of.assignment_digest, made_from.digest)
        .select_from(Grade)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .join(SubmittedNotebook, SubmittedNotebook.id == Grade.notebook_id)
        .where(points.is_distinct_from(last.score), or_(points.is_not(None), last.id.is_not(None)))
        .order_by(who, notebook, BaseCell.name)
    )
    return joined(query, assignment, student, BaseCell.name).outerjoin(tables.cells, same_cell)


def moved_penalties(assignment: str) -> Any:
    """The query for notebooks whose late penalty differs from the row that was kept last."""
    points = literal(0.0) - func.coalesce(SubmittedNotebook.late_submission_penalty, 0.0)
    last, of = tables.scores.c, tables.graded.c
    who, notebook = SubmittedAssignment.student_id, Notebook.name
    query = (
        select(last.id, points, who, notebook, of.submission_digest, of.assignment_digest)
        .select_from(SubmittedNotebook)
        .where(points.is_distinct_from(last.score))
        .order_by(who, notebook)
    )
    return joined(query, assignment, "", literal(PENALTY))


def joined(query: Any, assignment: str, student: str, cell: Any) -> Any:
    """The query of an assignment's submitted notebooks, with their names, what the grade was made from, and the row
    that was kept last of `cell`."""
    who, of, kept = SubmittedAssignment.student_id, tables.graded.c, tables.scores.alias()
    place = (kept.c.assignment == assignment, kept.c.student == who, kept.c.notebook == Notebook.name)
    # Asked for each cell, by the index: a join with all newest rows is one with every other.
    newest = select(func.max(kept.c.id)).where(*place, kept.c.cell == cell).correlate_except(kept).scalar_subquery()
    query = (
        query.join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .outerjoin(tables.graded, and_(of.assignment == Assignment.name, of.student == who))
        .outerjoin(tables.scores, tables.scores.c.id == newest)
        .where(Assignment.name == assignment)
    )
    return query.where(who == student) if student else query
