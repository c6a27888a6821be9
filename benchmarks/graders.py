"""How each grader is set up and run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributed import Client
from material import NAME, ROOT, write_nbgrader, write_otter, write_ours
from measure import Cost, run

__all__ = ["GRADERS", "Grader", "cluster", "make_peers", "plain"]

HERE = Path(__file__).parent
VENVS = HERE / ".venvs"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
FREE = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}


def make_peers() -> None:
    """Virtual environments for the other graders, with the versions that peers/*.txt name."""
    for wanted in sorted((HERE / "peers").glob("*.txt")):
        venv = VENVS / wanted.stem
        done = venv / "made-from.txt"
        if done.exists() and done.read_text() == wanted.read_text():
            continue
        print(f"making {venv.relative_to(ROOT)} …", flush=True)
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted]
        subprocess.run(pip, check=True)
        shutil.copy(wanted, done)


def program(peer: str, name: str) -> str:
    return str(VENVS / peer / "bin" / name)


@dataclass(frozen=True)
class Grader:
    """A grader by name: writes a class, gets ready for it (untimed), says what to run (timed), and what it found.
    `one_by_one` says that it is a command for each submission."""

    name: str
    write: Callable[[Path, str, int], None]
    ready: Callable[[Path], list[list[str]]]
    commands: Callable[[Path], list[list[str]]]
    scores: Callable[[Path], dict[str, float]]
    environment: dict[str, str]
    one_by_one: bool = False

    def grade(
        self, folder: Path, class_name: str, size: int, watch: tuple[int, ...] = ()
    ) -> tuple[Cost, dict[str, float]]:
        """Grade a fresh copy of the class; what it cost, and every student's score."""
        shutil.rmtree(folder, ignore_errors=True)
        self.write(folder, class_name, size)
        log = folder.with_suffix(".log")
        log.unlink(missing_ok=True)
        run(self.ready(folder), folder, self.environment, log)
        cost = run(self.commands(folder), folder, self.environment, log, watch)
        return cost, self.scores(folder)


def ours(jobs: int, scheduler: str = "") -> Grader:
    command = [sys.executable, "-m", "autograder.cli", "grade", NAME]
    how = ["--scheduler", scheduler] if scheduler else ["--jobs", str(jobs)]
    ready = [sys.executable, "-m", "autograder.cli", "release", NAME, "--no-validate"]
    label = f"autograder, Dask, {jobs} workers" if scheduler else f"autograder, {jobs} worker{'s' * (jobs > 1)}"
    return Grader(
        label,
        write_ours,
        lambda folder: [ready],
        lambda folder: [[*command, *how]],
        gradebook,
        {"PYTHONPATH": str(ROOT)},
    )


def nbgrader_ready(folder: Path) -> list[list[str]]:
    return [[program("nbgrader", "nbgrader"), "generate_assignment", NAME, "--force"]]


def nbgrader_commands(folder: Path) -> list[list[str]]:
    return [[program("nbgrader", "nbgrader"), "autograde", NAME]]


def otter_ready(folder: Path) -> list[list[str]]:
    return [
        [
            program("otter", "otter"),
            "generate",
            "-t",
            "tests",
            "-o",
            "autograder.zip",
            "--no-requirements",
            "--no-environment",
        ]
    ]


def otter_commands(folder: Path) -> list[list[str]]:
    """One command for each submission: that is what `otter run` grades."""
    command = [program("otter", "otter"), "run", "--no-logo", "-a", "autograder.zip"]
    return [
        [*command, "-o", path.parent.name, str(path.relative_to(folder))] for path in sorted(folder.glob("*/*.ipynb"))
    ]


def gradebook(folder: Path) -> dict[str, float]:
    """Automatic scores by student, as nbgrader's database has them."""
    with sqlite3.connect(folder / "gradebook.db") as database:
        return dict(database.execute(SCORES))


SCORES = """
SELECT submitted_assignment.student_id, SUM(grade.auto_score)
FROM grade JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id GROUP BY 1"""


def otter_scores(folder: Path) -> dict[str, float]:
    found = {}
    for path in folder.glob("*/results.json"):
        tests = json.loads(path.read_text())["tests"]
        found[path.parent.name] = sum(float(test.get("score", 0)) for test in tests)
    return found


def borrowed(peer: str) -> dict[str, str]:
    """The environment of another grader. Its notebooks use this package's data sets; the check cells' magic and the
    plug-ins are not in its way. It runs programs of its own by name."""
    path = os.pathsep.join((str(VENVS / peer / "bin"), os.environ["PATH"]))
    return {"PYTHONPATH": str(ROOT), "PATH": path} | FREE


NBGRADER = Grader("nbgrader", write_nbgrader, nbgrader_ready, nbgrader_commands, gradebook, borrowed("nbgrader"))
OTTER = Grader("otter run", write_otter, otter_ready, otter_commands, otter_scores, borrowed("otter"), True)
GRADERS = {grader.name: grader for grader in (NBGRADER, OTTER, ours(1), ours(2))}


def plain(folder: Path, class_name: str, size: int) -> dict[str, float]:
    """Processor seconds of the same cells in one warm process: without the checks, and with them."""
    command = [sys.executable, str(HERE / "plain.py"), class_name, str(size)]
    environment = os.environ | ONE_THREAD | FREE | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def cluster(workers: int, folder: Path) -> Iterator[tuple[Grader, tuple[int, ...]]]:
    """A Dask cluster of this machine, and the grader that uses it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "dask"]
    commands = [[*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]]
    commands += [[*dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]] * workers
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with open(folder / "dask.log", "ab") as log:
        processes = [subprocess.Popen(c, cwd=folder, env=environment, stdout=log, stderr=log) for c in commands]
    try:
        with Client(address, timeout=60) as client:
            client.wait_for_workers(workers, timeout=60)
        yield ours(workers, address), tuple(process.pid for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()
