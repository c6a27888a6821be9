"""Late penalties, by nbgrader's own preprocessor and whatever plugin the course has configured."""

from __future__ import annotations

import logging

import nbformat
from nbgrader.preprocessors import AssignLatePenalties

from autograder.grading.course import Course
from autograder.grading.results import GradedSubmission

__all__ = ["assign_late_penalties"]


def assign_late_penalties(course: Course, assignment: str, graded: GradedSubmission) -> None:
    """Let nbgrader set the late penalty of every notebook of a submission that was just recorded."""
    for notebook in graded.notebooks:
        step = AssignLatePenalties(config=course.config)
        step.log.setLevel(logging.ERROR)
        names = {"notebook": notebook.name, "assignment": assignment, "student": graded.student}
        step.preprocess(nbformat.v4.new_notebook(), {"nbgrader": names | {"db_url": course.db_url}})
