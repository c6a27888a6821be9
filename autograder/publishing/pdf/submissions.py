"""From the path somebody gave to what is to be exported."""

from dataclasses import dataclass
from pathlib import Path

from autograder.errors import AutograderError
from autograder.publishing.nodes.files import read_inside
from autograder.publishing.nodes.text import clean

__all__ = ["Submission", "find", "listing_of"]

MAX_LISTING = 500_000
MAX_LISTINGS = 20


@dataclass(frozen=True)
class Submission:
    """One notebook to export. ``files`` are the Python files that follow it."""

    notebook: Path
    assignment: str
    student: str = ""
    graded: bool = False
    release: Path | None = None
    files: tuple[Path, ...] = ()


def find(path: Path, release: Path | None = None) -> Submission:
    """The submission at a path: a notebook, or a folder with one.

    In a course's folders (``submitted/STUDENT/ASSIGNMENT``) the student is known, the graded
    notebook is taken where there is one, and the release is the course's.

    Raises:
        AutograderError: when there is no notebook.
    """
    folder = path if path.is_dir() else path.parent
    notebook = _notebook_in(path) if path.is_dir() else path
    if not notebook.is_file():
        raise AutograderError(
            f"{path} is neither a notebook nor a folder with one: give a .ipynb file or a submission."
        )
    student, course = _place(folder.absolute())
    name = folder.absolute().name if course else notebook.stem
    graded = course / "autograded" / student / name / notebook.name if course else None
    is_graded = graded is not None and graded.is_file()
    release = release or _release(course, name)
    return Submission(
        graded if graded is not None and is_graded else notebook,
        clean(name),
        clean(student),
        is_graded,
        release,
        tuple(_changed(folder, release)) if path.is_dir() else (),
    )


def _notebook_in(folder: Path) -> Path:
    notebooks = sorted(folder.glob("*.ipynb"))
    named = folder / f"{folder.absolute().name}.ipynb"
    if named in notebooks:
        return named
    if len(notebooks) != 1:
        count = f"{len(notebooks)} notebooks" if notebooks else "no notebook"
        raise AutograderError(f"{folder} has {count}: name the one to export.")
    return notebooks[0]


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
