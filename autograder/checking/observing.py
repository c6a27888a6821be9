"""Watches the calls of a block: `printed`, `figures` and `written` keep their output, `measure` their cost.

What comes is plain data of the notebook's process, and is checked here before a test sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.checking.outcomes import CheckFailed
from autograder.checking.proxies import NotebookProxy, connection_of

__all__ = [
    "Axes",
    "Cost",
    "Figure",
    "Printed",
    "WrittenFiles",
    "cell_figures",
    "figures",
    "measure",
    "printed",
    "written",
]

Array = np.ndarray[Any, Any]


@dataclass
class Printed:
    """The text that the calls of a `printed` block printed; filled when the block ends."""

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
            raise CheckFailed(f"the file {name} is not text in UTF-8") from None


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


@dataclass
class Cost:
    """Filled when a `measure` block ends: lines of the student's code that ran, peak allocation in bytes."""

    lines: int = 0
    peak_bytes: int = 0


@contextmanager
def printed(notebook: NotebookProxy) -> Iterator[Printed]:
    """Keep what calls print: `with printed(student) as out: …`, and then `out.text` and `out.lines`."""
    result = Printed()
    with connection_of(notebook).observing("printed") as seen:
        yield result
    result.text = "".join(part for part in seen if isinstance(part, str))


@contextmanager
def written(notebook: NotebookProxy) -> Iterator[WrittenFiles]:
    """Keep the files that calls write: `with written(student) as files: …`, and then `files.text("a.csv")`."""
    result = WrittenFiles()
    with connection_of(notebook).observing("files") as seen:
        yield result
    for part in seen:
        if isinstance(part, dict):
            result.files |= {name: data for name, data in part.items() if type(name) is str and type(data) is bytes}


@contextmanager
def figures(notebook: NotebookProxy) -> Iterator[list[Figure]]:
    """Keep the figures that calls draw: `with figures(student) as drawn: …`, and then `drawn[0].axes[0].title`."""
    result: list[Figure] = []
    with connection_of(notebook).observing("figures") as seen:
        yield result
    for part in seen:
        result += figures_of(part)


@contextmanager
def measure(student: NotebookProxy) -> Iterator[Cost]:
    """Count lines and peak allocation of the calls in the block, as far as the student's process says:
    `with measure(student) as cost: …`."""
    cost, connection = Cost(), connection_of(student)
    first = len(connection.calls)
    connection.measures = True
    try:
        yield cost
    finally:
        connection.measures = False
        calls = connection.calls[first:]
        cost.lines = sum(call.cost.get("lines", 0) for call in calls)
        cost.peak_bytes = max((call.cost.get("peak_bytes", 0) for call in calls), default=0)


def cell_figures(notebook: NotebookProxy) -> list[Figure]:
    """The figures that the cell before this check cell has drawn, also those that it has shown and closed: the last
    cell that drew any, and when graded none before the answer cell that stands in front of this check cell."""
    return figures_of(connection_of(notebook).cell_figures())


def figures_of(data: Any) -> list[Figure]:
    """Figures from the data of the notebook's process. Raises CheckFailed if these have not the right form."""
    try:
        return [figure_of(figure) for figure in data]
    except (TypeError, KeyError, ValueError):
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
