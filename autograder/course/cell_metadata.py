"""Checks the metadata that nbgrader needs of a graded cell, and names the cell: nbgrader only says that something in
the notebook is wrong."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.errors import AutograderError

__all__ = ["refuse_wrong_cells"]


def refuse_wrong_cells(notebook: NotebookNode, path: Path) -> None:
    """Raise AutograderError for a blank grade id, one that two cells have, and points that are no number from 0 up."""
    seen: dict[str, int] = {}
    for number, cell in enumerate(notebook.cells, start=1):
        about = cell.metadata.get("nbgrader")
        if not isinstance(about, dict) or not any(about.get(key) for key in ("grade", "solution", "locked", "task")):
            continue
        name = str(about.get("grade_id") or "").strip()
        if not name:
            raise AutograderError(f"{path}, cell {number} has no grade id: give it one that no other cell has.")
        if name in seen:
            raise AutograderError(f"{path}, cells {seen[name]} and {number} have the same grade id {name}: change one.")
        seen[name] = number
        if (about.get("grade") or about.get("task")) and not is_points(about.get("points")):
            fault = f"its points are {about['points']!r}" if about.get("points") is not None else "it has no points"
            raise AutograderError(f"{path}, cell {number} ({name}): {fault}. Give it a number of points, 0 or more.")


def is_points(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
