"""The weaker sandbox: another user for each submission, for containers where namespaces are refused (Gradescope's).

What it cannot promise stands in docs/security.md.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder.sandbox import evict, walls
from autograder.sandbox.box import FOR_KERNELS, Box, Inmate
from autograder.sandbox.limits import Limits

__all__ = ["UserBox", "out_of_reach"]

BOOT = """\
import sys
sys.path.insert(0, sys.argv[1])
import autograder
del sys.path[0]
from autograder.sandbox.inside.user import main
main(int(sys.argv[2]), sys.argv[3], sys.argv[4])
"""


class Tenant(Inmate):
    """One job, and the user who does it. Its end ends all that the user runs, and removes what the user wrote."""

    def __init__(self, pidfd: int, folder: Path, user: int) -> None:
        super().__init__(pidfd)
        self.folder, self.user = folder, user

    def kill(self) -> None:
        super().kill()
        run_evict(self.folder, self.user)


class UserBox(Box):
    """A warm process of root's that starts each job as a user of its own. Ends with this process."""

    def __init__(self, limits: Limits, preload: tuple[str, ...] = FOR_KERNELS) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="box-", dir="/tmp"))  # everybody can reach it there
        self.folder.chmod(0o711)
        super().__init__(limits, preload)

    def _command(self, control: int) -> list[str]:
        here = str(walls.package_folder().parent)
        return [sys.executable, "-I", "-c", BOOT, here, str(control), str(self.folder)]

    def _environment(self) -> dict[str, str]:
        return walls.environment(str(self.folder), str(self.folder / "tmp"))

    def _inmate(self, pidfd: int) -> Inmate:
        message, _ = self.control.receive(time.monotonic() + self.limits.start_seconds)
        return Tenant(pidfd, self.folder, int(message["user"]))

    def kill(self) -> None:
        super().kill()
        run_evict(self.folder)


def run_evict(folder: Path, *users: int) -> None:
    """Evict these users, or everybody; in a process of its own, since this one has threads."""
    subprocess.run([sys.executable, "-I", "-S", evict.__file__, folder, *map(str, users)], check=False, env={})


def out_of_reach() -> Path | None:
    """The first folder of Python or this package that other users cannot enter, if there is one."""
    for path in (Path(sys.prefix), Path(sys.base_prefix), walls.package_folder()):
        for folder in (path, *path.parents):
            if not folder.stat().st_mode & 0o001:
                return folder
    return None
