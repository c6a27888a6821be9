"""Results as nbgrader's command records them, one notebook after the other. No kernel runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import small_course
from made_class import as_graded, make_class
from nbgrader.api import Gradebook
from recorded_class import all_pass, give, record_again
from small_course import INCIDENT_ROWS, NAME, Run, rows

from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.write_results import write_notebooks, write_result
from autograder.publishing.changes import read_changes
from autograder.submission.graded import CellGrade
from autograder.submission.incidents import Incident, IncidentKind


@pytest.fixture
def two(tmp_path: Path) -> Course:
    """ada and s00001 have handed in two notebooks, which are recorded at once."""
    course = small_course.make_course(tmp_path / "course", students=["ada"])
    small_course.write(course.source(NAME) / "second.ipynb", small_course.source_notebook())
    small_course.submit(course.root, "ada", small_course.submission(), "second")
    make_class(course, NAME, 2)
    record_again(course, incidents=[died(NAME), died("second")])
    return course


def died(notebook: str) -> Incident:
    return Incident(IncidentKind.DIED, "the kernel died", "mean", notebook)


def record(
    course: Course, name: str, change: Callable[[CellGrade], CellGrade] = lambda grade: grade, *, whole: bool = True
) -> None:
    """Record one of ada's notebooks, with each grade as `change` makes it."""
    with open_gradebook(course) as gradebook:
        graded = as_graded(course, load_assignment(course, NAME), "ada")
        graded.notebooks = [book for book in graded.notebooks if book.name == name]
        graded.notebooks[0].grades = [change(grade) for grade in graded.notebooks[0].grades]
        graded.incidents = [died(name)]
        write_notebooks(gradebook, course, NAME, graded, whole=whole)


def test_one_after_the_other_gives_the_same_gradebook_as_all_at_once(two: Course) -> None:
    """The second notebook's result would wipe out the first one's, or stand beside an older one."""
    at_once = small_course.everything(two.root)
    record(two, NAME, all_pass, whole=False)
    now = small_course.everything(two.root)
    scores = {row[:3]: row[3] for row in now["grades"]}
    assert [scores["ada", name, "test_mean"] for name in (NAME, "second")] == [3.0, 1.0]
    assert [row for row in now["checks"] if row[1] == "second"] == [
        row for row in at_once["checks"] if row[1] == "second"
    ]
    record(two, NAME, whole=False)
    assert small_course.graded_at(two.root).keys() == {"s00001"}  # `autograder grade` grades the rest
    record(two, "second")
    assert small_course.everything(two.root) == at_once


def test_the_time_of_submission_is_as_every_command_has_it(recorded: Course, run: Run) -> None:
    """nbgrader guesses what a time means: a student would be late, or not, by the command that grades them."""
    assert run("extend", NAME, "ada", "--days", "1", here=recorded.root)[0] == 0
    for text, at in (("01.10.2026 23:59", None), ("2026-10-01 23:59 -07:00", datetime(2026, 10, 2, 6, 59))):
        (recorded.path("submitted", "ada", NAME) / "timestamp.txt").write_text(text)
        with Gradebook(recorded.db_url, recorded.course_id) as gradebook:
            row = gradebook.find_submission(NAME, "ada")
            row.timestamp, row.extension = datetime(2026, 1, 10), None
            gradebook.db.commit()
        for _ in range(2):
            record(recorded, NAME)
        with Gradebook(recorded.db_url, recorded.course_id) as gradebook:
            row = gradebook.find_submission(NAME, "ada")
            assert (row.timestamp, row.extension) == (at, timedelta(days=1))
        told = [kind for _, kind, _ in rows(recorded.root, INCIDENT_ROWS)]
        assert told == ["kernel died", *["time unknown"] * (at is None)]


def test_points_by_hand_stay_and_a_changed_answer_is_told(recorded: Course) -> None:
    """A person's points would go, or stand unseen beside an answer that they were not given for."""
    give(recorded, 1.5)
    record(recorded, NAME)
    record(recorded, NAME, all_pass)
    told = ("ada", "changed since graded by hand", "why")
    assert told not in rows(recorded.root, INCIDENT_ROWS)
    record(recorded, NAME, lambda grade: replace(grade, digest="another text") if grade.by_hand else grade)
    assert told in rows(recorded.root, INCIDENT_ROWS)
    with Gradebook(recorded.db_url, recorded.course_id) as gradebook:
        grade: Any = gradebook.find_grade("why", NAME, NAME, "ada")
        assert (grade.score, grade.needs_manual_grade) == (1.5, True)


def test_a_score_that_changes_has_a_reason(recorded: Course) -> None:
    """A student who asks why they have more points than yesterday could not be told."""
    record(recorded, NAME, all_pass)
    (change,) = read_changes(recorded, NAME)
    assert (change.cell, change.before, change.after, change.why) == ("test_mean", 1.0, 3.0, "graded again")


def test_what_a_submission_took_stands_beside_its_versions(recorded: Course) -> None:
    """Nobody would know who is near a limit, and a run with other limits be taken for the last one."""
    record_again(recorded, seconds=7.0, memory_mb=8.0, run_time=2.0)
    query = "SELECT seconds, memory_mb, run_time, at FROM autograder_graded WHERE student = 'ada'"
    ((*took, at),) = rows(recorded.root, query)
    assert took == [7.0, 8.0, 2.0]
    assert abs(datetime.now(UTC).replace(tzinfo=None) - datetime.fromisoformat(at)) < timedelta(minutes=5)


def test_files_beside_the_notebook_and_comments_are_those_of_this_grading(recorded: Course) -> None:
    """Feedback would lack a module, or say of an answer that there is none."""
    folder = recorded.path("autograded", "ada", NAME)
    query = "SELECT auto_comment FROM comment WHERE auto_comment IS NOT NULL"
    with open_gradebook(recorded) as gradebook:
        for unanswered, comments in ((["why"], [("No response.",)]), ([], [])):
            graded = as_graded(recorded, load_assignment(recorded, NAME), "ada")
            graded.notebooks[0].unanswered, graded.files = unanswered, {"data/numbers.csv": b"1"} if unanswered else {}
            write_result(gradebook, recorded, NAME, graded)
            assert rows(recorded.root, query) == comments
            assert [path.name for path in folder.rglob("*.csv")] == ["numbers.csv"] * bool(unanswered)
