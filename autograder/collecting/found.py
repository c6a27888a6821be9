"""The protocol of the readers of the different sources: their input, and a submission as it was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from autograder.collecting.people import Person
from autograder.course.assignment import Assignment
from autograder.course.course import Course
from autograder.submission.archive import Item

__all__ = ["Download", "DownloadReader", "FoundSubmission", "below", "only_folder", "stray"]


@dataclass(frozen=True)
class Download:
    """The input of `collect`: the files of the zip or folder at `path`, and the assignment that they are for."""

    path: Path
    items: list[Item]
    course: Course
    assignment: Assignment


class DownloadReader(Protocol):
    """Knows one kind of download. To add a kind, write a reader and put it into `collect.READERS`."""

    def recognises(self, download: Download) -> bool:
        """Whether the download is of this kind."""

    def read(self, download: Download) -> Iterator[FoundSubmission]:
        """Its submissions, and what belongs to nobody. Raises AutograderError if it cannot be read as a whole."""


@dataclass
class FoundSubmission:
    """A submission in a source. `origin` is where it was found; `files` are its files by their path in the student's
    folder, several of one name if there are; `at` is when it was handed in, in UTC without a zone, if the source says
    so; `late` is said without a time; `student` is the id where the source itself gives it; `problem` says why it is
    not collected."""

    origin: str
    person: Person = field(default_factory=Person)
    files: list[tuple[str, Item]] = field(default_factory=list)
    at: datetime | None = None
    late: bool = False
    student: str = ""
    problem: str = ""


def below(items: Iterable[Item], folder: str) -> list[tuple[str, Item]]:
    """The items in a folder, each with its path below it; all items if `folder` is empty."""
    start = f"{folder}/" if folder else ""
    return [(item.path.removeprefix(start), item) for item in items if item.path.startswith(start)]


def only_folder(items: Iterable[Item]) -> str:
    """The folder that all items lie in, if there is one and no more; else empty. Items with a problem don't count."""
    paths = [item.path for item in items if not item.problem]
    tops = {path.partition("/")[0] for path in paths}
    return tops.pop() if len(tops) == 1 and all("/" in path for path in paths) else ""


def stray(items: Iterable[Item], why: str) -> Iterator[FoundSubmission]:
    """Items that belong to nobody, each refused by its own name."""
    for item in items:
        yield FoundSubmission(item.path, problem=item.problem or why)
