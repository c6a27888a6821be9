"""The verdicts of a check cell as a table that a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from autograder.checking.outcomes import Outcome, Verdict

__all__ = ["html_table", "text_table"]

SIGNS = {Outcome.PASSED: "✓", Outcome.WRONG: "✗", Outcome.RAISED: "✗", Outcome.UNGRADED: "?"}
COLOURS = {Outcome.PASSED: "#1a7f37", Outcome.UNGRADED: "#9a6700"}
RED = "#cf222e"


def html_table(verdicts: Sequence[Verdict], heading: str) -> str:
    """A self-contained HTML table; every text in it is escaped."""
    rows = "".join(html_row(verdict) for verdict in verdicts)
    return (
        f'<table style="border-collapse:collapse"><caption style="text-align:left;font-weight:bold">{escape(heading)}'
        f"</caption><tbody>{rows}</tbody></table>"
    )


def html_row(verdict: Verdict) -> str:
    colour = COLOURS.get(verdict.outcome, RED)
    kind = ' <span style="opacity:.6">(hidden)</span>' if verdict.hidden else ""
    style = "text-align:left;vertical-align:top;padding:2px 8px"
    return (
        f'<tr><td style="{style};color:{colour};font-weight:bold">{SIGNS[verdict.outcome]}</td>'
        f'<td style="{style}">{escape(verdict.description)}{kind}</td>'
        f'<td style="{style}">{escape(verdict.message)}</td></tr>'
    )


def text_table(verdicts: Sequence[Verdict]) -> str:
    """One line per check, and what to look at below those that do not hold."""
    lines = []
    for verdict in verdicts:
        lines.append(f"{SIGNS[verdict.outcome]} {verdict.description}")
        if verdict.message:
            lines.append(f"    {verdict.message}")
    return "\n".join(lines)
