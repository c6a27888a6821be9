"""Ends a test that computes too long by itself: it is the course's code, but a student's answer may say how often it
loops.

A call of the student's has a deadline of its own; `range(student.count())`, `student.base() ** student.n()` and a
function of the test that the student's code calls have none.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autograder.checking.outcomes import StudentStopped

__all__ = ["TOOK_TOO_LONG", "Overtime", "ends_at"]

TOOK_TOO_LONG = "the notebook took longer in all than it may"
AGAIN = 1.0  # seconds: a student's code may call the test's functions again


class Overtime(StudentStopped):
    """The notebook's time ended while a test computed."""

    def __init__(self) -> None:
        super().__init__(TOOK_TOO_LONG)


@contextmanager
def ends_at(deadline: float) -> Iterator[None]:
    """Raise Overtime within the block at `deadline` (`time.monotonic` seconds), and every second from then on.

    A signal does it, which ends the product of two long numbers as well. So a deadline is for the main thread only.
    """
    if deadline == math.inf:
        yield
        return

    def ring(number: int, frame: Any) -> None:
        raise Overtime

    def stop() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    before = signal.signal(signal.SIGALRM, ring)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, deadline - time.monotonic()), AGAIN)
            yield
        finally:
            stop()
    finally:
        stop()  # once more if Overtime came in between; the next would come a second later
