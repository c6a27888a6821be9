"""Worker processes: none of them is missed when it dies, and each keeps out of the others' way."""

from __future__ import annotations

import os
import signal
import time

import pytest

from autograder.grading.workers import Workers


def end_or_square(number: int, deadly: int) -> int:
    """A job that ends its worker if it is the deadly one."""
    if number == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == -1:
        raise ValueError("no")
    return number * number


def test_a_job_that_ends_its_worker_costs_nobody_else() -> None:
    """One process that dies breaks a whole pool; the other submissions must not notice."""
    with Workers(2) as workers:
        results = dict(workers.results(end_or_square, range(-1, 12), 5))
    assert {job: result for job, result in results.items() if job not in (5, -1)} == {
        job: job * job for job in range(12) if job != 5
    }
    assert isinstance(results[-1], ValueError)
    assert type(results[5]).__name__ == "BrokenProcessPool"


def sleep_over(job: bytes) -> int:
    """A job that nobody waits for."""
    time.sleep(600)
    return len(job)


def test_workers_end_while_a_large_job_is_on_its_way() -> None:
    """Ctrl-C would hang a run whose notebooks are larger than what a pipe holds, with some versions of Python."""
    with Workers(1) as workers:
        for _ in range(3):
            workers._submit(sleep_over, bytes(10**7))
        time.sleep(1)
        started = time.monotonic()
    assert time.monotonic() - started < 60


def own_processors(job: int) -> set[int]:
    """Where the worker that has got this job may run; it takes long enough for all workers to get one."""
    time.sleep(0.5)
    return os.sched_getaffinity(0)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not let a process choose")
def test_each_of_as_many_workers_as_processors_keeps_to_its_own() -> None:
    """A notebook that goes on computing beside its cells must not take a neighbour's time, and so their points."""
    all_of_them = os.sched_getaffinity(0)
    with Workers(len(all_of_them)) as workers:
        places = [place for _, place in workers.results(own_processors, range(len(all_of_them)))]
    assert sorted(map(sorted, places)) == [[place] for place in sorted(all_of_them)]
    with Workers(len(all_of_them) + 1) as workers:
        assert [place for _, place in workers.results(own_processors, [0])] == [all_of_them]
