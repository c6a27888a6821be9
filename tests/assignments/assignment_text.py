"""An assignment's text, for tests: its cells, what its answers define, and what its checks say of other answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
from one_cell import run_checks

from autograder.checking.cell import CheckCell, is_check_cell
from autograder.checking.check_runner import Seeds
from autograder.checking.outcomes import Verdict, score
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import InProcessTransport

Namespace = dict[str, Any]


def about(cell: Any) -> dict[str, Any]:
    """What nbgrader knows of a cell; empty for one that it does not know."""
    return dict(cell.metadata.get("nbgrader", {}))


@cache
def cells_of(path: Path) -> list[Any]:
    return list(jupytext.read(path).cells)


@dataclass(frozen=True)
class AssignmentText:
    """The documents of one assignment."""

    name: str

    def cells(self, document: str = "") -> list[Any]:
        """The cells of a document; of the assignment itself without a name."""
        return cells_of(Path(__file__).parents[2] / "assignments" / self.name / (document or f"{self.name}.md"))

    def known_cells(self) -> list[tuple[str, Any]]:
        """nbgrader's code cells, each with its grade id."""
        return [(about(cell)["grade_id"], cell) for cell in self.cells() if cell.cell_type == "code" and about(cell)]

    def entry(self, document: str, heading: str) -> str:
        """The code below a heading of mistakes.md or alternatives.md."""
        pairs = pairwise(self.cells(document))
        return str(next(code.source for prose, code in pairs if f"## {heading}\n" in prose.source + "\n"))

    def answers(self, **instead: str) -> Namespace:
        """The names that the answer cells and provided cells define, with some of the answers replaced; provided runs
        (`provided_…_run`) train, and are left out."""
        namespace: Namespace = {"np": np}
        for name, cell in self.known_cells():
            if name.startswith("provided") and not name.endswith("_run"):
                exec(cell.source, namespace)
            elif about(cell)["solution"] and not about(cell)["grade"]:
                exec(instead.get(name, cell.source), namespace)
        return namespace

    def checks(self) -> dict[str, Any]:
        """The check cells by grade id."""
        return {name: cell for name, cell in self.known_cells() if is_check_cell(cell.source)}

    def verdicts(self, grade_id: str, namespace: Namespace) -> list[Verdict]:
        """What the check cell says of a notebook with these names."""
        student = NotebookProxy(InProcessTransport(namespace))
        reference = NotebookProxy(InProcessTransport(self.answers()), trusted=True)
        cell = CheckCell(self.checks()[grade_id].source)
        return run_checks(cell, student, reference, Seeds(b"test", self.name, "someone", grade_id))

    def points(self) -> float:
        """What all check cells together are worth."""
        return sum(about(cell)["points"] for cell in self.checks().values())

    def loses_points(self, namespace: Namespace) -> set[str]:
        """The exercises for which a notebook with these names has not all points."""
        full = {grade_id: about(cell)["points"] for grade_id, cell in self.checks().items()}
        got = {grade_id: score(self.verdicts(grade_id, namespace), points) for grade_id, points in full.items()}
        return {grade_id.removesuffix("_checks") for grade_id in full if got[grade_id] != full[grade_id]}

    def checks_lost(self, grade_id: str, namespace: Namespace) -> list[str]:
        """The checks of a cell that do not hold of a notebook with these names."""
        return [verdict.name for verdict in self.verdicts(grade_id, namespace) if not verdict.passed]

    def refuse_misplaced_checks(self) -> None:
        """Fail unless each answer cell is followed by the check cell that carries its points."""
        known = [(about(cell), cell) for cell in self.cells() if about(cell)]
        for (answer, _), (check, cell) in pairwise(known):
            if answer["solution"] and not answer["grade"]:
                assert check["grade_id"] == f"{answer['grade_id']}_checks"
                assert is_check_cell(cell.source)
