"""Whose a submission is: the facts that a source has on a person, and the student id that the course gives them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.errors import AutograderError
from autograder.submission.archive import NAME_BYTES
from autograder.submission.reading import SubmissionRefused
from autograder.text import printable

__all__ = ["MOST_LETTERS", "Person", "Roster", "checked_id", "read_roster", "student_id"]

ID = re.compile(r"[\w(\[][\w.@+'()\[\]-]*")
ID_LETTERS = 100
MOST_LETTERS = 128  # of a name in the gradebook; PostgreSQL refuses more
KEYS = ("email", "lms_user_id", "sid")


@dataclass(frozen=True)
class Person:
    """The facts that a source has on a person; empty where it has none. `name` is the whole name where only that is
    known; `sid` is the number that the source knows them by, and `lms_user_id` that number where it is Canvas's."""

    sid: str = ""
    email: str = ""
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    lms_user_id: str = ""


@dataclass(frozen=True)
class Roster:
    """The course's students by what a source may call them: id and person by a folded email, number or id; and by
    id, the group of each student who is in one, and what is known of them."""

    path: Path
    known: dict[str, set[tuple[str, Person]]]
    groups: dict[str, str] = field(default_factory=dict)
    mates: dict[str, Person] = field(default_factory=dict)

    def find(self, person: Person) -> tuple[str, Person]:
        """The student id of a person, and what roster and source know of them. Raises SubmissionRefused if the roster
        has none or several."""
        called = {text.casefold() for text in (person.email, person.sid, person.lms_user_id) if text}
        found = set().union(*(self.known.get(text, set()) for text in called))
        who = printable(", ".join(filter(None, (person.name, person.email, person.sid)))) or "nobody"
        if len(found) != 1:
            ids = ", ".join(sorted(student for student, _ in found))
            many = f"is several students of {self.path.name}: {ids}" if found else f"is not in {self.path.name}"
            raise SubmissionRefused(f"{who} {many}")
        ((student, known),) = found
        fields = {name: getattr(known, name) or getattr(person, name) for name in vars(person)}
        return student, replace(person, **fields)

    def has_address(self, person: Person) -> bool:
        """Whether the email of a person is in the roster."""
        return bool(person.email) and person.email.casefold() in self.known


def read_roster(path: Path) -> Roster:
    """The roster in a CSV file as `nbgrader db student import` takes it: a column `id`, and any of `email`,
    `lms_user_id`, `sid`, `first_name`, `last_name` and `group` (or `group_name`). Raises AutograderError for a file
    that is none."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [{key: text or "" for key, text in row.items() if key} for row in csv.DictReader(file)]
    except (OSError, ValueError, csv.Error) as error:
        raise AutograderError(f"{path} cannot be read as a CSV file: {error}.") from None
    columns = set().union(*rows)
    if "id" not in columns:
        raise AutograderError(
            f"{path} has no column 'id' with the course's student ids: as for `nbgrader db student import`, the first "
            f"line names the columns, id and any of {', '.join(KEYS)}, first_name, last_name."
        )
    known: dict[str, set[tuple[str, Person]]] = {}
    groups: dict[str, str] = {}
    mates: dict[str, Person] = {}
    for row in rows:
        cells = {key.strip().lower(): text.strip() for key, text in row.items()}
        person = Person(**{key: cells.get(key, "") for key in (*KEYS, "first_name", "last_name")})
        for text in {cells["id"], *(cells.get(key, "") for key in KEYS)} - {""}:
            known.setdefault(text.casefold(), set()).add((cells["id"], person))
        if group := cells.get("group") or cells.get("group_name"):
            try:
                student = checked_id(cells["id"])
            except SubmissionRefused as error:
                raise AutograderError(f"{path}: {error}.") from None
            groups[student], mates[student] = printable(group)[:MOST_LETTERS], person
    return Roster(path, known, groups, mates)


def student_id(person: Person, by: str) -> str:
    """The id of a person by their `email`, `sid` or `name`. Raises SubmissionRefused if the source does not say it, or
    if it cannot be the name of a folder."""
    name = re.sub(r"[^\w.\s-]", "", person.name.lower())
    value = {"email": person.email.lower(), "sid": person.sid, "name": name}[by]
    if not value:
        who = printable(person.name or person.email or person.sid) or "this student"
        raise SubmissionRefused(f"the export does not say the {by} of {who}")
    return checked_id(value)


def checked_id(text: str) -> str:
    """A text as a student id: blanks become underscores, and letters, digits and . @ + - _ ' ( ) [ ] are left."""
    student = re.sub(r"\s+", "_", text.strip())
    if len(student) > ID_LETTERS:
        raise SubmissionRefused(
            f"{student[:ID_LETTERS]!r}… is too long to be a student id, which has {ID_LETTERS} letters at most: it has "
            f"{len(student)}"
        )
    if not ID.fullmatch(student):
        raise SubmissionRefused(
            f"{printable(text)!r} cannot be a student id, which has letters, digits and . @ + - _ ' ( ) [ ] only"
        )
    if len(student.encode()) > NAME_BYTES:
        raise SubmissionRefused(f"{student!r} is too long to be a student id, which has {NAME_BYTES} bytes at most")
    return student
