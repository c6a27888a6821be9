"""No sandbox at all: student code runs as whoever grades. Only on request (`--unsafe`), for machines without walls."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress

from autograder.sandbox import walls
from autograder.sandbox.box import FOR_KERNELS, Box, Inmate
from autograder.sandbox.limits import Limits

__all__ = ["PlainBox"]

BOOT = """\
import sys
sys.path.insert(0, sys.argv[1])
import autograder
del sys.path[0]
from autograder.sandbox.inside.plain import main
main(int(sys.argv[2]))
"""


class Unconfined(Inmate):
    """One job in a process group of its own. Its `pidfd` is the end of a pipe that closes when the job is over, since
    not every system has pidfds. What leaves the group stays."""

    def __init__(self, pidfd: int, process: subprocess.Popen[bytes]) -> None:
        super().__init__(pidfd)
        self.process = process

    def kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class PlainBox(Box):
    """A process that does one job, with everything that this user may do."""

    def __init__(self, limits: Limits, preload: tuple[str, ...] = FOR_KERNELS) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="box-", ignore_cleanup_errors=True)
        super().__init__(limits, preload)

    def _command(self, control: int) -> list[str]:
        return [sys.executable, "-I", "-c", BOOT, str(walls.package_folder().parent), str(control)]

    def _environment(self) -> dict[str, str]:
        return walls.environment(self.folder.name, self.folder.name)

    def _inmate(self, pidfd: int) -> Inmate:
        return Unconfined(pidfd, self.process)

    def close(self) -> None:
        super().close()
        self.folder.cleanup()
