"""The verdicts of a check cell as a table that a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from autograder.checking.outcomes import Outcome, Verdict

__all__ = ["html_table", "text_table"]

SIGNS = {Outcome.PASSED: "✓", Outcome.UNGRADED: "?", Outcome.NOT_RUN: "–"}
COLOURS = {"✓": "#1a7f37", "✗": "#cf222e", "?": "#9a6700", "–": "#59636e"}


def html_table(verdicts: Sequence[Verdict], heading: str, below: str = "") -> str:
    """A self-contained HTML table with a sentence `below` it; every text in it is escaped."""
    rows = "".join(html_row(verdict) for verdict in verdicts)
    return (
        f'<table style="border-collapse:collapse"><caption style="text-align:left;font-weight:bold">{escape(heading)}'
        f"</caption><tbody>{rows}</tbody></table>"
        + (f'<p style="margin:4px 8px;opacity:.7">{escape(below)}</p>' if below else "")
    )


def sign(verdict: Verdict) -> str:
    """One character for how a check ended; a dash for one that did not run or is void."""
    return "–" if verdict.void else SIGNS.get(verdict.outcome, "✗")


def html_row(verdict: Verdict) -> str:
    colour = COLOURS[sign(verdict)]
    kind = ' <span style="opacity:.6">(hidden)</span>' if verdict.hidden else ""
    style = "text-align:left;vertical-align:top;padding:2px 8px"
    return (
        f'<tr><td style="{style};color:{colour};font-weight:bold">{sign(verdict)}</td>'
        f'<td style="{style}">{escape(verdict.description)}{kind}</td>'
        f'<td style="{style}">{escape(verdict.told)}</td></tr>'
    )


def text_table(verdicts: Sequence[Verdict], below: str = "") -> str:
    """One line per check, what to look at below those that do not hold, and a sentence `below` them all."""
    lines = []
    for verdict in verdicts:
        lines.append(f"{sign(verdict)} {verdict.description}")
        if verdict.told:
            lines.append(f"    {verdict.told}")
    return "\n".join([*lines, *filter(None, [below])])
