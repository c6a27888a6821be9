"""Reads points, comments and lateness of exported submissions from the gradebook."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.errors import AutograderError
from autograder.publishing.pdf.inputs import ExportInput
from autograder.text import in_points

if TYPE_CHECKING:
    from autograder.publishing.class_results import NotebookResult

__all__ = ["points_earned", "remarks_on", "totals", "with_results"]

Place = tuple[Path, str]


def with_results(submissions: Sequence[ExportInput], course: Path | None) -> list[ExportInput]:
    """The submissions, with the results of those that the gradebook of the course knows: the course in the folder
    `course`, or the one that the working folder is in. A class is read at once."""
    students: dict[Place, set[str]] = defaultdict(set)
    for submission in submissions:
        if submission.graded:
            students[place_of(submission)].add(submission.student)
    results = {place: results_of(place, ids, course) for place, ids in students.items()}
    return [
        replace(sub, result=results[place_of(sub)].get((sub.student, sub.notebook.stem))) if sub.graded else sub
        for sub in submissions
    ]


def place_of(submission: ExportInput) -> Place:
    """The course of COURSE/autograded/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb, and the assignment."""
    folder = submission.notebook.absolute().parent
    return folder.parents[2], folder.name


def results_of(place: Place, students: set[str], given: Path | None) -> dict[tuple[str, str], NotebookResult]:
    """The results of these students by student and notebook; none, if there is no gradebook that knows them. Only the
    course that is meant is asked: what lies above a notebook may have been handed in, and to read a configuration is
    to run it."""
    # Imported here, since whoever installs [pdf] alone has no gradebook.
    from autograder.course.course import find_course
    from autograder.publishing.class_results import read_results

    root, assignment = place
    try:
        course = find_course(Path.cwd(), given)
        if course.root != root.resolve():
            return {}
        graded = read_results(course, assignment, *(students if len(students) == 1 else ())).students
    except AutograderError:
        return {}
    return {(student.student, result.notebook): result for student in graded for result in student.results}


def points_earned(result: NotebookResult, grade_ids: Sequence[str]) -> str:
    """The points of some grade cells together, a dash if a person has not given any yet."""
    ready = [cell.score for name in grade_ids if (cell := result.cells.get(name)) and cell.score is not None]
    return in_points(sum(ready)) if ready else "–"


def totals(result: NotebookResult) -> list[tuple[str, str]]:
    """The lines below the questions' points: the sum, and what being late took of it."""
    whole = in_points(result.max_score)
    if not result.late_penalty:
        return [("Total", f"{in_points(result.score)} of {whole}")]
    return [
        ("Sum", f"{in_points(result.score)} of {whole}"),
        ("Late", f"−{in_points(result.late_penalty)}"),
        ("Total", f"{in_points(result.final_score)} of {whole}"),
    ]


def remarks_on(result: NotebookResult) -> list[str]:
    """Remarks for the student on the points."""
    late = f"Late: {result.late}." if result.late else ""
    return [*filter(None, (result.waiting, late)), *result.remarks]
