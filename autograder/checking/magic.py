"""The `%%check` cell magic: a student sees at once which checks hold."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from autograder.checking.answer_record import Record, RecordedReplies, read_record, recorded_mistakes
from autograder.checking.call_recorder import CallRecorder
from autograder.checking.cell import MAGIC, CheckCell, CheckCellError
from autograder.checking.check_runner import PUBLIC, Checks, Watchers, with_checks
from autograder.checking.import_analysis import ImportAnalysis, module_paths, named_modules
from autograder.checking.outcomes import Outcome, Verdict
from autograder.checking.proxies import NotebookProxy
from autograder.checking.signatures import signatures
from autograder.checking.table import html_table, text_table
from autograder.checking.transports import InProcessTransport
from autograder.kernel_side.serve import defining_cell, is_python

__all__ = ["CheckTable", "check"]

UNDER_NBGRADER = "NBGRADER_EXECUTION"
RUN_CHECK = "get_ipython().run_cell_magic('check'"  # begins a check cell as IPython keeps it
NOT_BY_ITSELF = (
    "No points: nbgrader by itself cannot run every check of this cell. Grade with `autograder grade`, or with the "
    "lines of this package in nbgrader_config.py."
)


class CheckTable:
    """The output of a check cell: a table where HTML is shown, lines of text elsewhere. `later` names the hidden
    checks, and `outdated` the names that an earlier version of their cell has defined."""

    def __init__(self, verdicts: list[Verdict], later: Sequence[str], outdated: Sequence[str] = ()) -> None:
        self.verdicts, self.later, self.outdated = verdicts, later, outdated
        self.counted = [verdict for verdict in verdicts if verdict.outcome is not Outcome.NOT_RUN]  # no void one

    @property
    def heading(self) -> str:
        passed = sum(verdict.passed for verdict in self.counted)
        return f"{passed} of {len(self.counted)} visible checks hold"

    @property
    def more(self) -> str:
        """Sentences on answers that are not what their cell says, and on what the hidden checks will ask; empty if
        there are none, or if they are not known."""
        earlier = [
            f"The cell of {name} has an error of syntax: the checks saw what an earlier run of it defined."
            for name in self.outdated
        ]
        asked = "; ".join(text.rstrip(".") for text in self.later)
        return " ".join([*earlier, *([f"{len(self.later)} more when graded: {asked}."] if asked else [])])

    def _repr_html_(self) -> str:
        return html_table(self.verdicts, self.heading, self.more)

    @property
    def holds(self) -> bool:
        """Whether every visible check does."""
        return all(verdict.passed for verdict in self.counted)

    @property
    def is_complete(self) -> bool:
        """Whether every check ran that is not void."""
        return all(verdict.void or verdict.outcome is not Outcome.NOT_RUN for verdict in self.verdicts)

    def __repr__(self) -> str:
        return text_table(self.verdicts, self.heading, self.more)


def check(source: str, namespace: dict[str, Any], cells: Sequence[str] = ()) -> CheckTable | None:
    """Run a check cell against `namespace`, the notebook's own names; `cells` are those that were run so far.

    None if no check can be run here, or if nbgrader runs the cell: it reads what is printed.
    """
    if UNDER_NBGRADER not in os.environ:
        return check_table(source, namespace, cells)
    # nbgrader grades a cell by its outputs: whatever is on stderr is the reason for no points, and a result is a number
    # of points.
    with redirect_stderr(sys.stdout):  # what a student's code says there is no reason
        table = check_table(source, namespace, cells)
    if table is not None:
        print(table, file=sys.stdout if table.holds else sys.stderr)
    # Its autograde without this course's configuration would give full points for checks that need the answer key.
    if os.environ[UNDER_NBGRADER] == "autograde" and (table is None or not table.is_complete):
        print(NOT_BY_ITSELF, file=sys.stderr)
    return None


def check_table(source: str, namespace: dict[str, Any], cells: Sequence[str]) -> CheckTable | None:
    """The verdicts of a check cell; None, and a sentence, if it has none."""
    cell = CheckCell(f"{MAGIC}\n{source}")
    imports = ImportAnalysis([name for text in cells for name in named_modules(text)], cells, module_here)
    record = read_record(source) or Record()
    try:
        verdicts = with_checks({"": cell}, lambda checks: verdicts_here(checks, record, namespace, imports, cells))
    except CheckCellError as error:
        print(f"This check cell was changed and cannot be read any more ({error}): get a fresh copy of the notebook.")
        return None
    if not verdicts:
        print("No check of this cell can be run here: hidden checks run after you hand in.")
        return None
    return CheckTable(verdicts, record.hidden, outdated(cell, namespace))


def outdated(cell: CheckCell, namespace: dict[str, Any]) -> list[str]:
    """The names that a check cell uses and that have a value, though their cell could not be run the last time. A name
    that a later cell mentions, other than a check cell, is left out: that cell may have defined it."""
    cells = namespace.get("In")
    texts = [text for text in cells if type(text) is str] if type(cells) is list else []
    written = [text for text in texts if not text.startswith(RUN_CHECK)]
    names = sorted(cell.called().names & namespace.keys())
    last = {name: next(filter(mention(name).search, reversed(written)), "") for name in names}
    return [name for name, text in last.items() if text == defining_cell(name, namespace) and not is_python(text)]


def mention(name: str) -> re.Pattern[str]:
    """What may define `name` in a cell as IPython keeps it, where the lines below `%%time` are one quoted text."""
    return re.compile(rf"(?:\b|\\[nrt]){re.escape(name)}\b|import \*|'run'")


def module_here(name: str) -> str | None:
    """The text of a module in the notebook's folder."""
    paths = [Path(path) for path in module_paths(name)]
    return next((path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file()), None)


def verdicts_here(
    checks: Checks, record: Record, namespace: dict[str, Any], imports: ImportAnalysis, cells: Sequence[str]
) -> list[Verdict]:
    """The verdicts in a student's own notebook, with what the record knows of the answer key and of known mistakes."""
    checks.signatures = cache(lambda: signatures(cells))
    recorder, replies = CallRecorder(InProcessTransport(namespace)), RecordedReplies(record)
    proxies = NotebookProxy(recorder, imports), NotebookProxy(replies, trusted=True)
    verdicts = checks.run("", *proxies, PUBLIC, Watchers([recorder, replies]))
    return [not_run_here(v) for v in checks.verdicts(recorded_mistakes(record, verdicts, recorder, checks.errors))]


def not_run_here(verdict: Verdict) -> Verdict:
    """The verdict with the reason, if the check could not be run: nobody else looks at a student's own notebook."""
    if verdict.outcome is not Outcome.UNGRADED:
        return verdict
    why = verdict.detail.strip().splitlines()[-1].removeprefix("E  ").strip()  # pytest marks an import that failed so
    return replace(verdict, message=f"This check could not be run here: {why}")
