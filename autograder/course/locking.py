"""One run at a time that writes into a course: the second says so and leaves."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from autograder.errors import AutograderError

__all__ = ["course_lock"]

STEP = 0.05  # seconds between two looks


@contextmanager
def course_lock(root: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold the course's lock, if need be after a `wait` of so many seconds; the system gives it back when this process
    ends, however it ends."""
    path, until = root / ".autograder.lock", monotonic() + wait
    with opened(path) as lock:
        try:
            while not is_locked(lock):
                if monotonic() >= until:
                    raise AutograderError(f"Another run is at work in {root}: wait for it to end, then start again.")
                sleep(STEP)
        except OSError as error:
            raise AutograderError(
                f"{path} cannot be locked ({error.strerror}), so two runs could write at once: keep the course on a "
                "disk of this machine, or on a network file system that has locks."
            ) from None
        yield


def is_locked(lock: IO[str]) -> bool:
    """Whether this process has the lock now. Raises OSError if there are no locks here."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def opened(path: Path) -> IO[str]:
    """The lock's file. Raises AutograderError if it cannot be written."""
    try:
        return open(path, "a")
    except OSError as error:
        raise AutograderError(
            f"{path} cannot be written: {error.strerror}. Nothing of the course is changed."
        ) from None
