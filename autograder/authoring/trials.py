"""One trial of validation, in a worker process: a notebook run once, its checks with several seeds."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbformat import NotebookNode

from autograder.checking.outcomes import GraderFault, Outcome, Verdict
from autograder.checking.run import Checks, Seeds
from autograder.grading.assignment import Assignment, Template, TemplateCell
from autograder.grading.execute import answer_key, warm_box
from autograder.grading.notebook_run import NotebookRun, Restored
from autograder.sandbox.errors import SandboxError
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.limits import Limits

__all__ = ["TrialFailed", "try_notebook"]


class TrialFailed(Exception):
    """The notebook could not be tried at all: the answer key or the sandbox failed."""


@dataclass
class SeveralSeeds(NotebookRun):
    """Runs every check cell once for each of `secrets`; the verdicts of each are in `rounds`."""

    secrets: list[bytes] = field(default_factory=list)
    rounds: list[list[Verdict]] = field(default_factory=list)

    def check(self, cell: NotebookNode, template: TemplateCell, checks: Checks) -> None:
        for secret, verdicts in zip(self.secrets, self.rounds, strict=True):
            verdicts += self.verdicts(template, checks, Seeds(secret, self.restored.seeds.assignment, ""))


def try_notebook(
    notebook: NotebookNode, template: Template, assignment: Assignment, secrets: list[bytes], limits: Limits
) -> tuple[NotebookNode, list[list[Verdict]], list[str]]:
    """The notebook with outputs, the verdicts for every secret, and what could not be graded. Raises TrialFailed."""
    try:
        key = answer_key(template, assignment, limits)
        restored = Restored(notebook, template, assignment.files, Seeds(b"", assignment.name, ""))
        with Kernel(warm_box(limits), restored.files) as kernel:
            run = SeveralSeeds(restored, kernel, key, secrets=secrets, rounds=[[] for _ in secrets])
            run.run()
    except (SandboxError, GraderFault) as error:
        raise TrialFailed(str(error)) from None
    ungraded = [v for verdicts in run.rounds for v in verdicts if v.outcome is Outcome.UNGRADED]
    return notebook, run.rounds, list(dict.fromkeys(f"{v.name}: {v.detail}" for v in ungraded))
