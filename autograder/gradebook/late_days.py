"""Late days, as a plugin for nbgrader: a budget for each student and the whole course, and a penalty beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from nbgrader.api import Assignment, SubmittedAssignment
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import select
from traitlets import Float, Int, TraitError

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook.class_rows import seconds_late

__all__ = ["LateDays", "LateUse", "late_days", "late_plugin"]

HOUR, DAY = 3600, 86400  # in seconds


@dataclass(frozen=True)
class LateUse:
    """The late days of one submission: how many it took, how many of them are free, and how many the student has left
    after it."""

    days: int
    free: int
    left: int


class LateDays(LateSubmissionPlugin):  # type: ignore[misc]
    """Late days that are free up to a budget, and cost points beyond it. They are counted from what the gradebook
    knows, in the order in which the assignments are due, so that a regrade ends as the first grading did."""

    budget = Int(4, min=0, help="Late days that each student has for the whole course.").tag(config=True)
    per_assignment = Int(2, min=0, help="Late days of the budget that may go into one assignment.").tag(config=True)
    grace_hours = Float(0, min=0, help="Hours after the due date that count as in time.").tag(config=True)
    points_per_day = Float(0, min=0, help="Points that each late day beyond costs.").tag(config=True)
    fraction_per_day = Float(0.1, min=0, max=1, help="Part of the full marks that each late day beyond costs.").tag(
        config=True
    )

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points that a notebook loses. nbgrader asks through its preprocessor, which knows the assignment and the
        gradebook."""
        step = self.parent
        use = self.uses(step.gradebook, student_id)[step.assignment_id]
        notebook = step.gradebook.find_submission_notebook(step.notebook_id, step.assignment_id, student_id)
        full = step.gradebook.find_assignment(step.assignment_id).max_score
        return self.penalty(use, notebook.max_score, full)

    def penalty(self, use: LateUse, max_score: float, full: float) -> float | None:
        """The points that a notebook of `max_score` points loses; of an assignment of several, with `full` points
        together, each loses its part."""
        part = max_score / full if full else 0.0
        return (use.days - use.free) * (self.points_per_day + self.fraction_per_day * full) * part or None

    def uses(self, gradebook: Any, student: str) -> dict[str, LateUse]:
        """A student's use of the budget for each assignment that was handed in and has a due date."""
        return self.uses_of_all(gradebook.db, student).get(student, {})

    def uses_of_all(self, session: Any, student: str = "") -> dict[str, dict[str, LateUse]]:
        """The use of every student, or of `student` alone, by student and assignment."""
        of = SubmittedAssignment
        query = select(of.student_id, Assignment.name, of.timestamp, Assignment.duedate, of.extension)
        query = query.join(Assignment).where(Assignment.duedate.is_not(None))
        if student:
            query = query.where(of.student_id == student)
        # By the assignment's due date, whatever extensions there are, and by name where that is the same.
        query = query.order_by(Assignment.duedate, Assignment.name)
        uses: dict[str, dict[str, LateUse]] = {}
        for who, name, *times in session.execute(query):
            own_uses = uses.setdefault(who, {})
            left = next(reversed(own_uses.values())).left if own_uses else self.budget
            days = max(0, ceil((seconds_late(*times) - self.grace_hours * HOUR) / DAY))
            free = min(days, left, self.per_assignment)
            own_uses[name] = LateUse(days, free, left - free)
        return uses


def late_days(course: Course) -> LateDays | None:
    """The course's late days, if it has chosen them: `c.AssignLatePenalties.plugin_class`."""
    plugin = late_plugin(course)
    return plugin if isinstance(plugin, LateDays) else None


def late_plugin(course: Course) -> Any:
    """The plugin that says what lateness costs, made as nbgrader makes it. Raises AutograderError if it cannot be."""
    step = late_step(course)
    try:
        return step.plugin_class(parent=step)
    except TraitError as error:
        raise course.wrong_setting(error) from None


def late_step(course: Course) -> AssignLatePenalties:
    """nbgrader's preprocessor, which loads the plugin by its name. Raises AutograderError if that fails."""
    try:
        return AssignLatePenalties(config=course.config)
    except Exception as error:  # a module of the course's own may raise anything
        why = error.__cause__ or error  # traitlets does not say why a name could not be imported
        raise AutograderError(
            f"{course.config_file} has a plugin for late work that does not load ({type(why).__name__}: "
            f"{str(why).rstrip('.')}): give c.AssignLatePenalties.plugin_class the name of a class, such as "
            "'autograder.gradebook.late_days.LateDays'."
        ) from None
