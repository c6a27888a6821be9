"""Worker processes: as many as asked for, replaced when one dies, and gone when this process is, however it ends."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from typing import Any, TypeVar

from autograder import forkserver
from autograder.grading import execute
from autograder.interrupts import uninterrupted

__all__ = ["Workers"]

AHEAD = 2
PATIENCE = 5.0

Job = TypeVar("Job")
Result = TypeVar("Result")


class Workers:
    """A pool of `count` processes that outlives the death of any of them."""

    def __init__(self, count: int) -> None:
        self.count = max(1, count)
        self.context = forkserver.context()
        self._start()

    def _start(self) -> None:
        ours, self.lifeline = self.context.Pipe(duplex=False)
        places = self.context.SimpleQueue()
        for place in processors(self.count):
            places.put(place)
        self.executor = ProcessPoolExecutor(
            self.count, mp_context=self.context, initializer=live_by, initargs=(ours, places)
        )
        self.ours = ours

    def close(self) -> None:
        """End every worker now, whatever it does."""
        self.lifeline.close()
        end(self.executor)
        self.ours.close()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def results(
        self, function: Callable[..., Result], jobs: Iterable[Job], *arguments: Any
    ) -> Iterator[tuple[Job, Result | BaseException]]:
        """Each job with `function(job, *arguments)` or what that raised, as they come. Only a few are on their way at
        a time, so memory stays flat.

        When a worker dies nobody knows which job was its end, so all that were on their way are tried once more, one
        by one; a job that ends a second worker is answered with the error.
        """
        waiting, suspects, again = iter(jobs), list[Job](), dict[int, Job]()
        running: dict[Future[Result], Job] = {}
        while True:
            room = AHEAD * self.count - len(running)
            more = islice(waiting, room) if not suspects else [suspects.pop()] if not running else []
            running |= {self._submit(function, job, *arguments): job for job in more}
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job, error = running.pop(future), future.exception()
                if isinstance(error, BrokenProcessPool) and id(job) not in again:
                    again[id(job)] = job
                    suspects.append(job)
                else:
                    yield job, future.result() if error is None else error

    @uninterrupted()
    def _submit(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Submit to a pool that works: one of whose workers died is broken for good, so another takes its place. Ctrl-C
        waits, since a worker that is made without being known to the pool would outlive what they share."""
        try:
            return self.executor.submit(function, *arguments)
        except BrokenProcessPool:
            self.close()
            self._start()
            return self.executor.submit(function, *arguments)


def end(executor: ProcessPoolExecutor) -> None:
    """Shut down an executor whose workers are gone, and wait until it is.

    Before Python 3.11.5 a job that was being written to them is waited for, for ever (CPython's issue 94777). It is let
    go of when nothing else can be at work on the pipe any more.
    """
    inside: Any = executor
    thread, queue = inside._executor_manager_thread, inside._call_queue
    executor.shutdown(wait=sys.version_info >= (3, 11, 5), cancel_futures=True)
    if thread is not None:
        thread.join(PATIENCE)
        if thread.is_alive():
            queue._reader.close()
            thread.join()


def processors(count: int) -> Sequence[int | None]:
    """For each of `count` workers the processor that it keeps to: one of its own if there are just as many, else any.

    A worker and the kernel that it waits for take turns, so one processor is enough for both, and what they share
    stays in its cache; and a notebook that computes on after its cell has ended takes no time from its neighbours.
    """
    ours = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return ours if len(ours) == count else [None] * count


def live_by(lifeline: Connection, places: SimpleQueue[int | None]) -> None:
    """What a worker does first: it takes its place, and from now on it ends when the other end of `lifeline` is closed,
    by whatever cause.

    Ctrl-C reaches every process of a terminal, and is the main process's to answer.
    """
    place = places.get()
    if place is not None:
        with contextlib.suppress(OSError):  # a container may forbid it, or have lost the processor meanwhile
            os.sched_setaffinity(0, {place})
    signal.signal(signal.SIGINT, lambda number, frame: None)
    gc.freeze()  # what is imported stays: garbage collections need not look at it, nor copy what processes share
    threading.Thread(target=end_with, args=(lifeline,), daemon=True).start()


def end_with(lifeline: Connection) -> None:
    """Wait for the end of the lifeline, then end this process and the sandboxes it has."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    try:
        execute.forget_keys()
        execute.close_boxes()
    finally:
        os._exit(1)
