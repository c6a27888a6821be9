"""What a kernel shows becomes a cell's outputs: in its last form, and not without end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autograder.sandbox.cell_outputs import Budget, NoOutputs, Outputs
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.levels import open_sandbox
from autograder.sandbox.limits import Limits


def shown(text: str, display_id: str = "") -> dict[str, Any]:
    about = {"transient": {"display_id": display_id}} if display_id else {}
    return {"data": {"text/plain": text}, "metadata": {}, **about}


def texts(outputs: Outputs) -> list[str]:
    return [output.get("text") or output.data["text/plain"] for output in outputs.cells]


def test_a_display_is_kept_in_its_last_form() -> None:
    """A progress bar would be graded with its first frame, as if the work had never been done."""
    outputs = Outputs(1_000)
    outputs.take("display_data", shown("0 %", "bar"))
    outputs.take("stream", {"name": "stdout", "text": "training\n"})
    for percent in range(1, 101):
        outputs.take("update_display_data", shown(f"{percent} %", "bar"))
    outputs.take("update_display_data", shown("nobody's", "another"))
    assert texts(outputs) == ["100 %", "training\n"]
    assert not outputs.was_cut


def test_a_display_of_an_earlier_cell_is_updated() -> None:
    """As in JupyterLab: a bar that one cell shows is often moved on by the next."""
    budget = Budget()
    first, second = Outputs(1_000, budget), Outputs(1_000, budget)
    first.take("display_data", shown("begun", "bar"))
    second.take("update_display_data", shown("done", "bar"))
    assert (texts(first), texts(second)) == (["done"], [])


def test_a_check_cannot_write_into_an_earlier_cell() -> None:
    """What a hidden check passed to a function would stand in the graded notebook."""
    budget = Budget()
    first = Outputs(1_000, budget)
    first.take("display_data", shown("begun", "bar"))
    NoOutputs().take("update_display_data", shown("the argument", "bar"))
    assert texts(first) == ["begun"]


def test_what_is_cleared_leaves_room_for_what_comes() -> None:
    """An animation is one frame, but was cut as if all of them stood there."""
    outputs = Outputs(1_000)
    for frame in range(50):
        outputs.take("clear_output", {"wait": True})
        outputs.take("display_data", shown(f"frame {frame} " + "x" * 300))
    assert [text[:9] for text in texts(outputs)] == ["frame 49 "]
    assert not outputs.was_cut


def test_updates_are_kept_within_the_limits() -> None:
    """One display would grow without end, or be copied a thousand times by each update."""
    outputs = Outputs(5_000)
    for _ in range(1_000):
        outputs.take("display_data", shown("a", "many"))
    outputs.take("update_display_data", shown("b" * 2_000, "many"))
    assert len(json.dumps(outputs.cells)) < 6_000
    one = Outputs(5_000)
    one.take("display_data", shown("a", "one"))
    one.take("update_display_data", shown("b" * 6_000, "one"))
    assert texts(one) == ["a"]
    for _ in range(40):
        one.take("update_display_data", shown("b" * 3_000, "one"))
    assert one.flooded


def test_what_is_cleared_leaves_room_once() -> None:
    """Each display that was cleared and then made smaller left room twice: a notebook could show a gigabyte."""
    budget = Budget(20_000)
    cells = [Outputs(5_000, budget) for _ in range(30)]
    for outputs in cells:
        for _ in range(10):
            outputs.take("display_data", shown("a" * 4_000, "bar"))
            outputs.take("clear_output", {"wait": False})
            outputs.take("update_display_data", shown("", "bar"))
        outputs.take("display_data", shown("b" * 4_000))
    assert sum(len(json.dumps(outputs.cells)) for outputs in cells) < 20_000 + 30 * 200


def test_a_display_of_an_earlier_cell_leaves_room_there() -> None:
    """A cell could show what all others might have shown."""
    budget = Budget()
    cells = [Outputs(5_000, budget) for _ in range(30)]
    for number, outputs in enumerate(cells[:-1]):
        outputs.take("display_data", shown("a" * 4_000, f"bar {number}"))
    for number in range(29):
        cells[-1].take("update_display_data", shown("", f"bar {number}"))
    for _ in range(10):
        cells[-1].take("display_data", shown("b" * 4_000))
    assert len(json.dumps(cells[-1].cells)) < 6_000


def test_a_text_is_cut_where_the_file_becomes_too_long() -> None:
    """Zeros that a cell prints take six times their number in the file."""
    outputs = Outputs(5_000)
    outputs.take("stream", {"name": "stdout", "text": "\0" * 10_000})
    assert 4_000 < len(json.dumps(outputs.cells)) < 6_000


@pytest.mark.slow
def test_all_cells_together_show_no_more_than_a_notebook_may() -> None:
    """198 kB handed in became 572 MB in autograded/, each cell within its own limit."""
    limits = Limits(output_kb=4)
    with open_sandbox(limits) as sandbox, Kernel(sandbox, {}) as kernel:
        cells = [kernel.execute("print('x' * 4000)", 10).outputs.cells for _ in range(60)]
        updated = kernel.execute(
            "from IPython.display import clear_output, display\nclear_output()\n"
            "shown = display('begun', display_id=True)\nfor i in range(20):\n    shown.update(f'{i} of 20')",
            10,
        ).outputs
    assert sum(len(json.dumps(outputs)) for outputs in cells) < 32 * 4 * 1024 + 60 * 200
    assert "too much in all" in cells[-1][-1].text
    assert "too much in all" in texts(updated)[-1]


@pytest.mark.slow
def test_a_real_kernel_s_progress_bar_is_kept_as_it_ended() -> None:
    """IPython might send updates in another form."""
    with open_sandbox(Limits()) as sandbox, Kernel(sandbox, {}) as kernel:
        bar = "from IPython.display import ProgressBar, display\nbar = ProgressBar(4)\nfor _ in bar:\n    pass"
        outputs = kernel.execute(bar, 10).outputs
    assert len(outputs.cells) == 1
    assert "4/4" in outputs.cells[0].data["text/plain"]
