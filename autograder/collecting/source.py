"""A zip or a folder as a list of files that have names and sizes, and, where there is one, a reason not to take them.

Nothing is unpacked here, and nothing is followed: no link, no name that leads out of its folder."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from unicodedata import normalize

from autograder.course.settings import Autograder
from autograder.errors import AutograderError
from autograder.files import walk
from autograder.sandbox.limits import MB
from autograder.submission.archive import BROKEN_ZIP, NOISE, Item, name_problem, zip_items
from autograder.submission.reading import SubmissionRefused, read_regular
from autograder.text import printable

__all__ = ["open_source"]


@contextmanager
def open_source(source: Path, settings: Autograder, ignore: list[str]) -> Iterator[list[Item]]:
    """The files of a zip or a folder, without hidden ones, those that systems leave behind, and those whose name, or
    whose folder's name, matches a pattern of `ignore`. Raises AutograderError for another kind of file, a broken zip,
    and more files than `collect_files`."""
    if source.is_dir():
        yield wanted(source, list(in_folder(source, settings)), settings, ignore)
        return
    try:
        if not zipfile.is_zipfile(source):  # which raises for one part of several
            raise AutograderError(f"{source} is neither a folder nor a zip: name the export as it was downloaded.")
        archive = zipfile.ZipFile(source)
    except BROKEN_ZIP as error:
        raise AutograderError(f"{source} cannot be read as a zip: {error}.") from None
    with archive:
        yield wanted(source, list(zip_items(archive, settings.collect_ratio)), settings, ignore)


def wanted(source: Path, items: list[Item], settings: Autograder, ignore: list[str]) -> list[Item]:
    """The items that are not noise, if they are not too many."""
    patterns = [*NOISE, *ignore]
    kept = [
        item for item in items if not any(fnmatch(p, pattern) for p in item.path.split("/") for pattern in patterns)
    ]
    if len(kept) > settings.collect_files:
        counts: dict[str, int] = {}
        for item in kept:
            folder = item.path.rpartition("/")[0]
            counts[folder] = counts.get(folder, 0) + 1
        most = max(counts, key=lambda folder: counts[folder])
        raise AutograderError(
            f"{source} holds {len(kept)} files, {counts[most]} of them in {printable(most) or 'no folder'}: "
            f"c.Autograder.collect_files allows {settings.collect_files}."
        )
    return kept


def in_folder(source: Path, settings: Autograder) -> Iterator[Item]:
    """The files below a folder; a folder that cannot be read is an item that says so."""
    unread: list[OSError] = []
    for base, folders, names in walk(source, unread.append):
        links = [name for name in folders if os.path.islink(Path(base, name))]
        for name in sorted(names + links):
            path = Path(base, name)
            yield on_disk(path, path.relative_to(source).as_posix(), settings)
    for error in unread:
        if Path(error.filename) == source:
            raise AutograderError(f"{source} cannot be read: {error.strerror}.")
        name = Path(error.filename).relative_to(source).as_posix()
        yield Item(f"{normalize('NFC', name)}/*", 0, bytes, f"cannot be read: {error.strerror}")


def on_disk(path: Path, name: str, settings: Autograder) -> Item:
    """A file in a folder."""
    problem = name_problem(name)
    if problem:  # the system may refuse to look at a path that is too long
        return Item(normalize("NFC", name), 0, bytes, problem)
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        problem = "is a link"
    elif not stat.S_ISREG(status.st_mode):
        problem = "is not a regular file"
    return Item(normalize("NFC", name), status.st_size, partial(read_file, path, settings.submission_mb * MB), problem)


def read_file(path: Path, most: int) -> bytes:
    """The content of a regular file."""
    try:
        content = read_regular(path, most)
    except OSError as error:
        raise SubmissionRefused(f"{printable(path.name)} cannot be read: {error.strerror}") from None
    if content is None:
        raise SubmissionRefused(f"{printable(path.name)} is not a regular file any more")
    return content
