"""What a person gave stays, and they are asked to look again where it is no longer what they saw. No kernel runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import small_course
from nbgrader.api import Gradebook
from recorded_class import all_pass, record_again
from small_course import INCIDENT_ROWS, NAME, rows

from autograder.course.course import Course
from autograder.gradebook.by_hand import changed_answers, is_as_seen
from autograder.gradebook.last_grading import CellGrading, LastGrading
from autograder.grading.class_run import grade_class
from autograder.publishing.class_results import read_results
from autograder.submission.graded import CellGrade, GradedNotebook


def grade_by_hand(course: Course) -> None:
    """Give 1.5 points for the answer and 2.5 for a check cell, as formgrader does."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        for cell, points in {"why": 1.5, "test_mean": 2.5}.items():
            grade = gradebook.find_grade(cell, NAME, NAME, "ada")
            grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


def to_look_at(course: Course) -> set[str]:
    """The cells that wait for a person, once it is sure that nothing that they gave is lost."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        grades = {grade.name: grade for grade in gradebook.find_submission_notebook(NAME, NAME, "ada").grades}
        assert [grades[cell].score for cell in ("why", "test_mean")] == [1.5, 2.5]
        return {name for name, grade in grades.items() if grade.needs_manual_grade}


def told(course: Course) -> set[str]:
    """The cells whose answer is said to have changed."""
    incidents = rows(course.root, INCIDENT_ROWS)
    return {cell for student, kind, cell in incidents if (student, kind) == ("ada", "changed since graded by hand")}


def incidents_shown(course: Course) -> list[dict[str, str]]:
    """What `autograder scores` shows of ada's submission beside points."""
    (ada,) = read_results(course, NAME, "ada").students
    return ada.incidents


def another_text(grade: CellGrade) -> CellGrade:
    return replace(grade, digest="another text") if grade.by_hand else grade


def mended_check(grade: CellGrade) -> CellGrade:
    return replace(grade, digest="another text") if grade.verdicts else grade


def as_before(grade: CellGrade) -> CellGrade:
    return grade


@pytest.mark.parametrize(
    ("change", "digest", "waits", "changed"),
    [
        (as_before, "the same", set(), set()),
        (as_before, "second", set(), set()),
        (another_text, "second", {"why"}, {"why"}),
        (all_pass, "second", {"test_mean"}, set()),
        (mended_check, "second", set(), set()),
    ],
)
def test_a_person_is_asked_again_where_something_else_is_to_be_seen(
    recorded: Course, change: Callable[[CellGrade], CellGrade], digest: str, waits: set[str], changed: set[str]
) -> None:
    """Points would stand beside an answer that they were not given for, or a class be read twice."""
    record_again(recorded, digest="the same")
    grade_by_hand(recorded)
    record_again(recorded, change, digest=digest)
    assert (to_look_at(recorded), told(recorded)) == (waits, changed)


def test_a_check_that_is_void_is_looked_at_again_by_whoever_gave_points_for_it(recorded: Course) -> None:
    """Points that make up for a bad check would stay beside those that its end gives."""
    grade_by_hand(recorded)
    done = grade_class(recorded, NAME, void=["test_like_the_answer_key"], why="It was wrong.")
    assert done.rescored == ["ada", "s00001"]
    assert (to_look_at(recorded), told(recorded)) == ({"test_mean"}, set())
    assert grade_class(recorded, NAME).rescored == []


def test_it_is_told_until_the_person_has_looked(recorded: Course) -> None:
    """A regrade before they have come to it would take the reminder away."""
    grade_by_hand(recorded)
    for change in (another_text, another_text):
        record_again(recorded, change)
        assert (to_look_at(recorded), told(recorded)) == ({"why"}, {"why"})
        assert [incident["cell"] for incident in incidents_shown(recorded)] == ["why"]
    grade_by_hand(recorded)
    assert incidents_shown(recorded) == []
    record_again(recorded, another_text)
    assert (to_look_at(recorded), told(recorded)) == (set(), set())


def test_an_answer_that_nobody_has_graded_may_change(recorded: Course) -> None:
    """Whoever grades late would be told of every new submission."""
    record_again(recorded, another_text)
    assert not told(recorded)


def test_a_failure_of_the_grader_s_is_no_change_and_a_missing_notebook_is_one(recorded: Course) -> None:
    """A sandbox that fails would send a class back to its graders, or an answer be gone without a word."""
    grade_by_hand(recorded)
    record_again(recorded, fault=True)
    assert (to_look_at(recorded), told(recorded)) == ({"test_double"}, set())
    assert small_course.auto_scores(recorded.root)["ada", "test_double"] is None
    record_again(recorded)
    assert (to_look_at(recorded), told(recorded)) == (set(), set())
    record_again(recorded, notebooks=[])
    assert (to_look_at(recorded), told(recorded)) == ({"why", "test_mean"}, {"why"})
    assert small_course.auto_scores(recorded.root)["ada", "test_double"] == 0.0
    grade_by_hand(recorded)
    record_again(recorded)  # what nobody saw is here again
    assert "why" in to_look_at(recorded)


@pytest.mark.parametrize(
    ("kind", "digest", "versions", "seen"),
    [
        ("markdown", "same", ("second", "other data"), True),
        ("markdown", "another", ("first", "data"), False),
        ("code", "same", ("first", "data"), True),
        ("code", "same", ("second", "data"), False),
        ("code", "same", ("first", "other data"), False),
        ("code", "another", ("first", "data"), False),
    ],
)
def test_a_plot_is_as_seen_only_if_all_that_it_may_show_is(
    kind: str, digest: str, versions: tuple[str, str], seen: bool
) -> None:
    """Points would stand beside another plot, or each text be read twice when some other cell changes."""
    row = SimpleNamespace(
        name="plot", notebook=SimpleNamespace(name="one"), cell=SimpleNamespace(cell_type=kind), auto_score=None
    )
    before = LastGrading(("first", "data"), {("one", "plot"): CellGrading("same", None)})
    assert is_as_seen(row, CellGrade("plot", None, 3.0, [], digest, by_hand=True), before, versions) is seen
    assert not is_as_seen(row, CellGrade("plot", None, 3.0, [], digest, by_hand=True), LastGrading(), versions)


@pytest.mark.parametrize("reported", [True, False])
def test_a_second_look_alone_is_no_changed_answer(reported: bool) -> None:
    """A student would read that they have changed a plot that only another cell's code made new."""
    row = SimpleNamespace(name="plot", notebook=SimpleNamespace(name="one"), manual_score=1.0, needs_manual_grade=True)
    place = ("one", "plot")
    before = LastGrading(cells={place: CellGrading("same", None)}, reported=frozenset([place] if reported else []))
    book = GradedNotebook("one", "", [CellGrade("plot", None, 3.0, [], "same", by_hand=True)], [])
    assert len(list(changed_answers([row], book, before))) == reported
