"""Limits on the time and memory of one page or PDF. It is made in a process of its own, which may end."""

from __future__ import annotations

import importlib
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from autograder.workers import Workers

__all__ = ["first_that_works"]

SECONDS = 60
BUSY = 5  # times as long by the clock: what waits for its turn on a busy machine is not too much
MEGABYTES = 2_500

Job = TypeVar("Job")
Made = TypeVar("Made")


@contextmanager
def limited(seconds: float, megabytes: int) -> Iterator[None]:
    """End this process when it has had so many seconds of processor time; memory beyond the limit is a MemoryError or
    ends it too. (On Windows there are no limits.)

    The signals' own action ends it, not a handler: Typst's compiler would not let a handler run.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    resource = importlib.import_module("resource")  # POSIX alone has it
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 2**20, before[1]))
    clocks = ((signal.ITIMER_PROF, signal.SIGPROF, seconds), (signal.ITIMER_REAL, signal.SIGALRM, BUSY * seconds))
    for clock, over, most in clocks:
        signal.signal(over, signal.SIG_DFL)
        signal.setitimer(clock, most)
    try:
        yield
    finally:
        for clock, _, _ in clocks:
            signal.setitimer(clock, 0)
        resource.setrlimit(resource.RLIMIT_DATA, before)


class LimitedWork(Generic[Job, Made]):
    """A worker's work: `make` one thing after another, each within the limits."""

    def __init__(self, make: Callable[[Job], Made], seconds: float, megabytes: int) -> None:
        self.make = make
        self.limits = (seconds, megabytes)
        self.preload = make.__module__

    def do(self, job: Job) -> Made:
        with limited(*self.limits):
            return self.make(job)

    def close(self) -> None:
        """Nothing was started."""


def first_that_works(
    ways: Sequence[Callable[[Job], Made]],
    jobs: Iterable[Job],
    count: int,
    *,
    seconds: float = SECONDS,
    megabytes: int = MEGABYTES,
) -> Iterator[tuple[Job, Made | None]]:
    """Each job with its result from the first of `ways` that neither raises nor breaks the limits; None if all do.

    `count` processes do it. One job cannot harm another, nor this process.
    """
    left = list(jobs)
    for way in ways:
        failed: list[Job] = []
        with Workers(min(count, len(left)), LimitedWork(way, seconds, megabytes)) as workers:
            for job, made in workers.results(left):
                if isinstance(made, BaseException):
                    failed.append(job)
                else:
                    yield job, made
        left = failed
        if not left:
            return
    yield from ((job, None) for job in left)
