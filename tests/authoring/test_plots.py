"""A check beside a plot that is graded by hand."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import tiny_course
from tiny_course import HEAD, NAME, SETUP, code

from autograder.authoring.release import release
from autograder.authoring.validate import validate
from autograder.course.source_notebooks import load_assignment
from autograder.grading.grader import Grader
from autograder.submission.graded import Submission


def plot_cell(source: str) -> str:
    """A plot that is graded by hand, as text."""
    cell = code("curve", source, solution=True)
    return cell.replace('"grade": false', '"grade": true').replace('"schema_version"', '"points": 2, "schema_version"')


DEMONSTRATION = "```{code-cell} ipython3\nplt.plot([0, 1])\nplt.title('Loss of a demonstration')\nplt.show()\n```\n"
CURVE = "### BEGIN SOLUTION\nplt.plot([1, 2], [3, 4])\nplt.title('The loss')\nplt.show()\n### END SOLUTION"
CHECK = '''%%check
def test_title(student):
    """The plot has the title."""
    assert_figure(cell_figures(student), title="loss")

### BEGIN HIDDEN TESTS
def test_curve(student, reference):
    """The plot shows the loss."""
    expected = cell_figures(reference)[0].axes[0].lines
    assert_figure(cell_figures(student), lines=expected)
### END HIDDEN TESTS'''
TEXT = "\n".join(
    [
        HEAD,
        SETUP.replace("import numpy as np", "import numpy as np\nimport matplotlib.pyplot as plt"),
        "# Plots\n",
        DEMONSTRATION,
        plot_cell(CURVE),
        code("curve_checks", CHECK, grade=True, points=2),
    ]
)


def grade(grader: Grader, released: Path, **cells: str) -> list[bool]:
    """Whether each check holds for the released notebook with these cells' texts."""
    notebook = nbformat.read(released, as_version=4)
    for cell in notebook.cells:
        cell.source = cells.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""), cell.source)
    at = [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebook.cells].index("curve")
    notebook.cells[at + 1 : at + 1] = [nbformat.v4.new_code_cell(cells["own"])] if "own" in cells else []
    graded = grader.grade(Submission("ada", {f"{NAME}.ipynb": nbformat.writes(notebook).encode()}, ""))
    return [verdict.passed for n in graded.notebooks for g in n.grades for verdict in g.verdicts]


@pytest.mark.slow
def test_a_plot_is_checked_beside_the_person_who_grades_it(tmp_path: Path) -> None:
    """Checks of a plot would see the figure of a demonstration, or none."""
    course = tiny_course.make_course(tmp_path, TEXT, HEAD, HEAD)
    assert [str(problem) for problem in validate(course, NAME, seeds=1)] == []
    release(course, NAME)
    right, released = CURVE.replace("###", "#"), course.path("release", ".", NAME) / f"{NAME}.ipynb"
    with Grader.of(course, load_assignment(course, NAME), course.settings.limits()) as grader:
        assert grade(grader, released) == [False, False]
        assert grade(grader, released, curve="") == [False, False], "an answer that was emptied took the demonstration"
        assert grade(grader, released, curve="", own=right) == [True, True]
        assert grade(grader, released, curve=right) == [True, True]
        assert grade(grader, released, curve="values = [3, 4]", own=right) == [True, True]
        assert grade(grader, released, curve=right.replace("4", "5")) == [True, False]
