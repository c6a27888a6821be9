"""Runs one notebook: its cells in a sandbox, its checks in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial

from nbformat import NotebookNode

from autograder.checking.call_recorder import CallRecorder
from autograder.checking.cell import CheckCell
from autograder.checking.check_runner import Checks, Seeds, with_checks
from autograder.checking.deadline import TOOK_TOO_LONG
from autograder.checking.explain import verdict_of
from autograder.checking.import_analysis import ImportAnalysis, module_paths, named_modules
from autograder.checking.outcomes import GraderFault, Outcome, StudentStopped, Verdict, score
from autograder.checking.proxies import NotebookProxy, connection_of
from autograder.checking.replay import named_mistakes
from autograder.checking.signatures import Signature, signatures
from autograder.checking.transports import TOO_LONG, SocketTransport
from autograder.course.assignment import Template, TemplateCell
from autograder.grading.answer_key import AnswerKey
from autograder.grading.counterexample_search import CounterexampleSearch
from autograder.grading.error_incidents import incidents_from_calls, incidents_from_outputs
from autograder.grading.own_limits import forced_end, limited_memory
from autograder.sandbox.cell_outputs import Outputs
from autograder.sandbox.kernel import AnyKernel, Execution
from autograder.sandbox.memory_watchdog import MESSAGES, PROCESSES
from autograder.submission.cell_grades import table
from autograder.submission.graded import CellGrade
from autograder.submission.incidents import Incident, IncidentKind
from autograder.text import legible

__all__ = ["GradingJob", "NotebookRun"]

# So long known mistakes are looked for in one notebook: each takes milliseconds, but an answer may make it slow.
REPLAY_SECONDS = 10.0
MAX_ERROR_TEXT = 300
STOPPED = "your notebook's kernel had stopped before this check"


@dataclass(frozen=True)
class GradingJob:
    """A restored notebook to grade, the template that it was restored from, the files beside it, and the `private`
    ones that only its tests see.

    Check cells in `reusable` run for what they do to the notebook, but keep these verdicts. `on_grade` receives the
    grade of each check cell as soon as it is known. `counterexamples` are looked for at the end. The student's code may
    run `run_time` times as long as the course's limits say.
    """

    notebook: NotebookNode
    template: Template
    files: dict[str, bytes]
    seeds: Seeds
    private: Mapping[str, bytes] = field(default_factory=dict)
    reusable: dict[str, list[Verdict]] = field(default_factory=dict)
    on_grade: Callable[[CellGrade], None] = lambda grade: None
    counterexamples: bool = False
    run_time: float = 1.0


@dataclass
class NotebookRun:
    """One notebook while it is graded: what runs it, and its grades and incidents so far."""

    job: GradingJob
    kernel: AnyKernel
    answer_key: AnswerKey
    incidents: list[Incident] = field(default_factory=list)
    grades: list[CellGrade] = field(default_factory=list)
    why_stopped: str = STOPPED
    deadline: float = math.inf
    stops: list[str] = field(default_factory=list)
    course_errors: list[tuple[str, bool]] = field(default_factory=list)
    student_code_ran: bool = False
    replay_seconds: float = REPLAY_SECONDS
    last_count: int = 0
    last_answer: int = 0

    def __post_init__(self) -> None:
        self.cells = {cell.grade_id: cell for cell in self.job.template.cells}
        locked = [cell.source for cell in self.cells.values() if cell.locked and cell.cell_type == "code"]
        forbidden = [module for source in locked for module in named_modules(source)]
        self.imports = ImportAnalysis(forbidden, text_of=partial(module_text, self.job.files))

    def run(self) -> None:
        """Run every code cell in order, each within the time that is left of the notebook's."""
        grade_ids = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in self.job.notebook.cells}
        checks = {name: cell.check for name, cell in self.cells.items() if cell.is_check and name in grade_ids}
        with_checks(checks, self._run)

    def _run(self, checks: Checks) -> None:
        checks.signatures, checks.private_files = cache(self._signatures), self.job.private
        self.deadline = time.monotonic() + self.kernel.limits.notebook_seconds
        for number, cell in enumerate(self.job.notebook.cells, start=1):
            if cell.cell_type != "code":
                continue
            template = self.cells.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            seconds = self._seconds_left(number)
            if template is not None and template.is_check:
                self.check(cell, template, checks)
                self._seconds_left(number)
            else:
                if cell.source.strip():
                    if self.kernel.alive:  # reading takes the notebook's time, too
                        self.imports.read(cell.source)
                    self._execute(cell, number, seconds)
                    self._note_course_error(cell, template)
                self._note_count(cell, template)
            self._note_tampering(f"cell {number}" if template is None else template.grade_id)
        if self.job.counterexamples:
            self._counterexamples(checks).add_to(self.grades)

    def _counterexamples(self, checks: Checks) -> CounterexampleSearch:
        return CounterexampleSearch(self.cells, self.job.seeds, self.kernel, self.answer_key, self.imports, checks)

    def _signatures(self) -> dict[str, Signature]:
        """The signatures of functions in the assignment's text."""
        return signatures(cell.source for cell in self.cells.values() if cell.cell_type == "code")

    def _note_count(self, cell: NotebookNode, template: TemplateCell | None) -> None:
        """Keep from which execution count on a figure is an answer's. One that is empty does not run, and what
        an earlier cell has drawn is not its figure."""
        self.last_count = cell.execution_count or self.last_count
        if template is not None and not template.locked:
            self.last_answer = cell.execution_count or self.last_count + 1

    def _note_course_error(self, cell: NotebookNode, template: TemplateCell | None) -> None:
        """Keep the error of a cell that the course has locked and that gives no points: it may be the course's own."""
        if template is None or not template.locked:
            self.student_code_ran = True
        elif not template.graded:
            errors = [output for output in cell.outputs if output.output_type == "error"]
            texts = [f"{template.grade_id}: {error.ename}: {error.evalue}"[:MAX_ERROR_TEXT] for error in errors[-1:]]
            self.course_errors += [(legible(text), not self.student_code_ran) for text in texts]

    def _seconds_left(self, number: int) -> float:
        """So many seconds a cell may take. A notebook that has none left is stopped."""
        left = self.deadline - time.monotonic()
        if left <= 0 and self.kernel.alive:
            self._stop(f"the notebook took longer than {self.kernel.limits.notebook_seconds:g} s in all", number)
        return min(self.kernel.limits.cell_seconds, left)

    def _stop(self, why: str, number: int) -> None:
        self.incidents.append(Incident(IncidentKind.TIME, why, f"cell {number}"))
        self.why_stopped = why
        self.kernel.kill()

    def _execute(self, cell: NotebookNode, number: int, seconds: float) -> None:
        """Run an ordinary cell and store its outputs. One that cannot run says so: a test cell without outputs would
        get full marks."""
        if not self.kernel.alive:
            outputs = Outputs(0)
            outputs.error("DeadKernelError", f"this cell was not run: {self.why_stopped}")
            cell.outputs = outputs.cells
            return
        execution = self.kernel.execute(cell.source, seconds)
        self._note(execution, number, seconds)
        cell.outputs = execution.outputs.cells
        cell.execution_count = execution.count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = execution.count

    def _note(self, execution: Execution, number: int, seconds: float) -> None:
        """Tell the student, in the cell, which limit was hit, and record it."""
        outputs, where = execution.outputs, f"cell {number}"
        if execution.timed_out:
            text = f"this cell took longer than {seconds:.3g} s and was stopped"
            outputs.error("CellTimeoutError", text)
            self.incidents.append(Incident(IncidentKind.TIME, text, where))
        if execution.flooded:
            text = "this cell printed without end and was stopped"
            outputs.error("OutputLimitError", text)
            self.incidents.append(Incident(IncidentKind.OUTPUT, text, where))
        if execution.died:
            kind, why = self._ended("the kernel died in this cell")
            text = f"{why}: the cells and checks after it could not run"
            outputs.error("DeadKernelError", text)
            self.incidents.append(Incident(kind, text, where, worth_retry=self.kernel.ended_by_itself))
            died = f"your notebook's kernel had died in cell {number}"
            self.why_stopped = died if kind is IncidentKind.DIED else why
        if execution.lost:
            text = "what this cell showed is missing: more came at once than can be read"
            outputs.error("OutputLimitError", text)
            self.incidents.append(Incident(IncidentKind.OUTPUT, text, where))
        if execution.failed and not any(output.output_type == "error" for output in outputs.cells):
            outputs.error("CellFailed", "this cell raised an error that could not be shown")
        self.incidents += dict.fromkeys(incidents_from_outputs(outputs.cells, where))

    def _ended(self, otherwise: str) -> tuple[IncidentKind, str]:
        """The kind of incident that the kernel's end is, and why it ended."""
        if self.kernel.ended_for == PROCESSES:
            most = self.kernel.limits.memory_mb
            text = f"your notebook and what it had started took more than {most} MB of memory together"
            return IncidentKind.MEMORY, text
        if self.kernel.ended_for == MESSAGES:
            return IncidentKind.OUTPUT, "your notebook sent more at once than can be read"
        return IncidentKind.TIME if otherwise == TOOK_TOO_LONG else IncidentKind.DIED, otherwise

    def _note_tampering(self, where: str) -> None:
        """Record what no kernel does by itself, once for each kind of it."""
        recorded = {incident.text for incident in self.incidents}
        new = sorted(self.kernel.tampering - recorded)
        self.incidents += [Incident(IncidentKind.TOUCHED, text, where) for text in new]

    def check(self, cell: NotebookNode, template: TemplateCell, checks: Checks) -> None:
        """Run a check cell and store its table."""
        verdicts = self.verdicts(template, checks, self.job.seeds)
        verdicts = self.job.reusable.get(template.grade_id, verdicts)
        points = float(template.nbgrader["points"])
        earned = score(verdicts, points)
        self.grades.append(CellGrade(template.grade_id, earned, points, verdicts, template.digest))
        self.job.on_grade(self.grades[-1])
        cell.outputs = [table(verdicts, earned, points)]
        cell.execution_count = None
        for verdict in verdicts:
            if verdict.outcome is Outcome.UNGRADED and not verdict.void:
                text = f"{verdict.name}: {verdict.detail}"
                self.incidents.append(Incident(IncidentKind.FAULT, text, template.grade_id, worth_retry=True))

    def verdicts(self, template: TemplateCell, checks: Checks, seeds: Seeds) -> list[Verdict]:
        """The verdicts of a check cell's tests."""
        if not self.kernel.alive:
            return all_ended(template.check, StudentStopped(self.why_stopped))
        seconds, until = self.kernel.limits.cell_seconds, self.deadline
        transport = SocketTransport(self.kernel.channel, seconds, self.kernel.interrupt, self._stopped, until)
        recorder = CallRecorder(transport)
        student = NotebookProxy(recorder, self.imports)
        connection_of(student).plot_cell = self.last_answer
        request = self.kernel.start_serving()
        try:
            name, seeds = template.grade_id, replace(seeds, cell=template.grade_id)
            with self.answer_key.at(name) as reference, self.answer_key.lent_at(name) as lender:
                with limited_memory(), forced_end(until):
                    verdicts = checks.run(name, student, reference, seeds, recorder, lender=lender, until=until)
                return self._named(template, checks, verdicts, recorder)
        except GraderFault as error:
            return all_ended(template.check, error)
        finally:
            self.kernel.tampering |= transport.tampering
            self._note_stops(template.grade_id)
            self.incidents += incidents_from_calls(connection_of(student).raised, template.grade_id)
            if transport.why_gone:
                kind, why = self._ended(transport.why_gone)
                stopped = "your notebook stopped answering in an earlier check"
                self.why_stopped = stopped if kind is IncidentKind.DIED else why
                retry = self.kernel.ended_by_itself
                self.incidents.append(Incident(kind, why, template.grade_id, worth_retry=retry))
                self.kernel.kill()
            elif self.kernel.stop_serving(request):
                self._note_end_after(template.grade_id)

    def _note_end_after(self, grade_id: str) -> None:
        """Record why the kernel is of no more use after a check whose calls it has answered."""
        if self.kernel.ended_by_itself:
            kind, why = self._ended("the kernel died after this check")
            self.why_stopped = "your notebook's kernel had died after an earlier check"
            self.incidents.append(Incident(kind, why, grade_id, worth_retry=True))
            self.kernel.kill()
            return
        self.why_stopped = "your notebook printed more in an earlier check than can be read"
        text = "what was printed while this check ran is more than can be read"
        self.incidents.append(Incident(IncidentKind.OUTPUT, text, grade_id))

    def _named(
        self, template: TemplateCell, checks: Checks, verdicts: list[Verdict], recorder: CallRecorder
    ) -> list[Verdict]:
        """The verdicts with the known mistakes that explain them. The student's notebook is not charged the time."""
        if template.grade_id in self.job.reusable:
            return verdicts
        started = time.monotonic()
        stand_in = partial(self.answer_key.stand_in, template.grade_id, started + self.replay_seconds)
        named = named_mistakes(checks, verdicts, recorder, template.mistakes, stand_in, self.replay_seconds)
        took = time.monotonic() - started
        self.deadline += took
        self.replay_seconds = max(0.0, self.replay_seconds - took)
        return checks.verdicts(named) if named else verdicts

    def _stopped(self, why: str) -> StudentStopped:
        """The exception that ends a check whose call has no answer."""
        self.stops.append(why)
        return StudentStopped(self._ended(why)[1])

    def _note_stops(self, grade_id: str) -> None:
        """Record once that calls from a check took too long. Why a kernel is gone for good is recorded elsewhere."""
        if any(why.startswith(TOO_LONG) for why in self.stops):
            limit = f"{self.kernel.limits.cell_seconds:g} s"
            text = f"a call from a check took longer than {limit} and was stopped"
            self.incidents.append(Incident(IncidentKind.TIME, text, grade_id))
        self.stops.clear()


def module_text(files: Mapping[str, bytes], name: str) -> str | None:
    """The text of a module among the files beside a notebook."""
    texts = [files[path] for path in module_paths(name) if path in files]
    return texts[0].decode("utf-8", errors="replace") if texts else None


def all_ended(check: CheckCell, error: BaseException) -> list[Verdict]:
    """The verdicts when one reason holds for every test of a cell."""
    return [verdict_of(test, error) for test in check.tests()]
