"""The checks of a single cell, in a session of their own."""

from __future__ import annotations

from autograder.checking.cell import CheckCell
from autograder.checking.check_runner import Seeds, with_checks
from autograder.checking.outcomes import Verdict
from autograder.checking.proxies import NotebookProxy


def run_checks(cell: CheckCell, student: NotebookProxy, reference: NotebookProxy | None, seeds: Seeds) -> list[Verdict]:
    """The verdict of every test of one cell, as `Checks.run` gives them."""
    return with_checks({"": cell}, lambda checks: checks.run("", student, reference, seeds, lender=reference))
