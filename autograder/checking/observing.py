"""What calls leave behind beside their value: `printed`, `figures` and `written` watch the calls of a block.

What comes is plain data of the notebook's process, and is checked here before a test sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.checking.outcomes import CheckFailed
from autograder.checking.proxies import NotebookProxy

__all__ = [
    "Axes",
    "Figure",
    "Printed",
    "WrittenFiles",
    "assert_figure",
    "cell_figures",
    "figures",
    "printed",
    "written",
]

Array = np.ndarray[Any, Any]


@dataclass
class Printed:
    """What the calls of a `printed` block printed; filled when the block ends."""

    text: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines without spaces at their ends, and without empty ones at the end."""
        return [line.rstrip() for line in self.text.rstrip().splitlines()]


@dataclass
class WrittenFiles:
    """The files that the calls of a `written` block made or changed, by path; filled when the block ends."""

    files: dict[str, bytes] = field(default_factory=dict)

    def data(self, name: str) -> bytes:
        """The first megabyte of a file. Raises CheckFailed if it was not written."""
        if name not in self.files:
            raise CheckFailed(f"the file {name} was not written", f"written: {', '.join(self.files) or 'nothing'}")
        return self.files[name]

    def text(self, name: str) -> str:
        """A file as text. Raises CheckFailed if it was not written, or is no text."""
        try:
            return self.data(name).decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise CheckFailed(f"the file {name} is no text in UTF-8") from None


@dataclass
class Axes:
    """One Axes of a figure. `lines` are (x, y) arrays, `points` (n, 2) arrays, `bars` (n, 4) arrays of left, bottom,
    width and height, `images` arrays; `labels` are those of the lines. `legend` is None where there is none."""

    title: str
    xlabel: str
    ylabel: str
    xscale: str
    yscale: str
    xlim: list[float]
    ylim: list[float]
    legend: list[str] | None
    xticks: list[str]
    yticks: list[str]
    lines: list[tuple[Array, Array]]
    labels: list[str]
    points: list[Array]
    bars: list[Array]
    images: list[Array]


@dataclass
class Figure:
    """A figure as plain data: its title above all axes, and its axes."""

    title: str
    axes: list[Axes]


@contextmanager
def printed(notebook: NotebookProxy) -> Iterator[Printed]:
    """Keep what calls print: `with printed(student) as out: …`, and then `out.text` and `out.lines`."""
    result = Printed()
    with notebook._observing("printed") as seen:
        yield result
    result.text = "".join(part for part in seen if isinstance(part, str))


@contextmanager
def written(notebook: NotebookProxy) -> Iterator[WrittenFiles]:
    """Keep the files that calls write: `with written(student) as files: …`, and then `files.text("a.csv")`."""
    result = WrittenFiles()
    with notebook._observing("files") as seen:
        yield result
    for part in seen:
        if isinstance(part, dict):
            result.files |= {name: data for name, data in part.items() if type(name) is str and type(data) is bytes}


@contextmanager
def figures(notebook: NotebookProxy) -> Iterator[list[Figure]]:
    """Keep the figures that calls draw: `with figures(student) as drawn: …`, and then `drawn[0].axes[0].title`."""
    result: list[Figure] = []
    with notebook._observing("figures") as seen:
        yield result
    for part in seen:
        result += figures_of(part)


def cell_figures(notebook: NotebookProxy) -> list[Figure]:
    """The figures that the cell before this check cell has drawn, also those that it has shown and closed: the last
    cell that drew any, and when graded none before the answer cell that stands in front of this check cell."""
    return figures_of(notebook._drawn())


def figures_of(data: Any) -> list[Figure]:
    """Figures from the data of the notebook's process. Raises CheckFailed if these have not the right form."""
    try:
        return [figure_of(one) for one in data]
    except (TypeError, KeyError, ValueError, AttributeError):
        raise CheckFailed("what was drawn could not be read") from None


def figure_of(data: dict[str, Any]) -> Figure:
    return Figure(text(data["title"]), [axes_of(axes) for axes in data["axes"]])


def axes_of(data: dict[str, Any]) -> Axes:
    """An Axes from the data of the notebook's process. Raises an error if these have not the right form."""
    return Axes(
        title=text(data["title"]),
        xlabel=text(data["xlabel"]),
        ylabel=text(data["ylabel"]),
        xscale=text(data["xscale"]),
        yscale=text(data["yscale"]),
        xlim=[float(value) for value in data["xlim"]],
        ylim=[float(value) for value in data["ylim"]],
        legend=None if data["legend"] is None else [text(name) for name in data["legend"]],
        xticks=[text(name) for name in data["xticks"]],
        yticks=[text(name) for name in data["yticks"]],
        lines=[(numbers(line["x"]), numbers(line["y"])) for line in data["lines"]],
        labels=[text(line["label"]) for line in data["lines"]],
        points=[numbers(points["xy"]) for points in data["points"]],
        bars=[numbers(bars["bars"]) for bars in data["bars"]],
        images=[numbers(image["data"]) for image in data["images"]],
    )


def text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("no text")
    return value


def numbers(value: Any) -> Array:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        raise TypeError("no array of numbers")
    return value


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
    """The figure shows what is asked for. `drawn` is what `figures` gave, one figure of it, or one Axes.

    `title=True` asks for any title, a text for one that contains it, whatever its case; the same for labels, and for
    each name of `legend`. `lines` is how many there must be, or the (x, y) of each; `points` the (n, 2) of a scatter
    plot; `bars` the heights of a bar chart; `image` the array of a picture. Raises CheckFailed.
    """
    axes = only_axes(drawn)
    for what, wanted, found in (
        ("title", title, axes.title),
        ("label on the x axis", xlabel, axes.xlabel),
        ("label on the y axis", ylabel, axes.ylabel),
    ):
        check_text(what, wanted, found)
    for name, scale, got in (("x", xscale, axes.xscale), ("y", yscale, axes.yscale)):
        if scale is not None and scale != got:
            raise CheckFailed(f"the {name} axis must have the scale {scale!r}", f"it has {got!r}")
    check_legend(legend, axes)
    if lines is not None:
        check_lines(lines, axes, rtol)
    for what, expected, all_found in (
        ("points", points, axes.points),
        ("bars", bars, [group[:, 3] for group in axes.bars]),
        ("image", image, axes.images),
    ):
        if expected is not None:
            check_arrays(what, np.asarray(expected), all_found, rtol)


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
    if not any(got.shape == wanted.shape for got in found):
        cause = "the image has the wrong shape" if what == "image" else f"the number of {what} is wrong"
        raise CheckFailed(cause, f"shape {found[0].shape}, expected {wanted.shape}")
    if not any(close(got, wanted, rtol) for got in found):
        raise CheckFailed(f"the {what} {'has' if what == 'image' else 'have'} the wrong values")


def close(got: Array, wanted: Any, rtol: float) -> bool:
    expected = np.asarray(wanted)
    return got.shape == expected.shape and bool(np.allclose(got, expected, rtol=rtol, atol=1e-9, equal_nan=True))
