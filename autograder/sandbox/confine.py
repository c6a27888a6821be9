"""The last doors, closed from inside: limits, fresh random state, and Landlock. Nothing of it can be taken back."""

from __future__ import annotations

import os
import random
import resource
import sys
from itertools import pairwise
from typing import Any

from autograder.sandbox import landlock
from autograder.sandbox.limits import MB

__all__ = ["confine"]

WRITABLE = ("/home/student", "/tmp", "/dev/shm", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def confine(limits: dict[str, Any], keep: list[int]) -> None:
    """Limit this process and all that it starts. No descriptor stays open but those in `keep`."""
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    close_others(keep)
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    caps = {
        resource.RLIMIT_DATA: int(limits["memory_mb"] * MB),
        resource.RLIMIT_NPROC: int(limits["processes"]),
        resource.RLIMIT_FSIZE: int(limits["file_mb"] * MB),
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 1024,
    }
    for which, value in caps.items():
        resource.setrlimit(which, (value, value))
    if landlock.abi():
        landlock.restrict(path for path in WRITABLE if os.path.exists(path))


def close_others(keep: list[int]) -> None:
    """Close every descriptor above the standard ones that is not in `keep`."""
    edges = [2, *sorted(keep), 1 << 20]
    for low, high in pairwise(edges):
        os.closerange(low + 1, high)
