"""The grades of cells without `%%check` are nbgrader's."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader import utils

from autograder.course.assignment import Template, TemplateCell
from autograder.submission.cell_grades import cell_grades, ordinary, table, unanswered
from autograder.submission.graded import CellGrade

TEST = {"grade": True, "solution": False, "locked": True, "points": 2, "grade_id": "a"}


def result(text: str) -> NotebookNode:
    return new_output("execute_result", {"text/plain": text})


OUTPUTS = {
    "nothing": [],
    "printed": [new_output("stream", name="stdout", text="0.5")],
    "stderr": [new_output("stream", name="stderr", text="no")],
    "an error": [new_output("error", ename="ValueError", evalue="no", traceback=[])],
    "a part": [result("0.5")],
    "no points": [result("0")],
    "all": [result("2.0")],
    "no number": [result("'a string'")],
    "a part before an error": [result("0.5"), new_output("error", ename="ValueError", evalue="no", traceback=[])],
    "an error before a part": [new_output("error", ename="ValueError", evalue="no", traceback=[]), result("0.5")],
    "a figure before a part": [new_output("display_data", {"text/plain": "1"}), result("0.5")],
}


@pytest.mark.parametrize("outputs", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_a_test_cell_gives_what_nbgrader_gives(outputs: list[NotebookNode]) -> None:
    """A course that moves to this would see a grade change."""
    cell = new_code_cell("test()", outputs=outputs, metadata={"nbgrader": nbformat.from_dict(TEST)})
    grade = ordinary(cell)
    assert (grade.score, grade.max_score) == utils.determine_grade(cell)


@pytest.mark.parametrize("shown", [{"text/plain": "2.5"}, {"text/plain": "inf"}, {"text/plain": ""}, {"image/png": ""}])
def test_a_test_cell_that_would_stop_nbgrader_waits_for_a_person(shown: dict[str, str]) -> None:
    """A class could not be graded, or the student would get points that there are not."""
    outputs = [new_output("execute_result", shown)]
    cell = new_code_cell("test()", outputs=outputs, metadata={"nbgrader": nbformat.from_dict(TEST)})
    with pytest.raises((ValueError, KeyError)):
        utils.determine_grade(cell)
    assert ordinary(cell).score is None


@pytest.mark.parametrize("shown", ["nan", "-1"])
def test_points_that_are_none_wait_for_a_person(shown: str) -> None:
    """nbgrader gives all points, so a student's NaN that a test divides by something was full marks."""
    cell = new_code_cell("test()", outputs=[result(shown)], metadata={"nbgrader": nbformat.from_dict(TEST)})
    assert utils.determine_grade(cell) == (2.0, 2.0)
    assert ordinary(cell).score is None


@pytest.mark.parametrize("source", ["YOUR ANSWER HERE", "Because."])
def test_an_answer_as_released_has_no_points_and_another_waits(source: str) -> None:
    """Somebody would grade empty answers by hand, or a student's answer would be lost."""
    about = {"grade": True, "solution": True, "locked": False, "points": 3, "grade_id": "why", "schema_version": 3}
    released = new_markdown_cell("YOUR ANSWER HERE", metadata={"nbgrader": nbformat.from_dict(about)})
    about["checksum"] = utils.compute_checksum(released)
    template = Template("a", (TemplateCell("why", "markdown", released.source, False, about),), (), {})
    cell = new_markdown_cell(source, metadata={"nbgrader": nbformat.from_dict(about)})
    notebook = nbformat.v4.new_notebook(cells=[new_markdown_cell("# Title"), cell])
    blank = unanswered(notebook, template)
    (grade,) = cell_grades(notebook, [], blank)
    assert (grade.score, grade.max_score) == utils.determine_grade(cell)
    assert grade.by_hand
    assert blank == (["why"] if source == released.source else [])


ANSWER = {"grade": True, "solution": True, "locked": False, "points": 3, "grade_id": "why"}
PICTURE = {"plot.png": {"image/png": "iVBORw0KGgo="}}


def graded_by_hand(source: str, **about: Any) -> CellGrade:
    """The grade of a notebook's only graded cell, a written answer, beside cells that are none."""
    answer = new_markdown_cell(source, metadata={"nbgrader": nbformat.from_dict(ANSWER)}, **about)
    helper = new_code_cell("x = 1", metadata={"nbgrader": nbformat.from_dict(ANSWER | {"grade": False})})
    (grade,) = cell_grades(nbformat.v4.new_notebook(cells=[new_markdown_cell("# Title"), helper, answer]), [], [])
    return grade


def test_another_text_or_picture_is_another_answer() -> None:
    """Points that a person gave would stay beside an answer that they never saw."""
    grades = [
        graded_by_hand("Because."),
        graded_by_hand("Because not."),
        graded_by_hand("Because.", attachments=PICTURE),
        graded_by_hand("Because.", attachments={"plot.png": {"image/png": "/9j/"}}),
    ]
    assert all(grade.digest for grade in grades)
    assert len({grade.digest for grade in grades}) == 4
    assert graded_by_hand("Because.", attachments={}).digest == grades[0].digest


def test_the_grade_of_a_check_cell_is_the_one_that_is_given() -> None:
    """A check cell would be graded by its outputs."""
    cell = new_code_cell("%%check", outputs=[result("0.5")], metadata={"nbgrader": nbformat.from_dict(TEST)})
    checked = CellGrade("a", 1.5, 2.0)
    assert cell_grades(nbformat.v4.new_notebook(cells=[cell]), [checked], []) == [checked]


def test_a_test_cell_without_code_waits_for_a_person() -> None:
    """A test cell that somebody has made text would end the grading of every notebook."""
    cell = new_markdown_cell("Look at the plot.", metadata={"nbgrader": nbformat.from_dict(TEST)})
    assert ordinary(cell) == CellGrade("a", None, 2.0)


@pytest.mark.parametrize(
    ("earned", "told"), [(1.5, "1.5 of 2 points"), (0, "0 of 2 points"), (None, "waits for a person")]
)
def test_nbgrader_reads_the_score_of_a_check_cell_from_its_table(earned: float | None, told: str) -> None:
    """`nbgrader autograde`, which grades by outputs, would give all points."""
    cell = new_code_cell("%%check", outputs=[table([], earned, 2.0)], metadata={"nbgrader": nbformat.from_dict(TEST)})
    assert utils.determine_grade(cell) == (earned or 0.0, 2.0)
    assert told in cell.outputs[0].data["text/html"]
