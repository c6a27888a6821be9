"""No sandbox at all: student code runs as whoever grades. Only on request (`--unsafe`)."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress

from autograder.sandbox.base import PRELOAD_KERNEL, Sandbox, SandboxProcess
from autograder.sandbox.boot import python_command
from autograder.sandbox.limits import Limits
from autograder.sandbox.paths import environment, package_folder

__all__ = ["NoSandbox"]


class UnconfinedProcess(SandboxProcess):
    """One job in a process group of its own. Its `pidfd` is the end of a pipe that closes when the job is over, since
    not every system has pidfds. What leaves the group stays."""

    def __init__(self, pidfd: int, process: subprocess.Popen[bytes]) -> None:
        super().__init__(pidfd)
        self.process = process

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class NoSandbox(Sandbox):
    """A process that does one job, with everything that this user may do."""

    name = "none"
    confines = False
    notice = (
        "NO SANDBOX. The students' code runs as you: it can read the answers, change grades, delete files and use the "
        "network.\nDo not grade anybody like this whom you would not give your computer to."
    )

    def __init__(self, limits: Limits, preload: tuple[str, ...] = PRELOAD_KERNEL) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True)
        super().__init__(limits, preload)

    @classmethod
    def drawback(cls) -> str:
        return "it confines nothing"

    @classmethod
    def summary(cls) -> str:
        return "none: student code runs as you"

    def _command(self, control: int) -> list[str]:
        return python_command(str(package_folder().parent), "autograder.sandbox.inside.unconfined", str(control))

    def _environment(self) -> dict[str, str]:
        return environment(self.folder.name, self.folder.name)

    def _started(self, pidfd: int) -> SandboxProcess:
        return UnconfinedProcess(pidfd, self.process)

    def close(self) -> None:
        super().close()
        self.folder.cleanup()
