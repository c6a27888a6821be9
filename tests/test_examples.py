"""The example course is written, validated, released and graded as its README says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from autograder.authoring.notebooks import make_notebook
from autograder.authoring.release import release
from autograder.authoring.validate import validate
from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.grading.grader import Grader
from autograder.submission.graded import GradedSubmission, Submission
from autograder.submission.incidents import IncidentKind

EXAMPLE, NAME = Path(__file__).parents[1] / "examples" / "clusters", "flowers"
MARKER = re.compile(r"(?m)^ *### (BEGIN|END) SOLUTION\n?")


def scores(graded: GradedSubmission) -> dict[str, float | None]:
    return {grade.grade_id: grade.score for grade in graded.notebooks[0].grades}


def grade(grader: Grader, notebook: nbformat.NotebookNode, module: str | None) -> GradedSubmission:
    files = {f"{NAME}.ipynb": nbformat.writes(notebook).encode()}
    files |= {} if module is None else {"kmeans.py": module.encode()}
    return grader.grade(Submission("ada", files, str(module)))


@pytest.mark.slow
def test_the_example_course_works(tmp_path: Path) -> None:
    """An instructor would start from a course that does not work."""
    shutil.copytree(EXAMPLE, tmp_path / "course")
    course = Course(tmp_path / "course")
    make_notebook(course.root, NAME)
    assert [str(problem) for problem in validate(course, NAME, seeds=1)] == []
    release(course, NAME)
    folder = course.path("release", ".", NAME)
    assert sorted(path.name for path in folder.rglob("*")) == ["flowers.csv", "flowers.ipynb", "kmeans.py"]
    released = nbformat.read(folder / f"{NAME}.ipynb", as_version=4)
    source = nbformat.read(course.source(NAME) / f"{NAME}.ipynb", as_version=4)
    for cell in source.cells:
        cell.source = MARKER.sub("", cell.source)
    solved = MARKER.sub("", (course.source(NAME) / "kmeans.py").read_text(encoding="utf-8"))
    points = {"species_means_checks": 2, "PCA_checks": 4, "plot_checks": 1, "question_1_checks": 1,
              "kmeans_checks": 4, "nearest_species_checks": 2}  # fmt: skip
    with Grader.of(course, load_assignment(course, NAME), course.settings.limits()) as grader:
        right = grade(grader, source, solved)
        assert scores(right) == points | {"plot": None}
        assert right.incidents == []
        unsolved = grade(grader, released, (folder / "kmeans.py").read_text(encoding="utf-8"))
        assert scores(unsolved) == dict.fromkeys(points, 0) | {"plot": 0}
        forgotten = grade(grader, source, None)
        assert scores(forgotten) == points | {"plot": None, "kmeans_checks": 0}
        assert [incident.kind for incident in forgotten.incidents] == [IncidentKind.MISSING]
