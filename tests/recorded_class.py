"""A class whose grades are made up and recorded for good, and what happens to it in a term. No kernel runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import small_course
from made_class import as_graded
from nbgrader.api import Gradebook
from small_course import NAME

from autograder.checking.outcomes import Outcome, score
from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.write_results import write_result
from autograder.submission.graded import CellGrade, GradedSubmission
from autograder.submission.incidents import Incident, IncidentKind

LATE = small_course.LIMITS + "c.AssignLatePenalties.plugin_class = 'autograder.gradebook.late_days.LateDays'\n"
LATE += "c.LateDays.budget = 0\n"


def record_again(
    course: Course, change: Callable[[CellGrade], CellGrade] = lambda grade: grade, fault: bool = False, **about: Any
) -> None:
    """Record ada's submission once more, with each grade as `change` makes it."""
    with open_gradebook(course) as gradebook:
        graded: GradedSubmission = as_graded(course, load_assignment(course, NAME), "ada")
        for book in graded.notebooks:
            book.grades = [change(grade) for grade in book.grades]
        if fault:
            graded.notebooks = []
            graded.incidents = [Incident(IncidentKind.FAULT, "the sandbox ended")]
        write_result(gradebook, course, NAME, replace(graded, **about))


def all_pass(grade: CellGrade) -> CellGrade:
    verdicts = [replace(verdict, outcome=Outcome.PASSED) for verdict in grade.verdicts]
    return replace(grade, verdicts=verdicts, score=score(verdicts, grade.max_score)) if verdicts else grade


def give(course: Course, points: float | None, extra: float | None = None) -> None:
    """What a person does in formgrader."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        grade = gradebook.find_grade("why", NAME, NAME, "ada")
        grade.manual_score, grade.extra_credit = points, extra
        gradebook.db.commit()
