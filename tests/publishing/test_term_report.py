"""The report on a term: points by assignment, who falls behind, which mistakes come back. No kernel runs."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import nbformat
import pytest
import small_course
from made_class import as_graded
from small_course import NAME, Run

from autograder.checking.outcomes import Outcome
from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.course.topics import read_topics
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.gradebook_sync import sync_assignment
from autograder.gradebook.write_results import introduce, write_result
from autograder.publishing.class_results import CheckResult
from autograder.publishing.report.class_page import term_page
from autograder.publishing.report.numbers import cause_without_details
from autograder.publishing.report.term import falling_behind, read_term
from autograder.submission.graded import CellGrade
from autograder.submission.incidents import Incident, IncidentKind


def all_wrong(grade: CellGrade) -> CellGrade:
    verdicts = [replace(v, outcome=Outcome.WRONG, message="It is 3 times too large.") for v in grade.verdicts]
    return replace(grade, verdicts=verdicts, score=None if grade.by_hand else 0.0)


def grade_later(course: Course, student: str, *incidents: Incident) -> None:
    """A student hands in the second assignment, and gets no points for it."""
    small_course.write(course.path("submitted", student, "a_later") / "a_later.ipynb", small_course.submission())
    with open_gradebook(course) as gradebook:
        sync_assignment(gradebook, course, "a_later")
        graded = as_graded(course, load_assignment(course, "a_later"), student)
        graded.notebooks[0].grades = [all_wrong(grade) for grade in graded.notebooks[0].grades]
        graded.incidents += incidents
        write_result(gradebook, course, "a_later", graded)


@pytest.fixture
def term(recorded: Course) -> Course:
    """To the small assignment comes a later one, due before it in the alphabet: ada has it wrong, s00001 hands in
    nothing."""
    shutil.copytree(recorded.source(NAME), recorded.source("a_later"))
    recorded.source("a_later").joinpath(f"{NAME}.ipynb").rename(recorded.source("a_later") / "a_later.ipynb")
    grade_later(recorded, "ada")
    with open_gradebook(recorded) as gradebook:
        introduce(gradebook, "ada", {"first_name": "Ada", "last_name": "<King>"})
        for number, name in enumerate((NAME, "a_later")):
            gradebook.update_or_create_assignment(name, duedate=f"2026-10-0{number + 1} 12:00")
    return recorded


def test_a_term_is_told_in_the_order_of_its_assignments(term: Course) -> None:
    """Who is falling behind is seen from what came first and what came last."""
    numbers = asdict(read_term(term))
    assert [
        (one["assignment"], one["due"], one["max_score"], one["submissions"], one["absent"], one["median"])
        for one in numbers["assignments"]
    ] == [("small", "2026-10-01 12:00 UTC", 5.0, 2, 0, 3.0), ("a_later", "2026-10-02 12:00 UTC", 5.0, 1, 1, 0.0)]
    ada, other = numbers["students"]
    assert (ada["shares"], ada["missing"]) == ({"small": 0.6, "a_later": 0.0}, [])
    assert ada["behind"] == ["30 % of the points of what was handed in"]
    assert (other["shares"], other["missing"]) == ({"small": 0.6, "a_later": 0.0}, ["a_later"])
    assert other["behind"] == ["handed in nothing for a_later"]
    assert numbers["teach"] == {
        "small": [("test_mean", "33 % of the points of those who answered; 2 × It is … times too large.")],
        "a_later": [
            ("test_mean", "0 % of the points of those who answered; 1 × It is … times too large."),
            ("test_double", "0 % of the points of those who answered"),
        ],
    }
    assert numbers["mistakes"] == [
        {
            "text": "It is … times too large.",
            "counts": {"small": 2, "a_later": 1},
            "again": {"ada": ["small", "a_later"]},
        }
    ]


def add_topics(course: Course, assignment: str, topics: dict[str, list[str]]) -> None:
    """Tag cells of the source, as JupyterLab's property inspector does."""
    path = course.source(assignment) / f"{assignment}.ipynb"
    book = nbformat.read(path, as_version=4)
    for cell, tags in topics.items():
        small_course.cells_by_id(book)[cell].metadata["tags"] = tags
    small_course.write(path, book)


def test_a_task_has_topics_too(recorded: Course) -> None:
    """The points of a project would be missing in the numbers of its topic."""
    task = small_course.cell("draw", "Draw it.", "markdown", task=True, locked=True, points=4)
    task.metadata["tags"] = ["topic:plots", "topic:words", "topic: plots"]
    small_course.write(recorded.source(NAME) / "project.ipynb", small_course.notebook([task]))
    add_topics(recorded, NAME, {"why": ["topic:words"]})
    assert read_topics(recorded, NAME) == {
        (NAME, "project", "draw"): ["plots", "words"],
        (NAME, NAME, "why"): ["words"],
    }


