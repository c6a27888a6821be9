"""Worker processes: none of them is missed when it dies, and each keeps out of the others' way."""

from __future__ import annotations

import gc
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from autograder.workers import EndedTwice, Workers, internals


@dataclass
class Doing:
    """Work that is one function; when it ends, it leaves a file."""

    function: Callable[[Any], Any]
    mark: Path | None = None

    def do(self, job: Any) -> Any:
        return self.function(job)

    def close(self) -> None:
        if self.mark:
            (self.mark / str(os.getpid())).touch()


def end_or_square(number: int) -> int:
    """A job that ends its worker if it is the deadly one."""
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == -1:
        raise ValueError("no")
    return number * number


def test_a_job_that_ends_its_worker_costs_nobody_else() -> None:
    """One process that dies breaks a whole pool; the other submissions must not notice."""
    with Workers(2, Doing(end_or_square)) as workers:
        results = dict(workers.results(range(-1, 12)))
    assert {job: result for job, result in results.items() if job not in (5, -1)} == {
        job: job * job for job in range(12) if job != 5
    }
    assert isinstance(results[-1], ValueError)
    assert isinstance(results[5], EndedTwice)


def linger(started: Path) -> None:
    started.touch()
    time.sleep(60)


def test_workers_that_another_thread_closes_are_not_replaced(tmp_path: Path) -> None:
    """When a run leaves a cluster, its job would begin anew and go on for nobody."""
    workers, raised = Workers(1, Doing(linger)), list[BaseException]()

    def take() -> None:
        with pytest.raises(BrokenProcessPool) as error:
            list(workers.results([tmp_path / "started"]))
        raised.append(error.value)

    thread = threading.Thread(target=take)
    thread.start()
    while not (tmp_path / "started").exists():
        time.sleep(0.01)
    workers.close()
    thread.join(10)
    assert raised


def thresholds(job: int) -> tuple[bool, tuple[int, int, int]]:
    return "autograder.garbage" in sys.modules, gc.get_threshold()


def test_a_worker_collects_garbage_as_usual() -> None:
    """It is forked from a process that collects seldom; what failed checks hold of large arrays would pile up."""
    with Workers(1, Doing(thresholds)) as workers:
        ((_, found),) = workers.results([0])
    usual = subprocess.run(
        [sys.executable, "-c", "import gc; print(gc.get_threshold())"], capture_output=True, text=True
    )
    assert str(found) == f"(True, {usual.stdout.strip()})"


def who_does(job: int) -> int:
    return os.getpid()


def test_each_worker_ends_its_own_work(tmp_path: Path) -> None:
    """Sandboxes would outlive the run that has started them."""
    with Workers(1, Doing(who_does, tmp_path)) as workers:
        ((_, worker),) = workers.results([1])
    assert [path.name for path in tmp_path.iterdir()] == [str(worker)]


LEFT_OPEN = """
import sys
from pathlib import Path
from test_workers import Doing, Workers, who_does
def results():
    with Workers(1, Doing(who_does, Path(sys.argv[1]))) as workers:
        yield from workers.results(range(100))
if __name__ == "__main__":
    kept = results()
    print(next(kept)[1])
    sys.exit(3)
"""


