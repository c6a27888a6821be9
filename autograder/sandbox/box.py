"""One sandbox from outside: started, given its job, watched and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from autograder.kernel_side.wire import Channel, Message, WireError
from autograder.sandbox import as_nobody, walls
from autograder.sandbox.descriptors import send_descriptors
from autograder.sandbox.limits import Limits

__all__ = ["Box", "SandboxBroken"]

NOBODYS = 200_000


class SandboxBroken(Exception):
    """The sandbox itself failed before student code ran in it; the text has what it said."""


class Box:
    """A bubblewrap sandbox with one process in it. Ends with this process, and when `kill` is called."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        ours, theirs = socket.socketpair()
        self.log: IO[bytes] = tempfile.TemporaryFile()
        self.staging = tempfile.TemporaryDirectory(prefix="sandbox-") if os.geteuid() == 0 else None
        self.process = subprocess.Popen(
            self._command(theirs.fileno()),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env={},
        )
        theirs.close()
        self.control = Channel(ours)
        self.pidfd = os.pidfd_open(self.process.pid)

    def _command(self, control: int) -> list[str]:
        """bubblewrap's command line; as root, run by somebody who is not."""
        if self.staging is None:
            return walls.command(control, self.limits, lambda path: path)
        sources = [*walls.readable_paths(), walls.package_folder()]
        sources = [path for path in sources if not path.is_symlink()]
        uid = str(NOBODYS + os.getpid() % 50_000)
        helper = [sys.executable, "-I", "-S", as_nobody.__file__, uid, self.staging.name]
        command = walls.command(control, self.limits, lambda path: staged(path, sources, self.staging.name))
        return [*helper, *map(str, sources), "--", *command]

    def send_job(self, job: Message, contents: list[bytes], descriptors: list[int]) -> None:
        """Say what to be. Raises SandboxBroken when the sandbox did not come up."""
        try:
            send_descriptors(self.control.sock, descriptors)
            self.control.send(job | {"limits": self.limits.as_dict()}, contents, self._patience())
        except (OSError, WireError, TimeoutError):
            raise self.broken() from None

    def _patience(self) -> float:
        return time.monotonic() + self.limits.start_seconds

    def broken(self) -> SandboxBroken:
        """The error that says what the sandbox said before it failed."""
        self.kill()
        self.log.seek(0)
        said = self.log.read(4000).decode(errors="replace").strip()
        return SandboxBroken(f"the sandbox did not start: {said or 'it said nothing'}")

    def kill(self) -> None:
        """End everything in the sandbox, whatever it does, and wait until it is gone."""
        if self.process.poll() is None:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """End it and give back what it held."""
        self.kill()
        self.control.sock.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
        self.log.close()
        if self.staging is not None:
            self.staging.cleanup()

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def staged(path: Path, sources: list[Path], folder: str) -> Path:
    """Where `path` is reached once the `sources` are shown below `folder` by their numbers."""
    for number, source in enumerate(sources):
        if path.is_relative_to(source):
            return Path(folder, str(number), path.relative_to(source))
    return path
