"""The list of fonts that the other side has kept, laid where matplotlib looks for its own."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from autograder.sandbox.walls import FONT_LIST

__all__ = ["take_fonts"]


def take_fonts() -> None:
    """Call it before matplotlib is imported. Without a list matplotlib makes one."""
    with suppress(OSError):
        if Path(FONT_LIST).is_dir():
            shutil.copytree(FONT_LIST, os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)
