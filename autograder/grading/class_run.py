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

from autograder.checking.outcomes import Verdict
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
    Place,
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


@dataclass(frozen=True)
class SubmissionToGrade:
    """A submission to grade, without its files; `reusable` are verdicts of an earlier grading that still hold, and its
    code may run `run_time` times as long as usual."""

    student: str
    digest: str
    reusable: dict[Place, list[Verdict]]
    run_time: float


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
        before = read_last_gradings(gradebook.db, name)
        rescored = rescore_class(gradebook, course, assignment, before)
        run = ClassRun(rescored=rescored, due=due_date(gradebook.db, name))
        times, groups = read_run_times(gradebook.db, name), read_groups(gradebook.db, name)
        todo, unread, run.unchanged = to_grade(course, submitted, {} if regrade else before, assignment, times)
        count = min(jobs or course.settings.jobs or os.cpu_count() or 1, len(todo))
        try:
            errors = CourseErrors()
            with pool_of(scheduler, count, course, assignment, limits, on_note) if todo else nullcontext() as workers:
                on_start(len(todo) + len(unread), len(run.unchanged))
                for result in chain(unread, grade_all(workers, todo, assignment, course, groups) if workers else ()):
                    errors.add(result)
                    graded = kept_result(gradebook, course, assignment, result)
                    on_graded(graded)
                    run.graded.append(replace(graded, notebooks=[], files={}))
            run.course_errors = list(errors.sentences())
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
    course: Course,
    submitted: dict[str, Path],
    known: Mapping[str, LastGrading],
    assignment: Assignment,
    run_times: Mapping[str, float],
) -> tuple[list[SubmissionToGrade], list[GradedSubmission], list[str]]:
    """Submissions to grade because files, assignment or run time changed, results for those that cannot be read, and
    who is unchanged. Where only check cells changed, the verdicts of the others are reused."""
    todo, unread, unchanged = list[SubmissionToGrade](), list[GradedSubmission](), list[str]()
    checks = checks_now(assignment)
    for student, folder in submitted.items():
        submission, before = read(course, student, folder, assignment), known.get(student, LastGrading())
        # A run that is stopped between two renames leaves a grade without its notebook.
        there = course.path("autograded", student, assignment.name).is_dir()
        run_time = run_times.get(student, 1.0)
        done = there and before.versions == (submission.digest, assignment.digest) and before.run_time == run_time
        stale = stale_cells(before, checks) if done else set()
        if done and not stale:
            unchanged.append(student)
        elif isinstance(submission, GradedSubmission):
            submission.run_time = run_time
            unread.append(submission)
        else:
            then = reusable_verdicts(before, checks) if done else {}
            reusable = {place: verdicts for place, verdicts in then.items() if place not in stale}
            todo.append(SubmissionToGrade(student, submission.digest, reusable, run_time))
    return todo, unread, unchanged


def read(course: Course, student: str, folder: Path, assignment: Assignment) -> Submission | GradedSubmission:
    """A submission, or the result that says why it cannot be read: the same as long as the reason is the same."""
    try:
        return read_submission(student, folder, course.settings.submission_mb)
    except SubmissionRefused as error:
        why = Incident(IncidentKind.REFUSED, f"the submission was not read: {error}")
    except OSError as error:
        where = printable(str(error.filename or folder))
        why = Incident(IncidentKind.FAULT, f"the submission cannot be read: {error.strerror}: {where}")
    digest = hashlib.sha256(why.text.encode()).hexdigest()
    return GradedSubmission(student, digest, assignment.digest, incidents=[why])


def grade_all(
    workers: Pool[Submission, GradedSubmission],
    todo: list[SubmissionToGrade],
    assignment: Assignment,
    course: Course,
    groups: Mapping[str, str],
) -> Iterator[GradedSubmission]:
    """Results as they come from the workers."""
    for submission, outcome in workers.results(
        replace(load_submission(one, course, assignment), group=groups.get(one.student, "")) for one in todo
    ):
        yield outcome if isinstance(outcome, GradedSubmission) else not_graded(submission, outcome, assignment)


def load_submission(todo: SubmissionToGrade, course: Course, assignment: Assignment) -> Submission:
    """The submission with its files, read when its turn has come. If it was handed in anew meanwhile, the new files are
    graded. If it cannot be read any more, it is graded as empty and without a digest, so that the next run grades it
    again."""
    now = read(course, todo.student, course.path("submitted", todo.student, assignment.name), assignment)
    if isinstance(now, GradedSubmission):
        return Submission(todo.student, {}, "")
    return replace(now, run_time=todo.run_time, reusable=todo.reusable if now.digest == todo.digest else {})


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
    why = ENDED if isinstance(error, EndedTwice) else f"the grader failed: {type(error).__name__}: {error}"
    fault = Incident(IncidentKind.FAULT, why)
    return GradedSubmission(submission.student, submission.digest, assignment.digest, incidents=[fault])
