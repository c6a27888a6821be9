"""Every score that there has been, and why it changed. No kernel runs: results are made up, and recorded for good."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import nbformat
import pytest
import small_course
from made_class import as_graded
from nbgrader.api import Gradebook
from recorded_class import all_pass, give, record_again
from small_course import NAME, Run, rows
from sqlalchemy import update

from autograder.checking.outcomes import score
from autograder.course.course import Course
from autograder.course.locking import course_lock
from autograder.course.source_notebooks import load_assignment
from autograder.errors import AutograderError
from autograder.gradebook import tables
from autograder.gradebook.gradebook import open_gradebook
from autograder.grading.class_run import grade_class
from autograder.publishing.changes import ScoreChange, read_changes
from autograder.publishing.changes_command import time_of
from autograder.publishing.scores import read_scores
from autograder.submission.graded import CellGrade

Told = list[tuple[str, str, float | None, float | None, str]]


def told(changes: list[ScoreChange]) -> Told:
    return [(change.student, change.cell, change.before, change.after, change.why) for change in changes]


def changed(course: Course) -> Told:
    return told(read_changes(course, NAME))


def test_a_score_that_is_given_first_or_stays_is_no_change(recorded: Course) -> None:
    """A hundred first scores would hide the three that a regrade changed."""
    assert changed(recorded) == []
    record_again(recorded)
    record_again(recorded, digest="another submission")
    give(recorded, 2.0)
    assert changed(recorded) == []


def test_a_new_submission_a_mended_check_and_a_regrade_are_told_apart(recorded: Course) -> None:
    """A student who asks why they have fewer points must be told what has changed."""
    record_again(recorded, all_pass, digest="second")
    record_again(recorded, lambda grade: replace(grade, digest=grade.digest and "other check"), digest="second")
    record_again(
        recorded, lambda grade: replace(all_pass(grade), digest=grade.digest and "other check"), digest="second"
    )
    record_again(recorded, digest="third", assignment_digest="other data")
    assert changed(recorded) == [
        ("ada", "test_mean", 1.0, 3.0, "new submission"),
        ("ada", "test_mean", 3.0, 1.0, "check changed"),
        ("ada", "test_mean", 1.0, 3.0, "graded again"),
        ("ada", "test_mean", 3.0, 1.0, "new submission, check changed, assignment changed"),
    ]
    last = read_changes(recorded, NAME)[-1]
    assert (last.submission, last.assignment) == ("third", "other data")
    assert last.check == next(
        grade.digest
        for book in as_graded(recorded, load_assignment(recorded, NAME), "ada").notebooks
        for grade in book.grades
        if grade.grade_id == "test_mean"
    )


def test_a_grade_that_is_lost_and_comes_again_is_reported(recorded: Course) -> None:
    """Points would go and come without a trace when a sandbox fails."""
    record_again(recorded, fault=True)
    record_again(recorded)
    assert [line for line in changed(recorded) if line[1] == "test_mean"] == [
        ("ada", "test_mean", 1.0, None, "could not be graded"),
        ("ada", "test_mean", None, 1.0, "graded again"),
    ]


def test_a_void_check_is_told_with_its_reason(recorded: Course) -> None:
    """A void changes the scores of a class, and so does its end."""
    grade_class(recorded, NAME, void=["test_like_the_answer_key"], why="It was wrong.")
    grade_class(recorded, NAME, unvoid=["test_like_the_answer_key"])
    assert changed(recorded) == [
        ("ada", "test_mean", 1.0, 3.0, "check void"),
        ("s00001", "test_mean", 1.0, 3.0, "check void"),
        ("ada", "test_mean", 3.0, 1.0, "check counts again"),
        ("s00001", "test_mean", 3.0, 1.0, "check counts again"),
    ]
    assert [change.note for change in read_changes(recorded, NAME)[::2]] == [
        "test_like_the_answer_key: It was wrong.",
        "test_like_the_answer_key",
    ]


def test_other_points_for_a_cell_are_told(recorded: Course) -> None:
    """A student who has one point more or less would look for a check that changed."""
    source = small_course.source_notebook()
    small_course.cells_by_id(source)["test_mean"].metadata.nbgrader["points"] = 6
    small_course.write(recorded.source(NAME) / f"{NAME}.ipynb", source)
    assert grade_class(recorded, NAME, ["ada"]).rescored == ["ada", "s00001"]
    grade_class(recorded, NAME, void=["test_like_the_answer_key"], why="It was wrong.")
    assert grade_class(recorded, NAME).rescored == []
    students = ("ada", "s00001")
    assert changed(recorded) == [
        *((student, "test_mean", 1.0, 2.0, "points changed") for student in students),
        *((student, "test_mean", 2.0, 6.0, "check void") for student in students),
    ]
    graded = nbformat.read(recorded.path("autograded", "ada", NAME) / f"{NAME}.ipynb", as_version=4)
    cell = small_course.cells_by_id(graded)["test_mean"]
    assert (cell.outputs[0].data["text/plain"], cell.metadata.nbgrader.points) == ("6.0", 6)


def test_another_run_time_is_told_once(recorded: Course) -> None:
    """A check that needed more time would look like luck."""
    record_again(recorded, all_pass, run_time=2.0)
    record_again(recorded, run_time=2.0)
    assert [why for *_, why in changed(recorded)] == ["other run time", "graded again"]


def voided(grade: CellGrade) -> CellGrade:
    """The same, with the checks that failed void."""
    verdicts = [replace(v, void="" if v.passed else "It was wrong.") for v in grade.verdicts]
    return replace(grade, verdicts=verdicts, score=score(verdicts, grade.max_score)) if verdicts else grade


def test_a_check_that_is_void_when_it_is_graded_again_is_told(recorded: Course) -> None:
    """A mark in the assignment would look like a new opinion of the grader's."""
    record_again(recorded, voided, digest="second")
    record_again(recorded, digest="second")
    assert changed(recorded) == [
        ("ada", "test_mean", 1.0, 3.0, "new submission, check void"),
        ("ada", "test_mean", 3.0, 1.0, "check counts again"),
    ]
    first, second = read_changes(recorded, NAME)
    assert first.note == "test_like_the_answer_key: It was wrong."
    assert second.note == "test_like_the_answer_key"


