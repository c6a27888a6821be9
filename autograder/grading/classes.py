"""Grades a class: submissions are executed side by side, and recorded one by one as they come."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError
from autograder.grading.assignment import Assignment, load_assignment
from autograder.grading.collecting import SubmissionRefused, read_submission
from autograder.grading.course import Course
from autograder.grading.gradebook_sync import sync_assignment
from autograder.grading.late import assign_late_penalties
from autograder.grading.locking import alone_in
from autograder.grading.record import graded_digests, open_gradebook, record
from autograder.grading.results import GradedSubmission, Incident, IncidentKind, Submission
from autograder.grading.worker import execute
from autograder.sandbox.walls import SandboxMissing, bubblewrap

__all__ = ["Progress", "grade_class"]

AHEAD = 2


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
    regrade: bool = False,
    on_start: Callable[[int, int], None] = lambda total, unchanged: None,
    on_graded: Callable[[GradedSubmission], None] = lambda graded: None,
) -> Progress:
    """Grade what is new or changed of the assignment `name`; all of it with `regrade`.

    `on_start` is told how many there are to grade and how many are unchanged, `on_graded` each result as it comes.
    Raises AutograderError for wrong use, SandboxMissing where student code cannot be confined.
    """
    bubblewrap()
    assignment = load_assignment(course, name)
    submitted = chosen(course, name, students)
    with alone_in(course.root), open_gradebook(course) as gradebook:
        sync_assignment(course, name)
        known = {} if regrade else graded_digests(gradebook, name)
        progress = Progress()
        todo = list(changed(course, submitted, known, assignment, progress))
        on_start(len(todo), len(progress.unchanged))
        with pool(jobs or course.settings.jobs or os.cpu_count() or 1, len(todo)) as executor:
            for graded in executed(executor, todo, assignment, course):
                record(gradebook, course, name, graded)
                assign_late_penalties(course, name, graded)
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
        try:
            submission = read_submission(student, folder, course.settings.submission_mb)
        except SubmissionRefused as error:
            refusal = Incident(IncidentKind.REFUSED, f"the submission was not read: {error}")
            yield GradedSubmission(student, "", assignment.digest, incidents=[refusal])
            continue
        if known.get(student) == (submission.digest, assignment.digest):
            progress.unchanged.append(student)
        else:
            yield submission


@contextmanager
def pool(jobs: int, tasks: int) -> Iterator[Executor]:
    """Worker processes, as many as are of use; they end with this process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["autograder.grading.worker"])
    executor = ProcessPoolExecutor(max(1, min(jobs, tasks)), mp_context=context)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def executed(
    executor: Executor, todo: list[Submission | GradedSubmission], assignment: Assignment, course: Course
) -> Iterator[GradedSubmission]:
    """Results as they come. Only a few submissions are on their way at a time, so memory stays flat."""
    arguments: tuple[Any, ...] = (
        assignment,
        frozenset(course.kept_files(assignment.name)),
        course.secret,
        course.settings.limits(),
    )
    waiting = list(reversed(todo))
    running: dict[Future[GradedSubmission], Submission] = {}
    most = AHEAD * (os.cpu_count() or 1)
    while waiting or running:
        while waiting and len(running) < most:
            submission = waiting.pop()
            if isinstance(submission, GradedSubmission):
                yield submission
            else:
                running[executor.submit(execute, submission, *arguments)] = submission
        done, _ = wait(running, return_when=FIRST_COMPLETED) if running else (set(), None)
        for future in done:
            yield result_of(future, running.pop(future), assignment)


def result_of(future: Future[GradedSubmission], submission: Submission, assignment: Assignment) -> GradedSubmission:
    """The result, or, if the worker itself failed, one that says so and waits for a person."""
    try:
        return future.result()
    except SandboxMissing:
        raise
    except Exception as error:
        fault = Incident(IncidentKind.FAULT, f"the grader failed: {type(error).__name__}: {error}")
        return GradedSubmission(submission.student, "", assignment.digest, incidents=[fault])
