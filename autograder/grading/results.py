"""What grading a submission gives: plain data that can be sent between processes and written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from autograder.checking.outcomes import Verdict

__all__ = ["CellGrade", "GradedNotebook", "GradedSubmission", "Incident", "IncidentKind", "Submission"]


class IncidentKind(StrEnum):
    """What a person may want to know of how a submission behaved."""

    TIME = "time limit"
    MEMORY = "memory limit"
    OUTPUT = "output limit"
    DIED = "kernel died"
    NETWORK = "tried the network"
    OUTSIDE = "wrote outside"
    TOUCHED = "touched the grader's side"
    REFUSED = "refused"
    CHANGED = "changed the notebook"
    BY_HAND = "changed since graded by hand"
    FAULT = "could not be graded"
    UNCONFINED = "ran without a sandbox"


@dataclass(frozen=True)
class Incident:
    """One thing that happened while a submission was graded; `cell` is a grade id or a cell number, or empty.

    `sudden` says that something ended by itself: it may have been the machine, so it is worth another try.
    """

    kind: IncidentKind
    text: str
    cell: str = ""
    notebook: str = ""
    sudden: bool = False


@dataclass(frozen=True)
class Submission:
    """One student's files by their relative names, as they were handed in. `digest` is of all of them.

    `standing` are verdicts of an earlier grading that still stand, by notebook and check cell.
    """

    student: str
    files: dict[str, bytes]
    digest: str
    standing: dict[tuple[str, str], list[Verdict]] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """This very submission: what the same student hands in another time is another."""
        return f"{self.student} {self.digest}"

    def standing_in(self, notebook: str) -> dict[str, list[Verdict]]:
        """The verdicts that still stand in one notebook, by check cell."""
        return {cell: verdicts for (name, cell), verdicts in self.standing.items() if name == notebook}


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
    """A notebook as it was graded: its JSON text with outputs, and the grades of its cells."""

    name: str
    text: str
    grades: list[CellGrade]
    unanswered: list[str]
    memory_mb: float = 0.0


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
    def refused(self) -> bool:
        """Whether it, or a notebook of it, could not be read: somebody may want to ask the student for another."""
        return any(incident.kind is IncidentKind.REFUSED for incident in self.incidents)
