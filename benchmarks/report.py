"""Makes tables, a figure and docs/scale.md's section of what was measured."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from costs import costs_table

__all__ = ["SCALE", "spread", "table", "update_docs", "write_figure", "write_tables"]

SCALE = Path(__file__).parents[1] / "docs/scale.md"
SECTION = re.compile(r"(?s)(<!-- measured: .*? -->\n).*?(<!-- end -->)")
OURS = "autograder, 2 workers"
FIGURE = "![Seconds for each submission: light class, real class, growth](images/benchmark.svg)"
Row = dict[str, Any]


def rows_of(found: Row, experiment: str) -> dict[tuple[str, int], list[Row]]:
    """The rows of an experiment by grader and size, each with one row for every round in order."""

    def key(row: Row) -> tuple[str, int]:
        return row["grader"], row["submissions"]

    rows = sorted((row for row in found["rows"] if row["experiment"] == experiment), key=lambda r: (key(r), r["round"]))
    return {name: list(group) for name, group in groupby(rows, key)}


def each(row: Row) -> float:
    """Seconds of wall time for each submission."""
    return float(row["wall"]) / int(row["submissions"])


def spread(values: Iterable[float], form: str = ".2f") -> str:
    """Median and range."""
    known = sorted(values)
    middle, low, high = (format(value, form) for value in (median(known), known[0], known[-1]))
    return middle if low == high else f"{middle} ({low}–{high})"


def ratios(rows: Sequence[Row], others: Sequence[Row], value: Callable[[Row], float] = each) -> list[float]:
    """The ratio within each round, so that what slows the machine for a while slows both."""
    return [value(row) / value(other) for row, other in zip(rows, others, strict=True)]


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---"] + ["--:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines)) + "\n"


def compared(found: Row, experiment: str) -> str:
    """A table of graders with one class: seconds for each submission, how many times as long as ours, memory."""
    groups = {name: rows for (name, _), rows in rows_of(found, experiment).items() if "wall" in rows[0]}
    mine = groups[OURS]
    lines = [
        (
            name,
            str(rows[0]["submissions"]),
            spread(map(each, rows)),
            spread(ratios(rows, mine), ".1f"),
            spread((row["peak_mb"] for row in rows), ".0f"),
        )
        for name, rows in sorted(groups.items(), key=lambda item: -median(map(each, item[1])))
    ]
    return table(("grader", "submissions", "seconds each", f"× {OURS}", "peak memory, MB"), lines)


def growth(found: Row) -> str:
    """A table of class sizes: cost of each submission and memory."""
    groups = sorted((size, rows) for (_, size), rows in rows_of(found, "growth").items())
    before = groups[max(0, len(groups) - 2)][1]
    lines = [
        (
            f"{size:,}",
            spread(map(each, rows), ".3f"),
            spread(ratios(rows, before)),
            spread((r["peak_mb"] for r in rows), ".0f"),
        )
        for size, rows in groups
    ]
    return table(
        ("submissions", "seconds each", f"× a class of {before[0]['submissions']:,}", "peak memory, MB"), lines
    )


def near_the_cells(found: Row) -> str:
    """How near the real class comes to what its cells cost by themselves."""
    groups = {name: rows for (name, _), rows in rows_of(found, "softmax").items()}
    plain, cores = groups["plain cells"], found["machine"]["processors"]
    bare = [row["cells"] / row["submissions"] for row in plain]
    whole = [row["with_checks"] / row["submissions"] for row in plain]
    near = [each(row) / (need / cores) for row, need in zip(groups[OURS], whole, strict=True)]
    return (
        f"Run plainly in one warm process, the cells of one of these submissions take {spread(bare)} s of processor "
        f"time, and {spread(whole)} s with its checks. On {cores} processors autograder's wall time is {spread(near)} "
        "times that, divided by the processors.\n"
    )


def write_tables(found: Row) -> str:
    """All tables as Markdown."""
    machine, rounds = found["machine"], found["sizes"]["rounds"]
    told = f"median of {rounds} rounds, with the lowest and the highest" if rounds > 1 else "one round"
    pdf = {name: rows for (name, _), rows in rows_of(found, "pdf").items()}
    parts = [
        f"{machine['processors']} processors ({machine['cpu']}), Python {machine['python']}, "
        f"{' and '.join(machine['peers'])}; {told}.\n",
        "**Light class**: three tiny questions. `otter run` is one command for each submission, so fewer are enough.\n",
        compared(found, "light"),
        "**Real class**: softmax, each student with another right or wrong answer. The other graders run the same "
        "cells, but of each check only that the answer is defined.\n",
        compared(found, "softmax"),
        near_the_cells(found),
        "**Growth**: the light class with 2 workers.\n",
        growth(found),
        "**PDF** of the solved softmax notebook.\n",
        table(("exporter", "seconds each"), [(name, spread(map(each, rows))) for name, rows in pdf.items()]),
        "**What a class costs**, calculated from the above.\n",
        costs_table(found),
    ]
    return "\n".join(parts)


def write_figure(found: Row, path: Path) -> None:
    """Bars of both classes, and the cost of growth, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "benchmark"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained")
    for axis, experiment, title in zip(
        axes, ("light", "softmax"), ("light class", "real class (softmax)"), strict=False
    ):
        groups = {name: rows for (name, _), rows in rows_of(found, experiment).items() if "wall" in rows[0]}
        names = sorted(groups, key=lambda name: median(map(each, groups[name])))
        seconds = [median(map(each, groups[name])) for name in names]
        bars = axis.barh(names, seconds, color=["C0" if name.startswith("autograder") else "0.7" for name in names])
        axis.bar_label(bars, fmt="%.2g", padding=2)
        axis.margins(x=0.15)
        axis.set(title=title, xlabel="seconds for each submission")
    sizes = sorted((size, rows) for (_, size), rows in rows_of(found, "growth").items())
    axes[2].plot([size for size, _ in sizes], [median(map(each, rows)) for _, rows in sizes], "o-")
    axes[2].set(title="growth (light class)", xlabel="submissions", xscale="log", ylim=0)
    axes[2].set_xticks([size for size, _ in sizes], [f"{size:,}" for size, _ in sizes])
    axes[2].minorticks_off()
    axes[2].set_ylabel("seconds for each submission")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def update_docs(tables: str) -> None:
    """Put the figure and the tables into docs/scale.md, between its two marks."""
    section = f"\n{FIGURE}\n\n{tables}\n"
    text = SCALE.read_text(encoding="utf-8")
    SCALE.write_text(SECTION.sub(lambda found: found[1] + section + found[2], text), encoding="utf-8")
