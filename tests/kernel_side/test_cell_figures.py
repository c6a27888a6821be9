"""The figures that a plot cell has left: which are kept, and what hostile ones gain."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from IPython.core.interactiveshell import InteractiveShell
from one_cell import run_checks

import autograder
from autograder.checking.cell import CheckCell
from autograder.checking.check_runner import Seeds
from autograder.checking.outcomes import Outcome, Verdict
from autograder.checking.proxies import NotebookProxy, connection_of
from autograder.checking.transports import InProcessTransport
from autograder.kernel_side import cell_figures

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4])\nplt.title('Loss')\nplt.show()\nplt.close('all')"
LOSS = "assert_figure(cell_figures(student), title='loss', lines=[([1, 2], [3, 4])])"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A notebook with the extension loaded; what it sets in matplotlib is as before afterwards."""
    monkeypatch.setattr(cell_figures, "state", dict(cell_figures.state))
    monkeypatch.setattr(cell_figures, "kept", type(cell_figures.kept)(maxlen=cell_figures.MOST))
    plt.close("all")
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    with mpl.rc_context():
        autograder.load_ipython_extension(shell)
        yield shell
    mpl.rcParamsDefault["figure.hooks"] = []
    InteractiveShell.clear_instance()


def verdict(shell: InteractiveShell, body: str, plot_cell: int = 0) -> Verdict:
    """The verdict of a check with this body, on what the notebook has drawn."""
    student = NotebookProxy(InProcessTransport(shell.user_ns))
    connection_of(student).plot_cell = plot_cell
    (found,) = run_checks(CheckCell(f"%%check\ndef test_a(student):\n    {body}"), student, None, Seeds(b"", "", ""))
    return found


def run(shell: InteractiveShell, *cells: str) -> None:
    for cell in cells:
        shell.run_cell(cell, store_history=True).raise_error()


def test_a_figure_is_seen_after_its_cell_has_closed_it(shell: InteractiveShell) -> None:
    """Notebooks close figures when a cell ends, so a check would find none."""
    run(shell, PLOT, "'something else'")
    found = verdict(shell, LOSS)
    assert found.passed, found.detail


@pytest.mark.parametrize("reset", ["plt.rcdefaults()", "plt.style.use('default')", "plt.style.use('ggplot')"])
def test_a_style_changes_nothing(shell: InteractiveShell, reset: str) -> None:
    """Who goes back to matplotlib's defaults would have drawn nothing."""
    run(shell, f"import matplotlib.pyplot as plt\n{reset}\n{PLOT}")
    assert verdict(shell, LOSS).passed


def test_only_the_last_cell_that_drew_counts(shell: InteractiveShell) -> None:
    """Figures of a demonstration would be taken for the student's, and all of a notebook's be kept."""
    run(shell, PLOT, "plt.figure(); plt.plot([1]); plt.title('Accuracy')")
    assert "must contain 'loss'" in verdict(shell, LOSS).message
    assert verdict(shell, "assert len(cell_figures(student)) == 1", plot_cell=2).passed
    assert verdict(shell, "assert_figure(cell_figures(student))", plot_cell=3).message == "No figure was drawn."


def test_what_a_check_draws_is_no_cell_s(shell: InteractiveShell) -> None:
    """The first check of a plot would change what the second sees."""
    run(shell, f"{PLOT}\ndef other(): plt.figure()")
    assert verdict(shell, f"student.other()\n    assert len(cell_figures(student)) == 1\n    {LOSS}").passed
    run(shell, "plt.figure(); plt.figure()")
    assert verdict(shell, "assert len(cell_figures(student)) == 2").passed


def test_a_notebook_without_matplotlib_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading the extension would end in a traceback."""
    monkeypatch.delitem(sys.modules, "matplotlib")
    cell_figures.set_hook()


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("for _ in range(200): plt.figure()", "The figure is empty."),
        ("plt.imshow(__import__('numpy').zeros((6000, 6000)))", "What the plot holds is too large"),
        ("plt.figure().get_suptitle = lambda: 1 / 0", "the plot raised ZeroDivisionError"),
        ("import autograder.kernel_side.cell_figures as c\nc.kept.append((9, 3))", "the plot raised AttributeError"),
    ],
)
def test_a_hostile_figure_is_a_wrong_answer(shell: InteractiveShell, cell: str, told: str) -> None:
    """Memory would fill, or the check wait for a person."""
    run(
        shell, f"import matplotlib.pyplot as plt\nplt.rcParams['figure.max_open_warning'] = 0\n{cell}\nplt.close('all')"
    )
    found = verdict(shell, LOSS)
    assert found.outcome in (Outcome.WRONG, Outcome.RAISED)
    assert told in found.message
