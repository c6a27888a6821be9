"""The weaker sandbox: a system user for each submission, for containers where namespaces are refused (Gradescope's).

docs/security.md says what it cannot promise.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from autograder.sandbox import cleanup_user
from autograder.sandbox.base import PRELOAD_KERNEL, Sandbox, SandboxProcess
from autograder.sandbox.boot import python_command
from autograder.sandbox.inside import landlock, seccomp
from autograder.sandbox.limits import Limits
from autograder.sandbox.paths import environment, package_folder, python_paths, unreachable_folder

__all__ = ["UserSandbox"]


class UserProcess(SandboxProcess):
    """One job, and the user who does it. Its end ends all that the user runs, and removes what the user wrote."""

    def __init__(self, pidfd: int, folder: Path, user: int) -> None:
        super().__init__(pidfd)
        self.folder, self.user = folder, user

    def kill(self) -> None:
        super().kill()
        run_cleanup(self.folder, self.user)


class UserSandbox(Sandbox):
    """A zygote of root's that starts each job as a system user of its own. Ends with this process."""

    name = "user"
    notice = (
        "Only the weaker sandbox can be had here, a system user for each submission: docs/security.md says what it "
        "leaves open."
    )

    def __init__(self, limits: Limits, preload: tuple[str, ...] = PRELOAD_KERNEL) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sandbox-", dir="/tmp"))  # every user can reach it there
        self.folder.chmod(0o711)
        super().__init__(limits, preload)

    @classmethod
    @cache
    def missing(cls) -> str:
        if not sys.platform.startswith("linux") or os.geteuid() != 0:
            return "only root on Linux can become another user"
        try:
            seccomp.filter_program(os.uname().machine, namespaces=False)
        except OSError as error:
            return str(error.strerror)
        hidden = unreachable_folder(python_paths())
        return "" if hidden is None else f"other users cannot reach Python in {hidden}"

    @classmethod
    def drawback(cls) -> str:
        """Without Landlock, student code can read what every user may read, the course's own files perhaps."""
        return "" if landlock.abi() else "this Linux has no Landlock"

    @classmethod
    def summary(cls) -> str:
        return (
            "a system user for each submission, the weaker sandbox: the disk can be filled, and how many processes and "
            "users there are can be seen; docs/security.md says more. On Ubuntu, `apt install bubblewrap` brings the "
            "permission that the stronger one needs"
        )

    def _command(self, control: int) -> list[str]:
        here = str(package_folder().parent)
        return python_command(here, "autograder.sandbox.inside.user_zygote", str(control), str(self.folder))

    def _environment(self) -> dict[str, str]:
        return environment(str(self.folder), str(self.folder / "tmp"))

    def _started(self, pidfd: int) -> SandboxProcess:
        message, _ = self.control.receive(time.monotonic() + self.limits.start_seconds)
        return UserProcess(pidfd, self.folder, int(message["user"]))

    def kill(self) -> None:
        super().kill()
        run_cleanup(self.folder)


def run_cleanup(folder: Path, *users: int) -> None:
    """Clean up after these users, or after all; in a process of its own, since this one has threads."""
    subprocess.run([sys.executable, "-I", "-S", cleanup_user.__file__, folder, *map(str, users)], check=False, env={})
