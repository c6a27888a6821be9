"""What a student's code does to the answer key, and to the checks that call it, costs nobody but itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import small_course
from small_course import NAME, cell

from autograder.authoring.promises import promises
from autograder.checking.outcomes import Outcome
from autograder.course.source_notebooks import load_assignment
from autograder.grading.grader import Grader
from autograder.sandbox.limits import Limits
from autograder.submission.graded import GradedSubmission, Submission

pytestmark = pytest.mark.slow

LIMITS = Limits(cell_seconds=2, notebook_seconds=60, memory_mb=768)
SCALE = """\
SEEN = []
def scale(x):
    ### BEGIN SOLUTION
    SEEN.append(x)
    return x / max(SEEN, key=abs)
    ### END SOLUTION"""
POWER = """\
def power(x, n):
    ### BEGIN SOLUTION
    y = 1.0
    while n > 0:
        y, n = y * x, n - 1
    return y
    ### END SOLUTION"""
G = "def g(x):\n    ### BEGIN SOLUTION\n    return 2 * scale(x) + power(x, 2)\n    ### END SOLUTION"
CHECK = '''\
%%check
### BEGIN HIDDEN TESTS
@given("scale", "power")
def test_g(student, reference, rng):
    """g is right, given scale and power."""
    x = float(rng.uniform(1, 2))
    assert_close(student.g(x), reference.g(x))

def test_other(student, reference):
    """h is right."""
    assert_close(student.h(3.0), reference.h(3.0))
### END HIDDEN TESTS'''
H = "def h(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
CELLS = [("scale", SCALE), ("power", POWER), ("g", G), ("h", H)]
RIGHT = "def g(x):\n    return 2 * scale(x) + power(x, 2)"
H_RIGHT = "def h(x):\n    return x"

Grade = Callable[..., tuple[GradedSubmission, dict[str, Outcome]]]


@pytest.fixture(scope="module")
def grade(tmp_path_factory: pytest.TempPathFactory) -> Grade:
    """Grade answers to g and h; returns what came of it, and how each check ended."""
    course = small_course.make_course(tmp_path_factory.mktemp("key") / "course", students=[])
    cells = [cell("setup", "import numpy as np", locked=True), *(cell(n, t, solution=True) for n, t in CELLS)]
    cells.append(cell("checks", CHECK, grade=True, locked=True, points=2))
    book = small_course.notebook(cells)
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", book)
    assignment = load_assignment(course, NAME)

    def grade(g: str, h: str = H_RIGHT) -> tuple[GradedSubmission, dict[str, Outcome]]:
        answers = {"scale": "def scale(x): return 0.0", "power": "def power(x, n): return 0.0", "g": g, "h": h}
        mine = nbformat.from_dict(nbformat.reads(nbformat.writes(book), as_version=4))
        for name, text in answers.items():
            small_course.cells_by_id(mine)[name].source = text
        files = {f"{NAME}.ipynb": nbformat.writes(mine).encode()}
        with Grader(assignment, LIMITS, bytes(32)) as grader:
            graded = grader.grade(Submission("mallory", files, g + h))
        verdicts = graded.notebooks[0].grades[0].verdicts
        return graded, {verdict.name: verdict.outcome for verdict in verdicts}

    return grade


def test_an_answer_key_that_keeps_state_cannot_be_poisoned(grade: Grade) -> None:
    """The right value would become what the student says: 0 to 10 of 10 points."""
    assert grade(RIGHT)[1] == {"test_g": Outcome.PASSED, "test_other": Outcome.PASSED}
    poison = "def g(x):\n    scale(1e300)\n    return power(x, 2)"
    assert grade(poison)[1] == {"test_g": Outcome.WRONG, "test_other": Outcome.PASSED}
    no_number = "def g(x):\n    scale(float('nan'))\n    return float('nan')"
    assert grade(no_number)[1] == {"test_g": Outcome.WRONG, "test_other": Outcome.PASSED}


@pytest.mark.parametrize(
    "g",
    [
        "def g(x):\n    return power(x, 1e300)",
        "def g(x):\n    try:\n        power(x, 1e300)\n    except BaseException:\n        pass\n    return 0.0",
    ],
    ids=["asked", "asked and caught"],
)
def test_an_endless_call_of_what_is_lent_costs_that_check_only(grade: Grade, g: str) -> None:
    """The check waited for a person, later checks of the cell with it, and the notebook ran twice."""
    graded, outcomes = grade(g)
    assert outcomes["test_g"] in (Outcome.RAISED, Outcome.WRONG)
    assert outcomes["test_other"] is Outcome.PASSED
    assert {incident.kind.name for incident in graded.incidents} == {"TIME"}


def test_an_endless_loop_within_a_check_is_recorded(grade: Grade) -> None:
    """A cell that is stopped is an incident, and a function that a check calls was none."""
    graded, outcomes = grade(RIGHT, "def h(x):\n    while True:\n        pass")
    assert outcomes == {"test_g": Outcome.PASSED, "test_other": Outcome.RAISED}
    (incident,) = graded.incidents
    assert (incident.kind.name, incident.cell) == ("TIME", "checks")
    assert incident.text == "a call from a check took longer than 2 s and was stopped"


@pytest.mark.parametrize("size", [2, 70])
def test_a_function_that_prints_much_within_a_check_is_recorded(grade: Grade, size: int) -> None:
    """It ended the kernel, and nobody could see why; what honest code prints costs nothing."""
    graded, outcomes = grade(RIGHT, f"def h(x):\n    print('x' * {size} * 10**6)\n    return x")
    assert outcomes["test_g"] is Outcome.PASSED
    if size == 2:
        assert outcomes["test_other"] is Outcome.PASSED
        assert graded.incidents == []
    else:
        assert {incident.kind.name for incident in graded.incidents} == {"OUTPUT"}


def test_an_author_is_told_of_checks_that_a_tamperer_passes(tmp_path: Path) -> None:
    """What a student's process says of itself would be taken for what was found out about it."""
    check = CHECK.replace("assert_close(student.h(3.0), reference.h(3.0))", "student.h(3.0); assert_unchanged(student)")
    cells = [cell("h", H, solution=True), cell("checks", check, grade=True, locked=True, points=2)]
    course = small_course.make_course(tmp_path / "course", students=[])
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", small_course.notebook(cells))
    assert any(
        text.startswith("Note: a student who tampers with Python can pass test_other: ")
        for text in promises(course, NAME)
    )


def test_what_is_kept_of_a_check_is_limited(grade: Grade) -> None:
    """Messages and details of a class would fill the gradebook."""
    graded, _ = grade(RIGHT, "def h(x):\n    raise ValueError('x' * 10**6)")
    for verdict in graded.notebooks[0].grades[0].verdicts:
        assert len(verdict.message) + len(verdict.detail) < 10_000
    assert sum(len(incident.text) for incident in graded.incidents) < 10_000
