"""Checks the preconditions before anybody is graded."""

from __future__ import annotations

from dataclasses import replace

from autograder.course.assignment import Assignment
from autograder.course.course import Course
from autograder.course.packages import check_packages
from autograder.errors import AutograderError
from autograder.gradebook.late_days import late_plugin
from autograder.sandbox.levels import confines
from autograder.sandbox.limits import Limits
from autograder.sandbox.paths import readable_paths

__all__ = ["checked_limits", "refuse_without_points"]


def checked_limits(course: Course, sandbox: str = "") -> Limits:
    """The limits on student code, in the sandbox level `sandbox` or that of the course's settings, once all holds that
    grading needs. Raises AutograderError if lateness could not be counted, if a package is missing, or if student
    code could read the course."""
    late_plugin(course)
    check_packages(course.settings.packages)
    wanted = sandbox or course.settings.sandbox
    if confines(wanted):
        refuse_readable(course)
    return replace(course.settings.limits(), sandbox=wanted)


def refuse_readable(course: Course) -> None:
    """Raise AutograderError if the course lies where student code can read it."""
    for shown in readable_paths():
        if course.root.is_relative_to(shown.resolve()):
            raise AutograderError(
                f"The course {course.root} lies in {shown}, which student code can read: move it elsewhere."
            )


def refuse_without_points(assignment: Assignment) -> None:
    """Raise AutograderError if nothing of the assignment is graded, as in a notebook of another tool."""
    if not any(template.has_points for template in assignment.notebooks):
        raise AutograderError(
            f"{assignment.name} has no cell with points, so everybody would get 0 of 0: give it check cells, or cells "
            "that nbgrader grades (docs/migrate.md)."
        )
