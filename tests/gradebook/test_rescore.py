"""Scores made anew from recorded verdicts change what they are of, and nothing beside it. No kernel runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import small_course
from recorded_class import record_again
from small_course import NAME
from sqlalchemy import insert, select

from autograder.checking.outcomes import Outcome, Verdict
from autograder.course.course import Course
from autograder.gradebook import tables
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.last_grading import CellGrading, CheckNow, LastGrading
from autograder.gradebook.rescore import grades_now, show_anew
from autograder.grading.class_run import grade_class
from autograder.submission.graded import CellGrade


def write_points(course: Course, points: int) -> None:
    """Give the check cell of the source other points."""
    source = small_course.source_notebook()
    small_course.cells_by_id(source)["test_mean"].metadata.nbgrader["points"] = points
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", source)


def test_checks_of_the_same_name_elsewhere_stay(recorded: Course) -> None:
    """A student would read that another cell's check is void, and lose or win points when that is next scored."""

    def elsewhere(table: Any) -> list[Any]:
        with open_gradebook(recorded) as gradebook:
            return sorted(tuple(row) for row in gradebook.db.execute(select(table)) if "other" in row)

    with open_gradebook(recorded) as gradebook:
        for table in (tables.checks, tables.cells):
            rows = gradebook.db.execute(select(table).where(table.c.cell == "test_mean")).mappings().all()
            for column in ("assignment", "notebook", "cell"):
                gradebook.db.execute(insert(table), [dict(row) | {column: "other"} for row in rows])
            gradebook.db.execute(
                insert(table), [dict(row) | {"student": "other"} for row in rows if row["student"] == "ada"]
            )
        gradebook.db.commit()
    before = [elsewhere(table) for table in (tables.checks, tables.cells)]
    write_points(recorded, 6)
    done = grade_class(recorded, NAME, void=["test_like_the_answer_key"])
    assert done.rescored == ["ada", "s00001"]
    assert [elsewhere(table) for table in (tables.checks, tables.cells)] == before
    assert all(before)


def test_a_check_that_never_ran_gets_no_score_before_it_has() -> None:
    """It would count as failed until its submission is graded, and for good if that run is stopped."""
    ran, void = (
        Verdict(name, "", 1.0, False, outcome, "", "", reason)
        for name, outcome, reason in (("test_a", Outcome.PASSED, ""), ("test_b", Outcome.NOT_RUN, "It was wrong."))
    )
    last = LastGrading(cells={("one", "check"): CellGrading("digest", 2.0, [ran, void])})
    counts = {("one", "check"): CheckNow("digest", 2.0, {"test_a": "", "test_b": ""})}
    assert grades_now(last, counts) == {}


def test_other_points_for_a_cell_without_checks_are_given(recorded: Course) -> None:
    """An assignment whose checks are still to be written could not be graded."""
    with open_gradebook(recorded) as gradebook:
        gradebook.remove_student("s00001")
    record_again(recorded, lambda grade: replace(grade, verdicts=[]))
    write_points(recorded, 6)
    assert grade_class(recorded, NAME, ["ada"]).rescored == ["ada"]
    assert small_course.auto_scores(recorded.root)["ada", "test_mean"] == 6.0


def test_a_notebook_that_is_gone_is_not_needed(tmp_path: Path) -> None:
    """A class could not be scored anew for one deleted folder, though that student is graded again anyway."""
    show_anew(tmp_path / "gone", {("one", "check"): CellGrade("check", 1.0, 2.0)})
    assert list(tmp_path.iterdir()) == []
