"""Finds the notebooks to export at the paths that were given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.errors import AutograderError
from autograder.files import read_inside
from autograder.publishing.doctree.text_lines import clean

if TYPE_CHECKING:
    from autograder.publishing.class_results import NotebookResult

__all__ = ["ExportInput", "find", "find_all", "listing_of"]

MAX_LISTING = 500_000
MAX_LISTINGS = 20


@dataclass(frozen=True)
class ExportInput:
    """One notebook to export. `files` are the Python files that follow it; `problem` says why there is no
    notebook, where there is none; `result` has points and comments, where a gradebook knows them.
    """

    notebook: Path
    assignment: str
    student: str = ""
    graded: bool = False
    release: Path | None = None
    files: tuple[Path, ...] = ()
    problem: str = ""
    result: NotebookResult | None = None


class NoNotebook(AutograderError):
    """A path without a notebook to export; `what` is wrong, without the path, which may name a student."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path} {what}: {remedy}.")
        self.what = what


def find_all(paths: Sequence[Path], release: Path | None, *, anonymous: bool) -> list[ExportInput]:
    """The submissions at paths. One of several without a notebook says so and stops no other.
    Raises AutograderError if a path does not exist, or the only one holds no notebook."""
    if len(paths) == 1:
        return [find(paths[0], release)]
    return [find_or_say(path, release, anonymous) for path in paths]


def find_or_say(path: Path, release: Path | None, anonymous: bool) -> ExportInput:
    try:
        return find(path, release)
    except NoNotebook as error:
        if not os.path.lexists(path):  # whoever typed it is mistaken, and not a student
            raise
        return without_notebook(path, f"the submission {error.what}" if anonymous else str(error))


def without_notebook(path: Path, problem: str) -> ExportInput:
    folder = (path if path.is_dir() else path.parent).absolute()
    student, course = place(folder)
    name = folder.name if course or path.is_dir() else path.stem
    return ExportInput(path, clean(name), clean(student), problem=problem)


def find(path: Path, release: Path | None = None) -> ExportInput:
    """The submission at a path: a notebook, or a folder with one.

    In a course's folders (`submitted/STUDENT/ASSIGNMENT`) the student is known, the graded notebook is taken where
    there is one, and the release is the course's. Raises NoNotebook if there is no notebook.
    """
    folder = path if path.is_dir() else path.parent
    notebook = notebook_in(path) if path.is_dir() else path
    if not notebook.is_file():
        raise NoNotebook(path, "is neither a notebook nor a folder with one", "give a .ipynb file or a submission")
    student, course = place(folder.absolute())
    name = folder.absolute().name if course else notebook.stem
    graded = graded_notebook(course / "autograded" / student / name, notebook) if course else None
    release = release or released_notebook(course, name)
    return ExportInput(
        graded or notebook,
        clean(name),
        clean(student),
        graded is not None,
        release,
        tuple(changed_modules(folder, release)) if path.is_dir() else (),
    )


def notebook_in(folder: Path) -> Path:
    notebooks = notebooks_in(folder)
    named = folder / f"{folder.absolute().name}.ipynb"
    if named in notebooks:
        return named
    if len(notebooks) != 1:
        count = f"{len(notebooks)} notebooks" if notebooks else "no notebook"
        raise NoNotebook(folder, f"has {count}", "name the one to export")
    return notebooks[0]


def notebooks_in(folder: Path) -> list[Path]:
    # os.path's says no where a folder may not be entered; pathlib's would raise.
    return sorted(path for path in folder.glob("*.ipynb") if os.path.isfile(path))


def graded_notebook(folder: Path, notebook: Path) -> Path | None:
    """The notebook of a graded folder that was made of a submitted one, if there is one."""
    if (folder / notebook.name).is_file():
        return folder / notebook.name
    # Grading gives a notebook that was handed in under another name the assignment's.
    submitted, graded = notebooks_in(notebook.parent), notebooks_in(folder)
    return graded[0] if len(submitted) == len(graded) == 1 else None


def place(folder: Path) -> tuple[str, Path | None]:
    """The student and the course of a folder `COURSE/submitted/STUDENT/ASSIGNMENT`."""
    student, step = folder.parent, folder.parent.parent
    return (student.name, step.parent) if step.name in ("submitted", "autograded") else ("", None)


def released_notebook(course: Path | None, name: str) -> Path | None:
    notebook = course / "release" / name / f"{name}.ipynb" if course else None
    return notebook if notebook is not None and notebook.is_file() else None


def changed_modules(folder: Path, release: Path | None) -> list[Path]:
    """The Python files of a submission that are not as they were released."""
    paths = sorted(folder.glob("*.py"))[:MAX_LISTINGS]
    released = release.parent if release else None
    return [
        path for path in paths if content_of(path) not in (None, content_of(released / path.name) if released else None)
    ]


def content_of(path: Path) -> bytes | None:
    try:
        return read_inside(path.parent, path.name, MAX_LISTING)
    except OSError:
        return None


def listing_of(path: Path) -> tuple[str, str]:
    """The name and text of a Python file."""
    content = read_inside(path.parent, path.name, MAX_LISTING)
    return path.name, content.decode("utf-8", errors="replace")
