"""Distinguishes code that was typed in a notebook cell, or lies beside the notebook, from installed code."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from types import FrameType

__all__ = ["has_own_methods", "is_beside", "is_cell_file", "is_student_code"]


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


def has_own_methods(kind: type) -> bool:
    """Whether a class has public methods or properties that were written in the notebook, or beside it. The fields of
    a named tuple are none."""
    written = [
        item
        for parent in kind.__mro__
        if is_written_here(vars(parent).get("__module__", ""))
        for item in vars(parent).items()
    ]
    return any(
        not name.startswith("_") and hasattr(value, "__get__") and not is_field(value) for name, value in written
    )


def is_field(value: object) -> bool:
    return type(value).__name__ == "_tuplegetter"


@lru_cache(maxsize=1000)
def is_written_here(module: str) -> bool:
    return module == "__main__" or is_beside(getattr(sys.modules.get(module), "__file__", None) or "")
