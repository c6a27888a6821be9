"""Answers that a person grades, question by question: which wait, and the points that come for many of them at once."""

from __future__ import annotations

import hashlib
import os
import pwd
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nbgrader.api import Comment, Grade
from sqlalchemy import select, update

from autograder.course.course import Course
from autograder.course.locking import course_lock
from autograder.gradebook import tables
from autograder.gradebook.class_rows import GradeRow, NotebookRow, read_submissions
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.groups import read_groups, settle_given
from autograder.gradebook.late import settle_late_penalties

__all__ = ["QueuedAnswer", "State", "give_points", "read_answers"]

WAIT = 20.0  # seconds for another grader's points; a run that grades takes longer
DIGITS = 15  # of a digest: two answers of a course with the same would get each other's points


class State(StrEnum):
    """Whether a person has graded an answer. EMPTY is one that nbgrader found as it was released: it gave zero."""

    WAITS = "waits"
    GRADED = "graded"
    EMPTY = "empty"


@dataclass(frozen=True)
class QueuedAnswer:
    """A student's answer to a question that a person grades, and the `points` that a person gave. `key` names it
    without saying whose it is, and changes when the answer does; the ids are of nbgrader's rows."""

    key: str
    student: str
    notebook: str
    question: str
    max_score: float
    state: State
    points: float | None
    grade_id: str
    comment_id: str


def read_answers(session: Any, assignment: str) -> list[QueuedAnswer]:
    """The answers to all questions that a person grades, in the order of their keys, which says nothing of names. Of a
    group there is one, as long as its members have the same answer, graded or not."""
    texts, versions = read_digests(session, assignment)
    groups, found = read_groups(session, assignment), dict[tuple[str, ...], QueuedAnswer]()
    for submission in read_submissions(session, assignment):
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                text = texts.get((submission.student, notebook.name, grade.cell))
                if text is not None:
                    # The output of code may depend on all of the submission.
                    version = "" if grade.cell_type == "markdown" else versions.get(submission.student, "")
                    answer = answer_of(submission.student, notebook, grade, f"{text}/{version}")
                    who = f"group {groups[answer.student]}" if answer.student in groups else answer.student
                    found.setdefault((notebook.name, grade.cell, who, text, answer.state), answer)
    return sorted(found.values(), key=lambda answer: answer.key)


def read_digests(session: Any, assignment: str) -> tuple[dict[Any, str], dict[str, str]]:
    """The digest of each answer that a person grades, by student, notebook and cell; and of each submission."""
    of, whole = tables.cells.c, tables.graded.c
    answers = select(of.student, of.notebook, of.cell, of.digest).where(
        of.assignment == assignment, of.points.is_(None)
    )
    submissions = select(whole.student, whole.submission_digest).where(whole.assignment == assignment)
    texts = {(student, notebook, cell): digest for student, notebook, cell, digest in session.execute(answers)}
    return texts, {student: digest or "" for student, digest in session.execute(submissions)}


def answer_of(student: str, notebook: NotebookRow, grade: GradeRow, version: str) -> QueuedAnswer:
    made_of = f"{notebook.id}/{grade.cell}/{version}"
    # A letter before it: a spreadsheet would take 12e45678 for a number.
    key = "a" + hashlib.sha256(made_of.encode()).hexdigest()[:DIGITS]
    comments = [comment.id for comment in notebook.comments if comment.cell == grade.cell]
    return QueuedAnswer(
        key,
        student,
        notebook.name,
        grade.cell,
        grade.max_score,
        state_of(grade),
        grade.manual_score,
        grade.id,
        (*comments, "")[0],
    )


def state_of(grade: GradeRow) -> State:
    if grade.waits or grade.needs_manual_grade:
        return State.WAITS
    return State.GRADED if grade.manual_score is not None else State.EMPTY


def give_points(course: Course, name: str, given: Mapping[str, tuple[float, str]]) -> tuple[int, list[str]]:
    """Give answers, by their keys, points and a comment, as a person does in formgrader; penalties are settled at once.
    Returns how many were graded now, and the keys of those that do not wait any more and have not these points:
    another person has graded them, or another answer is in their place. Who runs this is kept with the scores."""
    with course_lock(course.root, WAIT), open_gradebook(course) as gradebook:
        session = gradebook.db
        settle_given(session, name)
        known = {answer.key: answer for answer in read_answers(session, name)}
        graded = [known[key] for key in given if key in known and known[key].state is State.WAITS]
        others = given.keys() - {answer.key for answer in graded}
        gone = sorted(key for key in others if key not in known or known[key].points != given[key][0])
        if graded:
            session.execute(update(Grade), list(grade_rows(graded, given)))
        if comments := list(comment_rows(graded, given)):
            session.execute(update(Comment), comments)
        session.expire_all()
        settle_given(session, name, login_name())
        session.commit()
        settle_late_penalties(course, gradebook, name)
    return len(graded), gone


def login_name() -> str | None:
    """Who runs this, as the system knows them and not as they call themselves; None for a user without a name."""
    with suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return None


def grade_rows(answers: Iterable[QueuedAnswer], given: Mapping[str, tuple[float, str]]) -> Iterator[dict[str, Any]]:
    for answer in answers:
        yield {"id": answer.grade_id, "manual_score": given[answer.key][0], "needs_manual_grade": False}


def comment_rows(answers: Iterable[QueuedAnswer], given: Mapping[str, tuple[float, str]]) -> Iterator[dict[str, Any]]:
    for answer in answers:
        if answer.comment_id and given[answer.key][1]:
            yield {"id": answer.comment_id, "manual_comment": given[answer.key][1]}
