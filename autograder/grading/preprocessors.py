"""nbgrader's sockets: with these in `nbgrader_config.py`, `nbgrader autograde` and formgrader's button grade as
`autograder grade` does, in a process of their own. They are called inside a live event loop too, so nothing here waits
on one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.course.assignment import Assignment, Template, other_language
from autograder.course.course import Course
from autograder.course.locking import course_lock
from autograder.course.release_steps import names_in
from autograder.course.source_notebooks import load_assignment
from autograder.gradebook.extensions import read_run_times
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.groups import read_groups
from autograder.gradebook.secret import check_secret
from autograder.gradebook.voids import with_voids
from autograder.gradebook.write_results import write_notebooks
from autograder.grading.grader import Grader
from autograder.grading.preconditions import checked_limits
from autograder.sandbox.limits import MB
from autograder.submission.find_answers import find_answers
from autograder.submission.graded import ENDED, GradedNotebook, GradedSubmission, Submission
from autograder.submission.handed_in import is_notebook
from autograder.submission.incidents import Incident
from autograder.submission.reading import read_regular, read_submission
from autograder.submission.sanitize import NotANotebook, plain, read_notebook, restore
from autograder.submission.submitted_modules import with_modules
from autograder.workers import EndedTwice, Workers

__all__ = ["CoursePreprocessor", "Grade", "Restore", "SubmittedNotebooks"]


class SubmittedNotebooks(NotebookExporter):  # type: ignore[misc]
    """Reads submitted notebooks as `autograder grade` does; for `c.Autograde.exporter_class`. nbformat takes many times
    a file's size to read it, and this may be a Jupyter server's process."""

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **more: Any
    ) -> tuple[str, dict[str, Any]]:
        """The converted notebook. Raises NotANotebook, SubmissionRefused for one that cannot be read."""
        course, names = Course(Path.cwd(), self.config.copy()), names_in(resources or {})
        if Path(filename).parent != course.path("submitted", names.student, names.assignment):
            return super().from_filename(filename, resources, **more)  # type: ignore[no-any-return]
        data = read_regular(Path(filename), course.settings.submission_mb * MB)
        if data is None:
            raise NotANotebook(f"{Path(filename).name} is a link, or not a regular file")
        return self.from_notebook_node(read_notebook(data), resources, **more)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class NotebookToGrade:
    """A restored notebook of a submission, by the name of its template, and the files beside it."""

    notebook: NotebookNode
    template: str
    submission: Submission
    files: dict[str, bytes]


class NotebookWork:
    """A worker's work: it grades one notebook. nbgrader itself, or the Jupyter server, must not end with a check that
    computes without end."""

    preload = Grader.__module__

    def __init__(self, grader: Grader) -> None:
        self.grader = grader

    def do(self, job: NotebookToGrade) -> tuple[GradedNotebook, list[Incident]]:
        template = next(t for t in self.grader.assignment.notebooks if t.name == job.template)
        return self.grader.grade_notebook(self.grader.job(job.notebook, template, job.submission, job.files))

    def close(self) -> None:
        self.grader.close()


class CoursePreprocessor(NbGraderPreprocessor):  # type: ignore[misc]
    """Knows its course and assignment from what nbgrader says of the notebook at hand."""

    def course(self) -> Course:
        """nbgrader has gone to the course's folder before it converts anything."""
        return Course(Path.cwd(), self.config.copy())

    def assignment(self, course: Course, resources: dict[str, Any]) -> Assignment:
        return load_assignment(course, names_in(resources).assignment)

    def template(self, assignment: Assignment, resources: dict[str, Any]) -> Template:
        name = names_in(resources).notebook
        return next(template for template in assignment.notebooks if template.name == name)


class Restore(CoursePreprocessor):
    """Takes the place of nbgrader's sanitizing: restores the course's cells, and keeps the student's answers."""

    def preprocess(self, notebook: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        assignment = self.assignment(self.course(), resources)
        template = self.template(assignment, resources)
        if language := other_language(notebook.metadata):
            raise RuntimeError(f"the notebook is in {language}, not in Python")
        submitted = plain(notebook)
        find_answers(submitted, template)
        return restore(submitted, template), resources


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
            run_times = read_run_times(gradebook.db, assignment.name)
            groups = read_groups(gradebook.db, assignment.name)
        template, student = self.template(assignment, resources), names_in(resources).student
        submitted = course.path("submitted", student, assignment.name)
        submission = read_submission(student, submitted, course.settings.submission_mb)
        submission = replace(submission, run_time=run_times.get(student, 1.0), group=groups.get(student, ""))
        graded = GradedSubmission(student, submission.digest, assignment.digest, run_time=submission.run_time)
        limits = checked_limits(course)
        grader = Grader.of(course, assignment, limits)
        # Not the files that nbgrader has put into autograded/: it copies what a student's links point at.
        student_files = {name: data for name, data in submission.files.items() if not is_notebook(name)}
        notebooks = {name: data for name, data in submission.files.items() if is_notebook(name)}
        student_files, module_incidents = with_modules(student_files, assignment.modules)
        graded.files = grader.files_beside(student_files)
        files = assignment.released_notebooks(template) | graded.files | notebooks
        with Workers(1, NotebookWork(grader)) as workers:
            ((_, outcome),) = workers.results([NotebookToGrade(notebook, template.name, submission, files)])
        if isinstance(outcome, BaseException):
            # nbgrader goes on with the next submission after an Exception; a GraderFault would end the whole run.
            why = ENDED if isinstance(outcome, EndedTwice) else outcome
            raise RuntimeError(f"{student} could not be graded: {why}")
        graded_notebook, incidents = outcome
        graded.notebooks = [graded_notebook]
        incidents = [
            *found_in(submission.files.get(f"{template.name}.ipynb", b""), template),
            *module_incidents,
            *incidents,
        ]
        graded.incidents = [replace(incident, notebook=template.name) for incident in incidents]
        # nbgrader puts one notebook after the other into autograded/ before it is graded.
        present = {path.name for path in course.path("autograded", student, assignment.name).iterdir()}
        expected = {f"{template.name}.ipynb" for template in assignment.notebooks} & set(submission.files)
        with open_gradebook(course) as gradebook:
            write_notebooks(gradebook, course, assignment.name, graded, whole=expected <= present)
        return nbformat.reads(graded_notebook.text, as_version=4)


def found_in(data: bytes, template: Template) -> list[Incident]:
    """Incidents on how answers were found. `Restore` has found them, but cannot record anything."""
    try:
        return find_answers(read_notebook(data), template)
    except NotANotebook:
        return []