def test_scores_of_another_assignment_are_no_change(recorded: Course) -> None:
    """Two assignments with notebooks and cells of one name would be compared with each other."""
    with open_gradebook(recorded) as gradebook:
        gradebook.db.connection().exec_driver_sql(
            "INSERT INTO autograder_score (assignment, student, notebook, cell, at, score, why, note) "
            "SELECT 'other', student, notebook, cell, at, 0.25, why, note FROM autograder_score"
        )
        gradebook.db.commit()
    grade_class(recorded, NAME)
    assert changed(recorded) == []


def test_what_a_person_gives_is_noticed_by_the_next_command(recorded: Course) -> None:
    """Formgrader writes into the gradebook, and tells nobody."""
    give(recorded, 2.0)
    assert changed(recorded) == []
    give(recorded, 3.0, 0.5)
    grade_class(recorded, NAME)
    give(recorded, 1.0)
    record_again(recorded, all_pass, digest="second")  # what comes later does not claim it
    assert len(changed(recorded)) == 3
    give(recorded, None)
    assert changed(recorded) == [
        ("ada", "why", 2.0, 3.5, "given by hand"),
        ("ada", "test_mean", 1.0, 3.0, "new submission"),
        ("ada", "why", 3.5, 1.0, "given by hand"),
        ("ada", "why", 1.0, None, "given by hand"),
    ]


def test_another_program_is_not_taken_for_a_person(recorded: Course) -> None:
    """Nobody gave these points by hand."""
    with Gradebook(recorded.db_url, recorded.course_id) as gradebook:
        gradebook.find_grade("test_mean", NAME, NAME, "ada").auto_score = 2.5
        gradebook.db.commit()
    assert changed(recorded) == [("ada", "test_mean", 1.0, 2.5, "changed outside autograder")]


def test_lateness_and_extensions_are_changes(recorded: Course, run: Run) -> None:
    """Four points less for a new due date look like a mistake of the grader's."""
    grade_class(recorded, NAME)
    with open_gradebook(recorded) as gradebook:
        for student in ("ada", "s00001"):
            gradebook.update_or_create_submission(NAME, student, timestamp="2026-10-02 12:00 UTC")
        gradebook.update_or_create_assignment(NAME, duedate="2026-10-01 12:00 UTC")
    grade_class(recorded, NAME)
    give(recorded, 3.0)
    assert run("extend", NAME, "ada", "--days", "1", here=recorded.root)[0] == 0
    assert changed(recorded) == [
        ("ada", "", 0.0, -0.8, "lateness"),
        ("s00001", "", 0.0, -0.8, "lateness"),
        ("ada", "", -0.8, 0.0, "extension"),
    ]


def test_the_changes_add_up_to_the_change_of_the_score(recorded: Course) -> None:
    """A score would move by more than is explained."""
    give(recorded, 2.0)
    grade_class(recorded, NAME)
    before = {student["student"]: student["final_score"] for student in read_scores(recorded, NAME)}
    give(recorded, 0.5, 1.0)
    record_again(recorded, all_pass)
    grade_class(recorded, NAME, void=["test_two_numbers"])
    after = {student["student"]: student["final_score"] for student in read_scores(recorded, NAME)}
    moved = dict.fromkeys(before, 0.0)
    for change in read_changes(recorded, NAME):
        moved[change.student] += (change.after or 0.0) - (change.before or 0.0)
    assert moved == {student: after[student] - before[student] for student in before}
    assert moved == {"ada": 1.5, "s00001": -1.0}


def test_nothing_that_was_kept_is_overwritten(recorded: Course) -> None:
    """What somebody was told last week must still be there to be explained."""
    kept: list[tuple[Any, ...]] = []
    for digest in ("second", "third", "fourth"):
        record_again(recorded, all_pass if digest == "third" else lambda grade: grade, digest=digest)
        found = rows(recorded.root, "SELECT * FROM autograder_score ORDER BY id")
        assert found[: len(kept)] == kept
        kept = found
    assert len(kept) == len(rows(recorded.root, "SELECT * FROM autograder_score WHERE why = ''")) + 2


