"""Grades a class: submissions are executed side by side, and recorded one by one as they come."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from autograder.course.assignment import Assignment
from autograder.course.course import Course
from autograder.course.locking import course_lock
from autograder.course.made_from_text import refuse_stale
from autograder.course.source_notebooks import load_assignment
from autograder.errors import AutograderError
from autograder.gradebook.due_dates import due_date
from autograder.gradebook.extensions import read_run_times
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.gradebook_sync import sync_assignment
from autograder.gradebook.groups import read_groups, settle_given
from autograder.gradebook.last_grading import (
    LastGrading,
    checks_now,
    read_last_gradings,
    reusable_verdicts,
    stale_cells,
)
from autograder.gradebook.late import settle_late_penalties
from autograder.gradebook.rescore import rescore_class
from autograder.gradebook.secret import check_secret, renew_secret
from autograder.gradebook.voids import voided_anew
from autograder.gradebook.write_results import write_result
from autograder.grading.cluster import Cluster
from autograder.grading.course_errors import CourseErrors
from autograder.grading.preconditions import checked_limits, refuse_without_points
from autograder.interrupts import uninterrupted
from autograder.sandbox.levels import LEVELS, STRONGEST, choose_level
from autograder.sandbox.limits import BEST, Limits
from autograder.sandbox.sandbox_errors import SandboxMissing
from autograder.submission.graded import ENDED, GradedSubmission, Submission
from autograder.submission.incidents import Incident, IncidentKind
from autograder.submission.reading import SubmissionRefused, read_submission
from autograder.text import printable
from autograder.workers import EndedTwice, Pool, Workers

__all__ = ["ClassRun", "grade_class"]


@dataclass
class ClassRun:
    """The results of a run: who was graded now (without notebooks and files, which would fill the memory), who needed
    no grading because nothing had changed, whose scores were made anew from recorded verdicts, which cells of the
    course's own fail, and when the assignment is due, in UTC."""

    graded: list[GradedSubmission] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    rescored: list[str] = field(default_factory=list)
    course_errors: list[str] = field(default_factory=list)
    due: datetime | None = None

    @property
    def needs_a_person(self) -> bool:
        """Whether one of those that were graded now could not be graded or not be read, or the course has an error."""
        return bool(self.course_errors) or any(submission.to_look_at for submission in self.graded)


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
    why: str = "",
    sandbox: str = "",
    new_secret: bool = False,
    on_start: Callable[[int, int], None] = lambda total, unchanged: None,
    on_graded: Callable[[GradedSubmission], None] = lambda graded: None,
    on_note: Callable[[str], None] = lambda line: None,
) -> ClassRun:
    """Grade what is new or changed of the assignment `name`; all of it with `regrade`. With `scheduler`, the address
    of a Dask scheduler, its workers do it, else `jobs` processes of this machine.

    First the checks `void` are voided for everybody because of `why`, and those in `unvoid` count again; that
    needs no grading, except for a check that has never run. `sandbox` takes the place of the course's own setting of
    that name. With `new_secret` the course's secret is made anew.

    `on_start` is called with how many there are to grade and how many are unchanged, `on_graded` with each result as
    it comes, `on_note` with which workers of a cluster are not used and why, and what the sandbox leaves open.
    Raises AutograderError for wrong use, SandboxMissing where student code cannot be confined.
    """
    refuse_stale(course, name)
    limits = checked_limits(course, sandbox)
    assignment = load_assignment(course, name)
    refuse_without_points(assignment)
    submitted = wanted_folders(course, name, students)
    with course_lock(course.root), open_gradebook(course) as gradebook:
        renew_secret(gradebook.db, course) if new_secret else check_secret(gradebook.db, course)
        sync_assignment(gradebook, course, name)
        settle_given(gradebook.db, name)
        assignment = voided_anew(gradebook.db, assignment, void, unvoid, why)
        last_gradings = read_last_gradings(gradebook.db, name)
        rescored = rescore_class(gradebook, course, assignment, last_gradings)
        run = ClassRun(rescored=rescored, due=due_date(gradebook.db, name))
        last_gradings = {} if regrade else last_gradings
        todo, unreadable, run.unchanged = to_grade(gradebook.db, course, assignment, submitted, last_gradings)
        count = min(jobs or course.settings.jobs or os.cpu_count() or 1, len(todo))
        try:
            course_errors = CourseErrors()
            with pool_of(scheduler, count, course, assignment, limits, on_note) if todo else nullcontext() as workers:
                on_start(len(todo) + len(unreadable), len(run.unchanged))
                for result in chain(unreadable, grade_all(workers, todo, course, assignment) if workers else ()):
                    course_errors.add(result)
                    graded = kept_result(gradebook, course, assignment, result)
                    on_graded(graded)
                    run.graded.append(replace(graded, notebooks=[], files={}))
            run.course_errors = list(course_errors.sentences())
        finally:
            gradebook.db.rollback()
            settle_late_penalties(course, gradebook, name)
    return run


