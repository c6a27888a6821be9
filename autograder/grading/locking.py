"""One run at a time that writes into a course: the second says so and leaves."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.errors import AutograderError

__all__ = ["course_lock"]


@contextmanager
def course_lock(root: Path) -> Iterator[None]:
    """Hold the course's lock; the system gives it back when this process ends, however it ends."""
    with open(root / ".autograder.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AutograderError(f"Another run is at work in {root}: wait for it to end, then start again.") from None
        yield
