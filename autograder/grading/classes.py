"""Grades a class: submissions are executed side by side, and recorded one by one as they come."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import AutograderError
from autograder.grading.assignment import Assignment, load_assignment
from autograder.grading.cluster import Cluster
from autograder.grading.collecting import SubmissionRefused, read_submission
from autograder.grading.course import Course
from autograder.grading.gradebook_sync import sync_assignment
from autograder.grading.locking import alone_in
from autograder.grading.record import graded_digests, open_gradebook, record
from autograder.grading.results import GradedSubmission, Incident, IncidentKind, Submission
from autograder.grading.worker import execute
from autograder.grading.workers import Workers
from autograder.sandbox.walls import SandboxMissing, bubblewrap

__all__ = ["Progress", "grade_class"]


@dataclass
class Progress:
    """What became of a run: who was graded now, and who needed no grading because nothing had changed."""

    graded: list[GradedSubmission] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)

    @property
    def needs_a_person(self) -> bool:
        return any(submission.needs_a_person for submission in self.graded)


def grade_class(
    course: Course,
    name: str,
    students: Iterable[str] = (),
    *,
    jobs: int = 0,
    scheduler: str = "",
    regrade: bool = False,
    on_start: Callable[[int, int], None] = lambda total, unchanged: None,
    on_graded: Callable[[GradedSubmission], None] = lambda graded: None,
    on_note: Callable[[str], None] = lambda line: None,
) -> Progress:
    """Grade what is new or changed of the assignment `name`; all of it with `regrade`. With `scheduler`, the address
    of a Dask scheduler, its workers do it, else `jobs` processes of this machine.

    `on_start` is told how many there are to grade and how many are unchanged, `on_graded` each result as it comes,
    `on_note` which workers of a cluster are not used and why.
    Raises AutograderError for wrong use, SandboxMissing where student code cannot be confined.
    """
    if not scheduler:
        bubblewrap()
    assignment = load_assignment(course, name)
    submitted = chosen(course, name, students)
    with alone_in(course.root), open_gradebook(course) as gradebook:
        sync_assignment(course, name)
        known = {} if regrade else graded_digests(gradebook, name)
        progress = Progress()
        todo = list(changed(course, submitted, known, assignment, progress))
        count = min(jobs or course.settings.jobs or os.cpu_count() or 1, len(todo))
        with Cluster(scheduler, on_note) if scheduler and todo else Workers(count) as workers:
            on_start(len(todo), len(progress.unchanged))
            for graded in executed(workers, todo, assignment, course):
                record(gradebook, course, name, graded)
                progress.graded.append(graded)
                on_graded(graded)
    return progress


def chosen(course: Course, name: str, students: Iterable[str]) -> dict[str, Path]:
    """The submission folders of `students`, or all. Raises AutograderError for one that is not there."""
    submitted = course.submissions(name)
    wanted = list(students)
    for student in wanted:
        if student not in submitted:
            raise AutograderError(
                f"{student} has submitted nothing for {name}: there is no {course.path('submitted', student, name)}."
            )
    if not submitted:
        folder = course.path("submitted", "*", name)
        raise AutograderError(f"Nobody has submitted {name} yet: no folder matches {folder}.")
    return {student: submitted[student] for student in (wanted or submitted)}


def changed(
    course: Course,
    submitted: dict[str, Path],
    known: dict[str, tuple[str, str]],
    assignment: Assignment,
    progress: Progress,
) -> Iterator[Submission | GradedSubmission]:
    """What is to be graded: submissions whose files or whose assignment changed, and those that cannot be read."""
    for student, folder in submitted.items():
        submission: Submission | GradedSubmission
        try:
            submission = read_submission(student, folder, course.settings.submission_mb)
        except SubmissionRefused as error:
            refusal = Incident(IncidentKind.REFUSED, f"the submission was not read: {error}")
            digest = hashlib.sha256(refusal.text.encode()).hexdigest()
            submission = GradedSubmission(student, digest, assignment.digest, incidents=[refusal])
        same = known.get(student) == (submission.digest, assignment.digest)
        # A run that is stopped between two renames leaves a grade without its notebook.
        if same and course.path("autograded", student, assignment.name).is_dir():
            progress.unchanged.append(student)
        else:
            yield submission


def executed(
    workers: Workers | Cluster, todo: list[Submission | GradedSubmission], assignment: Assignment, course: Course
) -> Iterator[GradedSubmission]:
    """Results as they come: of what was refused at once, of the rest when a worker has done it."""
    kept, limits = frozenset(course.kept_files(assignment.name)), course.settings.limits()
    yield from (refused for refused in todo if isinstance(refused, GradedSubmission))
    submissions = (submission for submission in todo if isinstance(submission, Submission))
    for submission, outcome in workers.results(execute, submissions, assignment, kept, course.secret, limits):
        yield outcome if isinstance(outcome, GradedSubmission) else not_graded(submission, outcome, assignment)


def not_graded(submission: Submission, error: BaseException, assignment: Assignment) -> GradedSubmission:
    """The result when the worker itself failed: it says so and waits for a person. Raises SandboxMissing."""
    if isinstance(error, SandboxMissing):
        raise error
    fault = Incident(IncidentKind.FAULT, f"the grader failed: {type(error).__name__}: {error}")
    return GradedSubmission(submission.student, submission.digest, assignment.digest, incidents=[fault])
