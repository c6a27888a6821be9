"""Reading a submission from disk: regular files only, never through a link, and not more than is allowed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from autograder.files import open_regular, walk
from autograder.sandbox.limits import MB
from autograder.submission.graded import Submission
from autograder.text import printable, storable

__all__ = ["MAX_FILES", "PATH_BYTES", "SubmissionRefused", "read_regular", "read_submission"]

MAX_FILES = 1_000
PATH_BYTES = 1_000


class SubmissionRefused(Exception):
    """A submission that is not read at all; the text tells the student why."""


def read_submission(student: str, folder: Path, max_mb: int) -> Submission:
    """The regular files below `folder`. Raises SubmissionRefused for one that is too large, and OSError for one that
    this machine cannot read, which is nothing that a student could mend."""

    def fail(error: OSError) -> None:
        raise error

    files: dict[str, bytes] = {}
    size = 0
    for base, folders, names in walk(folder, fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names + folders):  # the system would refuse to look into a folder with a longer path
            if len(os.fsencode(Path(base, name).relative_to(folder))) > PATH_BYTES:
                raise SubmissionRefused(f"it has a path of more than {PATH_BYTES} bytes (to {printable(name)})")
        for name in sorted(names):
            path = Path(base, name)
            content = read_regular(path, max_mb * MB - size)
            if content is None:
                continue
            size += len(content)
            relative = storable(path.relative_to(folder).as_posix())
            if relative in files:
                raise SubmissionRefused(
                    f"two of its files have names that differ in no readable letter ({printable(relative)})"
                )
            files[relative] = content
            if len(files) > MAX_FILES:
                raise SubmissionRefused(f"it has more than {MAX_FILES} files")
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{len(name.encode())} {name} {len(content)} ".encode() + content)
    return Submission(student, files, digest.hexdigest())


def read_regular(path: Path, left: int) -> bytes | None:
    """The content of a regular file, at most `left` bytes; None for a link, a device or any other thing. Raises
    SubmissionRefused for a larger one, OSError for one that cannot be read."""
    file = open_regular(path)
    if file is None:
        return None
    with file:
        if os.fstat(file.fileno()).st_size > left:
            raise SubmissionRefused(f"it is too large (at {printable(path.name)})")
        return file.read(left)
