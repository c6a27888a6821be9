"""Observes a call beside its value: printed text, figures of matplotlib, files. All of it becomes plain data."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

__all__ = ["MAX_FILE", "MAX_PRINTED", "figure_data", "observing"]

MAX_PRINTED = 100_000
MAX_FIGURES = 20
MAX_AXES = 50
MAX_ARTISTS = 1_000
MAX_FILE = 2**20
MAX_FILES = 20
MAX_ENTRIES = 2_000

Seen = dict[str, tuple[int, int]]


class CappedText(io.StringIO):
    """A stream that keeps only its beginning."""

    def write(self, text: str) -> int:
        room = MAX_PRINTED - self.tell()
        super().write(text[: max(room, 0)])
        return len(text)


@contextmanager
def observing(wanted: list[str]) -> Iterator[dict[str, Any]]:
    """Fills a dictionary with what the block leaves behind: `printed`, `figures` and `files`, as far as wanted."""
    found: dict[str, Any] = {}
    makers = {"printed": printed, "figures": figures, "files": files}
    with contextlib.ExitStack() as stack:
        for name in wanted:
            stack.enter_context(makers[name](found))
        yield found


@contextmanager
def printed(found: dict[str, Any]) -> Iterator[None]:
    text = CappedText()
    with contextlib.redirect_stdout(text):
        yield
    found["printed"] = text.getvalue()


@contextmanager
def figures(found: dict[str, Any]) -> Iterator[None]:
    """The figures that the block opens. Showing them is put off, since that may close them; they are closed here."""
    plt: Any = import_module("matplotlib.pyplot")
    before, show = set(plt.get_fignums()), plt.show
    plt.show = lambda *args, **kwargs: None
    try:
        yield
        new = [number for number in plt.get_fignums() if number not in before]
        found["figures"] = [figure_data(plt.figure(number)) for number in new[:MAX_FIGURES]]
    finally:
        plt.show = show
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def figure_data(figure: Any) -> dict[str, Any]:
    heading = figure.get_suptitle()
    return {"title": heading, "axes": [axes_data(axes) for axes in figure.axes[:MAX_AXES]]}


def axes_data(axes: Any) -> dict[str, Any]:
    """Everything of an Axes that a check may look at."""
    legend = axes.get_legend()
    names = ["title", "xlabel", "ylabel", "xscale", "yscale"]
    data = {name: str(getattr(axes, f"get_{name}")()) for name in names}
    lines = [line_data(line) for line in axes.lines[:MAX_ARTISTS]]
    points = [{"xy": np.ma.getdata(cloud.get_offsets())} for cloud in collections(axes)]
    bars = [{"bars": bar_data(chart)} for chart in axes.containers[:MAX_ARTISTS] if is_bars(chart)]
    images = [{"data": np.ma.getdata(image.get_array())} for image in axes.images[:MAX_ARTISTS]]
    return data | {
        "xlim": list(map(float, axes.get_xlim())),
        "ylim": list(map(float, axes.get_ylim())),
        "legend": None if legend is None else [text.get_text() for text in legend.get_texts()[:MAX_ARTISTS]],
        "xticks": [text.get_text() for text in axes.get_xticklabels()[:MAX_ARTISTS]],
        "yticks": [text.get_text() for text in axes.get_yticklabels()[:MAX_ARTISTS]],
        "lines": lines,
        "points": points,
        "bars": bars,
        "images": images,
    }


def line_data(line: Any) -> dict[str, Any]:
    x, y = (np.asarray(values, float).ravel() for values in line.get_data(orig=False))
    return {"label": label_of(line), "x": x, "y": y}


def collections(axes: Any) -> list[Any]:
    """The point clouds of an Axes."""
    return [part for part in axes.collections[:MAX_ARTISTS] if type(part).__name__ == "PathCollection"]


def is_bars(container: Any) -> bool:
    return type(container).__name__ == "BarContainer"


def bar_data(chart: Any) -> np.ndarray[Any, Any]:
    """One row for each bar: left, bottom, width, height."""
    bars = [(bar.get_x(), bar.get_y(), bar.get_width(), bar.get_height()) for bar in chart.patches[:MAX_ARTISTS]]
    return np.array(bars, float).reshape(-1, 4)


def label_of(artist: Any) -> str:
    """The label that a legend would show; those of matplotlib's own begin with an underscore."""
    label = str(artist.get_label())
    return "" if label.startswith("_") else label


@contextmanager
def files(found: dict[str, Any]) -> Iterator[None]:
    """The files below the working folder that the block makes or changes, by path: the first bytes of each."""
    before = entries()
    yield
    changed = [path for path, seen in entries().items() if before.get(path) != seen]
    found["files"] = {path: start_of(path) for path in sorted(changed)[:MAX_FILES]}


def entries() -> Seen:
    """Size and time of change of every regular file, as far as there are not too many."""
    found: Seen = {}
    for folder, folders, names in os.walk("."):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                about = os.lstat(path)
                if stat.S_ISREG(about.st_mode):
                    found[os.path.relpath(path).replace(os.sep, "/")] = about.st_size, about.st_mtime_ns
        if len(found) > MAX_ENTRIES:
            break
    return found


def start_of(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(MAX_FILE)
