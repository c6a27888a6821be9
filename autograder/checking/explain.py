"""Turns the exception that ended a test into the texts for its student and its instructor."""

from __future__ import annotations

import builtins
import re
import traceback
from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autograder.checking.cell import Check
from autograder.checking.equality import is_numeric
from autograder.checking.outcomes import (
    Call,
    CheckFailed,
    GraderFault,
    Mistake,
    NotRecorded,
    Outcome,
    StudentError,
    StudentStopped,
    Verdict,
)
from autograder.checking.value_words import a_kind
from autograder.text import legible

__all__ = ["no_function", "verdict_of", "warning_of"]

WORD = re.compile(r"(a|[a-z][a-z'-]+)[,.:;!?]?(\s|$)")
RUNTIME_WARNING = "RuntimeWarning: "
MOST_KEPT = 4_000
LATER = "This runs when your work is graded: it needs the answer key."
UNGRADED = "The grader could not grade this check. That is not your doing: a person will look at it."


def verdict_of(test: Check, error: BaseException | None, mistake: Mistake | None = None) -> Verdict:
    """The verdict of `test` that ended with `error` (None: it passed), unless it is void. `mistake` is the known
    mistake that explains the error."""
    if test.void:
        return replace(verdict(test, Outcome.NOT_RUN), void=test.void)
    if error is None:
        return verdict(test, Outcome.PASSED)
    if isinstance(error, NotRecorded):
        return verdict(test, Outcome.NOT_RUN, LATER)
    if isinstance(error, CheckFailed):
        message = wrong_text(named_cause(error, mistake), test)
        return with_mistake(verdict(test, Outcome.WRONG, message, str(error)), mistake, test)
    return with_mistake(verdict_of_exception(test, error), mistake, test)


def verdict_of_exception(test: Check, error: BaseException) -> Verdict:
    """The verdict of a test that ended with anything but a comparison that did not hold."""
    if isinstance(error, StudentError):
        return verdict(test, Outcome.RAISED, raised_text(error, test.hidden), raised_text(error, hidden=False))
    if isinstance(error, StudentStopped):
        return verdict(test, Outcome.RAISED, f"Your code was stopped: {error}.", str(error))
    if isinstance(error, pytest.fail.Exception):
        return verdict(test, Outcome.WRONG, "" if test.hidden else sentence(str(error), test.names), str(error))
    if isinstance(error, GraderFault):  # its text says what a person must know
        return verdict(test, Outcome.UNGRADED, UNGRADED, str(error))
    if isinstance(error, pytest.FixtureLookupError) or not isinstance(error, Exception):
        return verdict(test, Outcome.UNGRADED, UNGRADED, in_full(error))
    return verdict(test, Outcome.WRONG, unexpected_text(error, test), in_full(error))


def named_cause(error: CheckFailed, mistake: Mistake | None) -> CheckFailed:
    """The failure with the mistake's sentence as its cause, unless the cause says it already, and with all that is
    known of where it is."""
    is_said = mistake is None or mistake.says.lower() in error.cause.lower()
    cause = error.in_letters or error.cause if mistake is None or is_said else mistake.says
    return CheckFailed(cause, "; ".join(filter(None, (error.detail, error.row, error.warned))))


def no_function(error: BaseException | None, name: str, value: Any) -> CheckFailed | None:
    """The failure of a test that called `value`, which the notebook has by the name of a function; None if `error` is
    another one."""
    if not isinstance(error, TypeError) or isinstance(error, StudentError):
        return None
    if not str(error).endswith(f"{type(value).__name__}' object is not callable"):
        return None
    return CheckFailed(
        f"{name} is {a_kind(value)}, and a function is expected: has another cell used its name? Give that value "
        f"another name, and run the cell that defines {name} again"
    )


def warning_of(error: CheckFailed, calls: Sequence[Call]) -> str:
    """The first RuntimeWarning of the last call that gave any, if there is NaN or infinity where the right values have
    none; else nothing."""
    got, want = error.values or (None, None)
    if not (is_numeric(got) and is_numeric(want)) or is_finite(got) or not is_finite(want):
        return ""
    for call in reversed(calls):
        for warning in call.warnings:
            if warning.startswith(RUNTIME_WARNING):
                return f"{call.name} warned: {warning.removeprefix(RUNTIME_WARNING)}"
    return ""


def is_finite(value: Any) -> bool:
    """Whether a number, or each of an array, is finite. NumPy does not know it of an int that is too large for it."""
    return isinstance(value, int) or bool(np.isfinite(value).all())


def with_mistake(verdict: Verdict, mistake: Mistake | None, test: Check) -> Verdict:
    """The verdict with the mistake's title, and its sentence if the message does not have it yet."""
    if mistake is None:
        return verdict
    message = verdict.message
    if mistake.says.lower() not in message.lower():
        message = legible(" ".join(filter(None, (with_full_stop(message), sentence(mistake.says, test.names)))))
    return replace(verdict, message=message, mistake=mistake.title)


def verdict(test: Check, outcome: Outcome, message: str = "", detail: str = "") -> Verdict:
    return Verdict(test.name, test.description, test.weight, test.hidden, outcome, cut(message), cut(detail))


def cut(text: str) -> str:
    """As much of a text as is kept of each check: a student's values can be quoted in it, whatever their size."""
    return legible(text if len(text) <= MOST_KEPT else text[:MOST_KEPT] + "…")


def sentence(text: str, names: Container[str]) -> str:
    """`text` with a full stop and, unless it begins with code such as `dW`, `f(1)` or one of `names`, a capital."""
    text = text.strip()
    word = WORD.match(text)
    return with_full_stop(text[:1].upper() + text[1:] if word and word[1] not in names else text)


def with_full_stop(text: str) -> str:
    """`text` with a full stop, and else as it is: it may begin with the name of a function."""
    return text and text + ("" if text.endswith((".", "!", "?")) else ".")


def wrong_text(error: CheckFailed, test: Check) -> str:
    """A wrong answer: the cause, and the numbers unless the check is hidden."""
    parts = [error.cause] if test.hidden else [error.cause, error.detail]
    return " ".join(sentence(part, test.names) for part in parts if part)


def unexpected_text(error: Exception, test: Check) -> str:
    """A plain assert, or a result that the test could not use."""
    if isinstance(error, AssertionError):
        return "" if test.hidden else sentence(str(error).split("\n")[0], test.names)
    return "What your code gave back could not be used" + (
        "." if test.hidden else f" ({type(error).__name__}: {error})."
    )


def raised_text(error: StudentError, hidden: bool) -> str:
    """The student's code raised: what, and where unless the check is hidden."""
    if error.type_name == "NotImplementedError":
        return f"Not done yet: {error.function} still raises NotImplementedError."
    known = isinstance(getattr(builtins, error.type_name, None), type)
    kind = error.type_name if known or not hidden else "an exception of its own"
    if hidden:
        return f"{error.function} raised {kind}."
    text = f"{error.function} raised {kind}" + (f": {error.text.strip()}" if error.text.strip() else "")
    where = [f"in {name}, line {line}: {code}" for name, line, code in error.frames[-1:]]
    return " — ".join([text, *where])


def in_full(error: BaseException) -> str:
    """An exception in full, for the instructor, but for the calls by which pytest came to the test."""
    frames = error.__traceback__
    while frames is not None and is_of_pytest(frames.tb_frame.f_globals):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))[-MOST_KEPT:]


def is_of_pytest(names: dict[str, Any]) -> bool:
    return str(names.get("__name__")).split(".")[0] in ("_pytest", "pluggy")
