"""A cache of matplotlib's list of this machine's fonts, which takes every process that draws half a second to make."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from autograder.files import write_atomic
from autograder.sandbox.paths import FONT_LIST

__all__ = ["font_folder", "take_fonts"]

FONTCONFIG = Path("/var/cache/fontconfig")
LIST = "fontlist-*.json"


@cache
def font_folder() -> Path | None:
    """A folder in the user's cache that holds only matplotlib's list of the system's fonts, as in MPLCONFIGDIR. It is
    made if there is none, or if fonts were installed since. None where nothing can be cached."""
    installed = int(FONTCONFIG.stat().st_mtime) if FONTCONFIG.exists() else 0
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = caches / "autograder" / f"fonts-{version('matplotlib')}-{installed}"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    if not any(folder.glob(LIST)):
        make_list(folder)
    return folder if any(folder.glob(LIST)) else None


def make_list(folder: Path) -> None:
    """Have matplotlib write its list into `folder`. Its home is empty, for a sandbox has none of the user's fonts."""
    with tempfile.TemporaryDirectory() as home:
        bare = {"MPLCONFIGDIR": home, "HOME": home, "PATH": "/usr/local/bin:/usr/bin:/bin"}
        command = [sys.executable, "-I", "-c", "import matplotlib.font_manager"]
        # At home, since matplotlib reads a matplotlibrc of the working folder, which may be a student's.
        subprocess.run(command, cwd=home, env=bare, check=False, capture_output=True)
        for made in Path(home).glob(LIST):
            write_atomic(folder / made.name, made.read_bytes())


def take_fonts() -> None:
    """Inside a sandbox, before matplotlib is imported: copy the list to where matplotlib looks for its own. Without
    one, matplotlib makes it."""
    with suppress(OSError):
        if Path(FONT_LIST).is_dir():
            shutil.copytree(FONT_LIST, os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)
