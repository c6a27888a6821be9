"""Late penalties, by nbgrader's own preprocessor and whatever plugin the course has configured."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import nbformat
from nbgrader.preprocessors import AssignLatePenalties

from autograder.grading.course import Course
from autograder.grading.late_days import late_days

__all__ = ["settle_late_penalties"]


def assign_late_penalties(course: Course, assignment: str, student: str, notebooks: Iterable[str]) -> None:
    """Let nbgrader set the late penalty of notebooks of a submission that is recorded."""
    for notebook in notebooks:
        step = AssignLatePenalties(config=course.config)
        step.log.setLevel(logging.ERROR)
        names = {"notebook": notebook, "assignment": assignment, "student": student, "db_url": course.db_url}
        step.preprocess(nbformat.v4.new_notebook(), {"nbgrader": names})


def settle_late_penalties(course: Course, gradebook: Any, assignment: str) -> None:
    """Set the penalties of an assignment anew: points that a person gave since may be more than there were to lose.
    Late days are shared, so with them a resubmission to one assignment changes what others cost."""
    names = [a.name for a in gradebook.assignments] if late_days(course) else [assignment]
    late = [
        (name, submission.student_id, [notebook.name for notebook in submission.notebooks])
        for name in names
        for submission in gradebook.find_assignment(name).submissions
        if submission.total_seconds_late > 0 or submission.late_submission_penalty > 0
    ]
    gradebook.db.rollback()  # nbgrader writes them through a connection of its own
    for submitted in late:
        assign_late_penalties(course, *submitted)
    gradebook.db.expire_all()
