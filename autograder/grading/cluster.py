"""Workers of a Dask cluster in place of this machine's processes: the same work and the same results, without shared
files. The work goes once to each worker, which first says whether it can be used. A worker of Dask's does each job in
a process of its own, since a check may compute without end with what a submission gave it."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import pickle
import platform
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import autograder
from autograder.distribution import extras_explained
from autograder.errors import AutograderError
from autograder.sandbox.doctor import examine
from autograder.sandbox.levels import choose_level, confines
from autograder.sandbox.sandbox_errors import SandboxMissing
from autograder.workers import Work, Workers

__all__ = ["Cluster", "check_address"]

AHEAD = 2
EVERY = 1.0
PATIENCE = 5
MOST_RUNS = 4
PORTS = range(1, 2**16)
LARGE = {"distributed.admin.large-graph-warning-threshold": "1GiB"}

Job = TypeVar("Job")
Result = TypeVar("Result")

# On a worker: the process that does the work of each run that it takes part in, the latest last.
RUNS: dict[str, Workers[Any, Any]] = {}


class Forgotten(Exception):
    """A worker at this address does not know the run: it is not the process that was prepared."""


class Lost(Exception):
    """The result of a job cannot be fetched: the scheduler is lost."""


class Cluster(Generic[Job, Result]):
    """The workers of the Dask cluster at `address` that have the kind of `sandbox`, each with a copy of `work`; `say`
    is told about the others.

    Raises AutograderError if there is no cluster, if it is lost, or if none of its workers can be used.
    """

    def __init__(self, address: str, sandbox: str, work: Work[Job, Result], say: Callable[[str], None]) -> None:
        with extras_explained("Grading on a cluster"):
            import dask
            from distributed import Client, Security
        check_address(address)
        if address.startswith("tls:") and Security().get_connection_args("client")["ssl_context"] is None:
            raise AutograderError(
                f"{address} needs certificates: Dask's configuration has none (distributed.comm.tls)."
            )
        for name in ("distributed", "distributed.client"):  # a lost scheduler is reported in one sentence
            logging.getLogger(name).setLevel(logging.CRITICAL)
        dask.config.set(LARGE)
        self.address, self.sandbox, self.say = address, sandbox, say
        self.token, self.work = uuid.uuid4().hex, pickle.dumps(work)
        self.ready: set[str] = set()
        self.refused: dict[str, str] = {}
        self.asked: dict[Any, str] = {}
        self.ended: SimpleQueue[Any] = SimpleQueue()
        self.next_look = 0.0
        self.alone = self.used = False
        try:
            self.client = Client(address, set_as_default=False)
        except Exception as error:
            raise AutograderError(f"No Dask scheduler answers at {address}: {one_line(error)}.") from None

    def close(self) -> None:
        """Leave the cluster: its workers end all that they started for this run, and unfinished jobs are called off."""
        with contextlib.suppress(Exception):
            self.client.sync(self._leave, callback_timeout=PATIENCE)
        with contextlib.suppress(Exception):
            self.client.close(timeout=PATIENCE)

    def __enter__(self) -> Cluster[Job, Result]:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def results(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result | BaseException]]:
        """Each job with its result or what it raised, as they come. Only a few are on their way for each worker, so
        memory stays flat. If a worker is lost, another one does its jobs."""
        source, waiting = iter(jobs), deque[Job]()
        running: dict[Any, tuple[Job, frozenset[str]]] = {}
        while True:
            room = max(1, AHEAD * len(self.ready) - len(running))
            waiting.extend(islice(source, max(0, room - len(waiting))))
            if not waiting and not running:
                return
            self._look(waiting, running)
            while waiting and len(running) < AHEAD * len(self.ready):
                job, workers = waiting.popleft(), frozenset(self.ready)
                running[self._submit(workers, do, self.token, pickle.dumps(job))] = job, workers
            yield from self._take(waiting, running)

    def _submit(self, workers: Iterable[str], function: Callable[..., Any], *arguments: Any) -> Any:
        future = self.client.submit(function, *arguments, workers=list(workers), pure=False)
        in_loop_of(self.client, self._fetch, future)
        return future

    async def _leave(self) -> None:
        await self.client.run(leave, self.token, workers=list(self.ready), on_error="ignore")

    async def _fetch(self, future: Any) -> None:
        """Wait for the end of a job, and fetch its result: in the client's own thread, since a worker may be lost
        between the two, and then there is nothing to wait for."""
        try:
            outcome = await self.client.gather(future, asynchronous=True)
        except Exception as error:
            outcome = error if future.status == "error" else Lost()
        self.ended.put((future, outcome))

    def _look(self, waiting: deque[Job], running: dict[Any, tuple[Job, frozenset[str]]]) -> None:
        """See which workers there are: new ones are asked whether they can be used, jobs of lost ones wait again."""
        if time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + EVERY
        try:
            threads: dict[str, int] = self.client.nthreads()
            orphans = [future for future, address in self.asked.items() if address not in threads]
            orphans += [future for future, (_, workers) in running.items() if not workers & threads.keys()]
            self.client.cancel(orphans)
        except Exception:
            raise self._lost() from None
        self.ready &= threads.keys()
        self.refused = {address: why for address, why in self.refused.items() if address in threads}
        self.asked = {future: address for future, address in self.asked.items() if address in threads}
        waiting.extend(running.pop(future)[0] for future in orphans if future in running)
        for address in threads.keys() - self.ready - self.refused.keys() - set(self.asked.values()):
            if threads[address] == 1:
                future = self._submit([address], prepare, versions(), self.sandbox, self.token, self.work)
                self.asked[future] = address
            else:
                self._refuse(address, f"it does {threads[address]} jobs in one process: start it with --nthreads 1")
        alone = not self.ready and not self.asked
        if alone and self.refused and not self.used:
            refusals = "; ".join(f"{address}: {why}" for address, why in self.refused.items())
            raise AutograderError(f"No worker of the cluster at {self.address} can be used. {refusals}.")
        if alone and not self.alone:
            self.say(f"There is no worker at {self.address}: waiting for one.")
        self.alone = alone

    def _take(
        self, waiting: deque[Job], running: dict[Any, tuple[Job, frozenset[str]]]
    ) -> Iterator[tuple[Job, Any | BaseException]]:
        """Wait a moment for something to end, and return its result."""
        try:
            future, outcome = self.ended.get(timeout=EVERY)
        except Empty:
            return
        if future not in running and future not in self.asked:
            return
        if isinstance(outcome, Lost):
            raise self._lost()
        if future in self.asked:
            self._answered(self.asked.pop(future), outcome)
            return
        job, _ = running.pop(future)
        if isinstance(outcome, Forgotten):
            self.ready.discard(str(outcome))
            waiting.append(job)
        else:
            yield job, outcome

    def _answered(self, address: str, answer: str | BaseException) -> None:
        """A worker has said whether it can be used: an empty text, or why not."""
        if isinstance(answer, BaseException):
            answer = f"it cannot run autograder {autograder.__version__} ({one_line(answer)})"
        if answer:
            self._refuse(address, answer)
        else:
            self.ready.add(address)
            self.used = True

    def _refuse(self, address: str, why: str) -> None:
        self.refused[address] = why
        self.say(f"The worker at {address} is not used: {why}.")

    def _lost(self) -> AutograderError:
        kept = "What was done is kept: the same command goes on from there."
        return AutograderError(f"The Dask scheduler at {self.address} was lost. {kept}")


def in_loop_of(client: Any, function: Callable[..., Any], *arguments: Any) -> None:
    """Have the coroutine `function` run in the client's own thread. Dask documents no way to it, so
    tests/grading/test_cluster.py says when a new version has no such loop any more."""
    client.loop.add_callback(function, *arguments)


def check_address(address: str) -> None:
    """Raise AutograderError for what cannot be the address of a scheduler: a Client that was given one is half made,
    and takes a minute to go away."""
    try:
        host, port = host_and_port(address)
        if not host or port not in PORTS:
            raise ValueError("it has no host" if not host else f"there is no port {port}")
    except Exception as error:
        raise AutograderError(
            f"{address} is not the address of a Dask scheduler ({one_line(error)}): give one such as tcp://10.0.0.5:8786."
        ) from None


def host_and_port(address: str) -> tuple[str, int]:
    """As Dask reads an address; without a scheme it takes its own default. Raises what Dask raises, also for a scheme
    that it knows by name only."""
    from distributed.comm.addressing import parse_address, parse_host_port
    from distributed.comm.registry import get_backend

    scheme, where = parse_address(address)
    get_backend(scheme).get_connector()
    host, port = parse_host_port(where)
    return host, port


def one_line(error: BaseException) -> str:
    """An exception in one line, without a full stop at its end."""
    return f"{type(error).__name__}: {error}".splitlines()[0].rstrip(". ")


def versions() -> dict[str, str]:
    """The versions that all workers of a class must share: with another one a grade might be another."""
    from numpy import __version__ as numpy

    python = ".".join(platform.python_version_tuple()[:2])
    return {"autograder": autograder.__version__, "Python": python, "NumPy": numpy}


@cache
def unconfined(sandbox: str) -> str:
    """On a worker: why student code cannot be confined there as asked, found out once by trying; nothing if it can."""
    try:
        choose_level(sandbox)
    except SandboxMissing as error:
        return f"student code cannot be confined there: {error}"
    bad = [finding.text for finding in examine() if finding.needed and not finding.good and confines(sandbox)]
    return f"student code cannot be confined there: {bad[0]}" if bad else ""


def prepare(wanted: dict[str, str], sandbox: str, token: str, work: bytes) -> str:
    """On a worker: find out whether it can be used, and take the work. Returns why not, or nothing."""
    installed = versions()
    different = [
        f"{name} {installed[name]}, not {version}" for name, version in wanted.items() if installed[name] != version
    ]
    if different:
        return f"it has {', '.join(different)}"
    if why := unconfined(sandbox):
        return why
    while len(RUNS) >= MOST_RUNS:  # of runs that could not say good-bye
        leave(next(iter(RUNS)))
    multiprocessing.current_process().daemon = False  # Dask's nanny says so, and then it may start no process
    RUNS[token] = Workers(1, pickle.loads(work))
    return ""


def do(token: str, job: bytes) -> Any:
    """On a worker: have one job done. Raises what it raised, and Forgotten in a process that was not prepared."""
    if token not in RUNS:
        from distributed import get_worker

        raise Forgotten(get_worker().address)
    ((_, outcome),) = RUNS[token].results([pickle.loads(job)])
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def leave(token: str) -> None:
    """On a worker: the run is over, so end all that was started for it."""
    if token in RUNS:
        RUNS.pop(token).close()
