"""Writing files and folders that are either whole or not there: whoever looks finds the old one or the new one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_dir", "atomic_file", "undo_leftovers", "write_atomic"]


@contextmanager
def atomic_file(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """A new, empty file beside `path`, which takes its place when the block ends, and vanishes if it raises. A link
    in the place of either is replaced, not followed. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file, and the folders above it. Raises OSError."""
    with atomic_file(path) as part:
        part.write_bytes(content)


@contextmanager
def atomic_dir(folder: Path) -> Iterator[Path]:
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
