"""What the gradebook holds of a submission from the last time it was graded."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from sqlalchemy import and_, select

from autograder.checking.outcomes import Outcome, Verdict
from autograder.grading import tables
from autograder.grading.assignment import Assignment, TemplateCell
from autograder.grading.results import IncidentKind

__all__ = [
    "CellRecord",
    "Place",
    "Recorded",
    "check_cells",
    "read_recorded",
    "read_verdict",
    "recorded_students",
    "reusable_verdicts",
    "rows_of",
    "stale_cells",
]

Place = tuple[str, str]
FIELDS = [f.name for f in fields(Verdict)]


@dataclass
class CellRecord:
    """What a cell's grade was made from. `points` are what a check cell's verdicts were shared out of; an answer that
    is graded by hand has none."""

    digest: str
    points: float | None
    verdicts: list[Verdict] = field(default_factory=list)


@dataclass
class Recorded:
    """One submission as it was last graded: the digests of submission and assignment, its cells by (notebook, grade
    id), and the answers of which it was said that they have changed since they were graded by hand."""

    versions: tuple[str, str] = ("", "")
    cells: dict[Place, CellRecord] = field(default_factory=dict)
    told: frozenset[Place] = frozenset()


def rows_of(table: Any, assignment: str, student: str) -> Any:
    """The rows of one submission."""
    return and_(table.c.assignment == assignment, table.c.student == student)


def recorded_students(session: Any, assignment: str) -> list[str]:
    """Who has been graded."""
    query = select(tables.graded.c.student).where(tables.graded.c.assignment == assignment)
    return sorted(session.execute(query).scalars())


def read_recorded(session: Any, assignment: str, student: str) -> Recorded:
    """What is recorded of one submission; nothing, if it was never graded."""

    def rows(table: Any) -> Any:
        return session.execute(select(table).where(rows_of(table, assignment, student))).mappings()

    recorded = Recorded()
    for row in rows(tables.graded):
        recorded.versions = (row["submission_digest"], row["assignment_digest"])
    for row in rows(tables.cells):
        recorded.cells[row["notebook"], row["cell"]] = CellRecord(row["digest"], row["points"])
    for row in sorted(rows(tables.checks), key=lambda row: row["position"]):
        if (row["notebook"], row["cell"]) in recorded.cells:
            recorded.cells[row["notebook"], row["cell"]].verdicts.append(read_verdict(row))
    by_hand = [row for row in rows(tables.incidents) if row["kind"] == IncidentKind.BY_HAND]
    recorded.told = frozenset((row["notebook"], row["cell"]) for row in by_hand)
    return recorded


def read_verdict(row: Any) -> Verdict:
    """A verdict as it was recorded."""
    values = {name: row[name] for name in FIELDS}
    later = {name: row[name] or "" for name in ("void", "mistake")}  # an older gradebook has none
    return Verdict(**values | {"outcome": Outcome(row["outcome"])} | later)


def stale_cells(recorded: Recorded, assignment: Assignment) -> set[Place]:
    """The check cells whose verdicts are not those of the assignment's checks any more: another text, or a check that
    counts again and never ran."""
    checks = check_cells(assignment)
    return {
        place
        for place, verdicts in reusable_verdicts(recorded, assignment).items()
        if recorded.cells[place].digest != checks[place].digest
        or any(verdict.outcome is Outcome.NOT_RUN and not verdict.void for verdict in verdicts)
    }


def check_cells(assignment: Assignment) -> dict[Place, TemplateCell]:
    """The assignment's check cells by (notebook, grade id)."""
    return {(n.name, c.grade_id): c for n in assignment.notebooks for c in n.cells if c.is_check}


def reusable_verdicts(recorded: Recorded, assignment: Assignment) -> dict[Place, list[Verdict]]:
    """The recorded verdicts of every check cell, as they count now."""
    checks = check_cells(assignment)
    return {place: scored_now(cell, checks[place]) for place, cell in recorded.cells.items() if place in checks}


def scored_now(cell: CellRecord, template: TemplateCell) -> list[Verdict]:
    """The recorded verdicts of a check cell, with those void that are void now."""
    voids = {test.name: test.void for test in template.check.tests()}
    return [replace(verdict, void=voids.get(verdict.name, "")) for verdict in cell.verdicts]
