"""How often the commands ask the gradebook: as often for a large class as for a small one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import small_course
from made_class import make_class
from small_course import NAME
from sqlalchemy import Engine, event

from autograder.course.course import Course
from autograder.gradebook.gradebook import open_gradebook
from autograder.grading.class_run import grade_class
from autograder.publishing.changes import read_changes
from autograder.publishing.feedback.writing import write_feedback
from autograder.publishing.report.classes import read_class
from autograder.publishing.report.term import read_term
from autograder.publishing.scores import read_scores

SIZES = (3, 12)
LATE = small_course.LIMITS + "c.AssignLatePenalties.plugin_class = 'autograder.gradebook.late_days.LateDays'\n"
LATE += "c.LateDays.budget = 0\n"


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent to any database meanwhile."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *about: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> list[Course]:
    """The small course with graded classes of two sizes, everybody a day late."""
    made = []
    for size in SIZES:
        course = small_course.make_course(tmp_path_factory.mktemp("class") / "course", LATE, ["ada"])
        (course.root / "submitted" / "ada" / NAME / "timestamp.txt").write_text("2026-10-02 12:00 UTC")
        make_class(course, NAME, size)
        with open_gradebook(course) as gradebook:
            gradebook.update_or_create_assignment(NAME, duedate="2026-10-01 12:00 UTC")
        made.append(course)
    return made


def graded_again(course: Course) -> None:
    done = grade_class(course, NAME)
    assert (len(done.unchanged), done.graded, done.rescored) == (len(course.students(NAME)), [], [])


def voided(course: Course) -> None:
    assert len(grade_class(course, NAME, void=["test_two_numbers"]).rescored) == len(course.students(NAME))
    assert len(grade_class(course, NAME, unvoid=["test_two_numbers"]).rescored) == len(course.students(NAME))


COMMANDS: dict[str, Callable[[Course], Any]] = {
    "grade with nothing to do": graded_again,
    "scores": lambda course: read_scores(course, NAME),
    "changes": lambda course: read_changes(course, NAME),
    "report on the term": read_term,
    "report": lambda course: read_class(course, NAME),
    "feedback": lambda course: write_feedback(course, NAME),
    "void": voided,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_larger_class_costs_no_more_queries(classes: list[Course], command: str) -> None:
    """A class of two thousand would wait for minutes, and longer for each assignment of the term."""
    counts = []
    for course in classes:
        COMMANDS[command](course)  # penalties are settled, the gradebook is up to date
        with counted() as sent:
            COMMANDS[command](course)
        counts.append(len(sent))
    assert counts[0] == counts[1] > 0


def test_penalties_are_settled_for_all_of_a_class(classes: list[Course]) -> None:
    """Asking for the whole class at once would leave somebody out, or charge them what another owes."""
    for course in classes:
        grade_class(course, NAME)
        scores = read_scores(course, NAME)
        assert {score["late_penalty"] for score in scores} == {0.8}
        assert {score["seconds_late"] for score in scores} == {86400.0}
        assert {tuple(score["late_days"].items()) for score in scores} == {(("days", 1), ("free", 0), ("left", 0))}
        assert len(scores) == len(course.students(NAME))


def test_indices_are_there(classes: list[Course]) -> None:
    """An earlier term's grades would be looked through for each of this term's."""
    query = "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'autograder_%_id'"
    found = {name for (name,) in small_course.rows(classes[0].root, query)}
    assert {"autograder_grade_notebook_id", "autograder_comment_notebook_id"} <= found
    plan = "EXPLAIN QUERY PLAN SELECT * FROM grade WHERE notebook_id IN (SELECT id FROM submitted_notebook)"
    assert any("autograder_grade_notebook_id" in str(row) for row in small_course.rows(classes[0].root, plan))
