"""A process limits itself before it runs student code: resource limits, fresh random state, Landlock. None of this can
be undone."""

from __future__ import annotations

import os
import random
import resource
import sys
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from autograder.sandbox.inside import landlock
from autograder.sandbox.limits import MB

__all__ = ["DEVICES", "confine", "limit_descriptors"]

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
WRITABLE = ("/home/student", "/tmp", "/dev/shm", *DEVICES)

# Address space for threads' stacks and for shared mappings, which RLIMIT_DATA does not count.
SHARED = 2**30


def confine(
    limits: dict[str, Any], keep: list[int], writable: Iterable[str] = WRITABLE, readable: Iterable[str] = ("/",)
) -> None:
    """Limit this process and all that it starts. Only the descriptors in `keep` stay open. Where there is Landlock, it
    can write only below `writable`, and read only below `readable` and `writable`."""
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    close_others(keep)
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    memory = int(limits["memory_mb"] * MB)
    caps = {
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_AS: mapped() + memory + SHARED,
        resource.RLIMIT_NPROC: int(limits["processes"]),
        resource.RLIMIT_FSIZE: int(limits["file_mb"] * MB),
        resource.RLIMIT_CORE: 1,  # at 0 the host's core handler would run, as root, with the student's memory
        resource.RLIMIT_SIGPENDING: 1024,  # of these, too, the user who grades has only so many
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,  # some desktops let their users take a processor for themselves
    }
    # When the machine runs out of memory, the system ends these processes and not the grader.
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    for which, value in caps.items():
        limit(which, value)
    if landlock.abi():
        landlock.restrict(filter(os.path.exists, writable), filter(os.path.exists, readable))


def limit_descriptors() -> None:
    """Limit how many descriptors this process may have. Until then it can send one although another submission has as
    many on their way as it may: those of all are counted together."""
    limit(resource.RLIMIT_NOFILE, 1024)


def limit(which: int, value: int) -> None:
    """Set a limit of this process for good, lower than it is."""
    _, hard = resource.getrlimit(which)
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (most, most))


def mapped() -> int:
    """Bytes of address space that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def close_others(keep: list[int]) -> None:
    """Close every descriptor above the standard ones that is not in `keep`."""
    edges = [2, *sorted(keep), 1 << 20]
    for low, high in pairwise(edges):
        os.closerange(low + 1, high)
