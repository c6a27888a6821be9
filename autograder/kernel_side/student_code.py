"""Distinguishes code that was typed in a notebook cell from installed code."""

from __future__ import annotations

import os
import sys
from types import FrameType

__all__ = ["is_beside", "is_cell_file", "is_student_code"]


PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INSTALLED = tuple(folder + os.sep for folder in (sys.prefix, sys.base_prefix, PACKAGE))


def is_student_code(frame: FrameType) -> bool:
    """Whether a frame runs code of a notebook cell, or of a module beside the notebook. Cells run in the module
    `__main__`, so they are found even where a kernel gives their files a name that `is_cell_file` does not know."""
    filename = frame.f_code.co_filename
    in_main = not filename.startswith("<") and frame.f_globals.get("__name__") == "__main__"
    return in_main or is_cell_file(filename) or is_beside(filename)


def is_beside(filename: str) -> bool:
    """Whether a file lies in the working folder and does not belong to an environment, or to this package, that lies
    there too."""
    installed = filename.startswith(INSTALLED) or "site-packages" in filename
    return filename.startswith(os.getcwd() + os.sep) and not installed


def is_cell_file(filename: str) -> bool:
    """Whether a file name is one that ipykernel, IPython or Colab gives to a cell. None of them documents it."""
    cells = filename.startswith(("<ipython-input", "<cell"))
    return cells or "ipykernel_" in filename or os.path.basename(filename).startswith("ipython-input-")
