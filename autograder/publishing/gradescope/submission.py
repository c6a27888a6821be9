"""What a student handed in on Gradescope: the notebook under whatever name, in a folder or in a zip."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

from autograder.grading.archive import is_noise, unzipped
from autograder.grading.assignment import Assignment
from autograder.grading.reading import read_submission
from autograder.grading.results import Submission

__all__ = ["handed_in", "who"]


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
    files = {name: data for name, data in submission.files.items() if not is_noise(name)}
    zips = [name for name in files if name.lower().endswith(".zip")]
    if not notebooks(files) and len(zips) == 1:
        files = unzipped(files[zips[0]], max_mb)
    top = folder_of(files, {f"{template.name}.ipynb" for template in assignment.notebooks})
    moved = {name.removeprefix(top): data for name, data in files.items() if name.startswith(top)}
    return Submission(student, moved, submission.digest)


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
