"""Sorts submissions: those that are safe to write, each of one student, and those that are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from autograder.collecting.found import FoundSubmission
from autograder.collecting.people import Person, Roster, checked_id, student_id
from autograder.sandbox.limits import MB
from autograder.submission.archive import Item, name_problem
from autograder.submission.reading import MAX_FILES, SubmissionRefused
from autograder.submission.times import TIMESTAMP
from autograder.text import printable

__all__ = ["Refusal", "SafeSubmission", "triage"]

Refusal = tuple[FoundSubmission, str, str]  # what was found, the student's id if it is known, and why


@dataclass(frozen=True)
class SafeSubmission:
    """A submission whose files have safe names, and whose student's id is nobody else's."""

    student: str
    person: Person
    files: dict[str, Item]
    found: FoundSubmission

    @property
    def size(self) -> int:
        """In bytes, unpacked."""
        return sum(item.size for item in self.files.values())


def triage(
    found: list[FoundSubmission], there: Iterable[str], by: str, roster: Roster | None, max_mb: int
) -> tuple[list[SafeSubmission], list[Refusal]]:
    """The submissions that may be collected, and those that are refused. `there` are the ids of students who have a
    submission already; `by` is email, sid, name or empty; `max_mb` is how large a submission may be."""
    by = by or ("email" if any(submission.person.email for submission in found) else "sid")
    named: list[tuple[FoundSubmission, str, Person]] = []
    refused: list[Refusal] = []
    for submission in found:
        try:
            named.append((submission, *identified(submission, by, roster)))
        except SubmissionRefused as error:
            refused.append((submission, "", str(error)))
    same: dict[str, list[FoundSubmission]] = {}
    for submission, student, _ in named:
        same.setdefault(student.casefold(), []).append(submission)
    wanted: list[SafeSubmission] = []
    for submission, student, person in named:
        try:
            refuse_clash(student, submission, same[student.casefold()], there, roster)
            wanted.append(SafeSubmission(student, person, safe_files(submission.files, max_mb), submission))
        except SubmissionRefused as error:
            refused.append((submission, student, str(error)))
    return wanted, refused


def identified(submission: FoundSubmission, by: str, roster: Roster | None) -> tuple[str, Person]:
    """The student id of a submission, and the facts on the student. Raises SubmissionRefused."""
    if submission.problem:
        raise SubmissionRefused(submission.problem)
    if roster is not None:
        student, person = roster.find(submission.person)
        return checked_id(student), person
    student = checked_id(submission.student) if submission.student else student_id(submission.person, by)
    return student, submission.person


def refuse_clash(
    student: str, submission: FoundSubmission, same: list[FoundSubmission], there: Iterable[str], roster: Roster | None
) -> None:
    """Raise SubmissionRefused if an id is that of several submissions, or differs from another's in case only, which
    is the same folder on some systems. Of several, one from an address of the roster's is the student's: on Gradescope
    students may write another's number into their account."""
    known = [other for other in same if roster is not None and roster.has_address(other.person)]
    if len(known or same) > 1:
        raise SubmissionRefused(f"several submissions are {student}'s: {origins_of(known or same)}")
    if submission not in (known or same):
        raise SubmissionRefused(f"it says that it is {student}'s, whose own is {origins_of(known)}")
    for other in there:
        if other != student and other.casefold() == student.casefold():
            raise SubmissionRefused(f"the id differs in case only from {other}, who is there already")


def origins_of(submissions: Iterable[FoundSubmission]) -> str:
    return ", ".join(printable(submission.origin) for submission in submissions)


def safe_files(files: list[tuple[str, Item]], max_mb: int) -> dict[str, Item]:
    """The files of a submission by name. Raises SubmissionRefused for one that is not safe to write, for two of one
    name, and for too many or too large ones. A time that a student has written is left out."""
    names = Counter(name.casefold() for name, _ in files)
    for name, item in files:
        if problem := item.problem or name_problem(name):
            raise SubmissionRefused(f"{printable(item.path)} {problem}")
        if names[name.casefold()] > 1:
            raise SubmissionRefused(f"there are several files {name}, the same or different in case only")
        for folder in list(PurePosixPath(name).parents)[:-1]:
            if folder.as_posix().casefold() in names:
                raise SubmissionRefused(f"{folder} is a file and a folder")
    if len(files) >= MAX_FILES:
        raise SubmissionRefused(f"it has more than {MAX_FILES - 1} files")
    if sum(item.size for _, item in files) > max_mb * MB:
        name, item = max(files, key=lambda named: named[1].size)
        raise SubmissionRefused(f"it is larger than {max_mb} MB: {name} alone has {item.size / MB:.1f} MB")
    return {name: item for name, item in files if name.casefold() != TIMESTAMP}
