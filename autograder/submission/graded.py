"""The result of grading a submission: plain data that can be sent between processes and written down."""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.checking.outcomes import Verdict
from autograder.submission.incidents import Audience, Incident, IncidentKind

__all__ = [
    "ENDED",
    "CellGrade",
    "GradedNotebook",
    "GradedSubmission",
    "Submission",
]

ENDED = (
    "the process that graded it ended by itself, and a second one too: either a check computes without end with what "
    "this notebook gives, so look at the notebook, or the machine had no memory left, so grade it alone (--student ID)"
)


@dataclass(frozen=True)
class Submission:
    """One student's files by their relative names, as they were handed in. `digest` is of all of them.

    `reusable` are verdicts of an earlier grading that still hold, by notebook and check cell. The student's code may
    run `run_time` times as long as the course's limits say.
    """

    student: str
    files: dict[str, bytes]
    digest: str
    reusable: dict[tuple[str, str], list[Verdict]] = field(default_factory=dict)
    run_time: float = 1.0
    group: str = ""

    @property
    def identity(self) -> str:
        """Names this very submission: what the same student hands in another time has another name. That of a group
        is one for all of it, so that all have the same random inputs."""
        return f"group {self.group} {self.digest}" if self.group else f"{self.student} {self.digest}"

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
    """All that is recorded of one submission. `memory_mb` is the most that one of its notebooks, with all its
    processes, held at once, Python and NumPy included. `run_time` is how many times as long as usual its code could
    run."""

    student: str
    digest: str
    assignment_digest: str
    notebooks: list[GradedNotebook] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    seconds: float = 0.0
    memory_mb: float = 0.0
    run_time: float = 1.0

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
