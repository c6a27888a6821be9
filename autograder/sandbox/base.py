"""A sandbox from outside: started once, given one job after another, and ended. Each subclass is a sandbox level:
`namespace_sandbox`, the strong one, `user_sandbox`, and `no_sandbox`, which is none."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from importlib import import_module
from typing import IO, Any, ClassVar

from autograder.kernel_side.wire import Channel, Message, WireError
from autograder.sandbox.call_counter import CallCounter
from autograder.sandbox.descriptors import receive_descriptors, send_descriptors
from autograder.sandbox.limits import Limits
from autograder.sandbox.sandbox_errors import SandboxBroken

__all__ = ["PRELOAD_ANSWER_KEY", "PRELOAD_KERNEL", "Sandbox", "SandboxProcess"]

DESCRIPTORS = 8192  # student code may have an eighth of it

# Imported by the answer key, and by a kernel that starts, draws a figure or shows its first error.
PRELOAD_ANSWER_KEY = ("numpy.random", "autograder.sandbox.inside.reference")
PRELOAD_KERNEL = (
    "numpy.random",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "autograder.sandbox.inside.ipython_kernel",
    "autograder.kernel_side.serve",
    "autograder.distribution",
    "ipykernel.debugger",
    "ipykernel.heartbeat",
    "ipykernel.kernelapp",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.magics.ast_mod",
    "IPython.core.magics.execution",
    "IPython.core.magics.extension",
    "IPython.core.magics.pylab",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "faulthandler",
    "tornado.platform.asyncio",
    "stack_data",
    "pygments.formatters.terminal256",
    "PIL.JpegImagePlugin",
)


class SandboxProcess:
    """One job in a sandbox: a process and all that it starts. When it ends, all of them end."""

    def __init__(self, pidfd: int) -> None:
        self.pidfd = pidfd
        self.counter: CallCounter | None = None

    @property
    def pid(self) -> int:
        """The process id, as this process sees it."""
        with open(f"/proc/self/fdinfo/{self.pidfd}") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pid:"))

    @property
    def alive(self) -> bool:
        return self.pidfd >= 0 and not select.select([self.pidfd], [], [], 0)[0]

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        if self.alive:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        select.select([self.pidfd], [], [])

    def close(self) -> None:
        if self.pidfd >= 0:
            self.kill()
            if self.counter is not None:
                self.counter.close()
            os.close(self.pidfd)
            self.pidfd = -1


class Sandbox(ABC):
    """A sandbox with a process in it that does jobs. It ends when it is closed, and with this process.

    A course asks for this level by `name`. `confines` is False if student code may do all that the grader may; `notice`
    is shown to whoever grades with it.
    """

    name: ClassVar[str]
    confines: ClassVar[bool] = True
    notice: ClassVar[str] = ""

    def __init__(self, limits: Limits, preload: tuple[str, ...] = PRELOAD_KERNEL) -> None:
        self.limits = limits
        allow_descriptors()
        ours, theirs = socket.socketpair()
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the sandbox
        self.process = subprocess.Popen(
            [*self._command(theirs.fileno()), ",".join(preload)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env=self._environment(),
            process_group=0,  # Ctrl-C in a terminal reaches every process of the group
        )
        theirs.close()
        self.control = Channel(ours)
        self.reusable: bool | None = None  # unknown until it is ready
        self.spent = False

    @classmethod
    def missing(cls) -> str:
        """Why this level cannot be had here; nothing if it can."""
        return ""

    @classmethod
    def drawback(cls) -> str:
        """Why "best" does not mean this level although it can be had; nothing if it may."""
        return ""

    @classmethod
    @abstractmethod
    def summary(cls) -> str:
        """The line of `doctor` on this level where it is the best."""

    @abstractmethod
    def _command(self, control: int) -> list[str]:
        """The command that starts the sandbox; its control socket is the descriptor `control`."""

    @abstractmethod
    def _environment(self) -> dict[str, str]:
        """The environment of that command."""

    def _started(self, pidfd: int) -> SandboxProcess:
        """The job that was started."""
        return SandboxProcess(pidfd)

    def wait_until_ready(self) -> None:
        """Wait until it can take a job. Raises SandboxBroken if the sandbox does not work."""
        if self.reusable is None:
            try:
                message, _ = self.control.receive(time.monotonic() + self.limits.start_seconds)
            except (OSError, WireError):
                raise self.broken() from None
            self.reusable = bool(message["reusable"])

    def spawn(self, job: Message, contents: list[bytes], sockets: dict[str, int]) -> SandboxProcess:
        """Start `job` with the descriptors in `sockets`. Raises SandboxBroken if the sandbox does not work."""
        self.wait_until_ready()
        deadline = time.monotonic() + self.limits.start_seconds
        message = job | {"limits": self.limits.as_dict(), "sockets": list(sockets)}
        try:
            self.spent = not self.reusable
            send_descriptors(self.control.sock, list(sockets.values()))
            self.control.send(message, contents, deadline)
            self.control.sock.settimeout(self.limits.start_seconds)
            (pidfd,) = receive_descriptors(self.control.sock)
            process = self._started(pidfd)
            for asked in receive_descriptors(self.control.sock):
                process.counter = CallCounter(asked, pidfd)
            return process
        except (OSError, EOFError, ValueError, WireError):
            raise self.broken() from None

    @property
    def usable(self) -> bool:
        """Whether it can take another job."""
        return not self.spent and self.process.poll() is None

    def broken(self) -> SandboxBroken:
        """An error with the sandbox's output before it failed."""
        self.kill()
        self.log.seek(0)
        output = self.log.read(4000).decode(errors="replace").strip()
        return SandboxBroken(f"the sandbox did not start: {output or 'it said nothing'}")

    def kill(self) -> None:
        """End everything in the sandbox at once, and wait until it is gone."""
        self.spent = True
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End the sandbox and close its socket and log."""
        self.kill()
        self.control.sock.close()
        self.log.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def allow_descriptors() -> None:
    """Let this process, and the sandboxes that it starts, have more descriptors than student code: those that are on
    their way through sockets count for everything that a user runs, and with as many as one may have, none can be sent.
    """
    resource = import_module("resource")  # POSIX alone has it, and sandboxes
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
