"""A course that several people grade, by a Unix group. The course's folder says so itself (`chmod g+ws`): files made in
it then belong to its Unix group, which may write everything that we make there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = ["is_shared", "share_what_is_made", "unshared"]

FOLDERS = ("source", "release", "submitted", "replaced", "autograded", "feedback", "reports", "assignments")
READ, WRITE = stat.S_IRGRP, stat.S_IRGRP | stat.S_IWGRP


def is_shared(root: Path) -> bool:
    """Whether a folder's Unix group may write in it, and what is made there gets the same Unix group."""
    shared = stat.S_ISGID | stat.S_IWGRP
    return root.stat().st_mode & shared == shared


def share_what_is_made(root: Path) -> None:
    """In a shared course, let the Unix group read and write what this process makes from now on."""
    if is_shared(root):
        before = os.umask(0)
        os.umask(before & ~stat.S_IRWXG)


def unshared(root: Path) -> list[str]:
    """What others of the Unix group cannot use in a shared course, as paths in the course. Only folders are looked at
    below those of students, not every file in them."""
    return sorted(path.relative_to(root).as_posix() for path, mode in needed(root) if not is_allowed(path, mode))


def needed(root: Path) -> Iterator[tuple[Path, int]]:
    yield root / "gradebook.secret", READ
    yield root / "gradebook.db", WRITE
    yield root / ".autograder.lock", WRITE
    for name in FOLDERS:
        for pattern in ("", "*", "*/*"):
            folders = (path for path in (root / name).glob(pattern) if path.is_dir()) if pattern else [root / name]
            yield from ((path, WRITE) for path in folders)


def is_allowed(path: Path, wanted: int) -> bool:
    """Whether the Unix group may do what is wanted, or there is nothing yet."""
    try:
        return path.lstat().st_mode & wanted == wanted
    except OSError:
        return True
