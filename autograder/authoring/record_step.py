"""nbgrader's socket: with this in `nbgrader_config.py`, `nbgrader generate_assignment` and formgrader's button make
releases with the same records as `autograder release`."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode

from autograder.authoring.records import add_records
from autograder.checking.outcomes import GraderFault
from autograder.course.answer_modules import write_released
from autograder.course.source_files import refuse_private, remove_hidden
from autograder.grading.preconditions import checked_limits
from autograder.grading.preprocessors import CoursePreprocessor
from autograder.sandbox.sandbox_errors import SandboxError

__all__ = ["AddRecords"]

DONE = "autograder_records"


class AddRecords(CoursePreprocessor):
    """Adds to each released check cell what `%%check` needs to know of the answer key; the last step of a release."""

    # Grading makes the release again to know what students got, and needs no records for that.
    only_for_students = True

    def preprocess(self, notebook: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        if resources.get(DONE):  # traitlets carries out an `append` each time that it loads a configuration
            return notebook, resources
        resources[DONE] = True
        course = self.course()
        assignment = self.assignment(course, resources)
        folder = course.path("release", ".", assignment.name)
        remove_hidden(folder)
        refuse_private(folder, assignment.private)
        write_released(folder, assignment.files, assignment.modules)
        try:
            add_records(notebook, self.template(assignment, resources), assignment, checked_limits(course))
        except (SandboxError, GraderFault) as error:  # nbgrader expects an Exception
            raise RuntimeError(f"the answers of {assignment.name} could not be recorded: {error}") from None
        return notebook, resources