def words_of(page: str) -> str:
    """What is read on a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", page.split("<body>")[1]).split())


def test_points_are_counted_by_topic(term: Course) -> None:
    """ada has 1 of 3 and 2 of 2 points in the first assignment and none in the second, which s00001 did not hand in;
    the points for "why" are still to be given."""
    page = term.root / "reports" / "index.html"
    assert read_term(term).topics == []
    assert "Topics" not in words_of(term_page(read_term(term), page))
    add_topics(term, NAME, {"test_mean": ["topic:means"], "why": ["topic:means", "topic:words"]})
    add_topics(term, "a_later", {"test_mean": ["topic:means", "hide", "topic:"], "test_double": ["topic: means "]})
    add_topics(term, "a_later", {"double": ["topic:doubles"]})
    means, words = asdict(read_term(term))["topics"]
    assert means == {
        "topic": "means",
        "shares": {"small": 1 / 3, "a_later": 0.0},
        "share": pytest.approx((1 / 8 + 1 / 3) / 2),
        "below_half": {"ada": 1 / 8, "s00001": 1 / 3},
    }
    assert words == {"topic": "words", "shares": {"small": None}, "share": None, "below_half": {}}
    grade_later(term, "s00001", Incident(IncidentKind.REFUSED, "The submission was not read."))
    assert asdict(read_term(term))["topics"] == [means, words]
    words_read = words_of(term_page(read_term(term), page))
    assert "means 33 % 0 % 23 % 2 words – – Topic" in words_read
    assert "means ada (Ada &lt;King&gt;) 12 % , s00001 33 % Falling behind" in words_read


BEHIND: list[tuple[dict[str, float | None], list[str], list[str]]] = [
    ({"a": 0.9, "b": 0.7}, [], []),
    ({"a": 0.9, "b": 0.6}, [], ["60 % of the points last, 90 % before"]),
    ({"a": 0.9, "b": None}, [], []),
    ({"a": 0.0, "b": 0.8}, ["a"], []),
    ({"a": 0.0, "b": 0.0, "c": 0.8}, ["a", "b"], ["handed in nothing for a, b"]),
    ({"a": 0.3, "b": None}, [], ["30 % of the points of what was handed in"]),
    ({"a": None}, [], []),
]


@pytest.mark.parametrize(("shares", "missing", "why"), BEHIND)
def test_who_falls_behind(shares: dict[str, float | None], missing: list[str], why: list[str]) -> None:
    """Points that are still to be given are none that were lost, and one assignment that was left out is none."""
    assert list(falling_behind(shares, missing)) == why


def test_a_cause_is_found_under_another_question_s_name() -> None:
    """The same slip in two functions would be two mistakes, and never come back."""
    lost = CheckResult("t", "d", 1.0, False, Outcome.WRONG, "relu changes its first argument: work on a copy. See 3.")
    assert cause_without_details(lost, "relu") == "… changes its first argument: work on a copy."
    assert cause_without_details(replace(lost, outcome=Outcome.PASSED), "relu") == ""
    assert cause_without_details(replace(lost, message=""), "relu") == ""
    assert cause_without_details(replace(lost, void="It was wrong."), "relu") == ""


def test_the_command_writes_a_page(term: Course, run: Run) -> None:
    """It is read before the next lecture."""
    assert run("report", NAME, here=term.root)[0] == 0
    page = term.root / "reports" / "index.html"
    assert run("report", here=term.root) == (0, f"Written: {page}\n", "")
    text = page.read_text(encoding="utf-8")
    assert f'<a href="{NAME}.html">{NAME}</a>' in text
    assert 'href="a_later.html"' not in text
    words = words_of(text)
    assert "2 assignments, 2 students, 2 falling behind" in words
    assert "ada (Ada &lt;King&gt;) 30 % of the points" in words
    assert "s00001 60 % nothing 30 %" in words
    assert json.loads(run("report", "--json", here=term.root)[1]) == json.loads(json.dumps(asdict(read_term(term))))


def test_a_course_without_grades_is_reported(tmp_path: Path, run: Run) -> None:
    """An empty page would look like a quiet term."""
    course = small_course.make_course(tmp_path / "c", students=[])
    for _ in range(2):
        assert run("report", here=course.root) == (
            2,
            "",
            "autograder: Nothing was graded yet: run `autograder grade NAME` first.\n",
        )
        with open_gradebook(course):
            pass
    assert not (course.root / "reports").exists()
