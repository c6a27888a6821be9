"""Every score that there has been, and why it changed. No kernel runs: results are made up, and recorded for good."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_course
from made_class import as_graded, make_class
from nbgrader.api import Gradebook
from small_course import NAME, Run, rows

from autograder.checking.outcomes import Outcome, score
from autograder.grading.assignment import load_assignment
from autograder.grading.class_run import grade_class
from autograder.grading.course import Course
from autograder.grading.gradebook import open_gradebook
from autograder.grading.graded import CellGrade, GradedSubmission
from autograder.grading.incidents import Incident, IncidentKind
from autograder.grading.locking import course_lock
from autograder.grading.record_grades import record
from autograder.publishing.changes import ScoreChange, read_changes
from autograder.publishing.scores import read_scores

LATE = small_course.LIMITS + "c.AssignLatePenalties.plugin_class = 'autograder.grading.late_days.LateDays'\n"
LATE += "c.LateDays.budget = 0\n"

Told = list[tuple[str, str, float | None, float | None, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ada and s00001 have 1 of 3 points for test_mean, 2 of 2 for test_double, and wait for a person's 3."""
    course = small_course.make_course(tmp_path_factory.mktemp("history") / "course", LATE, ["ada"])
    make_class(course, NAME, 2)
    return course.root


@pytest.fixture
def term(made: Path, tmp_path: Path) -> Course:
    """A copy of that class."""
    shutil.copytree(made, tmp_path / "course")
    return Course(tmp_path / "course")


def told(changes: list[ScoreChange]) -> Told:
    return [(change.student, change.cell, change.before, change.after, change.why) for change in changes]


def changed(course: Course) -> Told:
    return told(read_changes(course, NAME))


def record_again(
    course: Course, change: Callable[[CellGrade], CellGrade] = lambda grade: grade, fault: bool = False, **about: Any
) -> None:
    """Record ada's submission once more, with each grade as `change` makes it."""
    with open_gradebook(course) as gradebook:
        graded: GradedSubmission = as_graded(course, load_assignment(course, NAME), "ada")
        for book in graded.notebooks:
            book.grades = [change(grade) for grade in book.grades]
        if fault:
            graded.notebooks = []
            graded.incidents = [Incident(IncidentKind.FAULT, "the sandbox ended")]
        record(gradebook, course, NAME, replace(graded, **about))


def all_pass(grade: CellGrade) -> CellGrade:
    verdicts = [replace(verdict, outcome=Outcome.PASSED) for verdict in grade.verdicts]
    return replace(grade, verdicts=verdicts, score=score(verdicts, grade.max_score)) if verdicts else grade


