"""Looks for inputs with which a notebook fails hidden checks, if the course shows them after the due date."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autograder.checking.check_runner import Checks, Seeds
from autograder.checking.counterexamples import SEEDS, CallKeeper, SeededRun, smallest
from autograder.checking.import_analysis import ImportAnalysis
from autograder.checking.outcomes import GraderFault, Outcome, Verdict
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import SocketTransport
from autograder.course.assignment import TemplateCell
from autograder.grading.answer_key import AnswerKey
from autograder.grading.own_limits import forced_end, limited_memory
from autograder.sandbox.kernel import AnyKernel
from autograder.submission.graded import CellGrade

__all__ = ["CounterexampleSearch"]

# So long inputs that show failures are looked for in one notebook.
MOST_SECONDS = 10.0


@dataclass(frozen=True)
class CounterexampleSearch:
    """Runs failed hidden checks of a notebook again, with random numbers of their own. Only when all is graded: its
    calls may change the notebook."""

    cells: Mapping[str, TemplateCell]
    seeds: Seeds
    kernel: AnyKernel
    answer_key: AnswerKey
    imports: ImportAnalysis
    checks: Checks

    def add_to(self, grades: Sequence[CellGrade]) -> None:
        """Give each failed hidden check that draws random numbers a counterexample, where one is found."""
        until = time.monotonic() + MOST_SECONDS
        self.checks.private_files = {}  # feedback would show them
        for grade in grades:
            test_of = {test.name: test for test in self.cells[grade.grade_id].check.tests()}
            grade.verdicts = [
                replace(verdict, counterexample=self._counterexample(grade.grade_id, verdict.name, until))
                if verdict.hidden and is_failed(verdict) and "rng" in test_of[verdict.name].fixtures
                else verdict
                for verdict in grade.verdicts
            ]

    def _counterexample(self, grade_id: str, test: str, until: float) -> str:
        """A counterexample to one check; empty if there is none to show, or no time left."""
        if not self.kernel.alive or time.monotonic() > until:
            return ""
        transport = SocketTransport(
            self.kernel.channel, self.kernel.limits.cell_seconds, self.kernel.interrupt, until=until
        )
        keeper = CallKeeper(transport)
        student, attempts = NotebookProxy(keeper, self.imports), []
        asked = self.kernel.start_serving()
        try:
            with self.answer_key.at(grade_id) as reference, self.answer_key.lent_at(grade_id) as lender:
                for number in range(SEEDS):
                    seeds = replace(self.seeds.of_counterexample(number), cell=grade_id)
                    with limited_memory(), forced_end(until):
                        self.checks.run(
                            grade_id, student, reference, seeds, keeper, lender=lender, only=test, until=until
                        )
                    attempts.append(SeededRun(keeper.calls, self.checks.errors.get(test)))
        except GraderFault:
            return ""
        finally:
            if transport.why_gone:
                self.kernel.kill()
            else:
                self.kernel.stop_serving(asked)
        return smallest(attempts, {name: known.parameters for name, known in self.checks.signatures().items()})


def is_failed(verdict: Verdict) -> bool:
    """Whether the student's answer was found wrong here."""
    return verdict.outcome in (Outcome.WRONG, Outcome.RAISED) and not verdict.void
