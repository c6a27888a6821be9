"""When a known mistake may be named: the rules that replays and records share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from autograder.checking.call_recorder import CallRecorder
from autograder.checking.outcomes import Outcome, Verdict

__all__ = ["Attempt", "unambiguous"]


class Named(Protocol):
    """A known mistake, with or without its code."""

    @property
    def says(self) -> str: ...


Known = TypeVar("Known", bound=Named)


class Attempt:
    """The tests of a cell that a student's notebook failed and passed, and its replies in them."""

    def __init__(self, verdicts: Sequence[Verdict], recorder: CallRecorder) -> None:
        self.recorder = recorder
        self.tests = [v.name for v in verdicts]
        self.failed = [v.name for v in verdicts if v.outcome in (Outcome.WRONG, Outcome.RAISED)]
        self.passed = [v.name for v in verdicts if v.passed]

    @property
    def is_explainable(self) -> bool:
        """Whether there is a failed test that a mistake might explain."""
        return self.recorder.complete and any(map(self._was_given, self.failed))

    def to_explain(self, defines: frozenset[str]) -> tuple[list[str], list[str]]:
        """The failed and the passed tests that a mistake in the names `defines` must explain: those that use one of
        them, or else all. No failed ones are returned if one of them shows nothing that a mistake could give."""
        failed, passed = (self._using(defines, tests) for tests in (self.failed, self.passed))
        if not failed:
            failed, passed = self.failed, self.passed
        return (failed if all(map(self._was_given, failed)) else []), passed

    def _using(self, names: frozenset[str], tests: list[str]) -> list[str]:
        return [test for test in tests if self.recorder.used(test) & names]

    def _was_given(self, test: str) -> bool:
        return any(reply.is_given for reply in self.recorder.plain_replies(test))


def unambiguous(found: Mapping[str, list[Known]]) -> dict[str, Known]:
    """The mistake to name for each test: the first that explains it, if all that do have one sentence."""
    return {test: many[0] for test, many in found.items() if len({mistake.says for mistake in many}) == 1}
