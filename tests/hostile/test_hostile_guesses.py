"""Whoever guesses gets nothing, and neither does anybody where checks cannot run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat.v4 import new_code_cell, new_output
from nbgrader import utils

from autograder.checking.choice import assert_choice
from autograder.checking.figure_comparison import assert_figure
from autograder.checking.observing import cell_figures, figures
from autograder.checking.outcomes import CheckFailed, GraderFault
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import CallBack, InProcessTransport
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.values import Encoder
from autograder.kernel_side.wire import Message

GUESSES = {
    "bars": ("for n in range(30): plt.bar([0], [n])", {"bars": [21]}),
    "points": ("for n in range(30): plt.scatter([0], [n])", {"points": [[0, 21]]}),
    "image": ("for n in range(30): plt.imshow([[n]])", {"image": [[21]]}),
}


@pytest.mark.parametrize("what", GUESSES)
def test_a_figure_of_all_guesses_is_no_answer(what: str) -> None:
    """One of hundreds of bar charts was right."""
    code, wanted = GUESSES[what]
    names: dict[str, Any] = {}
    exec(f"import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\ndef draw():\n    {code}", names)
    student = NotebookProxy(InProcessTransport(names))
    with figures(student) as drawn:
        student.draw()
    with pytest.raises(CheckFailed, match=r"^there are too many "):
        assert_figure(drawn, **wanted)


def test_a_notebook_that_says_what_it_has_drawn_has_no_more_guesses() -> None:
    """Its process may say anything, and is not bound by what is read of a figure there."""
    axes = dict.fromkeys(("title", "xlabel", "ylabel", "xscale", "yscale"), "") | {"legend": None}
    axes |= {name: [] for name in ("xlim", "ylim", "xticks", "yticks", "lines", "points", "images")}
    axes |= {"bars": [{"bars": np.array([[0.0, 0.0, 1.0, n]])} for n in range(2_000)]}

    class Says:
        def request(self, message: Message, buffers: list[bytes], call_back: CallBack) -> Reply:
            encoder = Encoder(lambda value: ["unsupported", type(value).__name__])
            return {"op": "value", "value": encoder.encode([{"title": "", "axes": [axes]}])}, encoder.buffers

    with pytest.raises(CheckFailed, match=r"^there are too many bar charts"):
        assert_figure(cell_figures(NotebookProxy(Says())), bars=[777])


@pytest.mark.parametrize("right", [set(), [], ()])
def test_a_question_of_which_no_option_is_right_is_the_authors_to_mend(right: Any) -> None:
    """Every option held, and the right answer, which is none, did not."""
    with pytest.raises(GraderFault, match=r"^assert_choice: right has no option"):
        assert_choice({"a", "d"}, "abcd", right=right)


@pytest.fixture
def autograding(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    """A kernel in which `nbgrader autograde` runs a notebook without this course's configuration."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    return shell


def points_of(shell: InteractiveShell, source: str) -> float:
    """What nbgrader itself gives of one point."""
    with capture_output() as captured:
        assert shell.run_cell(source).result is None
    said = [("stdout", captured.stdout), ("stderr", captured.stderr)]
    cell = new_code_cell(source, outputs=[new_output("stream", name=name, text=text) for name, text in said if text])
    cell.metadata["nbgrader"] = {"grade": True, "solution": False, "points": 1, "grade_id": "a"}
    return float(utils.determine_grade(cell)[0])


VISIBLE = "%%check\ndef test_a(student):\n    assert_close(student.f(2), 4)\n"
HIDDEN = (
    "### BEGIN HIDDEN TESTS\ndef test_b(student, reference):\n    assert_close(student.f(3), reference.f(3))\n"
    "### END HIDDEN TESTS"
)


@pytest.mark.parametrize(
    ("source", "earned"),
    [
        (VISIBLE, 1),
        (VISIBLE + HIDDEN, 0),
        (f"%%check\n{HIDDEN}", 0),
        (VISIBLE + HIDDEN.replace("def", "@void('no')\ndef"), 1),
        ("%%check\ndef test_a(student:", 0),
    ],
    ids=["visible", "and hidden", "hidden", "void", "broken"],
)
def test_nbgrader_alone_gives_no_points_for_checks_that_did_not_run(
    autograding: InteractiveShell, source: str, earned: float
) -> None:
    """A course without its lines in nbgrader_config.py gave everybody full points for hidden checks."""
    autograding.run_cell("def f(x): return 4")
    assert points_of(autograding, source) == earned
