"""A person's grade is never changed; when the answer is not the one that they saw, they are asked to look again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autograder.gradebook.last_grading import LastGrading
from autograder.submission.graded import CellGrade, GradedNotebook
from autograder.submission.incidents import Incident, IncidentKind

__all__ = ["changed_answers", "is_as_seen", "new_values", "write_grade"]

CHANGED = "the answer that was graded by hand has changed since: grade it again"


def new_values(row: Any, grade: CellGrade, *, seen: bool) -> dict[str, Any]:
    """The changes of one of nbgrader's grades by a new automatic score. Points that a person gave stay; unless the
    person has `seen` the present answer, they are asked to look again."""
    by_hand = row.manual_score is not None
    needs = (row.needs_manual_grade or not seen) if by_hand else grade.score is None
    return {"auto_score": grade.score, "needs_manual_grade": needs}


def write_grade(row: Any, grade: CellGrade, *, seen: bool) -> None:
    """Set the automatic score of one of nbgrader's grades."""
    for name, value in new_values(row, grade, seen=seen).items():
        setattr(row, name, value)


def is_as_seen(row: Any, grade: CellGrade, before: LastGrading, versions: tuple[str, str]) -> bool:
    """Whether a grade is unchanged since it was graded (same check score, same text).
    What code shows may depend on all of the submission and the assignment, whose digests are `versions`."""
    if not grade.by_hand:
        return bool(row.auto_score == grade.score)
    cell = before.cells.get((row.notebook.name, row.name))
    same = cell is not None and cell.digest == grade.digest
    return same and (row.cell.cell_type == "markdown" or before.versions == versions)


def changed_answers(
    rows: Any, graded: GradedNotebook | None, before: LastGrading, *, unknown: bool = False
) -> Iterator[Incident]:
    """An incident for every answer that was graded by hand and has another text now, or is gone with its notebook;
    where the notebook could not be graded that is `unknown`. It is repeated until a person has looked again. `rows` are
    nbgrader's grades, not yet written anew."""
    digests = {grade.grade_id: grade.digest for grade in graded.grades} if graded is not None else {}
    for row in rows:
        place = (row.notebook.name, row.name)
        cell = before.cells.get(place)
        by_hand = row.manual_score is not None and cell is not None and cell.points is None
        if by_hand and cell is not None:
            unseen = row.needs_manual_grade and place in before.reported
            if unseen or cell.digest != digests.get(row.name, cell.digest if unknown else ""):
                yield Incident(IncidentKind.BY_HAND, CHANGED, row.name, row.notebook.name)
