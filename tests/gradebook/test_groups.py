"""A group: one grade, all members. No kernel runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_class import copy_rows
from nbgrader.api import Gradebook
from recorded_class import give, record_again
from small_course import NAME

from autograder.course.course import Course
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.groups import keep_groups, notice_given, read_groups
from autograder.grading.class_run import grade_class
from autograder.publishing.changes import read_changes
from autograder.publishing.report.classes import not_together
from autograder.publishing.report.similar import Pair
from autograder.publishing.scores import read_scores
from autograder.submission.graded import Submission


@pytest.fixture
def group(recorded: Course) -> Course:
    """ada and s00001 have handed in together."""
    with open_gradebook(recorded) as gradebook:
        keep_groups(gradebook.db, NAME, ["ada", "s00001"], {"ada": "Blue", "s00001": "Blue"})
    return recorded


def given(course: Course) -> dict[str, tuple[float | None, str]]:
    """What counts for the answer that a person grades, and the comment."""
    scores = read_scores(course, NAME)
    return {s["student"]: (s["cells"]["why"]["score"], s["comments"].get("why", "")) for s in scores}


def give_to_other(course: Course, points: float) -> None:
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.find_grade("why", NAME, NAME, "s00001").manual_score = points
        gradebook.db.commit()


def test_what_one_member_is_given_counts_for_all(group: Course) -> None:
    """A grader would have to read one answer four times, and give the same points four times."""
    with Gradebook(group.db_url, group.course_id) as gradebook:
        gradebook.find_comment("why", NAME, NAME, "ada").manual_comment = "Well argued."
        gradebook.db.commit()
    give(group, 2.0, 0.5)
    grade_class(group, NAME)
    assert given(group) == {"ada": (2.5, "Well argued."), "s00001": (2.5, "Well argued.")}
    assert not any(score["needs_manual_grade"] for score in read_scores(group, NAME) if score["student"] == "s00001")
    give(group, 3.0, 0.5)
    record_again(group)  # which must not take it for shared
    assert [(c.student, c.before, c.after, c.why) for c in read_changes(group, NAME)] == [
        ("ada", 2.5, 3.5, "given by hand"),
        ("s00001", 2.5, 3.5, "given by hand"),
    ]


def test_members_who_are_given_different_points_keep_them(group: Course) -> None:
    """One of four has done nothing, and the grader says so."""
    give(group, 3.0)
    give_to_other(group, 1.0)
    grade_class(group, NAME)
    assert {student: points for student, (points, _) in given(group).items()} == {"ada": 3.0, "s00001": 1.0}


@pytest.fixture
def two_groups(group: Course) -> Course:
    """Beside Blue there is Red, s00002 and s00003, and s00004 alone; Blue has a third member, s00005."""
    more = [f"s0000{number}" for number in range(2, 6)]
    with open_gradebook(group) as gradebook:
        copy_rows(gradebook.db, NAME, "ada", more)
        keep_groups(gradebook.db, NAME, more, {"s00002": "Red", "s00003": "Red", "s00005": "Blue"})
    return group


def give_many(course: Course, given: dict[tuple[str, str], float]) -> None:
    """Give points, by student and cell, with a comment on answers."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        for (student, cell), points in given.items():
            gradebook.find_grade(cell, NAME, NAME, student).manual_score = points
            if cell == "why":
                gradebook.find_comment(cell, NAME, NAME, student).manual_comment = f"To {student}."
        gradebook.db.commit()


def test_each_group_shares_what_its_own_members_were_given(two_groups: Course) -> None:
    """Red would be graded by what Blue was given, or not at all."""
    give_many(
        two_groups, {("ada", "why"): 2.0, ("s00003", "why"): 1.0, ("s00004", "why"): 0.5, ("s00002", "test_mean"): 2.5}
    )
    with open_gradebook(two_groups) as gradebook:
        notice_given(two_groups, gradebook.db, NAME)
    blue = {"ada": (2.0, "To ada."), "s00001": (2.0, "To ada."), "s00005": (2.0, "To ada.")}
    red = {"s00002": (1.0, "To s00003."), "s00003": (1.0, "To s00003.")}
    assert given(two_groups) == blue | red | {"s00004": (0.5, "To s00004.")}
    means = {score["student"]: score["cells"]["test_mean"]["score"] for score in read_scores(two_groups, NAME)}
    assert {student for student, points in means.items() if points == 2.5} == {"s00002", "s00003"}


def test_of_members_who_are_given_different_points_nobody_else_gets_any(two_groups: Course) -> None:
    """A third member would have the points of whoever comes first."""
    give_many(two_groups, {("ada", "why"): 3.0, ("s00001", "why"): 1.0})
    with open_gradebook(two_groups) as gradebook:
        notice_given(two_groups, gradebook.db, NAME)
    assert given(two_groups)["s00005"] == (None, "")


def test_whoever_hands_in_alone_is_in_no_group_any_more(two_groups: Course) -> None:
    """Points would go on to those who are no longer with them."""
    with open_gradebook(two_groups) as gradebook:
        keep_groups(gradebook.db, NAME, ["s00002", "ada"], {"ada": "Red"})
        assert read_groups(gradebook.db, NAME) == {"ada": "Red", "s00001": "Blue", "s00003": "Red", "s00005": "Blue"}
        keep_groups(gradebook.db, NAME, ["ada", "s00001", "s00003", "s00005"], {})
        assert read_groups(gradebook.db, NAME) == {}


def test_another_answer_is_not_given_the_points(group: Course) -> None:
    """A member who has handed in something else would be graded for what is not theirs."""
    record_again(group, lambda grade: replace(grade, digest="x") if grade.grade_id == "why" else grade)
    give(group, 3.0)
    grade_class(group, NAME, ["s00001"])
    assert given(group)["s00001"] == (None, "")


def test_another_submission_is_not_given_the_points_of_its_code(group: Course) -> None:
    """A grader lets pass what one member's code does; the other's may do something else in the same check."""
    record_again(group, digest="another submission")
    give_many(group, {("ada", "test_mean"): 3.0, ("ada", "why"): 2.0})
    with open_gradebook(group) as gradebook:
        notice_given(group, gradebook.db, NAME)
    (other,) = (score for score in read_scores(group, NAME) if score["student"] == "s00001")
    assert (other["cells"]["test_mean"]["score"], other["cells"]["why"]["score"]) == (1.0, 2.0)


def test_only_a_group_shares(recorded: Course) -> None:
    """Points would go to everybody whose answer is the same, unsolved ones above all."""
    give(recorded, 3.0)
    grade_class(recorded, NAME)
    assert given(recorded)["s00001"] == (None, "")


def test_a_group_has_the_same_random_inputs() -> None:
    """Two members with one answer would have two scores."""
    one, other = (Submission(student, {}, "digest", group="Blue").identity for student in ("ada", "bob"))
    assert one == other != Submission("ada", {}, "digest").identity


def test_members_of_a_group_are_not_said_to_have_copied() -> None:
    """Whoever works together as they should would be talked to."""
    pairs = [Pair("ada", "bob", 1.0), Pair("ada", "cyd", 0.9), Pair("cyd", "dan", 0.8)]
    groups = {"ada": "Blue", "bob": "Blue", "dan": "Red"}
    assert list(not_together(pairs, groups)) == pairs[1:]
