"""The largest losses of a student, for the top of their page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autograder.publishing.class_results import CellResult, CheckResult, NotebookResult

__all__ = ["Loss", "Losses", "losses"]

MOST = 5
LEAST = 0.005  # points that round to none


@dataclass(frozen=True)
class Loss:
    """Points lost for one reason in one grade cell. `place` is that of the first check with this reason among the
    cell's checks, from 1, or 0 where a person graded."""

    points: float
    grade_id: str
    checks: tuple[str, ...]
    message: str
    place: int = 0


@dataclass(frozen=True)
class Losses:
    """The losses that are shown, the largest first, and the points of the others together."""

    shown: tuple[Loss, ...]
    others: float


def losses(result: NotebookResult) -> Losses:
    """The largest losses: the checks that failed for one reason together, and answers graded by hand."""
    found = [loss for name, cell in result.cells.items() for loss in of_cell(name, cell, result.comments)]
    found = sorted((loss for loss in found if loss.points >= LEAST), key=lambda loss: -loss.points)
    return Losses(tuple(found[:MOST]), sum(loss.points for loss in found[MOST:]))


def of_cell(name: str, cell: CellResult, comments: Mapping[str, str]) -> Iterator[Loss]:
    if cell.score is None:
        return
    if cell.by_hand or not cell.checks:
        how = "Graded by a person" + (": see the comment." if comments.get(name) else ".")
        yield Loss(cell.max_score - cell.score, name, (), how if cell.by_hand else "This test failed.")
        return
    reasons: dict[str, list[tuple[int, CheckResult]]] = {}
    for place, check in enumerate(cell.checks, start=1):
        if not (check.passed or check.void):
            reasons.setdefault(check.message or check.name, []).append((place, check))
    for failed in reasons.values():
        first, check = failed[0]
        points = sum(check.points for _, check in failed)
        yield Loss(points, name, tuple(check.description for _, check in failed), check.message, first)
