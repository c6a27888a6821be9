"""Collects an assignment's submissions: from a download into submitted/STUDENT/NAME, with the time of submission.

nbgrader's `zip_collect` does not do this: it unpacks zips within zips without limit, empties a student's folder before
it fills it, stops at two files of one name, knows one pattern of names for a file and no metadata beside it, and takes
notebooks only. What is used of it is the plugin that reads names of files, if the course has configured one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from autograder.collecting.canvas import CanvasDownload
from autograder.collecting.folders import NamedFiles, StudentFolders
from autograder.collecting.found import Download, DownloadReader, FoundSubmission
from autograder.collecting.gradescope import GradescopeExport
from autograder.collecting.group_submissions import for_groups, groups_of
from autograder.collecting.people import MOST_LETTERS, Person, read_roster
from autograder.collecting.source import open_source
from autograder.collecting.triage import SafeSubmission, triage
from autograder.course.course import Course
from autograder.course.locking import course_lock
from autograder.course.source_notebooks import load_assignment
from autograder.errors import AutograderError
from autograder.files import atomic_dir, undo_leftovers
from autograder.gradebook.extensions import extend_groups
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.groups import keep_groups, read_groups
from autograder.gradebook.write_results import introduce
from autograder.sandbox.limits import MB
from autograder.submission.handed_in import is_notebook, without_wrapping
from autograder.submission.reading import SubmissionRefused, read_submission
from autograder.submission.times import TIMESTAMP, read_timestamp
from autograder.text import in_zone, printable

__all__ = ["Collected", "Status", "collect"]

READERS: tuple[DownloadReader, ...] = (GradescopeExport(), NamedFiles(), CanvasDownload(), StudentFolders())


class Status(StrEnum):
    """The outcome of collecting a submission."""

    NEW = "new"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    OLDER = "older"
    REFUSED = "refused"


@dataclass(frozen=True)
class Collected:
    """The outcome for a submission that was found at `origin`; `at` is in UTC, `late` was said without a time."""

    student: str
    what: Status
    origin: str
    at: datetime | None = None
    late: bool = False
    files: int = 0
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON can hold it; the time as ISO 8601."""
        return asdict(self) | {"what": self.what.value, "at": f"{self.at.isoformat()}Z" if self.at else None}


def collect(course: Course, name: str, source: Path, by: str = "", roster: Path | None = None) -> list[Collected]:
    """Collect the submissions of the assignment `name` from a zip or a folder, in order of student id.

    `by` says what becomes the student's id: email, sid or name; by default the email where there are some, else the
    sid. With a roster it is the roster's. Raises AutograderError if the source as a whole cannot be read; a submission
    that cannot is refused, and the others are collected.
    """
    assignment = load_assignment(course, name)
    known = read_roster(roster) if roster else None
    with (
        course_lock(course.root),
        open_source(source, course.settings, course.directory.ignore) as items,
        open_gradebook(course) as gradebook,
    ):
        found = list(submissions_in(Download(source, items, course, assignment)))
        if not found:
            raise AutograderError(f"{source} holds no submission: it has no files but hidden ones.")
        wanted, refused = triage(found, course.students(name), by, known, course.settings.submission_mb)
        groups, are_new = groups_of(wanted, known, read_groups(gradebook.db, name))
        wanted, unclear = for_groups(wanted, groups, known.mates if known else {})
        refused += unclear
        refuse_too_much(wanted, source, course)
        results = [Collected(who, Status.REFUSED, printable(one.origin), note=why) for one, who, why in refused]
        for submission in wanted:
            result = put_in_place(course, name, submission)
            if not are_new and submission.student in groups:
                note = f"group {groups[submission.student]}, as collected before"
                result = replace(result, note="; ".join(filter(None, (result.note, note))))
            results.append(result)
            if result.what is not Status.REFUSED:
                introduce(gradebook, submission.student, about(submission.person))
        if are_new:
            keep_groups(gradebook.db, name, [submission.student for submission in wanted], groups)
            extend_groups(gradebook.db, name)
    return sorted(results, key=lambda result: (result.student, result.origin))


def submissions_in(download: Download) -> Iterator[FoundSubmission]:
    """The submissions in a download, by the first reader that recognises it."""
    return next(reader for reader in READERS if reader.recognises(download)).read(download)


