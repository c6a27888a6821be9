"""Scores as data and as a table: every submission, every cell, what a person must look at."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_course
from nbgrader.api import Gradebook
from rich.console import Console
from small_course import NAME

from autograder.grading.course import Course
from autograder.publishing.scores import read_scores, scores_table, write_csv


def text_of(scores: list[dict[str, object]]) -> str:
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115 - the console closes it
    console.print(scores_table(NAME, scores))
    return console.export_text()


@pytest.mark.slow
def test_the_table_says_who_has_what_and_what_happened(graded: Course) -> None:
    """It is the first thing that an instructor sees of a graded class."""
    lines = {line.split()[1]: line for line in text_of(read_scores(graded, NAME)).splitlines() if line.startswith("│")}
    assert "5 / 8" in lines["ada"]
    assert "2 / 2" in lines["ada"]
    assert "to do" in lines["ada"]
    assert "kernel died (cell 3)" in lines["dan"]
    assert "time limit (cell 3)" in lines["eve"]
    assert "to do" not in lines["fay"]
    assert "refused" in lines["fay"]


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


def entry(student: str, cells: dict[str, float]) -> dict[str, object]:
    inside = {name: {"score": score, "max_score": 1.0, "checks": []} for name, score in cells.items()}
    whole = {"score": sum(cells.values()), "max_score": 2.0, "needs_manual_grade": False}
    return {"student": student, **whole, "cells": inside, "incidents": []}


def test_csv_has_a_column_for_every_cell_of_anybody(tmp_path: Path) -> None:
    """A student who lacks a cell must not shift the others' points into the wrong column."""
    write_csv([entry("ada", {"a": 1.0}), entry("bob", {"b": 0.5})], tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text().splitlines() == [
        "student,score,max_score,needs_manual_grade,a,b",
        "ada,1.0,2.0,False,1.0,",
        "bob,0.5,2.0,False,,0.5",
    ]


def test_a_name_is_shown_as_it_is_in_the_table() -> None:
    """A student who is called like a colour must not vanish into the terminal's markup."""
    assert "[red]ada[/red]" in text_of([entry("[red]ada[/red]", {"a": 1.0})])