def test_an_older_gradebook_has_first_scores_and_no_changes(recorded: Course) -> None:
    """After an upgrade in the middle of a term, everybody's score would have changed."""
    with open_gradebook(recorded) as gradebook:
        gradebook.db.connection().exec_driver_sql("DELETE FROM autograder_score")
        gradebook.db.commit()
    grade_class(recorded, NAME)
    assert changed(recorded) == []
    record_again(recorded, all_pass)
    assert changed(recorded) == [("ada", "test_mean", 1.0, 3.0, "graded again")]


def test_the_command_shows_a_table_csv_and_json(recorded: Course, run: Run) -> None:
    """Each is for somebody: a person, a spreadsheet, a program."""
    assert run("changes", NAME, here=recorded.root) == (0, f"No score of {NAME} has changed.\n", "")
    with open_gradebook(recorded) as gradebook:
        gradebook.update_or_create_student("ada", first_name="=Ada", last_name="King")
    record_again(recorded, all_pass, digest="0123456789abcdef")
    code, out, _ = run("changes", NAME, here=recorded.root)
    assert code == 0
    assert f"{NAME}: 1 score changed" in out
    assert "new" in out
    (entry,) = json.loads(run("changes", NAME, "--json", here=recorded.root)[1])
    assert (entry["from"], entry["to"], entry["why"], entry["name"]) == (1.0, 3.0, "new submission", "=Ada King")
    assert run("changes", NAME, "--csv", "changes.csv", here=recorded.root) == (0, "Written: changes.csv\n", "")
    with open(recorded.root / "changes.csv", newline="", encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert (line["from"], line["to"], line["name"], line["submission"]) == (
        "1.0",
        "3.0",
        "'=Ada King",
        entry["submission"],
    )
    for since, count in {entry["at"]: 1, entry["at"][:10]: 1, "2999-01-01": 0}.items():
        assert len(json.loads(run("changes", NAME, "--since", since, "--json", here=recorded.root)[1])) == count
    assert "since 2999-01-01" in run("changes", NAME, "--since", "2999-01-01", here=recorded.root)[1]


def test_times_of_changes_are_in_the_zone_of_the_course(recorded: Course, run: Run) -> None:
    """A day of changes would begin in the afternoon of the day before."""
    with (recorded.root / "nbgrader_config.py").open("a") as config:
        config.write("c.NbGraderAPI.timezone = 'Etc/GMT+9'\n")
    record_again(recorded, all_pass, digest="second")
    with open_gradebook(recorded) as gradebook:
        gradebook.db.execute(update(tables.scores).values(at=datetime(2026, 10, 2, 8, 59)))
        gradebook.db.commit()
    shown = run("changes", NAME, here=recorded.root)[1]
    assert "when (Etc/GMT+9)" in shown
    assert "│ 2026-10-01 23:59 │" in shown
    for since, count in {"2026-10-01": 1, "2026-10-01 23:59": 1, "2026-10-02": 0}.items():
        assert len(json.loads(run("changes", NAME, "--since", since, "--json", here=recorded.root)[1])) == count


@pytest.mark.parametrize(
    ("day", "zone", "begins"),
    [
        ("2026-10-01", "Europe/Berlin", datetime(2026, 9, 30, 22)),
        ("2026-09-06", "America/Santiago", datetime(2026, 9, 6, 4)),
        ("2026-04-24", "Africa/Cairo", datetime(2026, 4, 23, 22)),
        ("2026-11-01", "America/Havana", datetime(2026, 11, 1, 4)),
    ],
)
def test_a_day_begins_also_where_clocks_change_at_midnight(day: str, zone: str, begins: datetime) -> None:
    """Its midnight comes never or twice, and whoever had written a day was told to write a day."""
    assert time_of(day, ZoneInfo(zone)) == begins


def test_wrong_use_of_the_command_is_reported(recorded: Course, run: Run) -> None:
    """A slip would look like a term without a change."""
    code, out, err = run("changes", NAME, "--since", "01.10.2026", here=recorded.root)
    assert (code, out) == (2, "")
    assert "--since: '01.10.2026' is not a time that can be read in one way only" in err
    for day, why in {"2026-13-01": "month must be in 1..12", "0001-01-01": "date value out of range"}.items():
        with pytest.raises(
            AutograderError, match=re.escape(f"--since: '{day}' is not a day ({why}): write it as 2026")
        ):
            time_of(day, ZoneInfo("Europe/Berlin"))
    code, out, err = run("changes", "smal", here=recorded.root)
    assert (code, out) == (2, "")
    assert "Nothing of smal was graded yet" in err


def test_changes_can_be_read_while_another_run_is_at_work(recorded: Course, run: Run) -> None:
    """A class is graded for an hour, and a student asks meanwhile."""
    give(recorded, 2.0)
    assert changed(recorded) == []
    give(recorded, 1.0)
    with course_lock(recorded.root):
        assert changed(recorded) == []
    assert changed(recorded) == [("ada", "why", 2.0, 1.0, "given by hand")]