def refuse_too_much(wanted: list[SafeSubmission], source: Path, course: Course) -> None:
    """Raise AutograderError if all submissions together are larger than `collect_mb`, before anything is written."""
    total = sum(submission.size for submission in wanted)
    if total > course.settings.collect_mb * MB:
        largest = max(wanted, key=lambda submission: submission.size)
        raise AutograderError(
            f"{source} is {total // MB} MB when unpacked, {largest.size // MB} MB of them {largest.student}'s: "
            f"c.Autograder.collect_mb allows {course.settings.collect_mb}. Nothing was collected."
        )


def put_in_place(course: Course, name: str, submission: SafeSubmission) -> Collected:
    """Put a submission in place of the one that is there, unless that is the same or newer."""
    folder = course.path("submitted", submission.student, name)
    undo_leftovers(folder)
    at, late, size = submission.found.at, submission.found.late, len(submission.files)
    result = partial(Collected, submission.student, origin=printable(submission.found.origin), at=at, late=late)
    before = time_before(folder)
    if at and before and at < before:
        return result(Status.OLDER, note=f"the one from {in_zone(before, course.zone)} stays")
    try:
        files = {path: item.read() for path, item in submission.files.items()}
    except SubmissionRefused as error:
        return result(Status.REFUSED, note=str(error))
    what = Status.REPLACED if folder.is_dir() else Status.NEW
    if what is Status.REPLACED and files == files_in(folder, course) and (at is None or at == before):
        return result(Status.UNCHANGED, files=size)
    kept = keep(course, name, submission.student, before) if what is Status.REPLACED else ""
    with atomic_dir(folder) as fresh:
        for path, content in files.items():
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            (fresh / path).write_bytes(content)
        if at:
            (fresh / TIMESTAMP).write_text(f"{at:%Y-%m-%d %H:%M:%S.%f} UTC", encoding="utf-8")
    note = remark(files, late and not at, course.settings.submission_mb)
    return result(what, files=size, note="; ".join(filter(None, (note, kept))))


def keep(course: Course, name: str, student: str, at: datetime | None) -> str:
    """Keep the submission that is about to be replaced, if the course wants that; returns where it is. It is copied and
    not moved, so a run that is stopped here loses nothing."""
    if not course.settings.keep_submissions:
        return ""
    folder = course.path("submitted", student, name)
    at = at or datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    for number in count(1):
        more = f"-{number}" if number > 1 else ""
        target = course.replaced(student, name) / f"{at:%Y-%m-%dT%H%M%SZ}{more}"
        if not target.exists():
            with atomic_dir(target) as fresh:
                shutil.copytree(folder, fresh, symlinks=True, dirs_exist_ok=True)
        elif files_in(target, course) != files_in(folder, course):
            continue  # another one of the same second
        return f"the one before is in {target.relative_to(course.root)}"
    raise AssertionError("numbers do not end")


def time_before(folder: Path) -> datetime | None:
    """When the submission that is there was handed in, if that can be read."""
    try:
        return read_timestamp(folder)
    except ValueError:
        return None


def remark(files: dict[str, bytes], untimed: bool, max_mb: int) -> str:
    """Remarks for a person on a collected submission."""
    try:
        remarks = [] if any(map(is_notebook, without_wrapping(files, max_mb))) else ["it has no notebook"]
    except SubmissionRefused as error:
        remarks = [str(error)]
    if untimed:
        remarks.append(f"late, and the source does not say when: write the time to {TIMESTAMP} beside it")
    return "; ".join(remarks)


def files_in(folder: Path, course: Course) -> dict[str, bytes] | None:
    """The files of a submission that is there, but for its time; None if it cannot be read."""
    try:
        files = read_submission(folder.name, folder, course.settings.submission_mb).files
    except SubmissionRefused:
        return None
    return {path: content for path, content in files.items() if path != TIMESTAMP}


def about(person: Person) -> dict[str, str]:
    """The facts on a person that nbgrader's gradebook has columns for, as one line without marks of HTML: students
    choose their names, and not every page of nbgrader's shows them as text."""
    keys = ("first_name", "last_name", "email", "lms_user_id")
    return {key: re.sub("[<>]", "", printable(getattr(person, key)))[:MOST_LETTERS] for key in keys}