def pool_of(
    scheduler: str, count: int, course: Course, assignment: Assignment, limits: Limits, say: Callable[[str], None]
) -> Pool[Submission, GradedSubmission]:
    """The workers of the cluster at `scheduler`; without one `count` processes. `say` gets what their sandbox leaves
    open. Raises SandboxMissing."""
    # A run with nothing to grade waits neither for pytest to be imported nor for a sandbox to be tried out.
    from autograder.grading.grader import Grader

    # Chosen once, before any student code runs: nothing that happens later can make it a weaker one.
    level = LEVELS[on_cluster(limits.sandbox)] if scheduler else choose_level(limits.sandbox)
    for line in level.notice.splitlines():
        say(line)
    grader = Grader.of(course, assignment, replace(limits, sandbox=level.name))
    return Cluster(scheduler, level.name, grader, say) if scheduler else Workers(count, grader)


def on_cluster(wanted: str) -> str:
    """The sandbox that every worker of a cluster must have: "best" is the strong one, so that no grade depends on where
    a submission was graded."""
    return STRONGEST.name if wanted == BEST else wanted


def wanted_folders(course: Course, name: str, students: Iterable[str]) -> dict[str, Path]:
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


def to_grade(
    session: Any,
    course: Course,
    assignment: Assignment,
    submitted: Mapping[str, Path],
    last_gradings: Mapping[str, LastGrading],
) -> tuple[list[Submission], list[GradedSubmission], list[str]]:
    """Submissions to grade because files, assignment or run time changed (without their files, which would fill the
    memory), results for those that cannot be read, and who is unchanged. Where only check cells changed, the verdicts
    of the others are reused."""
    todo, unreadable, unchanged = list[Submission](), list[GradedSubmission](), list[str]()
    run_times, groups = read_run_times(session, assignment.name), read_groups(session, assignment.name)
    checks = checks_now(assignment)
    for student, folder in submitted.items():
        submission, last = read(course, student, folder, assignment), last_gradings.get(student, LastGrading())
        # A run that is stopped between two renames leaves a grade without its notebook.
        has_notebook = course.path("autograded", student, assignment.name).is_dir()
        run_time = run_times.get(student, 1.0)
        versions = (submission.digest, assignment.digest)
        is_graded = has_notebook and last.versions == versions and last.run_time == run_time
        stale = stale_cells(last, checks) if is_graded else set()
        if is_graded and not stale:
            unchanged.append(student)
        elif isinstance(submission, GradedSubmission):
            submission.run_time = run_time
            unreadable.append(submission)
        else:
            still_right = reusable_verdicts(last, checks) if is_graded else {}
            reusable = {place: verdicts for place, verdicts in still_right.items() if place not in stale}
            group = groups.get(student, "")
            todo.append(replace(submission, files={}, reusable=reusable, run_time=run_time, group=group))
    return todo, unreadable, unchanged


def read(course: Course, student: str, folder: Path, assignment: Assignment) -> Submission | GradedSubmission:
    """A submission, or the result that says why it cannot be read: the same as long as the reason is the same."""
    try:
        return read_submission(student, folder, course.settings.submission_mb)
    except SubmissionRefused as error:
        incident = Incident(IncidentKind.REFUSED, f"the submission was not read: {error}")
    except OSError as error:
        where = printable(str(error.filename or folder))
        incident = Incident(IncidentKind.FAULT, f"the submission cannot be read: {error.strerror}: {where}")
    digest = hashlib.sha256(incident.text.encode()).hexdigest()
    return GradedSubmission(student, digest, assignment.digest, incidents=[incident])


def grade_all(
    workers: Pool[Submission, GradedSubmission], todo: list[Submission], course: Course, assignment: Assignment
) -> Iterator[GradedSubmission]:
    """Results as they come from the workers."""
    for submission, outcome in workers.results(with_files(submission, course, assignment) for submission in todo):
        yield outcome if isinstance(outcome, GradedSubmission) else not_graded(submission, outcome, assignment)


def with_files(submission: Submission, course: Course, assignment: Assignment) -> Submission:
    """The submission with its files, read when its turn has come. If it was handed in anew meanwhile, the new files are
    graded. If it cannot be read any more, it is graded as empty and without a digest, so that the next run grades it
    again."""
    student = submission.student
    now = read(course, student, course.path("submitted", student, assignment.name), assignment)
    if isinstance(now, GradedSubmission):
        return replace(submission, digest="", reusable={})
    reusable = submission.reusable if now.digest == submission.digest else {}
    return replace(submission, files=now.files, digest=now.digest, reusable=reusable)


@uninterrupted()
def kept_result(gradebook: Any, course: Course, assignment: Assignment, graded: GradedSubmission) -> GradedSubmission:
    """Write a result, and return it. One that cannot be written, whatever is in it, becomes one that says so: it must
    not stop the class. Ctrl-C waits, since SQLAlchemy's session is of no use after one within a commit. Raises OSError
    and SQLAlchemyError, which no submission causes."""
    try:
        write_result(gradebook, course, assignment.name, graded)
        return graded
    except (OSError, SQLAlchemyError):
        raise
    except Exception as error:
        gradebook.db.rollback()
        fault = not_graded(Submission(graded.student, {}, graded.digest), error, assignment)
        write_result(gradebook, course, assignment.name, fault)
        return fault


def not_graded(submission: Submission, error: BaseException, assignment: Assignment) -> GradedSubmission:
    """The result when the worker itself failed: it says so and waits for a person. Raises SandboxMissing."""
    if isinstance(error, SandboxMissing):
        raise error
    text = ENDED if isinstance(error, EndedTwice) else f"the grader failed: {type(error).__name__}: {error}"
    fault = Incident(IncidentKind.FAULT, text)
    return GradedSubmission(submission.student, submission.digest, assignment.digest, incidents=[fault])
