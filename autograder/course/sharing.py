"""A course that several people grade, by a Unix group. The course's folder says so itself (`chmod g+ws`): files made in
it then belong to its Unix group, which may write everything that we make there, except for the secret."""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["SECRET_MODE", "is_shared", "share_what_is_made", "sharing_problems"]

FOLDERS = ("source", "release", "submitted", "replaced", "autograded", "feedback", "reports", "assignments")
USABLE = stat.S_IRGRP | stat.S_IWGRP
SECRET_MODE = 0o640  # graders read it, and nobody writes into it


def is_shared(root: Path) -> bool:
    """Whether a folder's Unix group may write in it, and what is made there gets the same Unix group."""
    shared = stat.S_ISGID | stat.S_IWGRP
    return root.stat().st_mode & shared == shared


def share_what_is_made(root: Path) -> None:
    """In a shared course, let the Unix group read and write what this process makes from now on."""
    if is_shared(root):
        before = os.umask(0)
        os.umask(before & ~stat.S_IRWXG)


def sharing_problems(root: Path, groupshared: bool) -> list[str]:
    """What keeps the Unix group of a shared course from using it, or lets it do too much, and the remedy. `groupshared`
    is nbgrader's setting of this name."""
    found = []
    if mode_of(root / "gradebook.secret", SECRET_MODE) != SECRET_MODE:
        found.append(
            "gradebook.secret must be its owner's to write, its Unix group's to read, and nobody else's: run "
            "`chmod 640 gradebook.secret` as its owner"
        )
    if names := unusable(root):
        some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if names[5:] else "")
        found.append(f"its Unix group cannot use {some}: run `chmod -R g+rwX` on these as their owner")
    if not groupshared:
        found.append(
            "its Unix group cannot use what formgrader's Autograde and nbgrader's own commands make: add "
            "`c.CourseDirectory.groupshared = True` to nbgrader_config.py"
        )
    return found


def unusable(root: Path) -> list[str]:
    """What another of the group could not use, by its path in the course. Folders of students and of their assignments
    are looked at, not every file in them."""
    paths = [root / "gradebook.db", root / ".autograder.lock", *(root / name for name in FOLDERS)]
    for name in FOLDERS:
        paths += [path for pattern in ("*", "*/*") for path in (root / name).glob(pattern) if path.is_dir()]
    return sorted(path.relative_to(root).as_posix() for path in paths if mode_of(path, USABLE) & USABLE != USABLE)


def mode_of(path: Path, otherwise: int) -> int:
    """The rights to a file or folder, and `otherwise` if there is nothing yet."""
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except OSError:
        return otherwise
