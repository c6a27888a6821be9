"""Scores as data and as a table: every submission, every cell, what a person must look at."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import small_course
from nbgrader.api import Gradebook
from rich.console import Console
from rich.table import Table
from small_course import NAME

from autograder.checking.outcomes import Outcome, Verdict, split_points
from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.publishing.csv_forms import write_csv
from autograder.publishing.scores import incidents_table, read_scores, scores_table


def text_of(table: Table, width: int = 120) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def rows_of(table: Table) -> dict[str, str]:
    """The lines of a table by their first word."""
    return {line.split()[1]: line for line in text_of(table).splitlines() if line.startswith("│")}


@pytest.mark.slow
def test_the_table_says_who_has_what_and_what_happened(graded: Course) -> None:
    """It is the first thing that an instructor sees of a graded class."""
    scores = read_scores(graded, NAME)
    lines, incidents = rows_of(scores_table(NAME, scores)), rows_of(incidents_table(scores))
    assert "5 / 8" in lines["ada"]
    assert "2 / 2" in lines["ada"]
    assert "to do" in lines["ada"]
    assert "to do" not in lines["fay"]
    assert "kernel died (cell 3)" in incidents["dan"]
    assert "time limit (cell 3)" in incidents["eve"]
    assert "refused" in incidents["fay"]
    assert "ada" not in incidents


def test_incidents_are_broken_at_spaces() -> None:
    """Half the name of a cell is not found in the notebook. 80 columns are what a terminal has."""
    seen = [
        {"kind": "time limit", "cell": "softmax_loss_and_grad"},
        {"kind": "answer found elsewhere", "cell": "softmax_loss_and_grad_checks"},
    ]
    text = text_of(incidents_table([entry("ada.king-of-lovelace@students.example", {}, incidents=seen)]), 80)
    words = " ".join(line.split("│")[2].strip() for line in text.splitlines() if line.startswith("│"))
    assert words == ("time limit (softmax_loss_and_grad), answer found elsewhere (softmax_loss_and_grad_checks)")


@pytest.mark.slow
def test_scores_of_an_ordinary_nbgrader_gradebook_can_be_read(tmp_path: Path) -> None:
    """A gradebook in which we never graded has none of our tables, and its scores are as good."""
    course = small_course.make_course(tmp_path / "c", students=[])
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.add_assignment(NAME)
        gradebook.add_notebook(NAME, NAME)
        gradebook.add_grade_cell("q1", NAME, NAME, max_score=4, cell_type="code")
        gradebook.add_student("ada")
        gradebook.add_submission(NAME, "ada")
        gradebook.find_grade("q1", NAME, NAME, "ada").auto_score = 3
        gradebook.db.commit()
    (score,) = read_scores(course, NAME)
    assert (score["score"], score["max_score"], score["incidents"]) == (3.0, 4.0, [])
    assert score["cells"] == {"q1": {"score": 3.0, "max_score": 4.0, "checks": []}}


@pytest.mark.slow
def test_cells_of_one_name_in_two_notebooks_are_both_there(tmp_path: Path) -> None:
    """Names are unique in a notebook only; one that covers the other would hide a question's points."""
    course = small_course.make_course(tmp_path / "c", students=[])
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.add_assignment(NAME)
        gradebook.add_student("ada")
        for name, points in (("one", 1), ("two", 2)):
            gradebook.add_notebook(name, NAME)
            gradebook.add_grade_cell("q1", name, NAME, max_score=points, cell_type="code")
        gradebook.add_submission(NAME, "ada")
        for name, points in (("one", 1), ("two", 2)):
            gradebook.find_grade("q1", name, NAME, "ada").auto_score = points
        gradebook.db.commit()
    (score,) = read_scores(course, NAME)
    assert {name: cell["max_score"] for name, cell in score["cells"].items()} == {"one/q1": 1.0, "two/q1": 2.0}


def entry(student: str, cells: dict[str, float], **about: Any) -> dict[str, Any]:
    inside = {name: {"score": score, "max_score": 1.0, "checks": []} for name, score in cells.items()}
    score = sum(cells.values())
    whole = {"score": score, "late_penalty": 0.0, "final_score": score, "max_score": 2.0, "needs_manual_grade": False}
    who = {"student": student, "group": "", "first_name": "", "last_name": "", "email": "", "lms_user_id": ""}
    more = {"submitted": None, "seconds_late": 0.0, "comments": {}, "late_days": None, "incidents": []}
    return who | whole | {"cells": inside} | more | about


