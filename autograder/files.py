"""Files: written so that they are either whole or not there, and read where somebody else may have put anything."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["atomic_dir", "atomic_file", "open_regular", "read_inside", "undo_leftovers", "walk", "write_atomic"]


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
    """Remove traces beside `folder` of a run that was stopped before its renames or between two of them. Raises OSError
    for what cannot be deleted: another person's in a shared course, say."""
    fresh, old = beside(folder)
    if old.exists() and not folder.exists():
        os.rename(old, folder)
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
        if leftover.exists():
            raise PermissionError(errno.EACCES, f"it cannot be deleted, and is {leftover.owner()}'s", str(leftover))


def beside(folder: Path) -> tuple[Path, Path]:
    """Where the new folder is written, and where the old one waits until the new one is in place."""
    return folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")


def walk(top: Path, on_error: Callable[[OSError], None]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Each folder below `top`, with the names of the folders and of all else in it, as `os.walk` gives them; folders
    that are taken out of the list are not entered. Before Python 3.12 `os.walk` calls itself for each folder inside a
    folder, and ends in a RecursionError where there are a thousand."""
    waiting = [str(top)]
    while waiting:
        base = waiting.pop()
        folders, names = list[str](), list[str]()
        try:
            with os.scandir(base) as entries:
                for entry in entries:
                    (folders if is_folder(entry) else names).append(entry.name)
        except OSError as error:
            on_error(error)
            continue
        yield base, folders, names
        below = (os.path.join(base, name) for name in reversed(folders))
        waiting += [path for path in below if not os.path.islink(path)]


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; a link that leads to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def open_regular(path: Path) -> BinaryIO | None:
    """A regular file, opened for reading; None for a link, a pipe, a device or a folder. Raises OSError."""
    if not stat.S_ISREG(path.lstat().st_mode):
        return None
    # It may be another thing by now: a link is not followed, and a pipe's writer, who never comes, not waited for.
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, os.O_RDONLY | flags), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    return None


def read_inside(folder: Path, name: str | Path, limit: int) -> bytes:
    """The first `limit` bytes of a regular file in `folder`; links are followed as long as they stay inside. Raises
    OSError: PermissionError for a file outside, FileNotFoundError for one that is not there or not regular."""
    try:
        root = folder.resolve(strict=True)
        path = (root / name).resolve(strict=True)
    except (ValueError, RuntimeError) as error:
        raise FileNotFoundError(str(error)) from None
    if not path.is_relative_to(root):
        raise PermissionError(f"{name} lies outside of the folder")
    file = open_regular(path)
    if file is None:
        raise FileNotFoundError(f"{name} is not a regular file")
    with file:
        return file.read(limit)
