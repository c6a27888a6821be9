"""The answer keys of questions that a person grades, with their mark schemes: for graders, never for students."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograder.checking.regions import lines
from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.publishing.doctree.parsed_notebook import ParsedCell, Unreadable, read

__all__ = ["read_mark_schemes"]


def read_mark_schemes(course: Course, name: str) -> dict[tuple[str, str], ParsedCell]:
    """The answer key's cell for each question of an assignment that a person grades, by notebook and grade id, without
    markers and outputs. Raises AutograderError if a source notebook is none."""
    return {
        (path.stem, cell.grade_id): without_markers(cell)
        for path in sorted(course.source(name).glob("*.ipynb"))
        for cell in source_cells(path)
        if cell.is_graded and cell.is_answer
    }


def source_cells(path: Path) -> Sequence[ParsedCell]:
    try:
        return read(path).cells
    except (Unreadable, OSError) as error:
        raise AutograderError(f"{path} cannot be read as a notebook: {error}.") from None


def without_markers(cell: ParsedCell) -> ParsedCell:
    """The text of a cell alone, which no page takes for an answer."""
    source = "\n".join(line.text for line in lines(cell.source) if not line.marker)
    return replace(cell, source=source, outputs=(), count=None, nbgrader={})
