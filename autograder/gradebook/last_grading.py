"""Reads the gradebook's record of the last time a submission was graded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from nbgrader.api import SubmittedAssignment
from sqlalchemy import and_, literal, select

from autograder.checking.outcomes import Outcome, Verdict
from autograder.course.assignment import Assignment
from autograder.gradebook import tables
from autograder.submission.incidents import IncidentKind

__all__ = [
    "CellGrading",
    "CheckNow",
    "LastGrading",
    "Place",
    "checks_now",
    "read_last_grading",
    "read_last_gradings",
    "read_verdicts",
    "reusable_verdicts",
    "rows_of",
    "stale_cells",
]

Place = tuple[str, str]
FIELDS = [f.name for f in fields(Verdict)]


@dataclass
class CellGrading:
    """The origin of a cell's grade. `points` are the worth of a check cell's verdicts together; an answer that is
    graded by hand has none."""

    digest: str
    points: float | None
    verdicts: list[Verdict] = field(default_factory=list)


@dataclass(frozen=True)
class CheckNow:
    """A check cell as the assignment has it now: its digest, its points, and why each of its tests is void, or not."""

    digest: str
    points: float
    voids: dict[str, str]


@dataclass
class LastGrading:
    """One submission as it was last graded: the digests of submission and assignment, its cells by (notebook, grade
    id), the answers already reported as changed since they were graded by hand, and how many times as long as usual its
    code could run."""

    versions: tuple[str, str] = ("", "")
    cells: dict[Place, CellGrading] = field(default_factory=dict)
    reported: frozenset[Place] = frozenset()
    run_time: float = 1.0


def rows_of(table: Any, assignment: str, student: str) -> Any:
    """The rows of one submission."""
    return and_(table.c.assignment == assignment, table.c.student == student)


def read_last_grading(session: Any, assignment: str, student: str) -> LastGrading:
    """The last grading of one submission; an empty one, if it was never graded."""
    return read_last_gradings(session, assignment, student)[student]


def read_last_gradings(session: Any, assignment: str, student: str = "") -> dict[str, LastGrading]:
    """The last grading of every submission, or of one, by student. Submissions that were never graded are left out, and
    so are those that `nbgrader db` has removed: it knows nothing of our tables."""
    submitted = select(SubmittedAssignment.student_id).where(SubmittedAssignment.assignment.has(name=assignment))

    def rows(table: Any) -> Any:
        condition = rows_of(table, assignment, student) if student else table.c.assignment == assignment
        return session.execute(select(table).where(condition, table.c.student.in_(submitted))).mappings()

    gradings: dict[str, LastGrading] = defaultdict(LastGrading)
    for row in rows(tables.graded):
        gradings[row["student"]].versions = (row["submission_digest"], row["assignment_digest"])
        gradings[row["student"]].run_time = row["run_time"] or 1.0
    for row in rows(tables.cells):
        gradings[row["student"]].cells[row["notebook"], row["cell"]] = CellGrading(row["digest"], row["points"])
    for who, place, verdict in read_verdicts(session, assignment, student):
        if who in gradings and place in gradings[who].cells:
            gradings[who].cells[place].verdicts.append(verdict)
    for row in rows(tables.incidents):
        if row["kind"] == IncidentKind.BY_HAND:
            gradings[row["student"]].reported |= {(row["notebook"], row["cell"])}
    return gradings


def read_verdicts(
    session: Any, assignment: str, student: str = "", withheld: Collection[str] = ()
) -> Iterator[tuple[str, Place, Verdict]]:
    """The recorded verdicts of every submission, or of one, with student and cell; each cell's in the order of its
    tests. They are empty in the columns `withheld`."""
    of = tables.checks.c
    columns = (literal("").label(name) if name in withheld else of[name] for name in FIELDS)
    query = select(of.student, of.notebook, of.cell, *columns)
    condition = rows_of(tables.checks, assignment, student) if student else of.assignment == assignment
    # A class has a hundred thousand: to look their columns up by name would cost half as much again.
    for who, notebook, cell, *values in session.execute(query.where(condition).order_by(of.position)):
        name, description, weight, hidden, outcome, *texts = values
        filled = [text or "" for text in texts]  # an older gradebook lacks some
        yield who, (notebook, cell), Verdict(name, description, weight, hidden, Outcome(outcome), *filled)


def stale_cells(before: LastGrading, checks: Mapping[Place, CheckNow]) -> set[Place]:
    """The check cells whose recorded verdicts no longer hold: their text changed, or a check that never ran counts
    again."""
    return {
        place
        for place, verdicts in reusable_verdicts(before, checks).items()
        if before.cells[place].digest != checks[place].digest
        or any(verdict.outcome is Outcome.NOT_RUN and not verdict.void for verdict in verdicts)
    }


def checks_now(assignment: Assignment) -> dict[Place, CheckNow]:
    """The assignment's check cells by (notebook, grade id)."""
    return {
        (notebook.name, cell.grade_id): CheckNow(
            cell.digest, float(cell.nbgrader["points"]), {test.name: test.void for test in cell.check.tests()}
        )
        for notebook in assignment.notebooks
        for cell in notebook.cells
        if cell.is_check
    }


def reusable_verdicts(before: LastGrading, checks: Mapping[Place, CheckNow]) -> dict[Place, list[Verdict]]:
    """The recorded verdicts of every check cell, as they count now."""
    return {
        place: [counting_now(verdict, checks[place].voids.get(verdict.name, "")) for verdict in cell.verdicts]
        for place, cell in before.cells.items()
        if place in checks
    }


def counting_now(verdict: Verdict, void: str) -> Verdict:
    return verdict if verdict.void == void else replace(verdict, void=void)
