"""Ctrl-C where Python would lose it, or where it must wait."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["keep_interrupts", "uninterrupted"]

SOON = 0.05


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until the block ends: some libraries are of no use after an interrupt in the middle."""
    if threading.current_thread() is not threading.main_thread():  # it comes to that one only
        yield
        return
    came = list[int]()
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def keep_interrupts() -> None:
    """From now on, raise Ctrl-C again if it came while an object was collected: Python drops whatever is raised there,
    and the run would go on as if nobody had pressed a key."""
    sys.unraisablehook = came_to_nothing


def came_to_nothing(dropped: Any) -> None:
    if dropped.exc_type is KeyboardInterrupt:
        threading.Timer(SOON, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(dropped)
