"""The files beside the notebooks of an assignment: which of them students get, and which only its tests see."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

from nbgrader import utils

from autograder.checking.regions import REGIONS
from autograder.course.course import Course
from autograder.errors import AutograderError

__all__ = ["data_files", "private_files", "refuse_answers", "refuse_private", "remove_hidden", "source_paths"]

# What a copy of an instructor's notebook holds, or of its text: an editor's backup, say.
OF_NOTEBOOKS = (*(region.begin for region in REGIONS), '"grade_id"')
HIDDEN = ".*"
PRIVATE = "private"  # a folder of an assignment's source: its files are for tests alone


def source_paths(folder: Path, course: Course) -> Iterator[Path]:
    """All that is in an assignment's source folder, but for hidden files and what nbgrader is configured to ignore."""
    ignored = (HIDDEN, *course.directory.ignore)
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if not any(fnmatch(part, pattern) for part in parts for pattern in ignored):
            yield path


def data_files(folder: Path, course: Course) -> Iterator[tuple[str, bytes]]:
    """The assignment's files that are not notebooks, by their path below the source folder. As in a release, what a
    link leads to is among them if it is a file. Private files never are."""
    for path in source_paths(folder, course):
        name = path.relative_to(folder)
        if path.is_file() and path.suffix != ".ipynb" and name.parts[0] != PRIVATE:
            yield name.as_posix(), path.read_bytes()


def private_files(folder: Path, course: Course) -> dict[str, bytes]:
    """The assignment's private files, by their path below `private/`. Raises AutograderError if nbgrader would hand
    them out: its own commands know them only as files to ignore."""
    private = folder / PRIVATE
    if not private.is_dir():
        return {}
    if not utils.is_ignored(str(private), course.directory.ignore):
        raise AutograderError(
            f"nbgrader would release {private}: add the line c.CourseDirectory.ignore.append({PRIVATE!r}) to "
            f"{course.config_file}."
        )
    paths = [path for path in source_paths(private, course) if path.is_file()]
    return {path.relative_to(private).as_posix(): path.read_bytes() for path in paths}


def refuse_private(made: Path, private: Mapping[str, bytes]) -> None:
    """Raise AutograderError if a file of the release in `made` is private, or a copy of a private file."""
    names = {digest(data): name for name, data in private.items() if data}
    for path in sorted(made.rglob("*")):
        name = path.relative_to(made)
        is_copy = bool(names) and path.is_file() and digest(path.read_bytes()) in names
        if is_copy or (name.parts[0] == PRIVATE and private):
            why = f"it is private/{names[digest(path.read_bytes())]}" if is_copy else "its folder is private"
            raise AutograderError(f"{name} would be released, and {why}: students must not have it.")


def refuse_answers(folder: Path, files: Mapping[str, bytes]) -> None:
    """Raise AutograderError if one of the files that students get from `folder` is a copy of an instructor's notebook,
    or of a part of it."""
    for name, data in files.items():
        for words in OF_NOTEBOOKS:
            if words.encode() in data:
                raise AutograderError(
                    f"{folder / name} has {words} in it, as a copy of a notebook with answers has, and students get "
                    f"every file there: remove it, or move it to {PRIVATE}/."
                )


def remove_hidden(made: Path) -> None:
    """Remove hidden files and folders from a release: editors keep copies in them, and Git everything."""
    for path in sorted(made.rglob(HIDDEN)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
