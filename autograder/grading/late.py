"""Late penalties, by nbgrader's own preprocessor and whatever plugin the course has configured."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import nbformat
from nbgrader.preprocessors import AssignLatePenalties

from autograder.grading.course import Course

__all__ = ["assign_late_penalties"]


def assign_late_penalties(course: Course, assignment: str, student: str, notebooks: Iterable[str]) -> None:
    """Let nbgrader set the late penalty of the notebooks of a submission that were just recorded."""
    for notebook in notebooks:
        step = AssignLatePenalties(config=course.config)
        step.log.setLevel(logging.ERROR)
        names = {"notebook": notebook, "assignment": assignment, "student": student}
        step.preprocess(nbformat.v4.new_notebook(), {"nbgrader": names | {"db_url": course.db_url}})
