"""Keeps a hostile kernel from filling the machine's memory: its own processes', and that of the process that grades."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["MESSAGES", "PROCESSES", "MemoryWatchdog"]

EVERY = 0.05
# Looking closely costs time for every page that is held, so it is done this much more seldom than it takes.
CALM = 5
MOST = 2 * 2**30
PAGE = os.sysconf("SC_PAGE_SIZE")

PROCESSES, MESSAGES = "processes", "messages"


class MemoryWatchdog:
    """Calls `end` once with the reason, until it is closed: PROCESSES if the process `pid` and all below it come to
    hold `most` bytes more than they did, MESSAGES if this process comes to hold `MOST` bytes more. `peak` is the most
    that it has seen them hold, in bytes.

    No limit of the system's holds for processes together without control groups, which only some machines let us make.
    ZeroMQ keeps the parts of a message until the last one has come, however many there are, and reads while nobody
    here does; it has no limit of its own for that.
    """

    def __init__(self, end: Callable[[str], None], pid: int, most: int) -> None:
        self.end, self.pid = end, pid
        self.ours = resident("self") + MOST
        self.theirs = resident(pid) + most
        self.peak = 0
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        pause = EVERY
        while not self.closed.wait(pause):
            started = time.monotonic()
            reason = self._reason()
            if reason:
                self.end(reason)
                return
            pause = max(EVERY, CALM * (time.monotonic() - started))

    def _reason(self) -> str:
        if resident("self") > self.ours:
            return MESSAGES
        # What processes share counts for each of them, so this is too much rather than too little.
        held = sum(map(resident, tree(self.pid)))
        self.peak = max(self.peak, held)
        if held > self.theirs and sum(map(proportional, tree(self.pid))) > self.theirs:
            return PROCESSES
        return ""

    def close(self) -> None:
        """Stop watching; where the process still runs, `peak` is at least the most that it ever held itself."""
        self.closed.set()
        self.thread.join()
        self.peak = max(self.peak, highest(self.pid))


def resident(pid: int | str) -> int:
    """Bytes of memory that a process holds, alone or with others; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def highest(pid: int) -> int:
    """Bytes of memory that a process held when it held most; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def proportional(pid: int) -> int:
    """Bytes of memory that a process holds, of what it shares with others only its part; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except ProcessLookupError:
        return 0
    except OSError:
        return resident(pid)
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def tree(pid: int) -> Iterator[int]:
    """The process `pid` and all below it."""
    todo = [pid]
    while todo:
        yield (number := todo.pop())
        with suppress(OSError):
            for task in Path(f"/proc/{number}/task").iterdir():
                todo += map(int, (task / "children").read_text().split())
