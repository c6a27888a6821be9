"""What the gradebook says of one submitted notebook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from autograder.grading import tables
from autograder.grading.late_days import LateUse
from autograder.grading.recorded import read_verdict
from autograder.grading.results import IncidentKind
from autograder.publishing.scores import lateness, rows

__all__ = ["Cell", "Check", "Result", "results_of"]

# The others say in the notebook itself what happened, or speak to the instructor only.
FOR_STUDENTS = {IncidentKind.REFUSED, IncidentKind.CHANGED}


@dataclass(frozen=True)
class Check:
    """One check: `points` of it were to be had, and `outcome` says how it ended, "void" if it was taken out."""

    name: str
    description: str
    hidden: bool
    outcome: str
    points: float
    message: str


@dataclass(frozen=True)
class Cell:
    """The points of a grade cell; `score` is None as long as a person has to give it, and `by_hand` if one has."""

    score: float | None
    max_score: float
    by_hand: bool
    checks: list[Check]


@dataclass(frozen=True)
class Result:
    """The points, checks and comments of one submitted notebook, by grade id, and what its student must know. `late`
    says how many late days it took."""

    student: str
    assignment: str
    notebook: str
    score: float
    max_score: float
    late_penalty: float
    cells: dict[str, Cell] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    late: str = ""

    @property
    def final_score(self) -> float:
        """The points after the late penalty."""
        return max(0.0, self.score - self.late_penalty)

    def data(self) -> dict[str, Any]:
        """All of it, as data that can be digested."""
        return asdict(self)


def results_of(submission: Any, use: LateUse | None, session: Any) -> Iterable[Result]:
    """The results of a submission's notebooks; `session` is None where the gradebook has no tables of ours, `use` where
    the course has no late days."""
    checks = rows(session, tables.checks, submission) if session is not None else []
    incidents = rows(session, tables.incidents, submission) if session is not None else []
    for notebook in submission.notebooks:
        mine = [row for row in checks if row["notebook"] == notebook.name]
        told = [row for row in incidents if row["kind"] in FOR_STUDENTS and row["notebook"] in ("", notebook.name)]
        yield Result(
            submission.student_id,
            submission.name,
            notebook.name,
            notebook.score,
            notebook.max_score,
            notebook.late_submission_penalty or 0.0,
            {grade.name: cell_of(grade, mine) for grade in notebook.grades},
            {comment.name: comment.comment for comment in notebook.comments if comment.comment},
            [row["text"] for row in told],
            lateness({"late_days": asdict(use) if use else None, "late_penalty": 0.0}),
        )


def cell_of(grade: Any, checks: list[Any]) -> Cell:
    """The points of one grade cell, and its checks with their share of them."""
    mine = [row for row in checks if row["cell"] == grade.name]
    total = sum(row["weight"] for row in mine if not row["void"]) or 1
    waits = grade.auto_score is None and grade.manual_score is None
    checks = [check_of(row, grade.max_score * row["weight"] / total) for row in mine]
    return Cell(None if waits else grade.score, grade.max_score, grade.manual_score is not None, checks)


def check_of(row: Any, points: float) -> Check:
    verdict = read_verdict(row)
    outcome = "void" if verdict.void else verdict.outcome.value
    return Check(
        verdict.name, verdict.description, verdict.hidden, outcome, 0.0 if verdict.void else points, verdict.told
    )
