"""A zip or a folder as a list of files that have names and sizes, and, where there is one, a reason not to take them.

Nothing is unpacked here, and nothing is followed: no link, no name that leads out of its folder."""

from __future__ import annotations

import lzma
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from unicodedata import normalize

from autograder.errors import AutograderError
from autograder.grading.reading import SubmissionRefused, read_regular
from autograder.grading.settings import Autograder
from autograder.sandbox.limits import MB
from autograder.text import printable

__all__ = ["Item", "name_problem", "open_source"]

NOISE = ("__MACOSX", "Thumbs.db", "desktop.ini", ".[!.]*")
NAME_BYTES = 200
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError)
PATH_BYTES = 1000
SMALL = MB  # text that repeats itself packs well; what is small once unpacked does no harm


@dataclass(frozen=True)
class Item:
    """A file of a source. `path` is below the source, with slashes; `size` is in bytes, unpacked; `read` gives the
    content and raises SubmissionRefused; `problem` says why the file is not taken, and is empty if it may be."""

    path: str
    size: int
    read: Callable[[], bytes]
    problem: str = ""


@contextmanager
def open_source(source: Path, settings: Autograder, ignore: list[str]) -> Iterator[list[Item]]:
    """The files of a zip or a folder, without hidden ones, those that systems leave behind, and those whose name, or
    whose folder's name, matches a pattern of `ignore`. Raises AutograderError for another kind of file, a broken zip,
    and more files than `collect_files`."""
    if source.is_dir():
        yield wanted(source, list(in_folder(source, settings)), settings, ignore)
        return
    if not zipfile.is_zipfile(source):
        raise AutograderError(f"{source} is neither a folder nor a zip: name the export as it was downloaded.")
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise AutograderError(f"{source} cannot be read as a zip: {error}.") from None
    with archive:
        infos = (info for info in archive.infolist() if not info.is_dir())
        yield wanted(source, [in_zip(archive, info, settings) for info in infos], settings, ignore)


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


def in_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, settings: Autograder) -> Item:
    """A file of a zip. The zip's own words about it are believed only as far as they are checked when it is read."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    problem = name_problem(info.orig_filename)
    if kind == stat.S_IFLNK:
        problem = problem or "is a link"
    elif kind not in (0, stat.S_IFREG):
        problem = problem or "is no regular file"
    elif info.flag_bits & 1:
        problem = problem or "is encrypted"
    elif info.file_size > SMALL and info.file_size > settings.collect_ratio * max(info.compress_size, 1):
        problem = problem or f"is packed more than {settings.collect_ratio} times, like a zip bomb"
    path = normalize("NFC", info.orig_filename)
    return Item(path, info.file_size, partial(read_member, archive, info), problem)


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The content of a file in a zip: never more than the size that the zip says, and of the right checksum."""
    try:
        with archive.open(info) as file:
            return file.read(info.file_size)
    except BROKEN_ZIP as error:
        raise SubmissionRefused(f"{printable(info.orig_filename)} cannot be unpacked: {error}") from None


def in_folder(source: Path, settings: Autograder) -> Iterator[Item]:
    """The files below a folder; of a folder that cannot be read that it cannot."""
    unread: list[OSError] = []
    for base, folders, names in os.walk(source, onerror=unread.append):
        links = [name for name in folders if Path(base, name).is_symlink()]
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
    status = path.lstat()
    problem = name_problem(name)
    if stat.S_ISLNK(status.st_mode):
        problem = problem or "is a link"
    elif not stat.S_ISREG(status.st_mode):
        problem = problem or "is no regular file"
    return Item(normalize("NFC", name), status.st_size, partial(read_file, path, settings.submission_mb * MB), problem)


def read_file(path: Path, most: int) -> bytes:
    """The content of a regular file."""
    try:
        content = read_regular(path, most)
    except OSError as error:
        raise SubmissionRefused(f"{printable(path.name)} cannot be read: {error.strerror}") from None
    if content is None:
        raise SubmissionRefused(f"{printable(path.name)} is no regular file any more")
    return content


def name_problem(name: str) -> str:
    """Why a file of this name is not written anywhere; empty if it may be."""
    parts = name.split("/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "has an absolute name"
    if ".." in parts:
        return "leads out of its folder"
    if "" in parts or "." in parts or "\\" in name or printable(name) != name:
        return "has a name that is not safe to write"
    if len(name.encode()) > PATH_BYTES or any(len(part.encode()) > NAME_BYTES for part in parts):
        return "has a name that is too long"
    return ""
