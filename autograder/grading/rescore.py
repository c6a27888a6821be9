"""Scores made anew from recorded verdicts: nothing runs again when a check is voided or a cell's points change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from sqlalchemy import and_, update

from autograder.checking.outcomes import score
from autograder.files import write_atomic
from autograder.grading import tables
from autograder.grading.assignment import Assignment
from autograder.grading.by_hand import write_grade
from autograder.grading.course import Course
from autograder.grading.notebook_run import table
from autograder.grading.recorded import (
    Recorded,
    check_cells,
    read_recorded,
    recorded_students,
    reusable_verdicts,
    rows_of,
    stale_cells,
)
from autograder.grading.results import CellGrade

__all__ = ["rescore_class"]

Grades = dict[tuple[str, str], CellGrade]


def rescore_class(gradebook: Any, course: Course, assignment: Assignment) -> list[str]:
    """Score every recorded submission as its check cells count now; returns whose verdicts or points changed."""
    changed = []
    for student in recorded_students(gradebook.db, assignment.name):
        grades = grades_now(read_recorded(gradebook.db, assignment.name, student), assignment)
        if grades:
            rescore(gradebook, course, assignment.name, student, grades)
            changed.append(student)
    return changed


def grades_now(recorded: Recorded, assignment: Assignment) -> Grades:
    """The grades of the check cells that count otherwise than when they were recorded. Not of those that must run
    again."""
    grades: Grades = {}
    checks, stale = check_cells(assignment), stale_cells(recorded, assignment)
    for place, verdicts in reusable_verdicts(recorded, assignment).items():
        before, points = recorded.cells[place], float(checks[place].nbgrader["points"])
        if place not in stale and (verdicts, points) != (before.verdicts, before.points):
            grades[place] = CellGrade(place[1], score(verdicts, points), points, verdicts)
    return grades


def rescore(gradebook: Any, course: Course, assignment: str, student: str, grades: Grades) -> None:
    """Write the new scores of one submission, all at once."""
    for notebook in {notebook for notebook, _ in grades}:
        mine = {cell: grade for (name, cell), grade in grades.items() if name == notebook}
        show_anew(course.path("autograded", student, assignment) / f"{notebook}.ipynb", mine)
        for row in gradebook.find_submission_notebook(notebook, assignment, student).grades:
            if row.name in mine:
                write_grade(row, mine[row.name], seen=row.auto_score == mine[row.name].score)
    for place, grade in grades.items():
        write_scored(gradebook.db, assignment, student, place, grade)
    gradebook.db.commit()


def show_anew(path: Path, grades: dict[str, CellGrade]) -> None:
    """Put the tables of check cells into a graded notebook."""
    if not path.is_file():  # it is graded again as a whole, since it is missing
        return
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        grade = grades.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if grade is not None:
            cell.outputs = [table(grade.verdicts, grade.score, grade.max_score)]
            cell.metadata.nbgrader["points"] = grade.max_score
    write_atomic(path, nbformat.writes(notebook).encode())


def write_scored(session: Any, assignment: str, student: str, place: tuple[str, str], grade: CellGrade) -> None:
    """Say which verdicts count now, and what they were shared out of."""

    def here(kind: Any) -> Any:
        return and_(rows_of(kind, assignment, student), kind.c.notebook == place[0], kind.c.cell == place[1])

    session.execute(update(tables.cells).where(here(tables.cells)).values(points=grade.max_score))
    for verdict in grade.verdicts:
        row = and_(here(tables.checks), tables.checks.c.name == verdict.name)
        session.execute(update(tables.checks).where(row).values(void=verdict.void))
