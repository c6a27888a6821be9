"""What grading a submission gives: plain data that can be sent between processes and written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, StrEnum, auto
from typing import Self

from autograder.checking.outcomes import Verdict

__all__ = [
    "Audience",
    "CellGrade",
    "GradedNotebook",
    "GradedSubmission",
    "Incident",
    "IncidentKind",
    "Submission",
    "audience_of",
]


class Audience(Flag):
    """Who is told of an incident."""

    NOBODY = 0
    STUDENT = auto()  # in feedback and on Gradescope
    STUDENT_AT_CELL = auto()  # on Gradescope only: in feedback the graded notebook shows it where it happened
    REPORT = auto()  # the report names the student
    PERSON = auto()  # `autograder grade` ends with exit code 1: a person must look


class IncidentKind(StrEnum):
    """What a person may want to know of how a submission behaved, and who is told of it."""

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
    """One thing that happened while a submission was graded; `cell` is a grade id or a cell number, or empty.

    `worth_retry`: something ended by itself. The machine may be the cause, so the notebook is tried once more.
    """

    kind: IncidentKind
    text: str
    cell: str = ""
    notebook: str = ""
    worth_retry: bool = False


@dataclass(frozen=True)
class Submission:
    """One student's files by their relative names, as they were handed in. `digest` is of all of them.

    `reusable` are verdicts of an earlier grading that still hold, by notebook and check cell.
    """

    student: str
    files: dict[str, bytes]
    digest: str
    reusable: dict[tuple[str, str], list[Verdict]] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """This very submission: what the same student hands in another time is another."""
        return f"{self.student} {self.digest}"

    def reusable_in(self, notebook: str) -> dict[str, list[Verdict]]:
        """The reusable verdicts of one notebook, by check cell."""
        return {cell: verdicts for (name, cell), verdicts in self.reusable.items() if name == notebook}


@dataclass
class CellGrade:
    """The grade of one grade cell; `score` is None when a person must give it.

    `digest` is of what it was made from, where that is one cell: a check, or (`by_hand`) an answer for a person.
    """

    grade_id: str
    score: float | None
    max_score: float
    verdicts: list[Verdict] = field(default_factory=list)
    digest: str = ""
    by_hand: bool = False


@dataclass
class GradedNotebook:
    """A notebook as it was graded: its JSON text with outputs, and the grades of its cells. `course_errors` are errors
    of the course's own cells, each with whether no student code had run before it."""

    name: str
    text: str
    grades: list[CellGrade]
    unanswered: list[str]
    memory_mb: float = 0.0
    course_errors: list[tuple[str, bool]] = field(default_factory=list)


@dataclass
class GradedSubmission:
    """All that is to be recorded of one submission. `memory_mb` is the most that a notebook of it and what it had
    started held at once, Python and NumPy included."""

    student: str
    digest: str
    assignment_digest: str
    notebooks: list[GradedNotebook] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    seconds: float = 0.0
    memory_mb: float = 0.0

    @property
    def versions(self) -> tuple[str, str]:
        """The digests that the grade is bound to."""
        return self.digest, self.assignment_digest

    @property
    def needs_a_person(self) -> bool:
        """Whether something could not be graded, through no fault of the student's."""
        return any(incident.kind is IncidentKind.FAULT for incident in self.incidents)

    @property
    def to_look_at(self) -> bool:
        """Whether a person must look: it could not be graded, or the student may have to hand it in again."""
        return any(Audience.PERSON in incident.kind.audience for incident in self.incidents)
