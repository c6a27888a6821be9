"""A zip as a list of files that have names and sizes, and, where there is one, a reason not to take them. Nothing is
unpacked before it is asked for, and nothing is followed: no link, no name that leads out of its folder."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from unicodedata import normalize

from autograder.sandbox.limits import MB
from autograder.submission.reading import MAX_FILES, PATH_BYTES, SubmissionRefused
from autograder.text import printable

__all__ = ["BROKEN_ZIP", "NAME_BYTES", "NOISE", "Item", "is_noise", "name_problem", "unzipped", "zip_items"]

# Raised by zipfile and its methods of compression for a file that is damaged, locked or of an unknown kind.
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    RuntimeError,
    OverflowError,  # for a place or a size that no file can have
)
NOISE = ("__MACOSX", "Thumbs.db", "desktop.ini", ".[!.]*")
NAME_BYTES = 200
SMALL = MB  # text that repeats itself packs well; what is small once unpacked does no harm
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of any other, zipfile unpacks more than it is asked for
ENTRY = b"PK\x01\x02"  # begins each entry of a zip's list of files
MOST_ENTRIES = 50_000


@dataclass(frozen=True)
class Item:
    """A file of a source. `path` is below the source, with slashes; `size` is in bytes, unpacked; `read` gives the
    content and raises SubmissionRefused; `problem` says why the file is not taken, and is empty if it may be."""

    path: str
    size: int
    read: Callable[[], bytes]
    problem: str = ""


def unzipped(data: bytes, max_mb: int) -> dict[str, bytes]:
    """The files of a zip that was handed in, without what systems add by themselves. Raises SubmissionRefused for a zip
    that is broken, locked or larger than allowed, and for one with a file that is not safe to write, or with two of one
    name."""
    if data.count(ENTRY) > MOST_ENTRIES:  # zipfile would take a kilobyte for each before it can be asked how many
        raise SubmissionRefused(f"its zip holds more than {max_mb} MB or {MAX_FILES} files")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            items = [item for item in zip_items(archive, max_mb * MB) if not is_noise(item.path)]
            if len(items) > MAX_FILES or sum(item.size for item in items) > max_mb * MB:
                raise SubmissionRefused(f"its zip holds more than {max_mb} MB or {MAX_FILES} files")
            for item in items:
                if item.problem:
                    raise SubmissionRefused(f"its zip holds {printable(item.path) or 'a file'}, which {item.problem}")
            files = {item.path: item.read() for item in items}
            if len(files) < len(items):
                twice = next(name for name, count in Counter(item.path for item in items).items() if count > 1)
                raise SubmissionRefused(f"its zip holds several files {twice}")
            return files
    except BROKEN_ZIP as error:
        raise SubmissionRefused(f"its zip cannot be read ({error})") from None


def is_noise(path: str) -> bool:
    """Whether a file is hidden, or one that systems add by themselves."""
    return any(fnmatch(part, pattern) for part in path.split("/") for pattern in NOISE)


def zip_items(archive: zipfile.ZipFile, ratio: int) -> Iterator[Item]:
    """The files of a zip, but no folders; a large one that is packed more than `ratio` times is not to be taken."""
    # ZipInfo.is_dir() looks at the last letter, and an empty name has none.
    return (in_zip(archive, info, ratio) for info in archive.infolist() if not info.filename.endswith("/"))


def in_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, ratio: int) -> Item:
    """A file of a zip. The zip's own words about it are believed only as far as they are checked when it is read."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    path = normalize("NFC", info.orig_filename)
    problem = name_problem(info.orig_filename) or name_problem(path)  # which may be longer
    if kind == stat.S_IFLNK:
        problem = problem or "is a link"
    elif kind not in (0, stat.S_IFREG):
        problem = problem or "is not a regular file"
    elif info.flag_bits & 1:
        problem = problem or "is encrypted"
    elif info.compress_type not in METHODS:
        problem = problem or "is packed in a way that is not read here: make the zip with your system's own program"
    elif info.file_size > SMALL and info.file_size > ratio * max(info.compress_size, 1):
        problem = problem or f"is packed more than {ratio} times, like a zip bomb"
    return Item(path, info.file_size, partial(read_member, archive, info), problem)


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The content of a file in a zip: never more than the size that the zip says, and of the right checksum."""
    try:
        with archive.open(info) as file:
            return file.read(info.file_size)
    except BROKEN_ZIP as error:
        raise SubmissionRefused(f"{printable(info.orig_filename)} cannot be unpacked: {error}") from None


def name_problem(name: str) -> str:
    """Why a file of this name is not written anywhere; empty if it may be."""
    parts = name.split("/")
    if not name:
        return "has no name"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "has an absolute name"
    if ".." in parts:
        return "leads out of its folder"
    if "" in parts or "." in parts or "\\" in name or printable(name) != name:
        return "has a name that is not safe to write"
    if len(name.encode()) > PATH_BYTES or any(len(part.encode()) > NAME_BYTES for part in parts):
        return "has a name that is too long"
    return ""
