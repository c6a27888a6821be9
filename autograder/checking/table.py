"""The verdicts of a check cell as a table that a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import NamedTuple

from autograder.checking.outcomes import Outcome, Verdict

__all__ = ["html_table", "text_table"]

COLUMNS = 79  # nbgrader's `validate` cuts what is wider than 83, and a terminal has 80


class Label(NamedTuple):
    """How a check ended: a sign, a word for readers without signs or colours, and the background of both.

    White on it has a contrast of at least 4.5, so the label can be read whatever the theme of the notebook is.
    """

    sign: str
    word: str
    background: str

    @property
    def text(self) -> str:
        return f"{self.sign} {self.word}"


FAILS = Label("✗", "fails", "#cf222e")
VOID = Label("–", "void", "#59636e")
LABELS = {
    Outcome.PASSED: Label("✓", "holds", "#1a7f37"),
    Outcome.WRONG: FAILS,
    Outcome.RAISED: FAILS,
    Outcome.UNGRADED: Label("?", "not graded", "#8a5c00"),
    Outcome.NOT_RUN: Label("–", "not run", "#59636e"),
}


def label(verdict: Verdict) -> Label:
    return VOID if verdict.void else LABELS[verdict.outcome]


def html_table(verdicts: Sequence[Verdict], heading: str, below: str = "") -> str:
    """A self-contained HTML table with a sentence `below` it; every text in it is escaped.

    But for the labels it has no colours of its own: the text is the theme's.
    """
    rows = "".join(html_row(verdict) for verdict in verdicts)
    return (
        f'<table style="border-collapse:collapse"><caption style="text-align:left;font-weight:bold;color:inherit">'
        f"{escape(heading)}</caption><tbody>{rows}</tbody></table>"
        + (f'<p style="margin:4px 8px">{escape(below)}</p>' if below else "")
    )


def html_row(verdict: Verdict) -> str:
    """One check. Its label is text that everybody sees: JupyterLab takes `role` and `aria-label` out of outputs."""
    ended = label(verdict)
    badge = f"background-color:{ended.background};color:#fff;border-radius:3px;padding:1px 6px;white-space:nowrap"
    style = "text-align:left;vertical-align:top;padding:3px 8px"
    return (
        f'<tr><td style="{style}"><span style="{badge}">{ended.text}</span></td>'
        f'<th scope="row" style="{style};font-weight:normal">{escape(verdict.description)}'
        f"{' (hidden)' if verdict.hidden else ''}</th>"
        f'<td style="{style}">{escape(verdict.shown_message)}</td></tr>'
    )


def text_table(verdicts: Sequence[Verdict], heading: str, below: str = "") -> str:
    """The same as lines of at most 79 characters: the heading, each check with its message, the sentence."""
    lines = [heading]
    for verdict in verdicts:
        lines += wrapped(f"{label(verdict).text}: {verdict.description}", "  ")
        for line in verdict.shown_message.splitlines():
            lines += wrapped(f"    {line}", "    ")
    return "\n".join([*lines, *wrapped(below)])


def wrapped(line: str, indent: str = "") -> list[str]:
    """A line as lines; all but the first are indented."""
    return wrap(line, COLUMNS, subsequent_indent=indent, break_on_hyphens=False)
