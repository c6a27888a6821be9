"""Keeps a hostile kernel from filling the machine's memory, with its processes or with its messages to the grader."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["MESSAGES", "PROCESSES", "MemoryWatchdog"]

EVERY = 0.05
# Reading the proportional size takes time for every page, so the pause is this many times as long as the reading.
CALM = 5
MOST = 2 * 2**30
PAGE = os.sysconf("SC_PAGE_SIZE")
FULL_SOCKET = 2 * 212_992  # bytes that a socket may hold unsent, by Linux's default net.core.wmem_max

PROCESSES, MESSAGES = "processes", "messages"


class MemoryWatchdog:
    """Watches memory until it is closed, and calls `end(reason)` once a limit is exceeded: PROCESSES when the process
    `pid` and its descendants hold `most` bytes more than at first, MESSAGES when this process holds `MOST` bytes more.
    `peak` is the largest sum seen, in bytes.

    Without control groups, which only some machines let us make, Linux limits no sum over processes, and no sum over
    the buffers of their sockets, which no process holds: each socket counts as if it were full. ZeroMQ keeps the parts
    of a message until the last one has come, reads while nobody here does, and has no limit on either.
    """

    def __init__(self, end: Callable[[str], None], pid: int, most: int) -> None:
        self.end, self.pid = end, pid
        self.ours = resident("self") + MOST
        self.theirs, self.most = resident(pid) + most, most
        self.own_network = namespace(pid) != namespace("self")
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
        # Shared memory counts for each process here, so this sum is at least the true one.
        held = sum(map(resident, tree(self.pid)))
        self.peak = max(self.peak, held)
        if held > self.theirs and sum(map(proportional, tree(self.pid))) > self.theirs:
            return PROCESSES
        if self.own_network and sockets(self.pid) * FULL_SOCKET > self.most:
            return PROCESSES
        return ""

    def close(self) -> None:
        """Stop watching. While the process still runs, `peak` is at least the most that it ever held itself."""
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
    """The most bytes of memory that a process ever held; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def proportional(pid: int) -> int:
    """Bytes of memory that a process holds, counting only its share of shared memory; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except ProcessLookupError:
        return 0
    except OSError:
        return resident(pid)
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def namespace(pid: int | str) -> str:
    """The network namespace of a process; this process's own where that is unknown."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return os.readlink("/proc/self/ns/net")


def sockets(pid: int) -> int:
    """The sockets in the network namespace of a process, also those that are on their way to another process."""
    try:
        words = Path(f"/proc/{pid}/net/sockstat").read_text().split()
    except OSError:
        return 0
    return int(words[2]) if words[:2] == ["sockets:", "used"] else 0


def tree(pid: int) -> Iterator[int]:
    """The process `pid` and all its descendants."""
    todo = [pid]
    while todo:
        yield (number := todo.pop())
        with suppress(OSError):
            for task in Path(f"/proc/{number}/task").iterdir():
                todo += map(int, (task / "children").read_text().split())