def give(course: Course, points: float | None, extra: float | None = None) -> None:
    """What a person does in formgrader."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        grade = gradebook.find_grade("why", NAME, NAME, "ada")
        grade.manual_score, grade.extra_credit = points, extra
        gradebook.db.commit()


def test_a_score_that_is_given_first_or_stays_is_no_change(term: Course) -> None:
    """A hundred first scores would hide the three that a regrade changed."""
    assert changed(term) == []
    record_again(term)
    record_again(term, digest="another submission")
    give(term, 2.0)
    assert changed(term) == []


def test_a_new_submission_a_mended_check_and_a_regrade_are_told_apart(term: Course) -> None:
    """A student who asks why they have fewer points must be told what has changed."""
    record_again(term, all_pass, digest="second")
    record_again(term, lambda grade: replace(grade, digest=grade.digest and "other check"), digest="second")
    record_again(term, lambda grade: replace(all_pass(grade), digest=grade.digest and "other check"), digest="second")
    record_again(term, digest="third", assignment_digest="other data")
    assert changed(term) == [
        ("ada", "test_mean", 1.0, 3.0, "new submission"),
        ("ada", "test_mean", 3.0, 1.0, "check changed"),
        ("ada", "test_mean", 1.0, 3.0, "graded again"),
        ("ada", "test_mean", 3.0, 1.0, "new submission, check changed, assignment changed"),
    ]
    last = read_changes(term, NAME)[-1]
    assert (last.submission, last.assignment) == ("third", "other data")
    assert last.check == next(
        grade.digest
        for book in as_graded(term, load_assignment(term, NAME), "ada").notebooks
        for grade in book.grades
        if grade.grade_id == "test_mean"
    )


def test_a_grade_that_is_lost_and_comes_again_is_told(term: Course) -> None:
    """Points would go and come without a trace when a sandbox fails."""
    record_again(term, fault=True)
    record_again(term)
    assert [line for line in changed(term) if line[1] == "test_mean"] == [
        ("ada", "test_mean", 1.0, None, "could not be graded"),
        ("ada", "test_mean", None, 1.0, "graded again"),
    ]


def test_a_void_check_is_told_with_its_reason(term: Course) -> None:
    """A void changes the scores of a class, and so does its end."""
    grade_class(term, NAME, void=["test_like_the_answer_key"], why="It was wrong.")
    grade_class(term, NAME, unvoid=["test_like_the_answer_key"])
    assert changed(term) == [
        ("ada", "test_mean", 1.0, 3.0, "check void"),
        ("s00001", "test_mean", 1.0, 3.0, "check void"),
        ("ada", "test_mean", 3.0, 1.0, "check counts again"),
        ("s00001", "test_mean", 3.0, 1.0, "check counts again"),
    ]
    assert [change.note for change in read_changes(term, NAME)[::2]] == [
        "test_like_the_answer_key: It was wrong.",
        "test_like_the_answer_key",
    ]


def test_what_a_person_gives_is_noticed_by_the_next_command(term: Course) -> None:
    """Formgrader writes into the gradebook, and tells nobody."""
    give(term, 2.0)
    assert changed(term) == []
    give(term, 3.0, 0.5)
    grade_class(term, NAME)
    give(term, 1.0)
    record_again(term, all_pass, digest="second")  # what comes later does not claim it
    give(term, None)
    assert changed(term) == [
        ("ada", "why", 2.0, 3.5, "given by hand"),
        ("ada", "test_mean", 1.0, 3.0, "new submission"),
        ("ada", "why", 3.5, 1.0, "given by hand"),
        ("ada", "why", 1.0, None, "given by hand"),
    ]


def test_another_program_is_not_taken_for_a_person(term: Course) -> None:
    """Nobody gave these points by hand."""
    with Gradebook(term.db_url, term.course_id) as gradebook:
        gradebook.find_grade("test_mean", NAME, NAME, "ada").auto_score = 2.5
        gradebook.db.commit()
    assert changed(term) == [("ada", "test_mean", 1.0, 2.5, "changed outside autograder")]


def test_lateness_and_extensions_are_changes(term: Course, run: Run) -> None:
    """Four points less for a new due date look like a mistake of the grader's."""
    grade_class(term, NAME)
    with open_gradebook(term) as gradebook:
        for student in ("ada", "s00001"):
            gradebook.update_or_create_submission(NAME, student, timestamp="2026-10-02 12:00 UTC")
        gradebook.update_or_create_assignment(NAME, duedate="2026-10-01 12:00 UTC")
    grade_class(term, NAME)
    give(term, 3.0)
    assert run("extend", NAME, "ada", "--days", "1", here=term.root)[0] == 0
    assert changed(term) == [
        ("ada", "", 0.0, -0.8, "lateness"),
        ("s00001", "", 0.0, -0.8, "lateness"),
        ("ada", "", -0.8, 0.0, "extension"),
    ]


