"""Keeps the figures that cells of a notebook draw, for checks beside a plot: a notebook closes them when a cell ends.

matplotlib hands every figure that pyplot opens to `keep`, by its setting `figure.hooks`. What is kept are the figures
themselves, and only those of the last cell that drew, so nothing is computed before a check asks.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["drawn_since", "keep", "keep_cell_figures", "not_kept"]

HOOK = f"{__name__}:keep"
MOST = 20

kept: deque[tuple[int, Any]] = deque(maxlen=MOST)
state: dict[str, Any] = {"keeping": True, "shell": None}


def keep_cell_figures(shell: Any) -> None:
    """Keep what the cells of an IPython shell draw, as soon as they have matplotlib."""
    state["shell"] = shell
    set_hook()
    shell.events.register("pre_run_cell", set_hook)


def set_hook(info: Any = None) -> None:
    """Set matplotlib's hook where it is loaded, in its defaults too, to which a notebook may go back."""
    matplotlib = sys.modules.get("matplotlib")
    for name in ("rcParams", "rcParamsDefault"):
        settings = getattr(matplotlib, name, None)
        if settings is not None and HOOK not in settings["figure.hooks"]:
            settings["figure.hooks"] = [*settings["figure.hooks"], HOOK]


def keep(figure: Any) -> None:
    """Keep a figure that a cell opens, in the place of those of earlier cells."""
    if not state["keeping"]:
        return
    # IPython counts a cell before or after it runs, depending on its version; its text is kept before.
    number = len(state["shell"].history_manager.input_hist_raw) - 1
    if kept and kept[-1][0] != number:
        kept.clear()
    kept.append((number, figure))


@contextmanager
def not_kept() -> Iterator[None]:
    """Keep no figures in the block: they are a check's, and the figures of the last cell stay."""
    before, state["keeping"] = state["keeping"], False
    try:
        yield
    finally:
        state["keeping"] = before


def drawn_since(number: int) -> list[dict[str, Any]]:
    """The figures of the last cell that drew any, as plain data; none if its execution count is below `number`."""
    from autograder.kernel_side.observation import figure_data  # not before a check asks: it needs NumPy

    return [figure_data(figure) for count, figure in kept if count >= number]
