"""Canvas's download of an assignment's submissions: one heap of files, whose names say whose they are.

lovelaceada_12345_67890_softmax.ipynb              name, number of the student, number of the file, name of the file
lovelaceada_LATE_12345_67891_softmax-1.ipynb       the same, handed in late and for the second time
anon_Ab3dE_67890_softmax.ipynb                     of an assignment that is graded anonymously
lovelaceada_12345_text.html                        what was typed into Canvas; a link is ..._link.html

A group has one submission, named after the group, with the number of one of its members.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from autograder.collecting.found import Download, FoundSubmission, only_folder, stray
from autograder.collecting.people import Person
from autograder.submission.archive import Item

__all__ = ["CanvasDownload"]

NUMBERS = re.compile(r"(?=_(?P<student>\d+)_(?P<file>\d+)_(?P<original>.+))", re.S)
ANONYMOUS = re.compile(r"(?P<late>late_)?(?P<student>anon_[a-z0-9]+)_(?P<file>\d+)_(?P<original>.+)", re.I | re.S)
TYPED = re.compile(r"(?:.+?_)??(?:late_)?(?P<student>\d+|anon_[a-z0-9]+)_(?P<what>text|link)\.html", re.I | re.S)
AGAIN = re.compile(r"(?P<stem>.+)-(?P<times>\d+)")
Age = tuple[int, int, bool]  # the file's number, how often it was handed in before, late


class CanvasDownload:
    """The reader of a download."""

    def recognises(self, download: Download) -> bool:
        return bool(heap_of(download.items))

    def read(self, download: Download) -> Iterator[FoundSubmission]:
        assignment = download.assignment
        notebooks = {f"{notebook.name}.ipynb" for notebook in assignment.notebooks}
        known = notebooks | set(assignment.files) | download.course.own_files(assignment.name)
        return canvas_submissions(heap_of(download.items), known)


@dataclass(frozen=True)
class CanvasName:
    """The parts of a file's name."""

    name: str
    student: str
    file: int
    original: str
    late: bool


def readings(name: str) -> list[CanvasName]:
    """The possible meanings of a name. A student's name may end with a number (`student_2`), and a file's begin with
    one."""
    if match := ANONYMOUS.fullmatch(name):
        return [CanvasName("", match["student"], int(match["file"]), match["original"], bool(match["late"]))]
    found = []
    for match in NUMBERS.finditer(name):
        called, late = name[: match.start()], name[: match.start()].lower().endswith("_late")
        called = called[: -len("_late")] if late else called
        if called and not re.search(r"_\d+_", called):  # Canvas takes these out of names
            found.append(CanvasName(called, match["student"], int(match["file"]), match["original"], late))
    return found


def heap_of(items: list[Item]) -> list[tuple[str, Item]]:
    """The files of a Canvas download by name, at the top or in the only folder there; empty if it is none."""
    heap = [(item.path.removeprefix(f"{only_folder(items)}/"), item) for item in items]
    return heap if any("/" not in name and readings(name) for name, _ in heap) else []


def canvas_submissions(heap: list[tuple[str, Item]], known: set[str]) -> Iterator[FoundSubmission]:
    """The submissions in a heap of files; `known` are the names that the assignment's files have. Of a file that was
    handed in several times the newest is taken: Canvas numbers files as they come."""
    meanings = {path: readings(path) if "/" not in path else [] for path, _ in heap}
    meanings = {
        path: those(some, lambda one: first_name(one.original, known)[0] in known) for path, some in meanings.items()
    }
    certain = {(some[0].name, some[0].student) for some in meanings.values() if len(some) == 1}
    students: dict[str, dict[str, list[tuple[Age, Item]]]] = {}
    names: dict[str, str] = {}
    for path, item in heap:
        meant = those(meanings[path], lambda one: (one.name, one.student) in certain)
        if len(meant) != 1:
            yield from not_handed_in(path, item, meant)
            continue
        (handed,) = meant
        original, times = first_name(handed.original, known)
        names[handed.student] = handed.name
        versions = students.setdefault(handed.student, {}).setdefault(original, [])
        versions.append(((handed.file, times, handed.late), item))
    for student, files in students.items():
        newest = [(name, version) for name, versions in files.items() for version in newest_of(versions)]
        anonymous = student.lower().startswith("anon_")
        yield FoundSubmission(
            min(item.path for _, (_, item) in newest),
            Person(sid=student, name=names[student], lms_user_id="" if anonymous else student),
            [(name, item) for name, (_, item) in newest],
            late=any(late for _, ((_, _, late), _) in newest),
        )


def those(meanings: list[CanvasName], fits: Callable[[CanvasName], bool]) -> list[CanvasName]:
    """The meanings that fit, if one does; else all of them."""
    return [reading for reading in meanings if fits(reading)] or meanings


def not_handed_in(path: str, item: Item, meanings: list[CanvasName]) -> Iterator[FoundSubmission]:
    """A file that is not taken, with the reason."""
    typed = TYPED.fullmatch(path)
    if typed:
        what = (
            "text that was typed into Canvas" if typed["what"].lower() == "text" else "a link that was given to Canvas"
        )
        why = f"it is {what}, not a file: look there, and put the notebook into submitted/ yourself"
    elif meanings:
        ways = " or ".join(f"{reading.original} by {reading.name}, number {reading.student}" for reading in meanings)
        why = f"its name can be read in several ways: {ways}"
    else:
        why = "Canvas gives no such name to a file that was handed in"
    yield from stray([item], why)


def newest_of(versions: list[tuple[Age, Item]]) -> list[tuple[Age, Item]]:
    """The newest version of a file; several if they have the same numbers, which is refused later."""
    last = max(age for age, _ in versions)
    return [(age, item) for age, item in versions if age == last]


def first_name(name: str, known: set[str]) -> tuple[str, int]:
    """The name that a file had before Canvas counted it, and the count: softmax-2.ipynb was softmax.ipynb.

    Only where that is certain: the name is one of the assignment's, or of a module, which has no hyphen. Another
    file's name may have ended like that from the start.
    """
    path = PurePosixPath(name)
    match = AGAIN.fullmatch(path.stem)
    if match is None or name in known:
        return name, 0
    original = match["stem"] + path.suffix
    certain = original in known or path.suffix == ".py"
    return (original, int(match["times"])) if certain else (name, 0)
