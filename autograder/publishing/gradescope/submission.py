"""What a student handed in on Gradescope: the notebook under whatever name, in a folder or in a zip."""

from __future__ import annotations

import io
import json
import lzma
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from autograder.grading.assignment import Assignment
from autograder.grading.reading import MAX_FILES, SubmissionRefused, read_submission
from autograder.grading.results import Submission
from autograder.sandbox.limits import MB
from autograder.text import storable

__all__ = ["handed_in", "who"]

# What zipfile and its methods of compression raise for a file that is damaged, locked or of an unknown kind.
BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, OSError, EOFError, ValueError,
)  # fmt: skip


def who(metadata: Path) -> str:
    """A name for whoever handed in, the same at every submission: Gradescope's numbers of all of a group."""
    try:
        users = json.loads(metadata.read_bytes())["users"]
        return "gradescope " + " ".join(sorted(str(user["id"]) for user in users))
    except (OSError, ValueError, KeyError, TypeError):
        return "gradescope"


def handed_in(folder: Path, student: str, assignment: Assignment, max_mb: int) -> Submission:
    """The submission in `folder`, with the assignment's notebook at its top wherever it was.
    Raises SubmissionRefused for one that cannot be read."""
    submission = read_submission(student, folder, max_mb)
    files = plain(submission.files)
    zips = [name for name in files if name.lower().endswith(".zip")]
    if not notebooks(files) and len(zips) == 1:
        files = plain(unzipped(files[zips[0]], max_mb))
    top = folder_of(files, {f"{template.name}.ipynb" for template in assignment.notebooks})
    moved = {name.removeprefix(top): data for name, data in files.items() if name.startswith(top)}
    return Submission(student, moved, submission.digest)


def plain(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without what systems add by themselves."""
    added = (".", "__MACOSX")
    return {
        name: data for name, data in files.items() if not any(p.startswith(added) for p in PurePosixPath(name).parts)
    }


def notebooks(files: dict[str, bytes]) -> list[str]:
    return [name for name in files if name.endswith(".ipynb")]


def folder_of(files: dict[str, bytes], wanted: set[str]) -> str:
    """The folder (with a slash, or nothing) in which the assignment is: where a notebook has its name or, if none has,
    where the only notebook is. Nothing if that is not one place."""
    found = notebooks(files)
    named = [name for name in found if PurePosixPath(name).name in wanted] or found
    folders = {name.rpartition("/")[0] for name in named}
    if len(folders) != 1 or "" in folders:
        return ""
    return f"{folders.pop()}/"


def unzipped(data: bytes, max_mb: int) -> dict[str, bytes]:
    """The files of a zip, in memory. Raises SubmissionRefused for one that is broken, locked or larger than allowed."""
    files: dict[str, bytes] = {}
    left = max_mb * MB
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                with archive.open(entry) as file:
                    content = file.read(left + 1)
                left -= len(content)
                files[storable(entry.filename)] = content
                if left < 0 or len(files) > MAX_FILES:
                    raise SubmissionRefused(f"its zip holds more than {max_mb} MB or {MAX_FILES} files")
    except BROKEN as error:
        raise SubmissionRefused(f"its zip cannot be read ({error})") from None
    return files
