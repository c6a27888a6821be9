"""From the path somebody gave to what is to be exported."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import AutograderError
from autograder.publishing.nodes.files import read_inside
from autograder.publishing.nodes.text import clean

__all__ = ["Submission", "find", "find_all", "listing_of"]

MAX_LISTING = 500_000
MAX_LISTINGS = 20


@dataclass(frozen=True)
class Submission:
    """One notebook to export. ``files`` are the Python files that follow it; ``problem`` says why there is no
    notebook, where there is none.
    """

    notebook: Path
    assignment: str
    student: str = ""
    graded: bool = False
    release: Path | None = None
    files: tuple[Path, ...] = ()
    problem: str = ""


class NoNotebook(AutograderError):
    """A path without a notebook to export; ``what`` is wrong, without the path, which may name a student."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path} {what}: {remedy}.")
        self.what = what


def find_all(paths: Sequence[Path], release: Path | None = None, *, anonymous: bool = False) -> list[Submission]:
    """The submissions at paths. One of several without a notebook says so and stops no other.

    Raises:
        AutograderError: when a path does not exist, or the only one holds no notebook.
    """
    if len(paths) == 1:
        return [find(paths[0], release)]
    return [_find_or_say(path, release, anonymous) for path in paths]


def _find_or_say(path: Path, release: Path | None, anonymous: bool) -> Submission:
    try:
        return find(path, release)
    except NoNotebook as error:
        if not os.path.lexists(path):  # whoever typed it is mistaken, and not a student
            raise
        return _problem(path, f"the submission {error.what}" if anonymous else str(error))


def _problem(path: Path, problem: str) -> Submission:
    folder = (path if path.is_dir() else path.parent).absolute()
    student, course = _place(folder)
    name = folder.name if course or path.is_dir() else path.stem
    return Submission(path, clean(name), clean(student), problem=problem)


def find(path: Path, release: Path | None = None) -> Submission:
    """The submission at a path: a notebook, or a folder with one.

    In a course's folders (``submitted/STUDENT/ASSIGNMENT``) the student is known, the graded
    notebook is taken where there is one, and the release is the course's.

    Raises:
        NoNotebook: when there is no notebook.
    """
    folder = path if path.is_dir() else path.parent
    notebook = _notebook_in(path) if path.is_dir() else path
    if not notebook.is_file():
        raise NoNotebook(path, "is neither a notebook nor a folder with one", "give a .ipynb file or a submission")
    student, course = _place(folder.absolute())
    name = folder.absolute().name if course else notebook.stem
    graded = _graded(course / "autograded" / student / name, notebook) if course else None
    release = release or _release(course, name)
    return Submission(
        graded or notebook,
        clean(name),
        clean(student),
        graded is not None,
        release,
        tuple(_changed(folder, release)) if path.is_dir() else (),
    )


def _notebook_in(folder: Path) -> Path:
    notebooks = _notebooks(folder)
    named = folder / f"{folder.absolute().name}.ipynb"
    if named in notebooks:
        return named
    if len(notebooks) != 1:
        count = f"{len(notebooks)} notebooks" if notebooks else "no notebook"
        raise NoNotebook(folder, f"has {count}", "name the one to export")
    return notebooks[0]


def _notebooks(folder: Path) -> list[Path]:
    # os.path's says no where a folder may not be entered; pathlib's would raise.
    return sorted(path for path in folder.glob("*.ipynb") if os.path.isfile(path))


def _graded(folder: Path, notebook: Path) -> Path | None:
    """The notebook of a graded folder that was made of a submitted one, if there is one."""
    if (folder / notebook.name).is_file():
        return folder / notebook.name
    # Grading gives a notebook that was handed in under another name the assignment's.
    submitted, graded = _notebooks(notebook.parent), _notebooks(folder)
    return graded[0] if len(submitted) == len(graded) == 1 else None


def _place(folder: Path) -> tuple[str, Path | None]:
    """The student and the course of a folder ``COURSE/submitted/STUDENT/ASSIGNMENT``."""
    student, step = folder.parent, folder.parent.parent
    return (student.name, step.parent) if step.name in ("submitted", "autograded") else ("", None)


def _release(course: Path | None, name: str) -> Path | None:
    notebook = course / "release" / name / f"{name}.ipynb" if course else None
    return notebook if notebook is not None and notebook.is_file() else None


def _changed(folder: Path, release: Path | None) -> list[Path]:
    """The Python files of a submission that are not as they were released."""
    paths = sorted(folder.glob("*.py"))[:MAX_LISTINGS]
    released = release.parent if release else None
    return [
        path for path in paths if _content(path) not in (None, _content(released / path.name) if released else None)
    ]


def _content(path: Path) -> bytes | None:
    try:
        return read_inside(path.parent, path.name, MAX_LISTING)
    except OSError:
        return None


def listing_of(path: Path) -> tuple[str, str]:
    """The name and text of a Python file."""
    content = read_inside(path.parent, path.name, MAX_LISTING)
    return path.name, content.decode("utf-8", errors="replace")
