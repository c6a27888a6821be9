"""Keeps nbgrader's own record of an assignment in step with its source, so that no grade is made from an old one."""

from __future__ import annotations

import logging
from typing import Any

from nbgrader.preprocessors import SaveCells

from autograder.errors import AutograderError
from autograder.grading.course import Course
from autograder.grading.due_dates import settle_due_dates
from autograder.grading.release_steps import prepared, resources_of
from autograder.grading.source_notebooks import source_notebook

__all__ = ["sync_assignment"]


def sync_assignment(gradebook: Any, course: Course, name: str) -> None:
    """Save the cells of the source notebooks in the gradebook, as `nbgrader generate_assignment` does.

    Raises AutograderError if cells came or went while there are submissions: nbgrader cannot record that.
    """
    gradebook.update_or_create_assignment(name)
    settle_due_dates(gradebook.db, course)
    for path in sorted(course.source(name).glob("*.ipynb")):
        notebook = prepared(source_notebook(path), path, course)
        step = SaveCells(config=course.config)
        step.log.setLevel(logging.ERROR)
        try:
            step.preprocess(notebook, resources_of(path, course))
        except RuntimeError:
            raise AutograderError(
                f"Graded cells of {name} were added, removed or renamed, and submissions were already graded with the "
                "old ones: undo that change, or remove the assignment's submissions from the gradebook with "
                f"`nbgrader db assignment remove {name} --force` and grade again."
            ) from None
