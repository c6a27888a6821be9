"""Gradescope's results.json: a test for each check, written anew whenever a check cell has been graded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.checking.cell import Check
from autograder.checking.outcomes import Outcome, Verdict, split_points
from autograder.checking.regions import HIDDEN_TESTS
from autograder.course.assignment import Assignment, Template, TemplateCell
from autograder.files import write_atomic
from autograder.submission.graded import CellGrade
from autograder.text import in_points, legible

__all__ = ["Results"]

MOST = 10_000
# Students write some of what is shown, and Gradescope would take the text above the tests for HTML.
AS_TEXT = dict.fromkeys(("output_format", "test_output_format", "test_name_format"), "text")
NOT_YET = "This check was not reached."


class Results:
    """The results.json of one submission. `hidden_checks` is who sees hidden checks, in Gradescope's words."""

    def __init__(self, assignment: Assignment, hidden_checks: str, path: Path) -> None:
        self.assignment, self.hidden_checks, self.path = assignment, hidden_checks, path
        self.grades: dict[tuple[str, str], CellGrade] = {}

    def add(self, notebook: str, grade: CellGrade) -> None:
        """Take in the grade of a cell; a second one, when the notebook is tried again, replaces the first."""
        self.grades[notebook, grade.grade_id] = grade

    def write(self, output: str) -> None:
        """Write the results as they are now, with `output` above them, in place of earlier ones."""
        tests = list(self.tests())
        document: dict[str, Any] = AS_TEXT | {
            "output": as_shown("\n\n".join(filter(None, (output, self.by_hand())))),
            "tests": tests,
        }
        if not tests:
            document["score"] = 0.0
        write_atomic(self.path, json.dumps(document, indent=1, allow_nan=False).encode())

    def tests(self) -> Iterator[dict[str, Any]]:
        """One test per check, and one per test cell that is not a check cell."""
        number = 0
        for template in self.assignment.notebooks:
            for cell in template.cells:
                if is_automatic(cell):
                    number += 1
                    grade = self.grades.get((template.name, cell.grade_id))
                    name = self.name_of(template, cell)
                    entries = self.checks(cell, grade) if cell.is_check else [self.plain_test(cell, grade)]
                    for part, entry in enumerate(entries, start=1):
                        about = f"{name}: {entry['name']}" if entry["name"] else name
                        yield entry | {
                            "name": as_shown(about),
                            "number": f"{number}.{part}" if cell.is_check else str(number),
                        }

    def name_of(self, template: Template, cell: TemplateCell) -> str:
        return cell.grade_id if len(self.assignment.notebooks) == 1 else f"{template.name}/{cell.grade_id}"

    def checks(self, cell: TemplateCell, grade: CellGrade | None) -> list[dict[str, Any]]:
        """The tests of a check cell, each with its share of the cell's points. One that is void has none; where
        no other is left, every student gets all of them."""
        tests = cell.check.tests()
        verdicts = {verdict.name: verdict for verdict in grade.verdicts} if grade is not None else {}
        points = float(cell.nbgrader["points"])
        parts = split_points(tests, points)
        counts = any(not test.void for test in tests)
        entries = [
            self.check(test, part if counts else points / len(tests), verdicts.get(test.name))
            for test, part in zip(tests, parts, strict=True)
        ]
        return entries if counts else [entry | {"score": entry["max_score"]} for entry in entries]

    def check(self, test: Check, share: float, verdict: Verdict | None) -> dict[str, Any]:
        entry = {"name": test.description, "max_score": share, "score": 0.0, "output": NOT_YET}
        entry["visibility"] = self.hidden_checks if test.hidden else "visible"
        if verdict is not None:
            entry |= {"score": share if verdict.passed else 0.0, "output": as_shown(verdict.shown_message)}
            if verdict.outcome not in (Outcome.UNGRADED, Outcome.NOT_RUN):  # those are neither passed nor failed
                entry["status"] = "passed" if verdict.passed else "failed"
        return entry

    def plain_test(self, cell: TemplateCell, grade: CellGrade | None) -> dict[str, Any]:
        """A test cell that nbgrader grades by its outputs."""
        points = float(cell.nbgrader["points"])
        hidden = HIDDEN_TESTS.opens(cell.source)
        entry = {"name": "", "max_score": points, "score": 0.0, "output": NOT_YET}
        entry["visibility"] = self.hidden_checks if hidden else "visible"
        if grade is not None:
            waits = grade.score is None
            entry |= {"score": grade.score or 0.0, "output": "This test waits for a person." if waits else ""}
            entry |= {} if waits else {"status": "passed" if grade.score == points else "failed"}
        return entry

    def by_hand(self) -> str:
        """Which questions a person grades: Gradescope's autograder has no points for them."""
        questions = [
            f"{self.name_of(template, cell)} ({in_points(float(cell.nbgrader['points']))} points)"
            for template in self.assignment.notebooks
            for cell in template.cells
            if (cell.graded or cell.nbgrader.get("task")) and not is_automatic(cell)
        ]
        return f"Graded by hand, and not part of this score: {', '.join(questions)}." if questions else ""


def is_automatic(cell: TemplateCell) -> bool:
    """Whether a cell's points are given without a person."""
    return cell.graded and cell.cell_type == "code" and not cell.nbgrader.get("solution")


def as_shown(text: str) -> str:
    """`text` as Gradescope can take it, and not too much of it."""
    text = legible(text)
    return text if len(text) <= MOST else text[:MOST] + " …"
