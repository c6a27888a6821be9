"""Limits on the time and memory that the grader's own process takes for a submission: a check computes with what
student code gave back, and could take for ever or fill the machine.

Not on Windows. No other work may go on in such a process.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["forced_end", "limited_memory"]

POSIX = os.name == "posix"
MEMORY = 4 * 2**30
# Checks are stopped a second after their time is over; this process ends if that does not help.
OVERTIME = 15.0


@contextmanager
def forced_end(deadline: float) -> Iterator[None]:
    """End this process if the block does not end soon after `deadline` (`time.monotonic` seconds): no exception can be
    raised in what C computes, such as the sum of a range."""
    if not POSIX:
        yield
        return
    with open(os.devnull, "w") as nobody:  # who reads where it was
        faulthandler.dump_traceback_later(max(1.0, deadline + OVERTIME - time.monotonic()), exit=True, file=nobody)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


@contextmanager
def limited_memory() -> Iterator[None]:
    """Let this process take `MEMORY` bytes more in the block than it has; beyond that there is a MemoryError."""
    if not POSIX:
        yield
        return
    resource = importlib.import_module("resource")  # POSIX alone has it
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = data_size() + MEMORY
    if soft == resource.RLIM_INFINITY or wanted < soft:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def data_size() -> int:
    """Bytes of this process that count for its limit; 0 where Linux does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
