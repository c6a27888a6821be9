"""Tells code that was typed in a notebook cell from installed code."""

from __future__ import annotations

import os
from types import FrameType

__all__ = ["is_cell_file", "is_student_code"]


def is_student_code(frame: FrameType) -> bool:
    """Whether a frame runs code of a notebook cell, or of a module beside the notebook. Cells run in the module
    `__main__`, so they are found even where a kernel gives their files a name that `is_cell_file` does not know."""
    filename = frame.f_code.co_filename
    in_main = not filename.startswith("<") and frame.f_globals.get("__name__") == "__main__"
    return in_main or is_cell_file(filename) or is_beside(filename)


def is_beside(filename: str) -> bool:
    """Whether a file lies in the working folder and is none of an environment that lies there, too."""
    return filename.startswith(os.getcwd() + os.sep) and "site-packages" not in filename


def is_cell_file(filename: str) -> bool:
    """Whether a kernel names the file of a cell like this: ipykernel, IPython, Colab. None of them documents it."""
    cells = filename.startswith(("<ipython-input", "<cell"))
    return cells or "ipykernel_" in filename or os.path.basename(filename).startswith("ipython-input-")
