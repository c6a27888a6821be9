"""Trials of validation, in a worker process: each runs a notebook once and its checks with several seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from nbformat import NotebookNode

from autograder.authoring.remembered_key import RememberedKey
from autograder.checking.check_runner import Checks, Seeds
from autograder.checking.outcomes import GraderFault, Outcome, Verdict
from autograder.course.assignment import Assignment, TemplateCell
from autograder.grading.grader import Grader
from autograder.grading.notebook_run import NotebookRun
from autograder.sandbox.limits import Limits
from autograder.sandbox.sandbox_errors import SandboxError
from autograder.submission.graded import Submission

__all__ = ["TrialFailed", "Trials", "Tried", "Variant"]

# For all seeds of one notebook together: an author would rather wait than miss that two entries are alike.
REPLAY_SECONDS = 300.0

Tried = tuple[NotebookNode, list[list[Verdict]], list[str]]


@dataclass(frozen=True)
class Variant:
    """A notebook to try, restored from the assignment's notebook `name`. By relative name, `files` take the place of
    those beside the answer key. One that begins with the answer cell `start` goes on where the answer key is there; a
    whole one runs in a kernel as a student's does."""

    name: str
    notebook: NotebookNode
    files: Mapping[str, bytes] = field(default_factory=dict)
    start: str = ""


class TrialFailed(Exception):
    """The notebook could not be tried at all: the answer key or the sandbox failed."""


@dataclass
class SeveralSeeds(NotebookRun):
    """Runs every check cell once for each of `secrets`; the verdicts of each are in `rounds`."""

    secrets: list[bytes] = field(default_factory=list)
    rounds: list[list[Verdict]] = field(default_factory=list)

    def check(self, cell: NotebookNode, template: TemplateCell, checks: Checks) -> None:
        for secret, verdicts in zip(self.secrets, self.rounds, strict=True):
            verdicts += self.verdicts(template, checks, Seeds(secret, self.job.seeds.assignment, ""))


class TrialGrader(Grader):
    """A grader of the course's own code."""

    key_type = RememberedKey


class Trials:
    """Tries notebooks of `assignment`, with the seeds that `secrets` give."""

    def __init__(self, assignment: Assignment, secrets: list[bytes], limits: Limits) -> None:
        self.templates, self.secrets = {template.name: template for template in assignment.notebooks}, secrets
        self.grader = TrialGrader(assignment, limits, b"")

    def do(self, variant: Variant) -> Tried:
        """The notebook with outputs, the verdicts for every secret, and what could not be graded. Raises
        TrialFailed."""
        rounds = self.rounds(variant, self.secrets)
        for at, secret in enumerate(self.secrets[1:], start=1):
            # What the rounds before have left in the notebook may be why: a class is graded in fresh ones.
            if outcomes(rounds[at]) != outcomes(rounds[0]):
                (rounds[at],) = self.rounds(variant, [secret])
        ungraded = [v for verdicts in rounds for v in verdicts if v.outcome is Outcome.UNGRADED]
        return variant.notebook, rounds, list(dict.fromkeys(f"{v.name}: {v.detail}" for v in ungraded))

    def rounds(self, variant: Variant, secrets: list[bytes]) -> list[list[Verdict]]:
        """The verdicts for each of `secrets`, of one run of the notebook. Raises TrialFailed."""
        rounds: list[list[Verdict]] = [[] for _ in secrets]
        try:
            template = self.templates[variant.name]
            files = {**self.grader.assignment.key_files(template), **variant.files}
            job = self.grader.job(variant.notebook, template, Submission("", {}, ""), files)
            run = partial(SeveralSeeds, secrets=secrets, rounds=rounds, replay_seconds=REPLAY_SECONDS)
            if variant.start:
                key = self.grader.answer_key(template)
                assert isinstance(key, RememberedKey)
                with key.kernel(variant.start) as kernel:
                    run(job, kernel, key).run()
            else:
                self.grader.run(job, run)
        except (SandboxError, GraderFault) as error:
            raise TrialFailed(str(error)) from None
        return rounds

    def close(self) -> None:
        """End the processes of this worker."""
        self.grader.close()


def outcomes(verdicts: list[Verdict]) -> list[tuple[str, bool, str]]:
    """What a round has shown: the tests that passed, and the mistakes that were named."""
    return [(verdict.name, verdict.passed, verdict.mistake) for verdict in verdicts]
