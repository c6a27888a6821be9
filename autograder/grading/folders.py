"""Replacing a folder as a whole: whoever looks finds the old one or the new one, never half of one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["in_place_of", "undo_leftovers"]


@contextmanager
def in_place_of(folder: Path) -> Iterator[Path]:
    """A new, empty folder beside `folder`, which takes its place when the block ends, and vanishes if it raises."""
    undo_leftovers(folder)
    fresh, old = beside(folder)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        if folder.exists():
            os.rename(folder, old)
        os.rename(fresh, folder)
    finally:
        undo_leftovers(folder)


def undo_leftovers(folder: Path) -> None:
    """Undo what a run that was stopped between two renames, or before them, has left beside `folder`."""
    fresh, old = beside(folder)
    if old.exists() and not folder.exists():
        os.rename(old, folder)
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)


def beside(folder: Path) -> tuple[Path, Path]:
    """Where the new folder is written, and where the old one waits until the new one is in place."""
    return folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
