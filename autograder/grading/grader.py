"""A grader: it grades one submission after another, in a sandbox and with answer keys of its own."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import nbformat
from nbformat import NotebookNode

from autograder.checking.check_runner import Seeds
from autograder.checking.outcomes import GraderFault
from autograder.course.assignment import Assignment, Template
from autograder.course.settings import SUBMISSION_MB
from autograder.grading.answer_key import AnswerKey
from autograder.grading.notebook_run import GradingJob, NotebookRun
from autograder.grading.own_limits import limited_memory
from autograder.sandbox.base import Sandbox
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.levels import confines, open_sandbox
from autograder.sandbox.limits import Limits
from autograder.sandbox.sandbox_errors import SandboxBroken, SandboxError
from autograder.submission.cell_grades import cell_grades, unanswered
from autograder.submission.graded import CellGrade, GradedNotebook, GradedSubmission, Submission
from autograder.submission.handed_in import handed_in
from autograder.submission.incidents import Incident, IncidentKind, first_of_each_kind
from autograder.submission.reading import SubmissionRefused
from autograder.submission.sanitize import restore
from autograder.submission.submitted_modules import COMPILED, is_rival, module_cells, with_modules
from autograder.text import storable

if TYPE_CHECKING:
    from autograder.course.course import Course  # nbgrader with it, which worker processes do not need

__all__ = ["Grader"]

UNCONFINED = "its code could read and change whatever the grader could: nothing of this grade is promised"


class Grader:
    """Grades submissions of `assignment`. Students may change the files in `own_files`; `secret` seeds the tests;
    `submission_mb` is how large a submission may be when unpacked. `counterexamples` are looked for if the course shows
    them.

    A sandbox for students and an answer key for each notebook start when they are first needed and stay warm until
    `close`. They belong to the process that started them: a copy sent to another process starts its own.
    """

    key_type: ClassVar[type[AnswerKey]] = AnswerKey

    def __init__(
        self,
        assignment: Assignment,
        limits: Limits,
        secret: bytes,
        own_files: frozenset[str] = frozenset(),
        submission_mb: int = SUBMISSION_MB,
        counterexamples: bool = False,
    ) -> None:
        self.assignment, self.limits, self.secret = assignment, limits, secret
        self.own_files, self.submission_mb, self.counterexamples = own_files, submission_mb, counterexamples
        self._sandbox: Sandbox | None = None
        self._answer_keys: dict[str, AnswerKey] = {}

    @classmethod
    def of(cls, course: Course, assignment: Assignment, limits: Limits) -> Self:
        """A grader with the secret and the settings of `course`."""
        own_files = course.own_files(assignment.name)
        settings = course.settings
        return cls(assignment, limits, course.secret, own_files, settings.submission_mb, settings.show_counterexamples)

    def grade(
        self, submission: Submission, on_grade: Callable[[str, CellGrade], None] = lambda notebook, grade: None
    ) -> GradedSubmission:
        """Grade one submission. There is always a result: if the grader fails, the result has an incident that says so.

        `on_grade` receives the notebook's name and the grade of each check cell as soon as it is known, and once more
        if the notebook is tried again.
        """
        started = time.monotonic()
        graded = GradedSubmission(submission.student, submission.digest, self.assignment.digest)
        graded.run_time = submission.run_time
        try:
            with limited_memory():
                sorted_out = handed_in(submission.files, self.assignment, self.submission_mb)
        except SubmissionRefused as error:
            graded.incidents.append(Incident(IncidentKind.REFUSED, f"the submission was not read: {error}"))
            return graded
        student_files, incidents = with_modules(sorted_out.files, self.assignment.modules)
        graded.incidents += incidents
        graded.files = self.files_beside(student_files)
        files = graded.files | sorted_out.notebook_files
        graded.incidents += sorted_out.incidents
        for template in self.assignment.notebooks:
            if template.name in sorted_out.notebooks:
                notebook = restore(sorted_out.notebooks[template.name], template)
                beside = self.assignment.released_notebooks(template) | files
                job = self.job(notebook, template, submission, beside, partial(on_grade, template.name))
                self._grade_into(graded, job)
        graded.seconds = time.monotonic() - started
        graded.memory_mb = max((notebook.memory_mb for notebook in graded.notebooks), default=0.0)
        return graded

    def _grade_into(self, graded: GradedSubmission, job: GradingJob) -> None:
        """Add the results of one notebook; a fault of ours is an incident."""
        try:
            notebook, incidents = self.grade_notebook(job)
            graded.notebooks.append(notebook)
        except (SandboxError, GraderFault) as error:
            incidents = [Incident(IncidentKind.FAULT, str(error))]
        graded.incidents += [replace(incident, notebook=job.template.name) for incident in incidents]

    def do(self, submission: Submission) -> GradedSubmission:
        """A worker's job: grade one submission."""
        return self.grade(submission)

    def job(
        self,
        notebook: NotebookNode,
        template: Template,
        submission: Submission,
        files: dict[str, bytes],
        on_grade: Callable[[CellGrade], None] = lambda grade: None,
    ) -> GradingJob:
        """The job for one restored notebook of a submission, with these files beside it."""
        seeds = Seeds(self.secret, self.assignment.name, submission.identity)
        reusable = submission.reusable_in(template.name)
        private, run_time = self.assignment.private, submission.run_time
        return GradingJob(notebook, template, files, seeds, private, reusable, on_grade, self.counterexamples, run_time)

    def files_beside(self, own: dict[str, bytes]) -> dict[str, bytes]:
        """The files beside a notebook while it runs: the assignment's and the student's `own`. Of two with the same
        name the assignment's file wins, except for `own_files`; and so it does over what Python would import in the
        place of one of its modules, and over a file with the name of one of its folders, since it is written first.
        Compiled code is left out: Python may run it where the text of a module says something else."""
        given = {name: data for name, data in self.assignment.files.items() if name not in self.own_files & own.keys()}
        modules = [name for name in self.assignment.files if name.endswith(".py")]
        rivals = {name for name in own if name.endswith(COMPILED) or any(is_rival(name, module) for module in modules)}
        return given | {name: data for name, data in own.items() if name not in given and name not in rivals}

    def grade_notebook(self, job: GradingJob) -> tuple[GradedNotebook, list[Incident]]:
        """Grade one restored notebook. Raises SandboxBroken, SandboxMissing, GraderFault.

        If something ended by itself, the notebook is tried once more from the start with new processes: a machine that
        was short of memory, or somebody who ended the wrong process, must not cost a student a point. The second
        attempt has other random numbers, so nothing that the first one learned is of use to it.
        """
        try:
            graded, incidents = self._attempt(job)
            if not any(incident.worth_retry for incident in incidents):
                return graded, list(first_of_each_kind(incidents))
        except (SandboxBroken, GraderFault) as error:
            incidents = [Incident(IncidentKind.FAULT, str(error), worth_retry=True)]
        self.close()
        graded, later = self._attempt(replace(job, seeds=job.seeds.of_attempt(2)))
        return graded, list(first_of_each_kind([*first_attempt(incidents, later), *later]))

    def _attempt(self, job: GradingJob) -> tuple[GradedNotebook, list[Incident]]:
        fresh = replace(job, notebook=copy.deepcopy(job.notebook))
        run = self.run(fresh)
        fresh.notebook.cells += module_cells(job.files, self.assignment.modules)
        unconfined = [] if confines(self.limits.sandbox) else [Incident(IncidentKind.UNCONFINED, UNCONFINED)]
        text = storable(nbformat.writes(fresh.notebook))
        blank = unanswered(fresh.notebook, job.template)
        grades = cell_grades(fresh.notebook, run.grades, blank)
        graded = GradedNotebook(job.template.name, text, grades, blank, run.kernel.peak_mb)
        graded.course_errors = run.course_errors
        return graded, unconfined + run.incidents

    def run(self, job: GradingJob, make: Callable[..., NotebookRun] = NotebookRun, **more: Any) -> NotebookRun:
        """Run the notebook of `job`, which gets its outputs, as `make(job, kernel, answer_key, **more)` does. Raises
        SandboxBroken if no sandbox can be had."""
        sandbox = self.sandbox()  # first, so that it gets warm while the answer key runs
        answer_key = self.answer_key(job.template)
        with Kernel(sandbox, job.files, job.run_time) as kernel:
            run = make(job, kernel, answer_key, **more)
            run.run()
        return run

    def sandbox(self) -> Sandbox:
        """The sandbox for students, started again if the last one cannot take another job."""
        if self._sandbox is not None and not self._sandbox.usable:
            self._sandbox.close()
            self._sandbox = None
        if self._sandbox is None:
            self._sandbox = open_sandbox(self.limits)
        return self._sandbox

    def answer_key(self, template: Template) -> AnswerKey:
        """The answer key of one notebook. Raises GraderFault if it does not run."""
        if template.name not in self._answer_keys:
            files = self.assignment.key_files(template)
            self._answer_keys[template.name] = self.key_type(template.key, files, self.limits)
        return self._answer_keys[template.name]

    def close(self) -> None:
        """End every process that this grader has started. It may be used again: then it starts new ones."""
        while self._answer_keys:
            self._answer_keys.popitem()[1].close()
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """All that another process needs, without the processes that belong to this one."""
        return self.__dict__ | {"_sandbox": None, "_answer_keys": {}}


def first_attempt(incidents: Iterable[Incident], later: list[Incident]) -> Iterator[Incident]:
    """The incidents of the first of two attempts: why there was a second, and what did not happen again."""
    again = {(incident.kind, incident.text, incident.cell) for incident in later}
    for incident in incidents:
        if incident.worth_retry:
            yield Incident(IncidentKind.RETRIED, f"the first attempt ended: {incident.text}", incident.cell)
        elif (incident.kind, incident.text, incident.cell) not in again:
            yield replace(incident, text=f"in the first attempt: {incident.text}")
