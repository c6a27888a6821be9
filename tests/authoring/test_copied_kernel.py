"""A known mistake is tried in a copy of the answer key, and is found to be what it would be in a student's notebook."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from tiny_course import HEAD, NAME, NORM, NORM_CHECKS, SQUARE, SQUARE_CHECKS, code, make_course

from autograder.authoring.copied_kernel import GRACE, CopiedKernel
from autograder.authoring.trials import Trials, Variant
from autograder.authoring.variants import only_needed, with_affected_checks, with_replaced
from autograder.checking.outcomes import Outcome
from autograder.course.assignment import Template
from autograder.course.source_notebooks import load_assignment, source_notebook
from autograder.grading.preconditions import checked_limits
from autograder.kernel_side.wire import WireError
from autograder.sandbox.limits import Limits
from autograder.submission.sanitize import restore

SETUP = code("setup", "%load_ext autograder\nimport matplotlib.pyplot as plt\nimport numpy as np")
TABLE = code("table", "table = [square(number) for number in range(4)]\nplt.plot([9, 9, 9, 9])")
PLOT = code("plot", "### BEGIN SOLUTION\nplt.plot(table)\n### END SOLUTION", solution=True)
PLOT_CHECKS = code(
    "plot_checks",
    '''%%check
def test_table(student):
    """The table holds squares."""
    assert student.table == [0, 1, 4, 9]

def test_square_tidy(student):
    """A call that follows one that took too long."""
    assert_close(student.square(3.0), 9.0)

def test_plot_shows_the_table(student):
    """The curve is the table's."""
    assert cell_figures(student)[0].axes[0].lines[0][1].tolist() == [0, 1, 4, 9]''',
    grade=True,
    points=3,
)
TEXT = "\n".join([HEAD, SETUP, SQUARE, SQUARE_CHECKS, TABLE, PLOT, PLOT_CHECKS, NORM, NORM_CHECKS])

WRONG = {
    "wrong": "def square(x):\n    return 2 * x",
    "right": "def square(x):\n    return x**2",
    "raises": "def square(x):\n    raise ValueError(f'not {x}')",
    "missing": "number = 3",
    "no Python": "def square(x)\n    return x",
    "endless for some": "def square(x):\n    while x == 2.0:\n        pass\n    return x * x",
    "endless": "while True:\n    pass",
    "magic": "%precision 3\ndef square(x):\n    return x * x",
    "prints": "print('here')\ndef square(x):\n    print(x)\n    return x * x",
    "counts its calls": "calls = []\ndef square(x):\n    calls.append(x)\n    return x * x + len(calls) - 1",
}


TESTS = ["test_square_two", "test_square_random", "test_table", "test_square_tidy", "test_plot_shows_the_table"]
TESTS += ["test_norm_345", "test_norm_random"]


class Tried:
    """One assignment, whose answer can be tried in both ways."""

    def __init__(self, root: Path) -> None:
        course = make_course(root, text=TEXT, mistakes="", alternatives="", config="c.Autograder.cell_seconds = 2\n")
        assignment = load_assignment(course, NAME)
        self.template: Template = assignment.notebooks[0]
        self.bare: NotebookNode = only_needed(source_notebook(course.source(NAME) / f"{NAME}.ipynb"))
        self.trials = Trials(assignment, [b"secret"], checked_limits(course))

    def in_a_copy(self, answer: str, source: str) -> list[tuple[str, Outcome, str]]:
        variant = with_replaced(self.bare, self.template, answer, source)
        assert variant.start == answer
        assert variant.notebook.cells[0].source == source
        return self.verdicts(variant)

    def in_a_kernel(self, answer: str, source: str) -> list[tuple[str, Outcome, str]]:
        notebook = with_affected_checks(restore(self.bare, self.template), answer, source)
        return self.verdicts(Variant(NAME, notebook))

    def verdicts(self, variant: Variant) -> list[tuple[str, Outcome, str]]:
        _, [verdicts], _ = self.trials.do(variant)
        return [(verdict.name, verdict.outcome, verdict.message) for verdict in verdicts]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    tried = Tried(tmp_path_factory.mktemp("course"))
    yield tried
    tried.trials.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_copy_finds_what_a_kernel_finds(tried: Tried, name: str) -> None:
    """An author would believe that students are told something else than they are."""
    found = tried.in_a_copy("square", WRONG[name])
    assert found == tried.in_a_kernel("square", WRONG[name])
    assert [name for name, _, _ in found] == TESTS


@pytest.mark.slow
def test_a_copy_shows_no_figure_from_before_its_answer(tried: Tried) -> None:
    """A plot that draws nothing would be taken for what an earlier cell has drawn."""
    found = tried.in_a_copy("plot", "pass")
    assert found == tried.in_a_kernel("plot", "pass")
    assert {name: message for name, _, message in found}["test_plot_shows_the_table"].endswith("out of range).")


@pytest.mark.slow
def test_a_copy_that_ends_costs_the_rest(tried: Tried) -> None:
    """A mistake that ends its process would pass for right, or end the worker."""
    found = tried.in_a_copy("square", "import os\ndef square(x):\n    os._exit(1)")
    assert {outcome for _, outcome, _ in found} == {Outcome.RAISED}
    assert tried.in_a_copy("norm", "def norm(a):\n    return np.sqrt(a @ a)")[0][1] is Outcome.PASSED


def test_an_answer_that_no_check_sees_needs_no_copy(tmp_path: Path) -> None:
    """There is no copy of the answer key behind its last check."""
    text = "\n".join([HEAD, SETUP, SQUARE, SQUARE_CHECKS, NORM])
    course = make_course(tmp_path, text=text, mistakes="", alternatives="")
    bare = only_needed(source_notebook(course.source(NAME) / f"{NAME}.ipynb"))
    variant = with_replaced(bare, load_assignment(course, NAME).notebooks[0], "norm", "norm = abs")
    assert (variant.start, variant.notebook.cells) == ("", [])


class Channel:
    """Says or raises what is wanted, and keeps what it was told and until when."""

    def __init__(self, says: dict[str, Any] | Exception) -> None:
        self.says = says
        self.told: list[tuple[Any, ...]] = []

    def send(self, *told: Any) -> None:
        self.told.append(told)

    def receive(self, deadline: float) -> tuple[dict[str, Any], list[bytes]]:
        self.told.append((deadline,))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says, []


@pytest.mark.parametrize("error", ["", "NameError: name 'a' is not defined"])
def test_a_copy_is_waited_for_longer_than_its_cell_may_run(error: str) -> None:
    """A cell without end would end its copy, and all checks behind it would say so."""
    channel = Channel({"error": error, "count": 7})
    before = time.monotonic()
    execution = CopiedKernel(channel, Limits()).execute("a = 1", 20.0)
    (message, buffers, until), (waited,) = channel.told
    assert (message, buffers) == ({"op": "run", "id": 0, "source": "a = 1", "seconds": 20.0}, [])
    assert before + 20.0 + GRACE <= until == waited <= time.monotonic() + 20.0 + GRACE
    assert (execution.failed, execution.count, execution.died) == (bool(error), 7, False)


@pytest.mark.parametrize("error", [TimeoutError(), WireError("the connection is closed")])
def test_a_copy_that_does_not_come_back_is_asked_nothing_more(error: Exception) -> None:
    """Each cell behind a mistake that cannot be interrupted would be waited for."""
    kernel = CopiedKernel(Channel(error), Limits())
    assert kernel.alive
    assert kernel.execute("a = 1", 20.0).died
    assert not kernel.alive
