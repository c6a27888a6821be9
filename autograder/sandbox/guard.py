"""Keeps a hostile kernel from filling the memory of the process that grades it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

__all__ = ["MemoryGuard"]

EVERY = 0.05
MOST = 2 * 2**30


class MemoryGuard:
    """Calls `end` once if this process comes to hold `MOST` bytes more than it did, until it is closed.

    ZeroMQ keeps the parts of a message until the last one has come, however many there are, and reads while nobody
    here does; it has no limit of its own for that.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        self.end = end
        self.most = resident() + MOST
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.closed.wait(EVERY):
            if resident() > self.most:
                self.end()
                return

    def close(self) -> None:
        self.closed.set()
        self.thread.join()


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say so in /proc."""
    if not os.path.exists("/proc/self/statm"):
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
