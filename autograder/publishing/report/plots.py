"""The report's pictures, as SVG with a description in words."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import chdir
from html import escape
from typing import Any

import numpy as np

from autograder.publishing.pages import title
from autograder.publishing.report.numbers import QuestionNumbers
from autograder.text import in_percent

with chdir("/"):  # matplotlib reads a matplotlibrc of the working folder, which may be a student's
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

__all__ = ["question_plot", "score_plot"]

BAR, WEAK, INK, PAPER = "#5a7fb0", "#b3261e", "#000000", "#ffffff"
# matplotlib knows no CSS variables: these colours are replaced by the page's own, so that dark pages have theirs.
OF_THE_PAGE = {INK: "var(--ink)", PAPER: "var(--paper)", WEAK: "var(--bad)"}
# Letters stay letters: they can be read aloud and searched, and the browser's own font is used.
STYLE: Any = {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}
BINS = 10


def score_plot(scores: Sequence[float], max_score: float) -> str:
    """How many students have how many points."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 2.6), layout="constrained")
        axes = figure.subplots()
        top = max([max_score, *scores]) or 1
        counts, edges = np.histogram(np.clip(scores, 0, top), bins=BINS, range=(0, top))
        axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=BAR, edgecolor=PAPER)
        axes.set_xlabel("points")
        axes.set_ylabel("students")
        axes.set_xticks(edges, [f"{edge:g}" for edge in edges])
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        plain(axes)
        listed = ", ".join(f"{low:g} to {high:g}: {n}" for low, high, n in zip(edges, edges[1:], counts, strict=False))
        return svg(figure, "scores", "Points of the class", f"How many students have how many points. {listed}.")


def question_plot(questions: Sequence[QuestionNumbers], weak: float) -> str:
    """The share of each question's points that the class has; those below `weak` stand out."""
    with matplotlib.rc_context(STYLE):
        shares = [(title(question.name), question.share) for question in questions if question.share is not None]
        figure = Figure(figsize=(7.6, 0.7 + 0.24 * len(shares)), layout="constrained")
        axes = figure.subplots()
        axes.barh(range(len(shares)), [s for _, s in shares], color=[WEAK if s < weak else BAR for _, s in shares])
        axes.set_yticks(range(len(shares)), [name for name, _ in shares], parse_math=False)
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        plain(axes)
        listed = ", ".join(f"{name} {in_percent(share)}" for name, share in shares)
        return svg(figure, "questions", "Points per question", f"The share of each question's points: {listed}.")


def plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def svg(figure: Figure, name: str, heading: str, description: str) -> str:
    """The figure as an element of a page, with a title and a description for those who do not see it."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    whole = file.getvalue()
    inside = re.sub(r"<metadata>.*?</metadata>", "", whole[whole.index("<svg") :], flags=re.DOTALL)
    for colour, variable in OF_THE_PAGE.items():
        inside = inside.replace(colour, variable)
    labels = f'<title id="{name}-title">{escape(heading)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    about = f'<svg role="img" aria-labelledby="{name}-title {name}-desc"'
    return re.sub(r"<svg([^>]*)>", lambda found: f"{about}{found[1]}>{labels}", inside, count=1)
