"""A grader: it grades one submission after another, in a sandbox and with answer keys of its own."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.checking.outcomes import GraderFault, Verdict
from autograder.checking.run import Seeds
from autograder.grading.answer_key import AnswerKey
from autograder.grading.assignment import Assignment, Template
from autograder.grading.notebook_run import GradingJob, NotebookRun, cell_grades, unanswered
from autograder.grading.results import CellGrade, GradedNotebook, GradedSubmission, Incident, IncidentKind, Submission
from autograder.grading.sanitize import NotANotebook, read_notebook, restore
from autograder.sandbox.base import Sandbox
from autograder.sandbox.errors import SandboxBroken, SandboxError
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.levels import confines, open_sandbox
from autograder.sandbox.limits import Limits
from autograder.text import storable

__all__ = ["Grader"]

UNCONFINED = "its code could read and change whatever the grader could: nothing of this grade is promised"


class Grader:
    """Grades submissions of `assignment`. Students may change the files in `own_files`; `secret` seeds the tests.

    A sandbox for students and an answer key for each notebook start when they are first needed and stay warm until
    `close`. They belong to the process that started them: a copy sent to another process starts its own.
    """

    def __init__(
        self, assignment: Assignment, limits: Limits, secret: bytes, own_files: frozenset[str] = frozenset()
    ) -> None:
        self.assignment, self.limits, self.secret, self.own_files = assignment, limits, secret, own_files
        self._sandbox: Sandbox | None = None
        self._answer_keys: dict[str, AnswerKey] = {}

    def grade(
        self, submission: Submission, on_grade: Callable[[str, CellGrade], None] = lambda notebook, grade: None
    ) -> GradedSubmission:
        """Grade one submission. There is always a result: if the grader fails, the result has an incident that says so.

        `on_grade` receives the notebook's name and the grade of each check cell as soon as it is known, and once more
        if the notebook is tried again.
        """
        started = time.monotonic()
        graded = GradedSubmission(submission.student, submission.digest, self.assignment.digest)
        graded.files = self.files_beside(submission)
        for template in self.assignment.notebooks:
            done, incidents = self._grade_template(submission, template, partial(on_grade, template.name))
            graded.notebooks += done
            graded.incidents += [replace(incident, notebook=template.name) for incident in incidents]
        graded.seconds = time.monotonic() - started
        graded.memory_mb = max((notebook.memory_mb for notebook in graded.notebooks), default=0.0)
        return graded

    def do(self, submission: Submission) -> GradedSubmission:
        """A worker's job: grade one submission."""
        return self.grade(submission)

    def _grade_template(
        self, submission: Submission, template: Template, on_grade: Callable[[CellGrade], None]
    ) -> tuple[list[GradedNotebook], list[Incident]]:
        """The graded notebook that was handed in for `template`, if there is one, and what happened on the way."""
        wanted, incidents = f"{template.name}.ipynb", list[Incident]()
        try:
            name, data = submitted_notebook(submission, wanted, only=len(self.assignment.notebooks) == 1)
            if name != wanted:
                incidents.append(Incident(IncidentKind.CHANGED, f"the notebook is named {name} instead of {wanted}"))
            notebook = restore(read_notebook(data), template)
            reusable = submission.reusable_in(template.name)
            done, happened = self.grade_notebook(self.job(notebook, template, submission, reusable, on_grade))
            return [done], incidents + happened
        except NotANotebook as error:
            return [], [*incidents, Incident(IncidentKind.REFUSED, f"{wanted}: {error}")]
        except (SandboxError, GraderFault) as error:
            return [], [*incidents, Incident(IncidentKind.FAULT, str(error))]

    def job(
        self,
        notebook: NotebookNode,
        template: Template,
        submission: Submission,
        reusable: dict[str, list[Verdict]] | None = None,
        on_grade: Callable[[CellGrade], None] = lambda grade: None,
    ) -> GradingJob:
        """What there is to do for one restored notebook of a submission."""
        seeds = Seeds(self.secret, self.assignment.name, submission.identity)
        return GradingJob(notebook, template, self.files_beside(submission), seeds, reusable or {}, on_grade)

    def files_beside(self, submission: Submission) -> dict[str, bytes]:
        """The files beside the notebook while it runs. Of two with the same name the assignment's file wins, except
        for `own_files`."""
        own = {name: data for name, data in submission.files.items() if not name.endswith(".ipynb")}
        given = self.assignment.files.items()
        return own | {name: data for name, data in given if name not in self.own_files & own.keys()}

    def grade_notebook(self, job: GradingJob) -> tuple[GradedNotebook, list[Incident]]:
        """Grade one restored notebook. Raises SandboxBroken, SandboxMissing, GraderFault.

        If something ended by itself, the notebook is tried once more from the start with new processes: a machine that
        was short of memory, or somebody who ended the wrong process, must not cost a student a point. The second
        attempt has other random numbers, so nothing that the first one learned is of use to it.
        """
        try:
            graded, incidents = self._attempt(job)
            if not any(incident.worth_retry for incident in incidents):
                return graded, incidents
        except (SandboxBroken, GraderFault) as error:
            incidents = [Incident(IncidentKind.FAULT, str(error), worth_retry=True)]
        self.close()
        again, later = self._attempt(replace(job, seeds=job.seeds.of_attempt(2)))
        return again, [*first_attempt(incidents, later), *later]

    def _attempt(self, job: GradingJob) -> tuple[GradedNotebook, list[Incident]]:
        fresh = replace(job, notebook=copy.deepcopy(job.notebook))
        run = self.run(fresh)
        unconfined = [] if confines(self.limits.sandbox) else [Incident(IncidentKind.UNCONFINED, UNCONFINED)]
        text = storable(nbformat.writes(fresh.notebook))
        grades = cell_grades(fresh.notebook, run.grades)
        done = GradedNotebook(job.template.name, text, grades, unanswered(fresh.notebook), run.kernel.peak_mb)
        return done, unconfined + run.incidents

    def run(self, job: GradingJob, make: Callable[..., NotebookRun] = NotebookRun, **more: Any) -> NotebookRun:
        """Run the notebook of `job`, which gets its outputs, as `make(job, kernel, answer_key, **more)` does. Raises
        SandboxBroken if no sandbox can be had."""
        sandbox = self.sandbox()  # first, so that it gets warm while the answer key runs
        answer_key = self.answer_key(job.template)
        with Kernel(sandbox, job.files) as kernel:
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
            self._answer_keys[template.name] = AnswerKey(template.key, self.assignment.files, self.limits)
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
        """What another process needs: none of the processes that belong to this one."""
        return self.__dict__ | {"_sandbox": None, "_answer_keys": {}}


def first_attempt(incidents: Iterable[Incident], later: list[Incident]) -> Iterator[Incident]:
    """What is recorded of the first of two attempts: why there was a second, and what did not happen again."""
    again = {(incident.kind, incident.text, incident.cell) for incident in later}
    for incident in incidents:
        if incident.worth_retry:
            yield Incident(IncidentKind.RETRIED, f"the first attempt ended: {incident.text}", incident.cell)
        elif (incident.kind, incident.text, incident.cell) not in again:
            yield replace(incident, text=f"in the first attempt: {incident.text}")


def submitted_notebook(submission: Submission, name: str, *, only: bool) -> tuple[str, bytes]:
    """The notebook that was handed in as `name`, and what it is called: where the assignment has `only` this one, the
    only one that was handed in will do. Raises NotANotebook if there is none."""
    notebooks = {other: data for other, data in submission.files.items() if other.endswith(".ipynb")}
    top = [other for other in notebooks if len(PurePosixPath(other).parts) == 1]
    if name in notebooks:
        return name, notebooks[name]
    if only and len(top) == 1:
        return top[0], notebooks[top[0]]
    others = ", ".join(sorted(notebooks)[:5])
    raise NotANotebook(f"there is none of this name, only {others}" if others else "no notebook was handed in")
