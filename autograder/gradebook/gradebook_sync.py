"""Keeps nbgrader's own record of an assignment in step with its source, so that no grade is made from an old one."""

from __future__ import annotations

import logging
from typing import Any

from nbgrader.api import Assignment, Notebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import SaveCells
from sqlalchemy import func, select

from autograder.course.course import Course
from autograder.course.release_steps import prepared, resources_of
from autograder.course.source_notebooks import source_notebook
from autograder.errors import AutograderError
from autograder.gradebook.due_dates import settle_due_dates

__all__ = ["sync_assignment"]


def sync_assignment(gradebook: Any, course: Course, name: str) -> None:
    """Save the cells of the source notebooks in the gradebook, as `nbgrader generate_assignment` does.

    Raises AutograderError if notebooks or cells came or went while there are submissions: nbgrader cannot record that.
    """
    gradebook.update_or_create_assignment(name)
    settle_due_dates(gradebook.db, course)
    paths = sorted(course.source(name).glob("*.ipynb"))
    sync_names(gradebook, name, {path.stem for path in paths})
    for path in paths:
        notebook = prepared(source_notebook(path), path, course)
        step = SaveCells(config=course.config)
        step.log.setLevel(logging.ERROR)
        try:
            step.preprocess(notebook, resources_of(path, course))
        except RuntimeError:
            raise came_or_went("Graded cells", name) from None


def sync_names(gradebook: Any, name: str, present: set[str]) -> None:
    """Forget notebooks that are not `present` any more. Raises AutograderError if submissions have other notebooks."""
    session = gradebook.db
    query = select(Notebook.name, func.count(SubmittedNotebook.id)).join(Notebook.assignment)
    query = query.outerjoin(Notebook.submissions).where(Assignment.name == name).group_by(Notebook.name)
    counts = dict(session.execute(query).all())
    for gone in counts.keys() - present:
        if not counts[gone]:
            gradebook.remove_notebook(gone, name)
            del counts[gone]
    of_assignment = SubmittedAssignment.assignment.has(name=name)
    submissions = session.execute(select(func.count(SubmittedAssignment.id)).where(of_assignment)).scalar()
    if submissions and counts != dict.fromkeys(present, submissions):
        raise came_or_went("Notebooks", name)


def came_or_went(what: str, name: str) -> AutograderError:
    return AutograderError(
        f"{what} of {name} were added, removed or renamed, and submissions were already graded with the old ones: "
        "undo that change, or remove the assignment's submissions from the gradebook, with all points that were given "
        f"by hand, by `nbgrader db assignment remove {name} --force`, and grade again."
    )
