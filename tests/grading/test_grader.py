"""A grader: what it starts ends with it, and what lies beside a notebook."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import small_course
from processes import descendants, gone_within
from small_course import NAME

from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.grading.class_run import grade_class
from autograder.grading.grader import Grader
from autograder.submission.reading import read_submission

pytestmark = pytest.mark.slow


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return small_course.make_course(tmp_path / "course", students=["ada"])


def test_what_a_grader_has_started_ends_with_it(course: Course) -> None:
    """In formgrader's process sandboxes would stay for as long as the hub lives."""
    before = set(descendants(os.getpid()))
    submission = read_submission("ada", course.path("submitted", "ada", NAME), 64)
    with Grader(load_assignment(course, NAME), course.settings.limits(), course.secret) as grader:
        grader.grade(submission)
        started = [pid for pid in descendants(os.getpid()) if pid not in before]
        copy = pickle.loads(pickle.dumps(grader))
    assert started
    assert gone_within(5, started)
    with copy:
        assert not copy.grade(submission).needs_a_person, "a copy has the processes of another"


READS = "def mean(a):\n    return float(open('number.txt').read())"


@pytest.mark.parametrize(("own", "score"), [([], 0.0), (["number.txt"], 1.0)])
def test_students_may_change_only_the_files_that_the_course_names(tmp_path: Path, own: list[str], score: float) -> None:
    """A data file that a student has edited would decide their own score; one that they are to edit would be lost."""
    config = f"c.Autograde.exclude_overwriting = {{{NAME!r}: {own!r}}}\n"
    course = small_course.make_course(tmp_path / "c", config, students=[])
    (course.source(NAME) / "number.txt").write_text("7")
    small_course.submit(course.root, "ada", small_course.submission(mean=READS))
    (course.path("submitted", "ada", NAME) / "number.txt").write_text("2")
    (course.path("submitted", "ada", NAME) / "own.txt").write_text("mine")
    grade_class(course, NAME, jobs=1)
    assert small_course.auto_scores(course.root)["ada", "test_mean"] == score
    graded = course.path("autograded", "ada", NAME)
    assert (graded / "number.txt").read_text() == ("2" if own else "7")
    assert (graded / "own.txt").read_text() == "mine"
