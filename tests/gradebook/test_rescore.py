"""Scores made anew from recorded verdicts change what they are of, and nothing beside it. No kernel runs."""

from __future__ import annotations

from typing import Any

import small_course
from small_course import NAME
from sqlalchemy import insert, select

from autograder.checking.outcomes import Outcome, Verdict
from autograder.course.course import Course
from autograder.gradebook import tables
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.last_grading import CellGrading, CheckNow, LastGrading
from autograder.gradebook.rescore import grades_now
from autograder.grading.class_run import grade_class


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
    source = small_course.source_notebook()
    small_course.cells_by_id(source)["test_mean"].metadata.nbgrader["points"] = 6
    small_course.write(recorded.source(NAME) / f"{NAME}.ipynb", source)
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