def test_a_run_that_leaves_its_results_in_the_middle_ends(tmp_path: Path) -> None:
    """It would wait for its workers, and they for it."""
    (tmp_path / "left_open.py").write_text(LEFT_OPEN, encoding="utf-8")
    marks = tmp_path / "marks"
    marks.mkdir()
    done = subprocess.run(
        [sys.executable, tmp_path / "left_open.py", marks],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3, done.stderr
    assert [path.name for path in marks.iterdir()] == [done.stdout.strip()]


def sleep_over(job: bytes) -> int:
    """A job that nobody waits for."""
    time.sleep(600)
    return len(job)


def test_workers_end_while_a_large_job_is_on_its_way() -> None:
    """Ctrl-C would hang a run whose notebooks are larger than what a pipe holds, with some versions of Python."""
    with Workers(1, Doing(sleep_over)) as workers:
        for _ in range(3):
            workers._submit(bytes(10**7))
        time.sleep(1)
        started = time.monotonic()
    assert time.monotonic() - started < 60


def test_cpython_s_executor_still_has_what_we_take_from_it() -> None:
    """A run that is stopped could wait for ever for workers that are gone."""
    with ProcessPoolExecutor(1) as executor:
        executor.submit(int).result()
        try:
            thread, queue = internals(executor)
        except AttributeError as error:
            pytest.fail(f"CPython's ProcessPoolExecutor has changed ({error}): see autograder.workers.internals.")
        assert thread is not None, "CPython's executor has no thread that looks after its workers"
        assert thread.is_alive(), "CPython's executor has another kind of thread that looks after its workers"
        assert not queue._reader.closed, "CPython's executor has no pipe on which jobs go to its workers"


def test_cpython_s_forkserver_can_still_be_started_by_itself() -> None:
    """Workers would load one after the other what is loaded for all of them."""
    assert callable(getattr(forkserver, "ensure_running", None)), (
        f"CPython {platform.python_version()} has no multiprocessing.forkserver.ensure_running: see start_forkserver"
    )


def own_processors(job: int) -> set[int]:
    """Where the worker that has got this job may run; it takes long enough for all workers to get one."""
    time.sleep(0.5)
    return os.sched_getaffinity(0)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not let a process choose")
def test_each_of_as_many_workers_as_processors_keeps_to_its_own() -> None:
    """A notebook that goes on computing beside its cells must not take a neighbour's time, and so their points."""
    all_of_them = os.sched_getaffinity(0)
    with Workers(len(all_of_them), Doing(own_processors)) as workers:
        places = [place for _, place in workers.results(range(len(all_of_them)))]
    assert sorted(map(sorted, places)) == [[place] for place in sorted(all_of_them)]
    with Workers(len(all_of_them) + 1, Doing(own_processors)) as workers:
        assert [place for _, place in workers.results([0])] == [all_of_them]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's length of a path")
@pytest.mark.parametrize("too_long", [False, True])
def test_a_folder_whose_path_is_too_long_for_sockets_is_named(too_long: bool) -> None:
    """A cluster's own folder for temporary files can be long, and nobody would know what is."""
    with tempfile.TemporaryDirectory() as short:
        longest = 107 - len("/pymp-00000000/listener-00000000")
        folder = Path(short, "x" * (longest - len(short) - 1 + too_long))
        folder.mkdir()
        code = "from autograder.workers import start_forkserver as start; start('json')"
        environment = os.environ | {"TMPDIR": str(folder)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode != 0) == too_long
    assert (f"set TMPDIR to another: '{folder}'" in done.stderr) == too_long, done.stderr


def threads_of_a_product(size: int) -> int:
    """How many threads this process has more after a large product of matrices."""
    before = len(os.listdir("/proc/self/task"))
    import numpy as np

    _ = np.ones((size, size)) @ np.ones((size, size))
    return len(os.listdir("/proc/self/task")) - before


@pytest.mark.skipif(sys.platform != "linux", reason="it counts threads in /proc")
def test_a_worker_computes_in_one_thread() -> None:
    """A second one would wait for its turn on the worker's processor, and take time while it waits."""
    with Workers(1, Doing(threads_of_a_product)) as workers:
        assert [more for _, more in workers.results([500])] == [0]


def test_worker_processes_import_nothing_from_the_working_folder(tmp_path: Path) -> None:
    """Whoever looks at a submission may stand in its folder: a student's multiprocessing.py there must not run."""
    script, folder = tmp_path / "script.py", tmp_path / "submission"
    script.write_text(
        "from math import sqrt\n"
        "from autograder.publishing.page_limits import first_that_works\n"
        "from autograder.workers import start_forkserver\n"
        "if __name__ == '__main__':\n"
        "    start_forkserver('autograder.grading.grader')\n"
        "    print(list(first_that_works((sqrt,), [4.0], 1)))\n"
    )
    folder.mkdir()
    for module in ("multiprocessing", "signal", "numpy", "autograder", "pytest"):
        (folder / f"{module}.py").write_text(f"open('{module}.ran', 'w')\n")
    done = subprocess.run([sys.executable, str(script)], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.stdout, [path.name for path in folder.glob("*.ran")]) == ("[(4.0, 2.0)]\n", []), done.stderr
