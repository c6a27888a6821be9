"""What students get, made by nbgrader's own generate_assignment."""

from __future__ import annotations

import logging

from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException

from autograder.errors import AutograderError
from autograder.grading.course import Course

__all__ = ["release"]


def release(course: Course, name: str) -> None:
    """Write `release/NAME/` and record the assignment in the gradebook. Raises AutograderError if nbgrader refuses."""
    directory = course.directory
    directory.assignment_id, directory.notebook_id = name, "*"
    converter = GenerateAssignment(coursedir=directory, config=course.config)
    converter.force = True
    converter.log.setLevel(logging.ERROR)
    try:
        converter.start()
    except NbGraderException as error:
        raise AutograderError(f"nbgrader could not release {name}: {error}.") from None