def test_the_changes_add_up_to_the_change_of_the_score(term: Course) -> None:
    """A score would move by more than is explained."""
    give(term, 2.0)
    grade_class(term, NAME)
    before = {student["student"]: student["final_score"] for student in read_scores(term, NAME)}
    give(term, 0.5, 1.0)
    record_again(term, all_pass)
    grade_class(term, NAME, void=["test_two_numbers"])
    after = {student["student"]: student["final_score"] for student in read_scores(term, NAME)}
    moved = dict.fromkeys(before, 0.0)
    for change in read_changes(term, NAME):
        moved[change.student] += (change.after or 0.0) - (change.before or 0.0)
    assert moved == {student: after[student] - before[student] for student in before}
    assert moved == {"ada": 1.5, "s00001": -1.0}


def test_nothing_that_was_kept_is_overwritten(term: Course) -> None:
    """What somebody was told last week must still be there to be explained."""
    kept: list[tuple[Any, ...]] = []
    for digest in ("second", "third", "fourth"):
        record_again(term, all_pass if digest == "third" else lambda grade: grade, digest=digest)
        found = rows(term.root, "SELECT * FROM autograder_score ORDER BY id")
        assert found[: len(kept)] == kept
        kept = found
    assert len(kept) == len(rows(term.root, "SELECT * FROM autograder_score WHERE why = ''")) + 2


def test_an_older_gradebook_has_first_scores_and_no_changes(term: Course) -> None:
    """After an upgrade in the middle of a term, everybody's score would have changed."""
    with open_gradebook(term) as gradebook:
        gradebook.db.connection().exec_driver_sql("DELETE FROM autograder_score")
        gradebook.db.commit()
    grade_class(term, NAME)
    assert changed(term) == []
    record_again(term, all_pass)
    assert changed(term) == [("ada", "test_mean", 1.0, 3.0, "graded again")]


def test_the_command_shows_a_table_csv_and_json(term: Course, run: Run) -> None:
    """Each is for somebody: a person, a spreadsheet, a program."""
    assert run("changes", NAME, here=term.root) == (0, f"No score of {NAME} has changed.\n", "")
    with open_gradebook(term) as gradebook:
        gradebook.update_or_create_student("ada", first_name="=Ada", last_name="King")
    record_again(term, all_pass, digest="0123456789abcdef")
    code, out, _ = run("changes", NAME, here=term.root)
    assert code == 0
    assert f"{NAME}: 1 score changed" in out
    assert "new" in out
    (entry,) = json.loads(run("changes", NAME, "--json", here=term.root)[1])
    assert (entry["from"], entry["to"], entry["why"], entry["name"]) == (1.0, 3.0, "new submission", "=Ada King")
    assert run("changes", NAME, "--csv", "changes.csv", here=term.root) == (0, "Written: changes.csv\n", "")
    with open(term.root / "changes.csv", newline="", encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert (line["from"], line["to"], line["name"], line["submission"]) == (
        "1.0",
        "3.0",
        "'=Ada King",
        entry["submission"],
    )
    for since, count in {entry["at"]: 1, entry["at"][:10]: 1, "2999-01-01": 0}.items():
        assert len(json.loads(run("changes", NAME, "--since", since, "--json", here=term.root)[1])) == count
    assert "since 2999-01-01" in run("changes", NAME, "--since", "2999-01-01", here=term.root)[1]


def test_wrong_use_of_the_command_is_told(term: Course, run: Run) -> None:
    """A slip would look like a term without a change."""
    code, out, err = run("changes", NAME, "--since", "01.10.2026", here=term.root)
    assert (code, out) == (2, "")
    assert "--since: '01.10.2026' is not a time that can be read in one way only" in err
    code, out, err = run("changes", "smal", here=term.root)
    assert (code, out) == (2, "")
    assert "Nothing of smal was graded yet" in err


def test_changes_can_be_read_while_another_run_is_at_work(term: Course, run: Run) -> None:
    """A class is graded for an hour, and a student asks meanwhile."""
    give(term, 2.0)
    assert changed(term) == []
    give(term, 1.0)
    with course_lock(term.root):
        assert changed(term) == []
    assert changed(term) == [("ada", "why", 2.0, 1.0, "given by hand")]
