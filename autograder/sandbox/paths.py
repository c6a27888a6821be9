"""The paths of this machine that student code may see: Python, its packages, the system's libraries and fonts."""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import autograder
from autograder.threads import ONE_THREAD

__all__ = [
    "FONT_LIST",
    "HIDDEN",
    "HOME",
    "PACKAGE",
    "environment",
    "package_folder",
    "python_paths",
    "readable_paths",
    "unreachable_folder",
]

HOME = "/home/student"
# nbgrader's exchange holds what everybody handed in, and lies among the system's files.
HIDDEN = ("/usr/local/share/nbgrader",)
PACKAGE = "/.autograder"  # nobody's Python lies there, which is shown where it lies outside
FONT_LIST = f"{PACKAGE}/fonts"
LIBRARIES = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "fonts", "localtime", "alternatives", "mime.types")
FONTS = ("/var/cache/fontconfig",)


@cache
def readable_paths() -> tuple[Path, ...]:
    """The paths that are shown read-only: Python, its packages, the system's libraries and fonts. Never a home or a
    repository, though an environment that lies in one is shown by itself."""
    python = [sys.base_prefix, sys.prefix, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    python += site.getsitepackages()
    wanted = [*python, *LIBRARIES, *(f"/etc/{name}" for name in SETTINGS), *FONTS]
    kept: list[Path] = []
    for path in map(Path, wanted):
        if path.exists() and not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return tuple(kept)


def package_folder() -> Path:
    """The folder of this package. Student code may see it: it holds no tests and no answers."""
    return Path(autograder.__file__).parent


def python_paths() -> tuple[Path, ...]:
    """Where Python and this package lie."""
    return Path(sys.prefix), Path(sys.base_prefix), package_folder()


def unreachable_folder(paths: Iterable[Path]) -> Path | None:
    """The first folder on the way to `paths` that other users cannot enter, if there is one."""
    for path in paths:
        for folder in (path, *path.parents):
            if not folder.stat().st_mode & 0o001:
                return folder
    return None


def environment(home: str = HOME, temporary: str = "/tmp") -> dict[str, str]:
    """All environment variables that student code gets, given its home and its folder for temporary files."""
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
        **ONE_THREAD,
    }
