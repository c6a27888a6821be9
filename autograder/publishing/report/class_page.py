"""The numbers of a class as a page."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from autograder.course.course import Course
from autograder.publishing.pages import render
from autograder.publishing.report.classes import WEAK_QUESTION, ClassNumbers
from autograder.publishing.report.plots import question_plot, score_plot
from autograder.publishing.report.term import TermNumbers

__all__ = ["report_page", "term_page"]


def report_page(numbers: ClassNumbers, course: Course, output: Path) -> str:
    """The page, as HTML that needs nothing else; `output` is where it will be, for its links to feedback."""
    checks = sorted(numbers.checks, key=lambda check: (check.passed / check.of if check.of else 1, check.question))
    students = [student.student for student in numbers.students]
    return render(
        "report.html.j2",
        {},
        numbers=numbers,
        checks=checks,
        score_plot=score_plot(list(numbers.points.scores.values()), numbers.points.max_score),
        question_plot=question_plot(numbers.questions, WEAK_QUESTION),
        links={student: link(course, numbers.assignment, student, output) for student in students},
        weak=WEAK_QUESTION,
    )


def term_page(numbers: TermNumbers, output: Path) -> str:
    """The page on a term; the reports on assignments that lie beside `output` are linked."""
    names = [assignment.assignment for assignment in numbers.assignments]
    links = {name: quote(f"{name}.html") if (output.parent / f"{name}.html").is_file() else "" for name in names}
    return render("term.html.j2", {}, numbers=numbers, links=links)


def link(course: Course, name: str, student: str, output: Path) -> str:
    """The address of a student's feedback, relative to the page; empty if there is none yet. nbgrader may have put the
    student's own files beside it; the link never leads to these."""
    notebooks = sorted(path.stem for path in course.source(name).glob("*.ipynb"))
    pages = [course.path("feedback", student, name) / f"{notebook}.html" for notebook in notebooks]
    links = [quote(os.path.relpath(page, output.resolve().parent)) for page in pages if page.is_file()]
    return links[0] if links else ""
