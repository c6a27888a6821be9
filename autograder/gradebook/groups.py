"""Students who hand in together: points that a person gives to one of them count for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nbgrader.api import Comment, Grade
from sqlalchemy import delete, insert, select, update

from autograder.course.course import Course
from autograder.course.locking import course_lock
from autograder.errors import AutograderError
from autograder.gradebook import tables
from autograder.gradebook.class_rows import NotebookRow, read_submissions
from autograder.gradebook.last_grading import Place
from autograder.gradebook.score_history import given_places, keep_given

__all__ = ["keep_groups", "notice_given", "read_groups", "settle_given"]


def read_groups(session: Any, assignment: str) -> dict[str, str]:
    """The name of each student's group; students without a group are left out."""
    of = tables.groups.c
    return dict(session.execute(select(of.student, of.name).where(of.assignment == assignment)).all())


def keep_groups(session: Any, assignment: str, students: Iterable[str], groups: Mapping[str, str]) -> None:
    """Keep which of these students are in a group; the others are in none from now on."""
    of, mine = tables.groups.c, sorted(set(students))
    session.execute(delete(tables.groups).where(of.assignment == assignment, of.student.in_(mine)))
    rows = [{"assignment": assignment, "student": who, "name": groups[who]} for who in mine if who in groups]
    if rows:
        session.execute(insert(tables.groups), rows)
    session.commit()


def notice_given(course: Course, session: Any, assignment: str) -> None:
    """Share in groups, and keep, what persons have given since the last command. While another run is at work in the
    course nothing is done: that run or the next command does it."""
    try:
        with course_lock(course.root):
            settle_given(session, assignment)
            session.commit()
    except AutograderError:
        session.rollback()


def settle_given(session: Any, assignment: str, given_by: str | None = None) -> None:
    """Share in groups what persons have given since the last command, and then keep it for everybody; `given_by` gave
    all of it, if that is known."""
    give_to_groups(session, assignment)
    keep_given(session, assignment, given_by)


def give_to_groups(session: Any, assignment: str) -> None:
    """Give the points, extra credit and comment that one member of a group got since the last command to all members
    with the same answer. Where several members got different points, each keeps their own.

    Two texts are the same by themselves, but what code does may depend on all that was handed in."""
    groups = read_groups(session, assignment)
    given = {key for key in given_places(session, assignment) if key[0] in groups} if groups else set()
    if not given:
        return
    books = {(row.student, book.name): book for row in read_submissions(session, assignment) for book in row.notebooks}
    texts, submissions = answer_digests(session, assignment)
    grades, comments = [], []
    for place in sorted({place for _, place in given}):
        for name in sorted({groups[student] for student, where in given if where == place}):
            members = [student for student, group in groups.items() if group == name]
            fresh = [student for student in members if (student, place) in given]
            book = books[fresh[0], place[0]]
            model, is_text = values_of(book, place), type_of(book, place) == "markdown"
            if any(values_of(books[student, place[0]], place)[:2] != model[:2] for student in fresh):
                continue
            for student in members:
                same = texts.get((student, place)) == texts.get((fresh[0], place)) is not None
                if same and (is_text or submissions.get(student) == submissions.get(fresh[0])) and student not in fresh:
                    grades += grade_of(books[student, place[0]], place, model)
                    comments += comment_of(books[student, place[0]], place, model)
    for kind, rows in ((Grade, grades), (Comment, comments)):
        if rows:
            session.execute(update(kind), rows)
    session.expire_all()


Values = tuple[float | None, float | None, str | None]


def answer_digests(session: Any, assignment: str) -> tuple[dict[tuple[str, Place], str], dict[str, str]]:
    """The digests of the text that each student's cells were graded from, and of each student's submission."""
    of, whole = tables.cells.c, tables.graded.c
    rows = session.execute(select(of.student, of.notebook, of.cell, of.digest).where(of.assignment == assignment))
    texts = {(student, (notebook, cell)): digest for student, notebook, cell, digest in rows}
    query = select(whole.student, whole.submission_digest).where(whole.assignment == assignment)
    return texts, dict(session.execute(query).all())


def values_of(book: NotebookRow, place: Place) -> Values:
    """The points, extra credit and comment that a person gave."""
    grade = next(grade for grade in book.grades if grade.cell == place[1])
    comments = [comment.manual_comment for comment in book.comments if comment.cell == place[1]]
    return grade.manual_score, grade.extra_credit, comments[0] if comments else None


def type_of(book: NotebookRow, place: Place) -> str:
    return next(grade.cell_type for grade in book.grades if grade.cell == place[1])


def grade_of(book: NotebookRow, place: Place, values: Values) -> list[dict[str, Any]]:
    new = {"manual_score": values[0], "extra_credit": values[1], "needs_manual_grade": False}
    return [{"id": grade.id} | new for grade in book.grades if grade.cell == place[1]]


def comment_of(book: NotebookRow, place: Place, values: Values) -> list[dict[str, Any]]:
    return [{"id": comment.id, "manual_comment": values[2]} for comment in book.comments if comment.cell == place[1]]
