"""nbgrader's exchange, without following links and without repeating itself in the log: with this in
`nbgrader_config.py`, `nbgrader collect` and formgrader's button take regular files only.

Students can write to the exchange themselves, and nbgrader copies as whoever collects: by a link, the answers and the
gradebook would become files of a submission, and student code would find them beside it.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect, ExchangeList

from autograder.submission.reading import PATH_BYTES
from autograder.submission.times import TIMESTAMP

__all__ = ["CollectRegularFiles", "ListToldOnce", "copy_regular_files"]

ENTRY = 4096  # bytes that a file or folder counts at least, so that empty ones have an end, too


class CollectRegularFiles(ExchangeCollect):  # type: ignore[misc]
    """For `c.ExchangeFactory.collect`."""

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Copy a submission as nbgrader does, from a copy of its regular files that nobody else can change. If one
        cannot be copied, a message says so, and the others are collected."""
        with tempfile.TemporaryDirectory() as private:
            regular = Path(private, "submission")
            try:
                copy_regular_files(src, regular, 1000 * self.coursedir.max_dir_size)
                write_time(Path(src).name, regular)
            except (OSError, RecursionError, ValueError) as error:
                self.log.error(f"{src} was not collected: {error}")
            else:
                super().do_copy(str(regular), dest, log)


class ListToldOnce(ExchangeList):  # type: ignore[misc]
    """For `c.ExchangeFactory.list`: formgrader looks for the exchange at each click. If there is none, or it cannot be
    used, its page says so, and the log says it once."""

    told: ClassVar[set[str]] = set()

    def fail(self, msg: str) -> NoReturn:
        """Raise ExchangeError, as nbgrader does."""
        if msg not in self.told:
            self.told.add(msg)
            super().fail(msg)
        raise ExchangeError(msg)


def write_time(name: str, folder: Path) -> None:
    """Write when a submission was handed in, as its folder's name in the exchange says: STUDENT+ASSIGNMENT+TIME+NUMBER.
    nbgrader has read that. The file that a student has put there may hold anything, and formgrader shows nobody where
    it cannot read one."""
    (folder / TIMESTAMP).write_text(name.rsplit("+", 3)[2], encoding="utf-8")


def copy_regular_files(source: str, target: Path, most: int) -> None:
    """Copy the regular files below `source`, through no link, even one that appears meanwhile. Raises OSError, and
    ValueError for more than `most` bytes; a file or folder counts as a block at least."""
    for base, folders, names, folder in os.fwalk(source, follow_symlinks=False):
        inside = os.path.relpath(base, source)
        if len(os.fsencode(inside)) > PATH_BYTES:
            raise ValueError(f"it has a path of more than {PATH_BYTES} bytes")
        place = target / inside
        place.mkdir(parents=True)
        most -= ENTRY * (len(folders) + len(names))
        refuse_below_zero(most)
        for name in names:
            content = read_regular_in(folder, name, most + ENTRY)
            most -= max(0, len(content or b"") - ENTRY)
            refuse_below_zero(most)
            if content is not None:
                (place / name).write_bytes(content)


def refuse_below_zero(most: int) -> None:
    if most < 0:
        raise ValueError("it is larger than c.CourseDirectory.max_dir_size allows")


def read_regular_in(folder: int, name: str, most: int) -> bytes | None:
    """The first bytes of a regular file of an open folder, one more than `most` if there are as many; None for anything
    else."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:  # a link, or gone
        return None
    with open(descriptor, "rb") as file:
        return file.read(most + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
