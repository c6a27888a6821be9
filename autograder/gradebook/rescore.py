"""Scores made anew from recorded verdicts: nothing runs again when a check is voided or a cell's points change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Grade
from sqlalchemy import and_, bindparam, update

from autograder.checking.outcomes import score
from autograder.course.assignment import Assignment
from autograder.course.course import Course
from autograder.files import write_atomic
from autograder.gradebook import tables
from autograder.gradebook.by_hand import new_values
from autograder.gradebook.class_rows import read_submissions
from autograder.gradebook.last_grading import (
    CellGrading,
    CheckNow,
    LastGrading,
    Place,
    checks_now,
    reusable_verdicts,
    stale_cells,
)
from autograder.gradebook.score_history import Reason, Why, given_reason, keep_scores, void_reason
from autograder.submission.cell_grades import table
from autograder.submission.graded import CellGrade

__all__ = ["rescore_class"]

Grades = dict[Place, CellGrade]


def rescore_class(gradebook: Any, course: Course, assignment: Assignment, known: dict[str, LastGrading]) -> list[str]:
    """Score every graded submission as its check cells count now; returns whose verdicts or points changed. `known`
    is what the gradebook has of each. Everything is written at once, after the notebooks, so a run that is stopped
    before that starts again."""
    checks = checks_now(assignment)
    changed: dict[str, Grades] = {}
    reasons: dict[tuple[str, Place], Reason] = {}
    for student, before in sorted(known.items()):
        grades = grades_now(before, checks)
        if grades:
            changed[student] = grades
            for place, grade in grades.items():
                reasons[student, place] = rescore_reason(before.cells[place], grade)
    if changed:
        for student, grades in changed.items():
            show_anew(course.path("autograded", student, assignment.name), grades)
        write_scores(gradebook.db, assignment.name, changed)
        keep_scores(
            gradebook.db,
            assignment.name,
            lambda moved: reasons.get((moved.student, moved.place)) or given_reason(moved),
        )
        gradebook.db.commit()
    return list(changed)


def rescore_reason(before: CellGrading, grade: CellGrade) -> Reason:
    """Why a check cell counts otherwise than it did."""
    voids = void_reason(before.verdicts, grade.verdicts)
    points = (Why.POINTS,) * (before.points != grade.max_score)
    return Reason((*points, *voids.why), voids.note)


def grades_now(last: LastGrading, checks: Mapping[Place, CheckNow]) -> Grades:
    """The new grades of check cells whose points or void checks changed, except those that must run again."""
    grades: Grades = {}
    stale = stale_cells(last, checks)
    for place, verdicts in reusable_verdicts(last, checks).items():
        before, points = last.cells[place], checks[place].points
        if place not in stale and (verdicts, points) != (before.verdicts, before.points):
            grades[place] = CellGrade(place[1], score(verdicts, points), points, verdicts)
    return grades


def write_scores(session: Any, assignment: str, changed: dict[str, Grades]) -> None:
    """Write the new scores, which verdicts count now, and the points of their cells."""
    values = [
        {"id": row.id} | new_values(row, grade, seen=row.auto_score == grade.score)
        for submission in read_submissions(session, assignment)
        for notebook in submission.notebooks
        for row in notebook.grades
        if (grade := changed.get(submission.student, {}).get((notebook.name, row.cell))) is not None
    ]
    session.execute(update(Grade), values)
    points, voids = [], []
    for student, grades in changed.items():
        for (notebook, cell), grade in grades.items():
            at = {"at_assignment": assignment, "at_student": student, "at_notebook": notebook, "at_cell": cell}
            points.append(at | {"new_points": grade.max_score})
            voids += [at | {"at_name": verdict.name, "new_void": verdict.void} for verdict in grade.verdicts]
    for kind, keys, column, rows in (
        (tables.cells, ("assignment", "student", "notebook", "cell"), "points", points),
        (tables.checks, ("assignment", "student", "notebook", "cell", "name"), "void", voids),
    ):
        if rows:
            condition = and_(*(kind.c[key] == bindparam(f"at_{key}") for key in keys))
            session.connection().execute(
                update(kind).where(condition).values({column: bindparam(f"new_{column}")}), rows
            )


def show_anew(folder: Path, grades: Grades) -> None:
    """Put the tables of check cells into a student's graded notebooks."""
    for name in {notebook for notebook, _ in grades}:
        path = folder / f"{name}.ipynb"
        if not path.is_file():  # it is graded again as a whole, since it is missing
            continue
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            grade = grades.get((name, cell.metadata.get("nbgrader", {}).get("grade_id")))
            if grade is not None:
                cell.outputs = [table(grade.verdicts, grade.score, grade.max_score)]
                cell.metadata.nbgrader["points"] = grade.max_score
        write_atomic(path, nbformat.writes(notebook).encode())
