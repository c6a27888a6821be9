"""A folder for each student, and names that the course's own configuration reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.plugins import FileNameCollectorPlugin
from traitlets.config import Config

from autograder.collecting.found import Download, FoundSubmission, below, only_folder, stray
from autograder.collecting.people import Person
from autograder.submission.archive import Item
from autograder.submission.times import parse_time

__all__ = ["NamedFiles", "StudentFolders"]


class StudentFolders:
    """The reader of folders, and of whatever no other reader knows."""

    def recognises(self, download: Download) -> bool:
        return True

    def read(self, download: Download) -> Iterator[FoundSubmission]:
        return folder_submissions(download.items, download.assignment.name)


class NamedFiles:
    """The reader of names, where the course's configuration says how they are read."""

    def recognises(self, download: Download) -> bool:
        return collector_of(download.course.config) is not None

    def read(self, download: Download) -> Iterator[FoundSubmission]:
        plugin = collector_of(download.course.config)
        return named_submissions(download.items, download.path, plugin) if plugin else iter(())


def folder_submissions(items: list[Item], assignment: str) -> Iterator[FoundSubmission]:
    """The submissions in folders of students: STUDENT/file, or STUDENT/ASSIGNMENT/file as nbgrader has it. One folder
    around them all is looked through."""
    top = only_folder(items)
    paths = [item.path.split("/") for item in items if not item.problem]
    if {path[1] for path in paths if top} == {assignment} or any(len(path) < 3 for path in paths):
        top = ""  # it is a student's
    students: dict[str, list[Item]] = {}
    loose = [item for item in items if top and not item.path.startswith(f"{top}/")]
    for path, item in below(items, top):
        student, slash, _ = path.partition("/")
        if slash and not path.startswith(("/", "../")):
            students.setdefault(student, []).append(item)
        else:
            loose.append(item)
    for student, handed_in in students.items():
        origin = f"{top}/{student}" if top else student
        files = below(handed_in, f"{origin}/{assignment}")
        if len(files) < len(handed_in):
            files = below(handed_in, origin)
        email = student if "@" in student else ""
        yield FoundSubmission(origin, Person(sid=student, email=email), files, student=student)
    yield from stray(loose, "it lies in no student's folder")


def collector_of(config: Config) -> FileNameCollectorPlugin | None:
    """The plugin by which the course reads names of files for `nbgrader zip_collect`, if it has configured one."""
    if "named_regexp" not in config.FileNameCollectorPlugin and "collector_plugin" not in config.ZipCollectApp:
        return None
    return ZipCollectApp(config=config).collector_plugin(config=config)


def named_submissions(items: list[Item], source: Path, plugin: FileNameCollectorPlugin) -> Iterator[FoundSubmission]:
    """The submissions as the course's plugin reads them from the names of files. It is given a path as
    `nbgrader zip_collect` gives it. Of several files of one name, the one with the newest time is taken."""
    submissions: dict[str, FoundSubmission] = {}
    for item in items:
        read = None if item.problem else plugin.collect(str(source.resolve() / item.path))
        if not read:
            yield from stray([item], f"{type(plugin).__name__} does not know its name")
            continue
        if missing := {"student_id", "file_id"} - read.keys():
            yield from stray([item], f"{type(plugin).__name__} finds no {' and no '.join(sorted(missing))} in its name")
            continue
        try:
            at = time_of(read)
        except ValueError as error:
            yield from stray([item], f"its name has no time that can be read: {error}")
            continue
        student = read["student_id"]
        about = {key: read.get(key) or "" for key in ("email", "first_name", "last_name")}
        submission = submissions.setdefault(
            student, FoundSubmission(item.path, Person(sid=student, **about), student=student)
        )
        name = str(PurePosixPath(read["file_id"]).with_suffix(PurePosixPath(item.path).suffix))
        if at and submission.at and name in dict(submission.files):
            if at <= submission.at:
                continue
            submission.files = [(path, other) for path, other in submission.files if path != name]
        submission.files.append((name, item))
        submission.at = max(filter(None, (submission.at, at)), default=None)
    yield from submissions.values()


def time_of(read: dict[str, Any]) -> datetime | None:
    """The time that the plugin has read from a name. Raises ValueError if it is none."""
    at = read.get("timestamp") or None
    return at if isinstance(at, datetime) or at is None else parse_time(str(at))
