"""Grading on a real Dask cluster of this machine: workers that die, that are slow or that must not be used, and a
scheduler that is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from queue import Empty, SimpleQueue

import psutil
import pytest
import small_course
from nbgrader.api import Gradebook
from processes import gone_within
from small_course import COMMAND, NAME

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.grading import grader as grader_module
from autograder.grading.class_run import grade_class
from autograder.grading.cluster import Cluster as Used
from autograder.grading.cluster import check_address, host_and_port, in_loop_of
from autograder.submission.graded import ENDED

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
pytestmark = pytest.mark.slow

CLASS = {f"{student}{number}": student for student in ("ada", "bob", "cyd") for number in range(3)}
WORKER = "from distributed.cli.dask_worker import main; main()"
OTHER_VERSION = f"import autograder; autograder.__version__ = '0.0.9'; {WORKER}"
SLOW = f"""\
import time
from autograder.grading import cluster
quick = cluster.do
def do(token, job):
    time.sleep(1)
    return quick(token, job)
cluster.do = do
{WORKER}"""
NO_NAMESPACES = ("unshare", "--user", "--map-root-user", "sh", "-c")
FORBID = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'


class Cluster:
    """A scheduler and workers, each a process that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        port = self.address.rpartition(":")[2]
        scheduler = "from distributed.cli.dask_scheduler import main; main()"
        options = ("--host", "127.0.0.1", "--port", port, "--no-dashboard", "--no-jupyter")
        self.scheduler = self.start([sys.executable, "-c", scheduler, *options])

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with open(self.folder / f"{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)
        return process

    def worker(self, code: str = WORKER, *before: str, threads: int = 1) -> subprocess.Popen[bytes]:
        """A worker without the nanny that would start it again."""
        options = ("--no-nanny", "--no-dashboard", "--nthreads", str(threads), "--host", "127.0.0.1")
        return self.start([*before, sys.executable, "-c", code, self.address, *options])

    def worker_with_nanny(self) -> subprocess.Popen[bytes]:
        """A worker as Dask starts it by itself: a daemonic process."""
        options = ("--nworkers", "1", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
        return self.start([sys.executable, "-c", WORKER, self.address, *options])

    def grade(self, root: Path, *options: str) -> subprocess.Popen[str]:
        command = [*COMMAND, "grade", NAME, "--scheduler", self.address, *options]
        environment = os.environ | {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "30s", "COLUMNS": "300"}
        return subprocess.Popen(
            command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class that this machine has graded without a cluster."""
    course = small_course.make_course(tmp_path_factory.mktemp("here") / "course", students=[])
    for student, like in CLASS.items():
        small_course.submit(course.root, student, small_course.CLASS[like]())
    grade_class(course, NAME, jobs=2)
    return course.root


@pytest.fixture
def there(here: Path, tmp_path: Path) -> Path:
    """The same class with the same secret, not graded."""
    root = tmp_path / "there"
    shutil.copytree(here, root, ignore=shutil.ignore_patterns("gradebook.db*", "autograded"))
    return root


def test_dask_still_has_the_loop_that_we_take_from_it(cluster: Cluster) -> None:
    """What came of a job could not be fetched any more, and a run would wait for ever."""
    came = SimpleQueue[int]()

    async def come(number: int) -> None:
        came.put(number)

    with distributed.Client(cluster.address, set_as_default=False, timeout=30) as client:
        try:
            in_loop_of(client, come, 7)
            assert came.get(timeout=10) == 7
        except (AttributeError, Empty) as error:
            pytest.fail(f"Dask's Client has no `loop` with `add_callback` any more ({error!r}): see in_loop_of.")


def test_dask_still_reads_addresses_as_we_do() -> None:
    """Every address of a scheduler would be refused."""
    try:
        assert host_and_port("tcp://10.0.0.5:8786") == ("10.0.0.5", 8786)
    except (ImportError, AttributeError, TypeError) as error:
        pytest.fail(f"Dask {distributed.__version__} reads addresses in another way ({error!r}): see host_and_port.")


def until_graded(root: Path, count: int, process: subprocess.Popen[str]) -> dict[str, str]:
    """Wait until `count` submissions are recorded; returns when each was."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            if len(graded := small_course.graded_at(root)) >= count:
                return graded
        time.sleep(0.02)
    raise AssertionError(f"not {count} graded: {process.communicate(timeout=10)}")


def sandboxes(pid: int) -> set[int]:
    """The processes of bubblewrap that a worker has started."""
    found = set()
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "--unshare-all" in process.cmdline():
                found.add(process.pid)
    return found


def test_a_worker_that_is_killed_changes_no_score(here: Path, there: Path, cluster: Cluster) -> None:
    """A class would depend on the luck of a cluster: workers that are lost, slow, late, or of another version."""
    cluster.worker(OTHER_VERSION)
    first = cluster.worker()
    grading = cluster.grade(there)
    until_graded(there, 1, grading)
    boxes = sandboxes(first.pid)
    assert boxes
    first.kill()
    first.wait()
    cluster.worker(SLOW)
    said, complained = grading.communicate(timeout=240)
    assert grading.returncode == 0, complained
    assert "is not used: it has autograder 0.0.9, not" in complained
    assert "Traceback" not in said + complained
    assert small_course.everything(there) == small_course.everything(here)
    assert gone_within(5, list(boxes))


FRAGILE = """\
import multiprocessing
import os
from pathlib import Path
def fragile(sent):
    made = Fragile()
    made.sent = sent
    return made
class Fragile:
    def __reduce__(self):
        if multiprocessing.parent_process() is not None:
            return fragile, (self.sent,)
        if self.sent.exists():
            return str, ("arrived",)
        self.sent.touch()
        os._exit(1)
class Work:
    def __init__(self, sent):
        self.sent = Path(sent)
    def do(self, number):
        return fragile(self.sent)
    def close(self):
        pass
"""


def test_a_worker_that_is_lost_with_a_result_costs_no_minute(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run would stand still until it gave up on a result that nobody has, and end with a traceback of Dask's."""
    (cluster.folder / "fragile.py").write_text(FRAGILE)  # it ends its worker when its result is fetched
    monkeypatch.syspath_prepend(cluster.folder)
    sent = tmp_path / "sent"
    cluster.worker()
    cluster.worker()
    work = import_module("fragile").Work(str(sent))
    with Used(cluster.address, "none", work, lambda line: None) as used:
        assert list(used.results([1])) == [(1, "arrived")]
    assert time.time() - sent.stat().st_mtime < 40


def test_a_lost_scheduler_ends_in_a_sentence_and_loses_nothing(here: Path, there: Path, cluster: Cluster) -> None:
    """Whoever restarts a cluster's scheduler would lose grades, or wait for ever."""
    cluster.worker()
    grading = cluster.grade(there)
    graded = until_graded(there, 1, grading)
    cluster.scheduler.kill()
    _, complained = grading.communicate(timeout=60)
    assert grading.returncode == 2
    kept = "What was done is kept: the same command goes on from there."
    assert complained.splitlines()[-1] == f"autograder: The Dask scheduler at {cluster.address} was lost. {kept}"
    assert "Traceback" not in complained
    grade_class(Course(there), NAME, jobs=2)
    assert graded.items() <= small_course.graded_at(there).items(), "graded twice"
    assert small_course.everything(there) == small_course.everything(here)


def test_workers_that_cannot_keep_the_promise_grade_nothing(there: Path, cluster: Cluster) -> None:
    """Student code would run unconfined on a cluster, or two submissions in one process."""
    cluster.worker(threads=2)
    may = subprocess.run([*NO_NAMESPACES, FORBID, "sh", "true"], capture_output=True).returncode == 0
    if may:
        cluster.worker(WORKER, *NO_NAMESPACES, FORBID, "sh")
    cluster.worker(OTHER_VERSION)
    time.sleep(8)
    grading = cluster.grade(there)
    _, complained = grading.communicate(timeout=120)
    assert grading.returncode == 2
    said = complained.splitlines()[-1]
    assert said.startswith(f"autograder: No worker of the cluster at {cluster.address} can be used.")
    assert "it does 2 jobs in one process: start it with --nthreads 1" in said
    assert "it has autograder 0.0.9, not" in said
    assert ("student code cannot be confined there" in said) is may
    assert small_course.graded_at(there) == {}


def test_no_scheduler_is_told_in_a_sentence(there: Path) -> None:
    """A mistyped address would end in a traceback."""
    environment = os.environ | {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    done = small_course.autograder(there, "grade", NAME, "--scheduler", "tcp://127.0.0.1:9", env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("autograder: No Dask scheduler answers at tcp://127.0.0.1:9: ")
    assert len(done.stderr.splitlines()) == 1
    done = small_course.autograder(there, "grade", NAME, "--scheduler", "tls://127.0.0.1:9", env=environment)
    assert (done.returncode, done.stderr) == (
        2,
        "autograder: tls://127.0.0.1:9 needs certificates: Dask's configuration has none (distributed.comm.tls).\n",
    )


WRONG = {
    "127.0.0.1": "missing port number",
    "tcp://127.0.0.1": "missing port number",
    "tcp://:8786": "it has no host",
    "foo://127.0.0.1:8786": "unknown address scheme 'foo'",
    "http://127.0.0.1:8787": "unknown address scheme 'http'",
    "tcp://127.0.0.1:abc": "invalid literal",
    "tls://127.0.0.1:abc": "invalid literal",
    "tcp://127.0.0.1:99999": "there is no port 99999",
    "::1:8786": "ipv6 needs brackets",
    "inproc://127.0.0.1/1/1": "missing port number",
}


@pytest.mark.parametrize("address", WRONG)
def test_an_address_that_cannot_be_is_reported(address: str) -> None:
    """A mistyped address would be tried for half a minute, or end in a traceback."""
    with pytest.raises(AutograderError) as told:
        Used(address, "none", None, print)
    said = str(told.value)
    assert said.startswith(f"{address} is not the address of a Dask scheduler (ValueError: ")
    assert WRONG[address] in said
    assert said.endswith("): give one such as tcp://10.0.0.5:8786.")


def test_an_address_that_cannot_be_holds_nobody_up(there: Path) -> None:
    """The terminal would be blocked for a minute, and then show an exception that was ignored."""
    began = time.monotonic()
    done = small_course.autograder(there, "grade", NAME, "--scheduler", "tcp://127.0.0.1:abc")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("scheme", ["", "tcp://", "tls://", "ws://", "wss://"])
@pytest.mark.parametrize("host", ["127.0.0.1", "scheduler.example.org", "[::1]"])
def test_every_address_that_dask_takes_is_taken(scheme: str, host: str) -> None:
    """A cluster that can be reached would be refused because of how its address is written."""
    check_address(f"{scheme}{host}:8786")


def test_student_code_reaches_no_port_of_the_cluster_and_sends_no_pickle(tmp_path: Path, cluster: Cluster) -> None:
    """Whoever can reach the scheduler can run code on the workers, which hold tests, answers and the secret."""
    course = small_course.make_course(tmp_path / "course", students=[])
    port, ran = cluster.address.rpartition(":")[2], tmp_path / "ran"
    reach = (
        "import socket\n\n"
        "def mean(a):\n"
        "    try:\n"
        f"        socket.create_connection(('127.0.0.1', {port}), 3)\n"
        "    except OSError:\n"
        "        return np.mean(a)\n"
        "    return 0.0"
    )
    pickled = (
        "class Pickled:\n"
        f"    def __reduce__(self):\n        return open, ({str(ran)!r}, 'w')\n\n"
        "def mean(a):\n    return [Pickled(), np.array([Pickled()], object)]"
    )
    small_course.submit(course.root, "mallory", small_course.submission(mean=reach))
    small_course.submit(course.root, "oscar", small_course.submission(mean=pickled, why=repr(pickled)))
    cluster.worker()
    said, complained = cluster.grade(course.root).communicate(timeout=240)
    assert "Traceback" not in said + complained
    with Gradebook(course.db_url, course.course_id) as gradebook:
        scores = {who: gradebook.find_submission(NAME, who).score for who in ("mallory", "oscar")}
    assert scores == {"mallory": 5, "oscar": 2}
    assert not ran.exists()


# A sum of 10**10 numbers, which no signal ends, and six gigabytes.
ENDLESS = {"mallory": "10**10 if len(a) == 3", "oscar": "6 * 2**30 if len(a) == 4"}
HUGE = '''\
%%check
def test_c(student):
    """The right sum."""
    assert sum(range(int(student.mean(np.ones(3))) + 1)) == 1


def test_memory(student):
    """Any size."""
    assert len(bytearray(int(student.mean(np.ones(4))))) > 0'''
HASTY = """\
from autograder.grading import own_limits
from autograder.grading.grader import Grader
class Hasty(Grader):
    def do(self, submission):
        own_limits.OVERTIME = 1.0  # not 15 seconds
        return super().do(submission)
"""


def test_what_c_computes_with_an_answer_holds_no_worker(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One submission would hold a Dask worker for ever, then the next one, and the class would never be graded."""
    course = small_course.make_course(tmp_path / "course", "c.Autograder.notebook_seconds = 5\n", students=["ada"])
    small_course.write(course.root / "source" / NAME / f"{NAME}.ipynb", small_course.source_notebook(HUGE))
    for student, many in ENDLESS.items():
        answer = f"def mean(a):\n    return {many} else np.mean(a)"
        small_course.submit(course.root, student, small_course.submission(mean=answer))
    (cluster.folder / "hasty.py").write_text(HASTY)
    monkeypatch.syspath_prepend(cluster.folder)
    monkeypatch.setattr(grader_module, "Grader", import_module("hasty").Hasty)
    worker = cluster.worker_with_nanny()
    run = grade_class(course, NAME, scheduler=cluster.address)
    assert [(graded.student, one.text) for graded in run.graded for one in graded.incidents] == [("mallory", ENDED)]
    checks = small_course.rows(course.root, small_course.CHECK_ROWS)
    assert {row[0]: row[4] for row in checks if row[3] == "test_memory"} == {"ada": "passed", "oscar": "wrong"}
    assert worker.poll() is None
