"""Counterexamples: a small input of its own with which a hidden check fails, shown after everybody's due date."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from nbgrader.api import Gradebook
from small_course import CHECK, LIMITS, NAME, Run, make_course, rows, source_notebook, submission, submit, write

from autograder.course.course import Course
from autograder.grading.class_run import grade_class
from autograder.publishing.feedback.writing import write_feedback

pytestmark = pytest.mark.slow

SHOW = f"{LIMITS}c.Autograder.show_counterexamples = True\n"
FIXED = '''

### BEGIN HIDDEN TESTS
def test_fixed(student, rng):
    """Right on numbers that are always the same."""
    assert_close(student.mean(np.array([1.5, 4.5])), 3.0)

def test_fixed_after_random(student, reference, rng):
    """Right on random numbers of one sign, and then on others."""
    a = abs(rng.normal(size=5))
    assert_close(student.mean(a), reference.mean(a))
    assert_close(student.mean(np.array([-3.25, 9.75])), 3.25)

def test_loop(student, reference, rng):
    """Right on every length."""
    for size in (3, 2, 5):
        a = rng.normal(size=size)
        assert_close(student.mean(a), reference.mean(a))
### END HIDDEN TESTS'''
BOB = "def mean(a):\n    if a[0] == 1:\n        return 2.0\n    return np.abs(a).sum() / len(a)"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course that shows counterexamples; bob's mean drops signs, and cyd's raises."""
    root = tmp_path_factory.mktemp("examples") / "course"
    course = make_course(root, SHOW, students=["ada"])
    write(root / "source" / NAME / f"{NAME}.ipynb", source_notebook(CHECK + FIXED))
    submit(root, "bob", submission(mean=BOB))
    submit(root, "cyd", submission(mean="def mean(a):\n    raise ValueError(f'no {len(a)}')"))
    grade_class(course, NAME)
    return course


def examples(course: Course, student: str) -> dict[str, str]:
    query = f"SELECT name, counterexample FROM autograder_check WHERE student = '{student}'"
    return dict(rows(course.root, query))


def array_in(text: str) -> np.ndarray:
    (found,) = re.findall(r"a = np\.array\((\[.*?\])\)", text)
    return np.array([float(number) for number in found.strip("[]").split(",")])


def test_the_input_shows_the_failure(course: Course) -> None:
    """What is shown must be what the student's function gives and what is right."""
    text = examples(course, "bob")["test_loop"]
    a = array_in(text)
    assert len(a) in (2, 3, 5)
    gave, expected = (float(re.search(rf"{word}\s+(\S+)", text)[1]) for word in ("gave", "expected"))  # type: ignore[index]
    assert gave == pytest.approx(np.abs(a).mean(), rel=2e-3)
    assert expected == pytest.approx(a.mean(), abs=2e-3)
    assert "mean(a)" in text


def test_numbers_that_were_graded_are_not_shown(course: Course) -> None:
    """A hidden check with typed-in numbers would be read once and for all."""
    found = examples(course, "bob")
    assert found["test_like_the_answer_key"]
    assert found["test_fixed"] == found["test_fixed_after_random"] == found["test_two_numbers"] == ""
    assert not set("".join(examples(course, "ada").values()))
    assert "raised    ValueError: no 7" in examples(course, "cyd")["test_like_the_answer_key"]


def test_the_grade_is_the_same_with_and_without(course: Course, tmp_path: Path) -> None:
    """To show more must not change what is given, also where a function remembers its calls."""
    counting = "calls = []\ndef mean(a):\n    calls.append(1)\n    return np.sum(a) / len(a) + (len(calls) > 2)"
    answers = {"mean": counting, "double": "def double(x):\n    return x * 2 if len(calls) < 9 else 0"}
    scores = []
    for name, config in (("off", LIMITS), ("on", SHOW)):
        other = make_course(tmp_path / name, config, students=[])
        write(other.root / "source" / NAME / f"{NAME}.ipynb", source_notebook(CHECK + FIXED))
        write(other.root / "gradebook.secret", "s" * 32)
        submit(other.root, "bob", submission(**answers))
        grade_class(other, NAME)
        assert name == "on" or not any(examples(other, "bob").values()), "nobody asked for them"
        scores.append(rows(other.root, "SELECT auto_score FROM grade ORDER BY auto_score"))
    assert scores[0] == scores[1]


def test_students_see_them_when_everybodys_time_is_over(course: Course, run: Run) -> None:
    """Somebody with an extension would get the solution from a friend."""

    def shown() -> bool:
        write_feedback(course, NAME, ["bob"])
        page = course.path("feedback", "bob", NAME) / f"{NAME}.html"
        return 'class="example"' in page.read_text(encoding="utf-8")

    def said() -> str:
        return run("feedback", NAME, "--student", "bob", here=course.root)[1]

    now = datetime.now(UTC).replace(tzinfo=None)
    assert not shown(), "there is no due date"
    assert f"Counterexamples are shown after the due date, and {NAME} has none." in said()
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.find_assignment(NAME).duedate = now - timedelta(days=1)
        gradebook.db.commit()
    assert shown()
    assert "Counterexamples" not in said()
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.find_submission(NAME, "cyd").extension = timedelta(days=2)
        gradebook.db.commit()
    assert not shown()
    assert "when everybody's time is over" in said()
