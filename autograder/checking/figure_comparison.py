"""Compares a figure with its expected texts, lines, points, bars and image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checking.observing import Axes, Figure
from autograder.checking.outcomes import CheckFailed

__all__ = ["assert_figure"]

Array = np.ndarray[Any, Any]
MOST_CANDIDATES = 20  # scatter plots, bar charts or images, of which one must be right: hundreds would be guesses


def assert_figure(
    drawn: Sequence[Figure] | Figure | Axes,
    *,
    title: str | bool = False,
    xlabel: str | bool = False,
    ylabel: str | bool = False,
    xscale: str | None = None,
    yscale: str | None = None,
    legend: Sequence[str] | bool = False,
    lines: int | Sequence[tuple[Any, Any]] | None = None,
    points: Any = None,
    bars: Any = None,
    image: Any = None,
    rtol: float = 1e-6,
) -> None:
    """The figure shows all that the arguments ask for. `drawn` is the result of `figures`, one figure of it, or one
    Axes.

    `title=True` asks for any title, a text for one that contains it, whatever its case; the same for labels, and for
    each name of `legend`. `lines` is how many there must be, or the (x, y) of each; `points` the (n, 2) of a scatter
    plot; `bars` the heights of a bar chart; `image` the array of a picture. Raises CheckFailed.
    """
    axes = only_axes(drawn)
    for what, expected, actual in (
        ("title", title, axes.title),
        ("label on the x axis", xlabel, axes.xlabel),
        ("label on the y axis", ylabel, axes.ylabel),
    ):
        check_text(what, expected, actual)
    for name, scale, actual in (("x", xscale, axes.xscale), ("y", yscale, axes.yscale)):
        if scale is not None and scale != actual:
            raise CheckFailed(f"the {name} axis must have the scale {scale!r}", f"it has {actual!r}")
    check_legend(legend, axes)
    if lines is not None:
        check_lines(lines, axes, rtol)
    for what, expected, drawn_arrays in (
        ("points", points, axes.points),
        ("bars", bars, [chart[:, 3] for chart in axes.bars]),
        ("image", image, axes.images),
    ):
        if expected is not None:
            check_arrays(what, np.asarray(expected), drawn_arrays, rtol)


def only_axes(drawn: Sequence[Figure] | Figure | Axes) -> Axes:
    """The first Axes. Raises CheckFailed if nothing was drawn."""
    if isinstance(drawn, Axes):
        return drawn
    if not isinstance(drawn, Figure):
        if not drawn:
            raise CheckFailed("no figure was drawn")
        drawn = drawn[0]
    if not drawn.axes:
        raise CheckFailed("the figure is empty")
    return drawn.axes[0]


def check_text(what: str, wanted: str | bool, found: str) -> None:
    if wanted is not False and not found.strip():
        raise CheckFailed(f"there is no {what}")
    if isinstance(wanted, str) and wanted.casefold() not in found.casefold():
        raise CheckFailed(f"the {what} must contain {wanted!r}", f"it is {found!r}")


def check_legend(wanted: Sequence[str] | bool, axes: Axes) -> None:
    if wanted is False:
        return
    if not axes.legend:
        raise CheckFailed("there is no legend: label the lines and call legend()")
    for name in wanted if not isinstance(wanted, bool) else ():
        if not any(name.casefold() in entry.casefold() for entry in axes.legend):
            raise CheckFailed(f"the legend does not name {name!r}", f"it has {', '.join(axes.legend)}")


def check_lines(wanted: int | Sequence[tuple[Any, Any]], axes: Axes, rtol: float) -> None:
    count = wanted if isinstance(wanted, int) else len(wanted)
    if len(axes.lines) != count:
        found = len(axes.lines)
        raise CheckFailed(f"the number of lines must be {count}", f"there {'is' if found == 1 else 'are'} {found}")
    for number, (x, y) in enumerate(() if isinstance(wanted, int) else wanted, start=1):
        which = "the line" if count == 1 else f"line {number} of {count}"
        if not any(close(got_x, x, rtol) for got_x, _ in axes.lines):
            raise CheckFailed(f"{which} is not there: no line has its x values")
        if not any(close(got_x, x, rtol) and close(got_y, y, rtol) for got_x, got_y in axes.lines):
            raise CheckFailed(f"{which} has the wrong y values")


def check_arrays(what: str, wanted: Array, found: list[Array], rtol: float) -> None:
    if not found:
        raise CheckFailed(f"there {'is no image' if what == 'image' else f'are no {what}'}")
    if len(found) > MOST_CANDIDATES:
        kinds = {"image": "images", "points": "scatter plots", "bars": "bar charts"}
        raise CheckFailed(f"there are too many {kinds[what]} in one Axes", f"there are {len(found)}")
    if not any(got.shape == wanted.shape for got in found):
        cause = "the image has the wrong shape" if what == "image" else f"the number of {what} is wrong"
        raise CheckFailed(cause, f"shape {found[0].shape}, expected {wanted.shape}")
    if not any(close(got, wanted, rtol) for got in found):
        raise CheckFailed(f"the {what} {'has' if what == 'image' else 'have'} the wrong values")


def close(got: Array, wanted: Any, rtol: float) -> bool:
    expected = np.asarray(wanted)
    return got.shape == expected.shape and bool(np.allclose(got, expected, rtol=rtol, atol=1e-9, equal_nan=True))
