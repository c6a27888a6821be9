"""Worker processes: as many as asked for, replaced when one dies, and gone when this process is, however it ends."""

from __future__ import annotations

import contextlib
import errno
import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.queues import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from autograder.interrupts import uninterrupted
from autograder.threads import ONE_THREAD

__all__ = ["EndedTwice", "Pool", "Work", "Workers", "start_forkserver"]

AHEAD = 2
PATIENCE = 5.0
LOOK = 1.0  # seconds
# multiprocessing's name of a socket in the folder for temporary files, and the longest that Linux allows.
SOCKET, LONGEST = "/pymp-00000000/listener-00000000", 107
# A worker imports nothing from the working folder: multiprocessing starts its processes with `python -c`, which would
# look there first, and a student's files may lie there.
ENVIRONMENT = {"PYTHONSAFEPATH": "1", **ONE_THREAD}

Job = TypeVar("Job")
Result = TypeVar("Result")
Job_in = TypeVar("Job_in", contravariant=True)
Result_out = TypeVar("Result_out", covariant=True)


class EndedTwice(Exception):
    """Two processes ended by themselves, one after the other, while they did the same job."""


class Work(Protocol[Job_in, Result_out]):
    """A worker's work: one job after another. Each worker has a copy of its own, which may start processes for its
    first job and ends them with `close`."""

    def do(self, job: Job_in, /) -> Result_out: ...

    def close(self) -> None: ...


class Pool(Protocol[Job, Result]):
    """Workers, wherever they are: `results` gives each job with its result, or with the exception that it raised, as
    they come."""

    def results(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result | BaseException]]: ...

    def __enter__(self) -> Pool[Job, Result]: ...

    def __exit__(self, *error: Any) -> None: ...


@contextmanager
def workers_environment() -> Iterator[None]:
    """A process that starts in this block has a worker's environment."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ |= ENVIRONMENT
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Workers(Generic[Job, Result]):
    """`count` processes of this machine, each with a copy of `work`. The pool outlives the death of any of them."""

    def __init__(self, count: int, work: Work[Job, Result]) -> None:
        self.lock, self.over = threading.Lock(), False
        self.count = max(1, count)
        self.work = work
        self.context = context(getattr(work, "preload", type(work).__module__))
        self._start()

    @workers_environment()
    def _start(self) -> None:
        ours, self.lifeline = self.context.Pipe(duplex=False)
        places = self.context.SimpleQueue()
        for place in processors(self.count):
            places.put(place)
        self.executor = ProcessPoolExecutor(
            self.count, mp_context=self.context, initializer=begin, initargs=(ours, places, self.work)
        )
        self.ours = ours

    def close(self) -> None:
        """End every worker now, whatever it does. Another thread that waits for results gets a BrokenProcessPool."""
        with self.lock:
            self.over = True
            self._end()

    def _end(self) -> None:
        self.lifeline.close()
        end(self.executor)
        self.ours.close()

    def __enter__(self) -> Workers[Job, Result]:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def results(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result | BaseException]]:
        """Each job with its result or what it raised, as they come. Only a few are on their way at a time, so memory
        stays flat.

        When a worker dies nobody knows which job was its end, so all that were on their way are tried once more, one
        by one; a job that ends a second worker is answered with EndedTwice.
        """
        waiting, suspects, again = iter(jobs), list[Job](), dict[int, Job]()
        running: dict[Future[Any], Job] = {}
        while True:
            room = AHEAD * self.count - len(running)
            more = islice(waiting, room) if not suspects else [suspects.pop()] if not running else []
            running |= {self._submit(job): job for job in more}
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job, error = running.pop(future), future.exception()
                if not isinstance(error, BrokenProcessPool):
                    yield job, future.result() if error is None else error
                elif id(job) in again:
                    yield job, EndedTwice()
                else:
                    again[id(job)] = job
                    suspects.append(job)

    @uninterrupted()
    @workers_environment()
    def _submit(self, job: Job) -> Future[Any]:
        """Submit to a pool that works: a pool is broken for good when a worker dies, so a new one takes its place.
        Ctrl-C waits, since a worker that the pool does not know yet would outlive it."""
        try:
            return self.executor.submit(do, job)
        except BrokenProcessPool:
            with self.lock:
                if self.over:
                    raise
                self._end()
                self._start()
            return self.executor.submit(do, job)


def context(preload: str) -> BaseContext:
    """How worker processes are made: forked from a process that has loaded the module `preload`. A plain fork would
    wait for ever for threads of this process. Raises OSError if that process cannot be reached."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    if len(os.fsencode(tempfile.gettempdir() + SOCKET)) > LONGEST:
        text = "the folder for temporary files has too long a path for sockets: set TMPDIR to another"
        raise OSError(errno.ENAMETOOLONG, text, tempfile.gettempdir())
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["autograder.garbage", preload])
    return made