def lines_of(path: Path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_csv_has_a_column_for_every_cell_of_anybody(tmp_path: Path) -> None:
    """A student who lacks a cell must not shift the others' points into the wrong column."""
    scores = [entry("ada", {"a": 1.0}), entry("bob", {"b": 0.5}, late_penalty=0.25, final_score=0.25, last_name="Bell")]
    assert write_csv(scores, tmp_path / "scores.csv", "plain", NAME) == []
    assert (tmp_path / "scores.csv").read_text().splitlines() == [
        "student,last_name,first_name,score,late_penalty,final_score,max_score,needs_manual_grade,a,b,comments",
        "ada,,,1.0,0.0,1.0,2.0,False,1.0,,",
        "bob,Bell,,0.5,0.25,0.25,2.0,False,,0.5,",
    ]


DANGEROUS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "＝1+1")


CANVAS_NAMES_APART = """\
LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,lab (55555),Final Score
,,,,,,Manual Posting,
    Points Possible,,,,,,"20,00",(read only)
Lovelace,Ada,1001,u900,ada,CS 101,,
Gauss,Carl,1002,u901,carl,CS 101,EX,
Noether,Emmy,1003,u902,emmy,CS 101,N/A,
"""


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_gradebook_of_canvas_with_names_apart_and_commas_in_numbers(tmp_path: Path, separator: str) -> None:
    """Its first line has no Student; a possible 20,00 would be said to be another number than 20, and who is excused
    would get a score."""
    template = tmp_path / "gradebook.csv"
    rows = list(csv.reader(CANVAS_NAMES_APART.splitlines()))
    with open(template, "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    points = {"ada": 18.5, "carl": 3.0, "emmy": 7.0}
    made = [entry(student, {"a": given}, max_score=20.0) for student, given in points.items()]
    assert write_csv(made, tmp_path / "out.csv", "canvas", "lab", template) == [
        "carl is excused in Canvas: this stays, 3 is not written"
    ]
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        written = [row[-1] for row in csv.reader(file)]
    assert written == ["lab (55555)", "Manual Posting", "20.0", "18.5", "EX", "7.0"]


@pytest.mark.parametrize("form", ["plain", "canvas", "gradescope", "template"])
def test_no_text_runs_in_a_spreadsheet(tmp_path: Path, form: str) -> None:
    """A student who is called `=cmd|…`, or a comment that quotes one, must not run a program on anybody's machine."""
    scores = [
        entry(text, {text: 0.5}, first_name=text, last_name=text, email=text, lms_user_id=text, comments={text: text})
        for text in DANGEROUS
    ]
    template = None
    if form == "template":
        template = tmp_path / "gradebook.csv"
        with open(template, "w", newline="") as file:
            rows = [["Student", "ID", "Section", NAME], *([text, text, text, text] for text in DANGEROUS)]
            csv.writer(file).writerows(rows)
    write_csv(scores, tmp_path / "out.csv", form.replace("template", "canvas"), NAME, template)
    texts = [cell for line in lines_of(tmp_path / "out.csv") for cell in line]
    assert sum(cell.startswith("'") for cell in texts) >= len(DANGEROUS)
    for text in texts:
        assert not text.strip().startswith(("=", "+", "@", "＝"))
        assert not text.startswith(("-", "\t", "\r", "\n"))


def test_canvas_form(tmp_path: Path) -> None:
    """Canvas reads these columns in this order, and finds a student by number, or else by login."""
    scores = [
        entry("ada@uni.edu", {"a": 1.0}, last_name="King", first_name="Ada", final_score=0.66666),
        entry("bob", {"a": 0.5}, lms_user_id="4711"),
        entry("12345", {"a": 0.0}),
    ]
    assert write_csv(scores, tmp_path / "c.csv", "canvas", "Homework 1 (99)") == []
    assert lines_of(tmp_path / "c.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Homework 1 (99)"],
        ["    Points Possible", "", "", "", "", "2.0"],
        ["King, Ada", "", "", "ada@uni.edu", "", "0.67"],
        ["bob", "4711", "", "", "", "0.5"],
        ["12345", "12345", "", "", "", "0.0"],
    ]


TEMPLATE = """\
\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Homework 1 (99),small (100),Current Score
,,,,,Manual Posting,,
    Points Possible,,,,,5,2,(read only)
"King, Ada",1,u1,ada@uni.edu,"Lecture, A",4,,80
"Bell, Bob",2,u2,BOB,B,3,0.5,60
"Card, Cyd",3,u3,cyd,B,,1.5,
"Student, Test",9,,t,B,,,
"""


