"""Names known mistakes: the failed tests of a cell run again with each known mistake in place of the student's answer.

A mistake is named only if every failed test that uses what it replaces got from the student's notebook, call by call,
what the mistake gives, and fails for the same reason; and if no mistake with another sentence does so too. Known
mistakes run where the answer key runs: nothing of them comes near student code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from autograder.checking.call_recorder import CallRecorder, OutOfTime, PlainReply
from autograder.checking.check_runner import Checks
from autograder.checking.equality import alike
from autograder.checking.mistakes import Attempt, unambiguous
from autograder.checking.outcomes import CheckFailed, GraderFault, Mistake, StudentError, Verdict
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import Transport
from autograder.kernel_side.wire import Message

__all__ = ["StandIn", "named_mistakes"]

StandIn = Callable[[Mistake | None], AbstractContextManager[Transport]]
"""Opens a fresh copy of the answer key, with a known mistake in place of its answer (None: as it is)."""


class Differs(BaseException):
    """The mistake gives something else than the student's notebook did. Not an Exception, so that no test catches
    it."""


def named_mistakes(
    checks: Checks,
    verdicts: Sequence[Verdict],
    recorder: CallRecorder,
    mistakes: Iterable[Mistake],
    stand_in: StandIn,
    seconds: float,
) -> dict[str, Mistake]:
    """The mistakes that explain the failed tests of the cell that `checks` ran last, by test.

    `recorder` has the replies of the student's notebook. When `seconds` have passed before every mistake was tried,
    nothing is named: one of the others might have explained the same replies.
    """
    attempt = Attempt(verdicts, recorder)
    if not attempt.is_explainable:
        return {}
    replays = Replays(checks, attempt, stand_in, time.monotonic() + seconds)
    explaining: dict[str, list[Mistake]] = {}
    try:
        for mistake in mistakes:
            for test in replays.explained_by(mistake):
                explaining.setdefault(test, []).append(mistake)
    except OutOfTime:
        return {}
    return unambiguous(explaining)


class Replays:
    """The tests of one cell, and the replies of a student's notebook in them."""

    def __init__(self, checks: Checks, attempt: Attempt, stand_in: StandIn, until: float) -> None:
        self.checks, self.attempt, self.stand_in, self.until = checks, attempt, stand_in, until
        self.endings = dict(checks.errors)
        self.right: CallRecorder | None = None

    def explained_by(self, mistake: Mistake) -> list[str]:
        """The failed tests that a mistake explains: all that use the replaced answer, or none of them."""
        failed, passed = self.attempt.to_explain(mistake.defines)
        if not failed or not mistake.loses.issuperset(failed):
            return []
        try:
            right = self.right_replies()
            with self.stand_in(mistake) as transport:
                comparer = Comparer(transport, self.attempt.recorder, right, self.until)
                recorder = CallRecorder(transport, self.until)
                # In the order in which they ran: an answer may keep something from one call to the next.
                explained = (
                    self.fails_alike(comparer, test) if test in failed else self.rerun(test, recorder) is None
                    for test in self.attempt.tests
                    if test in failed or test in passed
                )
                return failed if all(explained) else []
        except GraderFault:
            return []

    def fails_alike(self, comparer: Comparer, test: str) -> bool:
        """Whether a test fails with a mistake as it did with the student's answer."""
        error = self.rerun(test, comparer)
        return comparer.is_done and same_ending(self.endings[test], error)

    def rerun(self, test: str, recorder: CallRecorder) -> BaseException | None:
        error = self.checks.rerun(test, NotebookProxy(recorder), recorder)
        if isinstance(error, OutOfTime) or time.monotonic() > self.until:
            raise OutOfTime
        return error

    def right_replies(self) -> CallRecorder:
        """The answer key's replies in the failed tests, found out when first asked for."""
        if self.right is None:
            with self.stand_in(None) as transport:
                self.right = CallRecorder(transport, self.until)
                for test in self.attempt.failed:
                    self.rerun(test, self.right)
        return self.right


class Comparer(CallRecorder):
    """A transport to a mistake that raises Differs at the first reply that the student's notebook did not give."""

    def __init__(self, transport: Transport, student: CallRecorder, right: CallRecorder, until: float) -> None:
        super().__init__(transport, until)
        self.student, self.right = student, right
        self.differs = False

    def keep(self, message: Message, reply: Message, received: list[bytes]) -> None:
        super().keep(message, reply, received)
        given, expected, right = (recorder.plain_replies(self.test) for recorder in (self, self.student, self.right))
        at = len(given) - 1
        if not self.complete or at >= len(expected) or not same(given[at], expected[at], right[at : at + 1]):
            self.differs = True
            raise Differs

    @property
    def is_done(self) -> bool:
        """Whether the mistake gave exactly what the student's notebook gave in this test."""
        return not self.differs and len(self.plain_replies(self.test)) == len(self.student.plain_replies(self.test))


def same(given: PlainReply, expected: PlainReply, right: Sequence[PlainReply]) -> bool:
    """Whether a mistake gave what the student's notebook gave; `right` has the right reply to the same request."""
    if given[:2] != expected[:2]:
        return False
    if right and right[0].asked == given.asked:
        return alike(expected.value, given.value, right[0].value)
    return alike(expected.value, given.value)


def same_ending(error: BaseException | None, other: BaseException | None) -> bool:
    """Whether two tests failed for the same reason: numbers apart, which rounding may change."""
    if isinstance(error, CheckFailed):
        return isinstance(other, CheckFailed) and error.cause == other.cause
    if isinstance(error, StudentError):
        return isinstance(other, StudentError) and error.type_name == other.type_name
    return error is not None and type(error) is type(other)
