"""Runs a command and says what it cost: wall time, processor time, and the most memory that it held at once."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "run"]

# To look costs every process that is looked at, and more where there are more.
EVERY = 2.0


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and of processor time, and the peak in MB (2**20 bytes) of all processes together, memory that
    they share counted once."""

    wall: float
    cpu: float
    peak_mb: float


def run(
    commands: list[list[str]], folder: Path, environment: dict[str, str], log: Path, watch: tuple[int, ...] = ()
) -> Cost:
    """Run commands one after the other. Processes below `watch` count for the memory too. Raises RuntimeError for one
    that fails.

    Processor time is that of the commands and of those below them whose end they waited for.
    """
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    peak = 0.0
    for command in commands:
        with (
            open(log, "ab") as said,
            subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=said, stderr=said) as process,
            Watch((process.pid, *watch)) as watching,
        ):
            process.wait()
        peak = max(peak, watching.peak)
        if process.returncode not in (0, 1):
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: see {log}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - started, cpu, peak)


class Watch:
    """Looks now and then how much memory process trees hold."""

    def __init__(self, pids: tuple[int, ...]) -> None:
        self.pids, self.peak, self.over = pids, 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self.over.wait(EVERY):
            self.peak = max(self.peak, sum(map(share_mb, tree(self.pids))))

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()


def tree(pids: tuple[int, ...]) -> set[int]:
    """These processes and all below them."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    found, todo = set(pids), list(pids)
    while todo:
        below = children.get(todo.pop(), [])
        found.update(below)
        todo += below
    return found


def share_mb(pid: int) -> float:
    """A process's memory in MB, each page divided by the number of processes that share it."""
    with contextlib.suppress(OSError, IndexError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.split("Pss:")[1].split()[0]) / 1024
    return 0.0
