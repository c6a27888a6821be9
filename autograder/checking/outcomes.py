"""The ways in which a check can end, as exceptions and as the verdict that is kept."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.checking.cell import Check

__all__ = [
    "Call",
    "CheckFailed",
    "GraderFault",
    "Mistake",
    "NotRecorded",
    "Outcome",
    "StudentError",
    "StudentStopped",
    "Verdict",
    "score",
    "split_points",
    "student_error",
]


class Outcome(StrEnum):
    """How one check ended: it holds, the answer is wrong, the student's code raised or stopped, or ours did.

    One that was void before it could run did not run.
    """

    PASSED = "passed"
    WRONG = "wrong"
    RAISED = "raised"
    UNGRADED = "ungraded"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Verdict:
    """The result of one check (one test function), as it is kept.

    `weight` is its share within its cell; `message` is for the student and says nothing that a hidden
    check must keep to itself; `detail` is for the instructor only, and so is `mistake`, the title of the known
    mistake that explains the answer. `void` says why the check does not count for anybody. `counterexample` is an input
    that shows the failure, for after the due date.
    """

    name: str
    description: str
    weight: float
    hidden: bool
    outcome: Outcome
    message: str = ""
    detail: str = ""
    void: str = ""
    mistake: str = ""
    counterexample: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED

    @property
    def shown_message(self) -> str:
        """The text that stands beside the check: why it is void, or else the message."""
        return f"Void: {self.void}" if self.void else self.message


@dataclass(frozen=True)
class Mistake:
    """A known mistake: code that replaces an answer, the names that it defines, what its student must be told, and the
    tests that it fails."""

    title: str
    source: str
    says: str
    defines: frozenset[str]
    loses: frozenset[str]


def split_points(checks: Sequence[Check | Verdict], points: float) -> list[float]:
    """Each check's share of a cell's points, by weight; a void check has none."""
    total = sum(check.weight for check in checks if not check.void) or 1
    return [0.0 if check.void else points * check.weight / total for check in checks]


class CheckFailed(BaseException):
    """A comparison that did not hold, or an answer that is not there. `cause` may be told even of a hidden check;
    `detail` may not; `values` are what was compared and `place` where they differ, if that is known. `in_letters` is
    the cause in the exercise's own letters, `row` the row of an argument that the place belongs to, and `warned` the
    warning of the student's code that tells where NaN or infinity came from. Not an Exception, so that no
    `pytest.raises(Exception)` passes because nothing is defined."""

    in_letters = row = warned = ""

    def __init__(
        self, cause: str = "", detail: str = "", values: tuple[Any, Any] | None = None, place: tuple[int, ...] = ()
    ) -> None:
        super().__init__("\n".join(filter(None, (cause, detail))))
        self.cause = cause
        self.detail = detail
        self.values = values
        self.place = place


@dataclass
class Call:
    """A call of a student's function with everything but its result: warnings, changed arguments, cost."""

    name: str
    warnings: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    cost: dict[str, int] = field(default_factory=dict)
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    result: Any = None


class StudentError(Exception):
    """The student's code raised. It is also the built-in exception that it raised, so `pytest.raises` sees it; one that
    ends loops is a RuntimeError.

    `text` and `frames` come from the student's process: they are for visible checks and for the instructor.
    """

    def __init__(self, function: str, type_name: str, text: str, frames: list[list[Any]]) -> None:
        self.function, self.type_name, self.text, self.frames = function, type_name, text, frames

    def __str__(self) -> str:
        return f"{self.function} raised {self.type_name}: {self.text}"


class StudentStopped(BaseException):
    """The student's code cannot answer any more: too slow, gone, or talking nonsense. Not an Exception, so that
    no `pytest.raises(Exception)` takes it for an answer."""


class GraderFault(BaseException):
    """The grader's own side failed (sandbox, transport or answer key): a person must look, no score is given."""


class NotRecorded(BaseException):
    """A student's own notebook has no answer key, and the record of this check cell does not have the answer."""


# With these, `all(map(student.f, xs))` would end at the first call, and hold. Python makes a RuntimeError of them where
# they would leave a generator, and so do we.
ENDS_LOOPS = ("StopIteration", "StopAsyncIteration")


def student_error(function: str, type_name: str, text: str, frames: list[list[Any]]) -> StudentError:
    """The error to raise for an exception of the student's code."""
    base_name = "RuntimeError" if type_name in ENDS_LOOPS else type_name
    base = getattr(builtins, base_name, None)
    is_mixed_in = isinstance(base, type) and issubclass(base, Exception) and base is not ExceptionGroup
    kind = student_error_class(base_name) if is_mixed_in else StudentError
    return kind(function, type_name, text, frames)


@cache
def student_error_class(base_name: str) -> type[StudentError]:
    """StudentError that is also the built-in exception of this name."""
    return type(f"Student{base_name}", (StudentError, getattr(builtins, base_name)), {})


def score(verdicts: list[Verdict], max_points: float) -> float | None:
    """The points of a check cell: its points × passed weight / total weight of the checks that are not void; all of
    them if every check is void. None if a check that counts could not be graded."""
    counted = [verdict for verdict in verdicts if not verdict.void]
    if any(verdict.outcome is Outcome.UNGRADED for verdict in counted):
        return None
    total = sum(verdict.weight for verdict in counted)
    passed = sum(verdict.weight for verdict in counted if verdict.passed)
    return max_points * passed / total if total else max_points
