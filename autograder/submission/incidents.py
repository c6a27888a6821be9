"""The kinds of things that can happen while a submission is graded, and who is told of each. A new kind is a line of
`IncidentKind`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from typing import Self

from autograder.text import legible

__all__ = ["Audience", "Incident", "IncidentKind", "audience_of", "first_of_each_kind"]

MOST_OF_A_KIND = 20


class Audience(Flag):
    """Who is told of an incident."""

    NOBODY = 0
    STUDENT = auto()  # in feedback and on Gradescope
    STUDENT_AT_CELL = auto()  # on Gradescope only: in feedback the graded notebook shows it where it happened
    REPORT = auto()  # the report names the student
    PERSON = auto()  # `autograder grade` ends with exit code 1: a person must look


class IncidentKind(StrEnum):
    """What a submission did that a person may want to know, and who is told of it."""

    audience: Audience

    def __new__(cls, text: str, audience: Audience) -> Self:
        kind = str.__new__(cls, text)
        kind._value_ = text
        kind.audience = audience
        return kind

    TIME = "time limit", Audience.STUDENT_AT_CELL
    MEMORY = "memory limit", Audience.STUDENT_AT_CELL
    OUTPUT = "output limit", Audience.STUDENT_AT_CELL
    DIED = "kernel died", Audience.STUDENT_AT_CELL | Audience.REPORT
    NETWORK = "tried the network", Audience.REPORT
    OUTSIDE = "wrote outside", Audience.REPORT
    TOUCHED = "touched the grader's side", Audience.REPORT
    REFUSED = "refused", Audience.STUDENT | Audience.REPORT | Audience.PERSON
    MISSING = "file missing", Audience.STUDENT | Audience.REPORT | Audience.PERSON
    CHANGED = "changed the notebook", Audience.STUDENT
    FOUND = "answer found elsewhere", Audience.STUDENT | Audience.REPORT
    UNSURE = "answer unsure", Audience.STUDENT | Audience.REPORT | Audience.PERSON
    RETRIED = "graded twice", Audience.REPORT
    BY_HAND = "changed since graded by hand", Audience.NOBODY
    FAULT = "could not be graded", Audience.REPORT | Audience.PERSON
    UNTIMED = "time unknown", Audience.REPORT | Audience.PERSON
    UNCONFINED = "ran without a sandbox", Audience.NOBODY


def audience_of(kind: str) -> Audience:
    """Who is told of an incident in the gradebook. The report names one that another version has recorded."""
    return next((known.audience for known in IncidentKind if known == kind), Audience.REPORT)


@dataclass(frozen=True)
class Incident:
    """One thing that happened while a submission was graded; `cell` is a grade id or a cell number, or empty. `text`
    may quote a student, and is made legible.

    `worth_retry`: something ended by itself. The machine may be the cause, so the notebook is tried once more.
    """

    kind: IncidentKind
    text: str
    cell: str = ""
    notebook: str = ""
    worth_retry: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", legible(self.text))


def first_of_each_kind(incidents: Iterable[Incident]) -> Iterator[Incident]:
    """The first incidents of each kind, and how many more there are: a notebook of 5,000 cells has room for as many,
    and whoever grades would not see what else happened."""
    counts = Counter[IncidentKind]()
    for incident in incidents:
        counts[incident.kind] += 1
        if counts[incident.kind] <= MOST_OF_A_KIND:
            yield incident
    for kind, count in counts.items():
        if count > MOST_OF_A_KIND:
            yield Incident(kind, f"{count - MOST_OF_A_KIND} more of this kind")
