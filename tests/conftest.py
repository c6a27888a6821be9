"""What the tests of a whole class share: a small course, made once for each test process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import small_course

from autograder.grading.course import Course


@pytest.fixture(scope="session")
def graded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small course after one run of `grade_class`: copy it, don't change it."""
    from autograder.grading.classes import grade_class

    course = small_course.make_course(tmp_path_factory.mktemp("graded") / "course")
    grade_class(course, small_course.NAME, jobs=2)
    return course.root


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """The small course with its class's submissions, nothing graded yet."""
    return small_course.make_course(tmp_path / "course")


@pytest.fixture
def graded(graded_once: Path, tmp_path: Path) -> Course:
    """A copy of the small course of one's own, graded once."""
    shutil.copytree(graded_once, tmp_path / "course")
    return Course(tmp_path / "course")
