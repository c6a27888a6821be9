"""An end to what a test does by itself: it is the course's code, but a student's answer may say how often it loops.

A call of the student's has a deadline of its own; `range(student.count())`, `student.base() ** student.n()` and a
function of the test that the student's code calls have none.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
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
    """Raise Overtime within the block at `deadline` (`time.monotonic` seconds), and every second from then on."""
    if deadline == math.inf:
        yield
        return
    in_main = threading.current_thread() is threading.main_thread()
    with (by_signal if in_main else by_thread)(max(0.001, deadline - time.monotonic())):
        yield


@contextmanager
def by_signal(seconds: float) -> Iterator[None]:
    """In the main thread a signal does it, which ends the product of two long numbers as well."""

    def ring(number: int, frame: Any) -> None:
        raise Overtime

    def stop() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    before = signal.signal(signal.SIGALRM, ring)
    with stopped_by(stop):
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
        yield


@contextmanager
def by_thread(seconds: float) -> Iterator[None]:
    """In another thread, as on a cluster, the interpreter raises it between two steps of Python's."""
    over, lock, thread = threading.Event(), threading.Lock(), ctypes.c_ulong(threading.get_ident())

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(Overtime))
            wait = AGAIN

    def stop() -> None:
        with lock:
            over.set()
        with contextlib.suppress(Overtime):  # one that is still on its way is raised by the next call
            arrive()

    with stopped_by(stop):
        threading.Thread(target=watch, daemon=True).start()
        yield


def arrive() -> None:
    """A call, before which the interpreter raises what waits to be raised. Taking it back instead, as
    PyThreadState_SetAsyncExc can, makes CPython look for it for ever: Python 3.11 then hangs in a traced call."""


@contextmanager
def stopped_by(stop: Callable[[], None]) -> Iterator[None]:
    """Ends with `stop`, once more if what it stops comes in between; the next would come a second later."""
    try:
        try:
            yield
        finally:
            stop()
    finally:
        stop()
