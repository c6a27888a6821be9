"""Counts the cost of a call: lines that ran, and peak memory.

Counting, unlike timing, gives the same answer on a busy machine. It happens in the student's own
kernel and can be tampered with there: it says how honest code is written, and guards no secret.
"""

from __future__ import annotations

import sys
import tracemalloc
from types import FrameType, TracebackType
from typing import Any

from autograder.kernel_side.student_code import is_student_code

__all__ = ["Meter"]


class Meter:
    """Context manager that counts, if it is on, lines executed in notebook cells and peak allocation in bytes.

    A nested meter counts its own lines, and reports the peak since the outer one began.
    """

    running = 0
    before = 0

    def __init__(self, on: bool) -> None:
        self.on = on
        self.cost: dict[str, int] = {}
        self.lines = 0

    def __enter__(self) -> Meter:
        if self.on:
            if not Meter.running:
                self.was_tracing = tracemalloc.is_tracing()
                tracemalloc.start()
                tracemalloc.reset_peak()
                Meter.before = tracemalloc.get_traced_memory()[0]
            Meter.running += 1
            self.tracer = sys.gettrace()
            sys.settrace(self._trace)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, where: TracebackType | None) -> None:
        if self.on:
            sys.settrace(self.tracer)
            Meter.running -= 1
            self.cost = {"lines": self.lines, "peak_bytes": tracemalloc.get_traced_memory()[1] - Meter.before}
            if not (Meter.running or self.was_tracing):
                tracemalloc.stop()

    def _trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        if not is_student_code(frame):
            return None
        if event == "line":
            self.lines += 1
        return self._trace
