"""Grades a class: submissions are executed side by side, and recorded one by one as they come."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from autograder.errors import AutograderError
from autograder.grading.assignment import Assignment, load_assignment
from autograder.grading.cluster import Cluster
from autograder.grading.course import Course
from autograder.grading.gradebook_sync import sync_assignment
from autograder.grading.late import settle_late_penalties
from autograder.grading.locking import alone_in
from autograder.grading.reading import SubmissionRefused, read_submission
from autograder.grading.record import open_gradebook, record
from autograder.grading.recorded import Recorded, read_recorded, stale_cells, standing
from autograder.grading.rescore import rescore_class
from autograder.grading.results import GradedSubmission, Incident, IncidentKind, Submission
from autograder.grading.voids import voided_anew
from autograder.grading.worker import execute
from autograder.grading.workers import Workers
from autograder.sandbox.choose import chosen as chosen_sandbox
from autograder.sandbox.limits import Limits
from autograder.sandbox.walls import SandboxMissing
from autograder.text import printable

__all__ = ["NO_REASON", "Progress", "grade_class"]

NO_REASON = "the check was not right"
WEAKER = "Here is only the weaker sandbox, another user for each submission: docs/security.md says what it leaves open."


@dataclass
class Progress:
    """What became of a run: who was graded now (without notebooks and files, lest a large class fill the memory), who
    needed no grading because nothing had changed, and whose scores were made anew from recorded verdicts."""

    graded: list[GradedSubmission] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    rescored: list[str] = field(default_factory=list)

    @property
    def needs_a_person(self) -> bool:
        """Whether one of those that were graded now could not be graded or not be read."""
        return any(submission.needs_a_person or submission.refused for submission in self.graded)


def grade_class(
    course: Course,
    name: str,
    students: Iterable[str] = (),
    *,
    jobs: int = 0,
    scheduler: str = "",
    regrade: bool = False,
    void: Iterable[str] = (),
    unvoid: Iterable[str] = (),
    why: str = NO_REASON,
    sandbox: str = "",
    on_start: Callable[[int, int], None] = lambda total, unchanged: None,
    on_graded: Callable[[GradedSubmission], None] = lambda graded: None,
    on_note: Callable[[str], None] = lambda line: None,
) -> Progress:
    """Grade what is new or changed of the assignment `name`; all of it with `regrade`. With `scheduler`, the address
    of a Dask scheduler, its workers do it, else `jobs` processes of this machine.

    First the checks `void` are taken out for everybody because of `why`, and those in `unvoid` count again; that
    needs no grading, except for a check that has never run. `sandbox` takes the place of the course's own setting of
    that name.

    `on_start` is told how many there are to grade and how many are unchanged, `on_graded` each result as it comes,
    `on_note` which workers of a cluster are not used and why, and that the sandbox is the weaker one.
    Raises AutograderError for wrong use, SandboxMissing where student code cannot be confined.
    """
    # Chosen once, before any student code runs: nothing that happens later can make it a weaker one.
    wanted = sandbox or course.settings.sandbox
    limits = course.limits(on_cluster(wanted) if scheduler else chosen_sandbox(wanted))
    if limits.sandbox == "user":
        on_note(WEAKER)
    assignment = load_assignment(course, name)
    submitted = chosen(course, name, students)
    with alone_in(course.root), open_gradebook(course) as gradebook:
        sync_assignment(course, name)
        assignment = voided_anew(gradebook.db, assignment, void, unvoid, why)
        progress = Progress(rescored=rescore_class(gradebook, course, assignment))
        known = (lambda student: Recorded()) if regrade else partial(read_recorded, gradebook.db, name)
        todo = list(changed(course, submitted, known, assignment, progress))
        count = min(jobs or course.settings.jobs or os.cpu_count() or 1, len(todo))
        try:
            with Cluster(scheduler, limits.sandbox, on_note) if scheduler and todo else Workers(count) as workers:
                on_start(len(todo), len(progress.unchanged))
                for graded in executed(workers, todo, assignment, course, limits):
                    record(gradebook, course, name, graded)
                    on_graded(graded)
                    progress.graded.append(replace(graded, notebooks=[], files={}))
        finally:
            gradebook.db.rollback()
            settle_late_penalties(course, gradebook, name)
    return progress


def on_cluster(wanted: str) -> str:
    """The sandbox that every worker of a cluster must have: "best" is the strong one, lest grades depend on where a
    submission was graded."""
    return "namespaces" if wanted == "best" else wanted


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
    known: Callable[[str], Recorded],
    assignment: Assignment,
    progress: Progress,
) -> Iterator[Submission | GradedSubmission]:
    """What is to be graded: submissions whose files or whose assignment changed, and those that cannot be read.
    Where only check cells changed, the verdicts of the others stand. Their files are left out: `loaded` reads them."""
    key = assignment.digest
    for student, folder in submitted.items():
        submission: Submission | GradedSubmission
        try:
            submission = read_submission(student, folder, course.settings.submission_mb)
        except SubmissionRefused as error:
            submission = not_read(student, Incident(IncidentKind.REFUSED, f"the submission was not read: {error}"), key)
        except OSError as error:
            where = printable(str(error.filename or folder))
            fault = Incident(IncidentKind.FAULT, f"the submission cannot be read: {error.strerror}: {where}")
            submission = not_read(student, fault, key)
        before = known(student)
        stale = stale_cells(before, assignment)
        same = before.versions == (submission.digest, key)
        # A run that is stopped between two renames leaves a grade without its notebook.
        if not same or not course.path("autograded", student, assignment.name).is_dir():
            yield replace(submission, files={})
        elif stale and isinstance(submission, Submission):
            kept = {place: scored for place, scored in standing(before, assignment).items() if place not in stale}
            yield replace(submission, files={}, kept=kept)
        else:
            progress.unchanged.append(student)


def not_read(student: str, why: Incident, key: str) -> GradedSubmission:
    """The result for a submission that was not read: the same as long as the reason is the same."""
    return GradedSubmission(student, hashlib.sha256(why.text.encode()).hexdigest(), key, incidents=[why])


def executed(
    workers: Workers | Cluster,
    todo: list[Submission | GradedSubmission],
    assignment: Assignment,
    course: Course,
    limits: Limits,
) -> Iterator[GradedSubmission]:
    """Results as they come: of what was refused at once, of the rest when a worker has done it."""
    kept = frozenset(course.kept_files(assignment.name))
    yield from (refused for refused in todo if isinstance(refused, GradedSubmission))
    submissions = (loaded(submission, course, assignment) for submission in todo if isinstance(submission, Submission))
    for submission, outcome in workers.results(execute, submissions, assignment, kept, course.secret, limits):
        yield outcome if isinstance(outcome, GradedSubmission) else not_graded(submission, outcome, assignment)


def loaded(submission: Submission, course: Course, assignment: Assignment) -> Submission:
    """The submission with its files, read when its turn has come. What was handed in anew since then is graded as it
    is now, and one that cannot be read any more as an empty one: without a digest, so that the next run grades it."""
    folder = course.path("submitted", submission.student, assignment.name)
    try:
        now = read_submission(submission.student, folder, course.settings.submission_mb)
    except (SubmissionRefused, OSError):
        return replace(submission, digest="")
    return replace(now, kept=submission.kept) if now.digest == submission.digest else now


def not_graded(submission: Submission, error: BaseException, assignment: Assignment) -> GradedSubmission:
    """The result when the worker itself failed: it says so and waits for a person. Raises SandboxMissing."""
    if isinstance(error, SandboxMissing):
        raise error
    fault = Incident(IncidentKind.FAULT, f"the grader failed: {type(error).__name__}: {error}")
    return GradedSubmission(submission.student, submission.digest, assignment.digest, incidents=[fault])
