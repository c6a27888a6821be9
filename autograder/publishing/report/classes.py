"""A class as the report tells it: numbers, and what stands out in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from sqlalchemy import select

from autograder.grading import tables
from autograder.grading.assignment import load_assignment
from autograder.grading.course import Course
from autograder.grading.late_days import LateUse
from autograder.grading.results import Audience, audience_of
from autograder.publishing.doctree.parsed_notebook import ParsedCell, Unreadable, from_json, read
from autograder.publishing.report.numbers import (
    CheckNumbers,
    Entry,
    QuestionNumbers,
    check_numbers,
    question_numbers,
    summary,
)
from autograder.publishing.report.similar import Gram, Pair, grams, similar_pairs
from autograder.publishing.results import graded_submissions, incidents_of, lateness, results_of

__all__ = ["WEAK_QUESTION", "ClassNumbers", "Student", "read_class"]

WEAK_QUESTION = 0.7
WEAK_STUDENT = 0.4

Cost = tuple[float | None, float | None]


@dataclass(frozen=True)
class Student:
    """One line of the table of students: the score after the penalty, how late it was, and what grading took.

    `seconds` and `memory_mb` are None where they were not recorded.
    """

    student: str
    score: float
    penalty: float
    late: str
    passed: int
    checks: int
    waiting: int
    seconds: float | None
    memory_mb: float | None
    incidents: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Advice:
    """What to look at first: questions to teach again, students to talk to, checks to doubt; each with the reason."""

    teach: list[tuple[str, str]]
    talk: list[tuple[str, str]]
    doubt: list[tuple[str, str]]


@dataclass(frozen=True)
class ClassNumbers:
    """All that the report tells."""

    assignment: str
    max_score: float
    scores: dict[str, float]
    questions: list[QuestionNumbers]
    checks: list[CheckNumbers]
    students: list[Student]
    similar: list[Pair]
    advice: Advice


def read_class(course: Course, name: str) -> ClassNumbers:
    """The class of an assignment. Raises AutograderError if nothing of it was graded."""
    with graded_submissions(course, name) as (submissions, session):
        entries = [Entry(s.student_id, results_of(s, use, session)) for s, use in submissions]
        costs = costs_of(session, name)
        incidents = {s.student_id: incidents_of(s, session) for s, _ in submissions}
        late = {s.student_id: lateness_of(s, use) for s, use in submissions}
        max_score = float(max((s.max_score for s, _ in submissions), default=0))
    students = [student_of(e, late[e.student], costs.get(e.student), incidents[e.student]) for e in entries]
    questions, checks = question_numbers(entries), check_numbers(entries)
    similar = similar_pairs({entry.student: answers_of(course, name, entry) for entry in entries}, known(course, name))
    advice = Advice(list(to_teach(questions)), list(to_talk_to(students, max_score, similar)), list(to_doubt(checks)))
    scores = summary([student.score for student in students])
    return ClassNumbers(name, max_score, scores, questions, checks, students, similar, advice)


def costs_of(session: Any, name: str) -> dict[str, Cost]:
    """The seconds and the MB of memory that each student's submission took to grade."""
    of = tables.graded.c
    found = session.execute(select(of.student, of.seconds, of.memory_mb).where(of.assignment == name))
    return {student: (seconds, memory) for student, seconds, memory in found}


def lateness_of(submission: Any, use: LateUse | None) -> str:
    """How late a submission was: in late days where the course has them, else in hours; empty for one in time."""
    told = lateness(use, submission.late_submission_penalty)
    hours = f"{submission.total_seconds_late / 3600:.1f} h" if submission.total_seconds_late and not use else ""
    return ", ".join(filter(None, (hours, told)))


def student_of(entry: Entry, late: str, cost: Cost | None, incidents: list[dict[str, str]]) -> Student:
    cells = [cell for _, cell, _ in entry.cells()]
    checks = [check for cell in cells for check in cell.checks if not check.void]
    penalty = sum(result.late_penalty for result in entry.results)
    return Student(
        entry.student,
        max(0.0, entry.score - penalty),
        penalty,
        late,
        sum(check.passed for check in checks),
        len(checks),
        sum(cell.score is None for cell in cells),
        *(cost or (None, None)),
        incidents,
    )


def answers_of(course: Course, name: str, entry: Entry) -> set[Gram]:
    """The pieces of a student's answers, as they were graded."""
    found: set[Gram] = set()
    for result in entry.results:
        try:
            notebook = read(course.path("autograded", entry.student, name) / f"{result.notebook}.ipynb")
        except (OSError, Unreadable):
            continue
        found |= grams(notebook.cells)
    return found


def known(course: Course, name: str) -> set[Gram]:
    """The pieces that students were given, and those of the answer key: who is right writes what others write."""
    given = [
        ParsedCell(0, cell.cell_type, cell.source, nbgrader=cell.nbgrader)
        for template in load_assignment(course, name).notebooks
        for cell in template.cells
    ]
    sources = [from_json(nbformat.read(path, as_version=4)) for path in Path(course.source(name)).glob("*.ipynb")]
    return grams(given).union(*(grams(source.cells) for source in sources))


def to_teach(questions: list[QuestionNumbers]) -> Iterator[tuple[str, str]]:
    """Questions of which those who answered lost much, the worst first, with what went wrong most often."""
    weak = [(q.share, q) for q in questions if q.share is not None and q.share < WEAK_QUESTION]
    for share, question in sorted(weak, key=lambda pair: pair[0])[:5]:
        why = f"; {question.mistake.count} × {question.mistake.text}" if question.mistake else ""
        yield question.name, f"{share:.0%} of the points of those who answered{why}"


def to_talk_to(students: list[Student], max_score: float, similar: list[Pair]) -> Iterator[tuple[str, str]]:
    """Students with few points, those whose submission did something that a person should hear of, and pairs."""
    for pair in similar:
        yield f"{pair.one} and {pair.other}", f"their answers are alike ({pair.share:.0%})"
    for student in sorted(students, key=lambda student: student.score):
        reasons = list(dict.fromkeys(filter(is_reported, (i["kind"] for i in student.incidents))))
        if student.score < WEAK_STUDENT * max_score:
            reasons.insert(0, f"{student.score:.4g} of {max_score:g} points")
        if reasons:
            yield student.student, ", ".join(reasons)


def is_reported(kind: str) -> bool:
    return Audience.REPORT in audience_of(kind)


def to_doubt(checks: list[CheckNumbers]) -> Iterator[tuple[str, str]]:
    """Checks that may be unfair: the strong fail them, nobody passes, or they could not be graded."""
    for check in checks:
        if check.ungraded:
            yield check.name, f"could not be graded for {check.ungraded}"
        if check.of > 1 and not check.passed:
            yield check.name, f"none of {check.of} passes it"
        elif check.is_reversed:
            yield check.name, "the weak pass it and the strong do not"