@pytest.mark.parametrize("separator", [",", ";"])
def test_scores_go_into_a_gradebook_that_canvas_exported(tmp_path: Path, separator: str) -> None:
    """Grades must reach the right students, and no grade that somebody gave in Canvas meanwhile may be undone."""
    template = tmp_path / "gradebook.csv"
    with open(template, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows(csv.reader(TEMPLATE.splitlines()))
    scores = [
        entry("x1", {}, email="ADA@uni.edu", final_score=1.0),
        entry("bob", {}, final_score=2.0),
        entry("eve", {}),
    ]
    assert write_csv(scores, tmp_path / "c.csv", "canvas", "small", template) == ["eve is not in gradebook.csv"]
    assert lines_of(tmp_path / "c.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "small (100)"],
        ["", "", "", "", "", ""],
        ["    Points Possible", "", "", "", "", "2.0"],
        ["King, Ada", "1", "u1", "ada@uni.edu", "Lecture, A", "1.0"],
        ["Bell, Bob", "2", "u2", "BOB", "B", "2.0"],
        ["Card, Cyd", "3", "u3", "cyd", "B", "1.5"],
        ["Student, Test", "9", "", "t", "B", ""],
    ]
    twice = [*scores[:2], entry("u3", {}, lms_user_id="1", final_score=0.0)]
    assert write_csv(twice, tmp_path / "c.csv", "canvas", "homework 1", template) == [
        "gradebook.csv has 5.0 points possible for Homework 1 (99), here there are 2",
        "x1 and u3 are one student of gradebook.csv: look who it is",
    ]
    assert [line[-1] for line in lines_of(tmp_path / "c.csv")[3:]] == ["1.0", "2.0", "", ""]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a gradebook exported from Canvas"),
        ("Student,ID,Section\n", r"no column 'small': name one with --column. Assignments there: none"),
        ("Student,ID,Section,small (1),small (2)\n", r"several columns 'small': .*: small \(1\), small \(2\)"),
    ],
)
def test_a_template_without_the_assignment_is_reported(tmp_path: Path, text: str, said: str) -> None:
    """A column that Canvas does not know would become a new assignment that counts."""
    (tmp_path / "gradebook.csv").write_text(text)
    with pytest.raises(AutograderError, match=said):
        write_csv([entry("ada", {})], tmp_path / "c.csv", "canvas", "small", tmp_path / "gradebook.csv")
    assert not (tmp_path / "c.csv").exists()


def test_gradescope_form(tmp_path: Path) -> None:
    """What reads Gradescope's own download must read ours."""
    about = {"submitted": "2026-10-01T12:00:00Z", "seconds_late": 90061.4, "needs_manual_grade": True}
    scores = [entry("007", {"a": 1.0}, first_name="Ada", last_name="King", email="ada@uni.edu", **about)]
    write_csv([*scores, entry("bob@uni.edu", {"b": 0.5})], tmp_path / "g.csv", "gradescope", NAME)
    head, ada, bob = lines_of(tmp_path / "g.csv")
    assert ",".join(head) == (
        "First Name,Last Name,SID,Email,Total Score,Max Points,Status,Submission Time,Lateness (H:M:S),"
        "a (1 pts),b (1 pts)"
    )
    assert ",".join(ada) == "Ada,King,007,ada@uni.edu,1.0,2.0,Ungraded,2026-10-01T12:00:00Z,25:01:01,1.0,"
    assert ",".join(bob) == ",,,,0.5,2.0,Graded,,0:00:00,,0.5"


def test_the_table_says_what_lateness_costs() -> None:
    """Who wonders at a score sees at once that days were late, and what is left."""
    late = {"late_days": {"days": 3, "free": 2, "left": 0}, "late_penalty": 0.5, "final_score": 1.5}
    assert "late" not in text_of(scores_table(NAME, [entry("ada", {"a": 1.0})]))
    lines = text_of(scores_table(NAME, [entry("ada", {"a": 1.0}), entry("bob", {"a": 2.0}, **late)])).splitlines()
    assert "late" in lines[2]
    (bob,) = (line for line in lines if "bob" in line)
    assert "1.5 / 2" in bob
    assert "3 days, 2 free, 0 left: −0.5 points" in bob


def test_a_name_is_shown_as_it_is_in_the_table() -> None:
    """A student who is called like a colour must not vanish into the terminal's markup."""
    assert "[red]ada[/red]" in text_of(scores_table(NAME, [entry("[red]ada[/red]", {"a": 1.0})]))


def test_a_check_has_its_share_of_the_points_of_those_that_count() -> None:
    """Feedback, scores and Gradescope would each say another number of points for the same check."""
    verdicts = [
        Verdict(f"test_{n}", "says", weight, False, Outcome.PASSED, void=void)
        for n, (weight, void) in enumerate([(1.0, ""), (2.0, "unfair"), (3.0, "")])
    ]
    assert split_points(verdicts, 2.0) == [0.5, 0.0, 1.5]
    assert split_points(verdicts[1:2], 2.0) == [0.0]
