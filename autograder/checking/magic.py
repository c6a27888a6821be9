"""The `%%check` cell magic: a student sees at once which checks hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograder.checking.cell import MAGIC, CheckCell, CheckCellError
from autograder.checking.import_analysis import ImportAnalysis, named_modules
from autograder.checking.outcomes import Verdict
from autograder.checking.proxies import NotebookProxy
from autograder.checking.run import Seeds, run_checks
from autograder.checking.table import html_table, text_table
from autograder.checking.transports import InProcessTransport

__all__ = ["CheckTable", "check"]

PRACTICE = b"practice"


class CheckTable:
    """What a check cell shows: a table where HTML is shown, lines of text elsewhere.

    `text/plain` is what nbgrader's Validate button reads: a number below the cell's points while something
    does not hold, and words, which it takes for full marks, once everything does.
    """

    def __init__(self, verdicts: list[Verdict]) -> None:
        self.verdicts = verdicts
        self.counted = [verdict for verdict in verdicts if not verdict.void]

    @property
    def heading(self) -> str:
        passed = sum(verdict.passed for verdict in self.counted)
        return f"{passed} of {len(self.counted)} checks hold"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/html": html_table(self.verdicts, self.heading), "text/plain": repr(self)}

    def __repr__(self) -> str:
        if all(verdict.passed for verdict in self.counted):
            return f"All {len(self.counted)} checks hold."
        total = sum(verdict.weight for verdict in self.counted) or 1
        return f"{sum(verdict.weight for verdict in self.counted if verdict.passed) / total / 2:.3f}"

    def __str__(self) -> str:
        return text_table(self.verdicts)


def check(source: str, namespace: dict[str, Any], cells: Sequence[str] = ()) -> CheckTable | None:
    """Run a check cell against `namespace`, the notebook's own names; `cells` are those that were run so far."""
    cell = CheckCell(f"{MAGIC}\n{source}")
    imports = ImportAnalysis([name for text in cells for name in named_modules(text)], cells)
    try:
        verdicts = run_checks(
            cell, NotebookProxy(InProcessTransport(namespace), imports), None, Seeds(PRACTICE, "", "", "")
        )
    except CheckCellError as error:
        print(f"This check cell was changed and cannot be read any more ({error}): get a fresh copy of the notebook.")
        return None
    if not verdicts:
        print("No check of this cell can be run here: hidden checks run after you hand in.")
        return None
    return CheckTable(verdicts)
