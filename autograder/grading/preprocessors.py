"""nbgrader's sockets: with these in `nbgrader_config.py`, `nbgrader autograde` and formgrader's button grade as
`autograder grade` does. They run inside a live event loop too, so nothing here waits on one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.checking.outcomes import GraderFault
from autograder.grading.assignment import Assignment, Template, load_assignment
from autograder.grading.course import Course
from autograder.grading.gradebook import open_gradebook
from autograder.grading.grader import Grader
from autograder.grading.locking import course_lock
from autograder.grading.preconditions import checked_limits
from autograder.grading.reading import read_submission
from autograder.grading.record import record_notebook
from autograder.grading.results import GradedSubmission
from autograder.grading.sanitize import plain, restore
from autograder.grading.secret import check_secret
from autograder.grading.voids import with_voids
from autograder.sandbox.errors import SandboxError

__all__ = ["Grade", "Restore"]


class CoursePreprocessor(NbGraderPreprocessor):  # type: ignore[misc]
    """Knows its course and assignment from what nbgrader says of the notebook at hand."""

    def course(self) -> Course:
        """nbgrader has gone to the course's folder before it converts anything."""
        return Course(Path.cwd(), self.config.copy())

    def assignment(self, course: Course, resources: dict[str, Any]) -> Assignment:
        return load_assignment(course, resources["nbgrader"]["assignment"])

    def template(self, assignment: Assignment, resources: dict[str, Any]) -> Template:
        name = resources["nbgrader"]["notebook"]
        return next(template for template in assignment.notebooks if template.name == name)


class Restore(CoursePreprocessor):
    """Instead of nbgrader's sanitizing: what is the course's is restored, what is the student's is kept."""

    def preprocess(self, notebook: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        assignment = self.assignment(self.course(), resources)
        return restore(plain(notebook), self.template(assignment, resources)), resources


class Grade(CoursePreprocessor):
    """Instead of nbgrader's execution and recording: a sandbox, trusted checks, and our own record of them."""

    def preprocess(self, notebook: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        course = self.course()
        with course_lock(course.root):
            return self.graded(notebook, course, resources), resources

    def graded(self, notebook: NotebookNode, course: Course, resources: dict[str, Any]) -> NotebookNode:
        """The notebook with its outputs; its grades are recorded."""
        with open_gradebook(course) as gradebook:
            check_secret(gradebook.db, course)
            assignment = with_voids(gradebook.db, self.assignment(course, resources))
        template, student = self.template(assignment, resources), resources["nbgrader"]["student"]
        submitted = course.path("submitted", student, assignment.name)
        submission = read_submission(student, submitted, course.settings.submission_mb)
        graded = GradedSubmission(student, submission.digest, assignment.digest)
        limits, own_files = checked_limits(course), course.own_files(assignment.name)
        try:
            with Grader(assignment, limits, course.secret, own_files) as grader:
                # Not the files that nbgrader has put into autograded/: it copies what a student's links point at.
                graded.files = grader.files_beside(submission)
                done, incidents = grader.grade_notebook(grader.job(notebook, template, submission))
        except (SandboxError, GraderFault) as error:
            # nbgrader goes on with the next submission after an Exception; a GraderFault would end the whole run.
            raise RuntimeError(f"{student} could not be graded: {error}") from None
        graded.notebooks = [done]
        graded.incidents = [replace(incident, notebook=template.name) for incident in incidents]
        # nbgrader puts one notebook after the other into autograded/ before it is graded.
        beside = {path.name for path in course.path("autograded", student, assignment.name).iterdir()}
        wanted = {f"{template.name}.ipynb" for template in assignment.notebooks} & set(submission.files)
        with open_gradebook(course) as gradebook:
            record_notebook(gradebook, course, assignment.name, graded, whole=wanted <= beside)
        return nbformat.reads(done.text, as_version=4)
