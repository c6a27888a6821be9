"""Canvas's download of an assignment's submissions: one heap of files, whose names say whose they are.

lovelaceada_12345_67890_softmax.ipynb              name, number of the student, number of the file, name of the file
lovelaceada_LATE_12345_67891_softmax-1.ipynb       the same, handed in late and for the second time
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from autograder.collecting.found import Download, Found, only_folder, stray
from autograder.collecting.people import Person
from autograder.grading.archive import Item

__all__ = ["CanvasDownload"]

NAME = re.compile(r"(?P<name>.*?)(?P<late>_late)?_(?P<student>\d+)_(?P<file>\d+)_(?P<original>.+)", re.I | re.S)
AGAIN = re.compile(r"(?P<stem>.+)-(?P<times>\d+)")
Age = tuple[int, int, bool]  # the file's number, how often it was handed in before, late


class CanvasDownload:
    """The reader of a download."""

    def recognises(self, download: Download) -> bool:
        return bool(heap_of(download.items))

    def read(self, download: Download) -> Iterator[Found]:
        assignment = download.assignment
        notebooks = {f"{notebook.name}.ipynb" for notebook in assignment.notebooks}
        known = notebooks | set(assignment.files) | download.course.own_files(assignment.name)
        return canvas_submissions(heap_of(download.items), known)


def heap_of(items: list[Item]) -> list[tuple[str, Item]]:
    """The files of a Canvas download by name, at the top or in the only folder there; empty if it is none."""
    heap = [(item.path.removeprefix(f"{only_folder(items)}/"), item) for item in items]
    return heap if any("/" not in name and NAME.fullmatch(name) for name, _ in heap) else []


def canvas_submissions(heap: list[tuple[str, Item]], known: set[str]) -> Iterator[Found]:
    """The submissions in a heap of files; `known` are the names that the assignment's files have. Of a file that was
    handed in several times the newest is taken: Canvas numbers files as they come."""
    students: dict[str, dict[str, list[tuple[Age, Item]]]] = {}
    names: dict[str, str] = {}
    for path, item in heap:
        match = NAME.fullmatch(path)
        if "/" in path or match is None:
            yield from stray([item], "its name is none that Canvas gives to a file that was handed in")
            continue
        original, times = first_name(match["original"], known)
        names[match["student"]] = match["name"]
        versions = students.setdefault(match["student"], {}).setdefault(original, [])
        versions.append(((int(match["file"]), times, bool(match["late"])), item))
    for student, files in students.items():
        newest = [(name, version) for name, versions in files.items() for version in newest_of(versions)]
        yield Found(
            min(item.path for _, (_, item) in newest),
            Person(sid=student, name=names[student], lms_user_id=student),
            [(name, item) for name, (_, item) in newest],
            late=any(late for _, ((_, _, late), _) in newest),
        )


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