@workers_environment()
def start_forkserver(preload: str) -> None:
    """Start the process that workers are forked from, so that it loads `preload` while this process loads other things.
    It ends with this process. Ctrl-C, which reaches every process of a terminal, is not for it."""
    from multiprocessing import forkserver

    context(preload)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it takes this over
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, before)


def end(executor: ProcessPoolExecutor) -> None:
    """Shut down an executor whose workers are gone, and wait until it is.

    Before Python 3.11.5 the executor waits for ever for a job that was being written to them (CPython's issue 94777).
    The pipe is closed when nothing else can be at work on it any more.
    """
    thread, queue = internals(executor)
    executor.shutdown(wait=sys.version_info >= (3, 11, 5), cancel_futures=True)
    if thread is not None:
        thread.join(PATIENCE)
        if thread.is_alive():
            queue._reader.close()
            thread.join()


def internals(executor: ProcessPoolExecutor) -> tuple[threading.Thread | None, Any]:
    """The thread of an executor that looks after its workers, and the queue on which jobs go to them: CPython's own
    business, so tests/test_workers.py says when a new version has them no more."""
    inside: Any = executor
    return inside._executor_manager_thread, inside._call_queue


def processors(count: int) -> Sequence[int | None]:
    """For each of `count` workers the processor that it keeps to: one of its own if there are just as many, else any.

    A worker and the kernel that it waits for take turns, so one processor is enough for both, and what they share
    stays in its cache; and a notebook that computes on after its cell has ended takes no time from its neighbours.
    """
    ours = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return ours if len(ours) == count else [None] * count


# In a worker: its copy of the work. An executor hands its workers functions and nothing else.
at_work: Any = None


def begin(lifeline: Connection, places: SimpleQueue[int | None], work: Work[Any, Any]) -> None:
    """The start of a worker: it takes its place and its work, and from now on it ends when the other end of `lifeline`
    is closed, by whatever cause.

    Ctrl-C reaches every process of a terminal, and is the main process's to answer.
    """
    global at_work
    at_work = work
    place = places.get()
    if place is not None:
        with contextlib.suppress(OSError):  # a container may forbid it, or have lost the processor meanwhile
            os.sched_setaffinity(0, {place})
    signal.signal(signal.SIGINT, lambda number, frame: None)
    from autograder.garbage import USUAL  # here, since it acts on the process that imports it

    gc.set_threshold(*USUAL)  # what checks leave behind may hold large arrays
    gc.freeze()  # what is imported stays: garbage collections need not look at it, nor copy what processes share
    # Not a daemon: a worker that leaves because there are no more jobs waits for this thread, which ends its work.
    threading.Thread(target=end_with, args=(lifeline,)).start()


def do(job: Any) -> Any:
    """In a worker: do one job."""
    return at_work.do(job)


def end_with(lifeline: Connection) -> None:
    """Wait for the end of the lifeline or of all jobs, then end this process and all that its work has started."""
    with contextlib.suppress(OSError):
        while not lifeline.poll(LOOK) and threading.main_thread().is_alive():
            pass
    try:
        at_work.close()
    finally:
        os._exit(1)
