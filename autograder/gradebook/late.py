"""Late penalties, by whatever plugin the course has configured for nbgrader, with the same bounds as nbgrader's."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Assignment, Grade, Notebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import func, or_, select, update

from autograder.course.course import Course
from autograder.gradebook.class_rows import max_scores, seconds_late
from autograder.gradebook.late_days import LateDays, late_plugin
from autograder.gradebook.score_history import keep_penalties

__all__ = ["settle_late_penalties"]


@dataclass(frozen=True)
class LateNotebook:
    """A submitted notebook that is late, or has a penalty from when it was: its key, the names that nbgrader calls it
    by, and what its penalty is made from."""

    id: str
    student: str
    assignment: str
    notebook: str
    seconds: float
    score: float
    max_score: float
    full: float
    penalty: float | None


def settle_late_penalties(course: Course, gradebook: Any, assignment: str, extended: Collection[str] = ()) -> None:
    """Set the penalties of an assignment anew: a person may have given points since, so that more can be lost. Late
    days are shared, so with them a resubmission to one assignment changes what others cost. Students in `extended`
    were just given another extension."""
    session = gradebook.db
    plugin = late_plugin(course)
    shared = isinstance(plugin, LateDays)
    uses = plugin.uses_of_all(session) if isinstance(plugin, LateDays) else {}
    changed, touched = [], {assignment}
    for late in late_notebooks(session, "" if shared else assignment):
        if not late.seconds:
            wanted = None
        elif isinstance(plugin, LateDays):
            wanted = plugin.penalty(uses[late.student][late.assignment], late.max_score, late.full)
        else:
            wanted = ask_plugin(plugin, gradebook, course, late)
        penalty = None if wanted is None else min(max(0.0, wanted), late.score)
        if penalty != late.penalty:
            changed.append({"id": late.id, "late_submission_penalty": penalty})
            touched.add(late.assignment)
    if changed:
        session.execute(update(SubmittedNotebook), changed)
    keep_penalties(session, touched, extended)
    session.commit()
    session.expire_all()


def ask_plugin(plugin: Any, gradebook: Any, course: Course, late: LateNotebook) -> float | None:
    """The penalty by the course's own plugin. It may ask its parent, nbgrader's preprocessor, which submission it is
    about."""
    step = plugin.parent
    step.gradebook, step.db_url = gradebook, course.db_url
    step.notebook_id, step.assignment_id, step.student_id = late.notebook, late.assignment, late.student
    penalty: float | None = plugin.late_submission_penalty(late.student, late.score, late.seconds)
    return penalty


def late_notebooks(session: Any, assignment: str) -> Iterator[LateNotebook]:
    """The notebooks of an assignment, or of all, that are late or have a penalty."""
    of, book = SubmittedAssignment, SubmittedNotebook
    late = or_(book.late_submission_penalty > 0, of.timestamp > Assignment.duedate)  # an extension is looked at below
    conditions = [late, Assignment.name == assignment] if assignment else [late]
    names = (book.id, of.student_id, Assignment.name, Notebook.name, Notebook.id, Assignment.id)
    times = (of.timestamp, Assignment.duedate, of.extension)
    query = (
        select(*names, book.late_submission_penalty, *times)
        .join(of, of.id == book.assignment_id)
        .join(Assignment, Assignment.id == of.assignment_id)
        .join(Notebook, Notebook.id == book.notebook_id)
        .where(*conditions)
    )
    rows = session.execute(query).all()
    books = query.with_only_columns(book.id)
    total = select(Grade.notebook_id, func.sum(Grade.score)).where(Grade.notebook_id.in_(books))
    scores = dict(session.execute(total.group_by(Grade.notebook_id)).all())
    points = max_scores(session) if rows else {}
    for key, student, name, notebook, book_key, assignment_key, penalty, *when in rows:
        seconds = seconds_late(*when)
        if seconds or penalty:
            full = sum(value for (parent, _), value in points.items() if parent == assignment_key)
            own = points.get((assignment_key, book_key), 0.0)
            yield LateNotebook(key, student, name, notebook, seconds, scores.get(key) or 0.0, own, full, penalty)
