"""Reading a notebook that somebody else wrote: nothing in it is trusted, nothing missing is fatal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.checking.cell import without_record
from autograder.checking.regions import HIDDEN_TESTS, MARK_SCHEME, lines
from autograder.files import read_inside
from autograder.publishing.doctree.text_lines import clean

__all__ = [
    "MARKERS",
    "MAX_BYTES",
    "ParsedCell",
    "ParsedNotebook",
    "Regions",
    "Unreadable",
    "for_student",
    "from_json",
    "read",
    "text_of",
]

MAX_BYTES = 300_000_000

Regions = Sequence[tuple[str, str]]
# Regions of the course's cells that are not for students, unless the course has set other markers.
MARKERS: Regions = (HIDDEN_TESTS, MARK_SCHEME)


class Unreadable(Exception):
    """The file is not a notebook; the message says why, and `text` is its content."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(reason)
        self.text = text


@dataclass(frozen=True)
class ParsedCell:
    """One cell, with text made safe to print and fields of the expected types only."""

    number: int
    kind: str
    source: str
    count: int | None = None
    outputs: tuple[Mapping[str, Any], ...] = ()
    attachments: Mapping[str, Any] = field(default_factory=dict)
    nbgrader: Mapping[str, Any] = field(default_factory=dict)

    @property
    def grade_id(self) -> str:
        """nbgrader's name of the cell, or an empty string."""
        return clean(text_of(self.nbgrader.get("grade_id")))

    @property
    def is_answer(self) -> bool:
        """A student writes here."""
        return bool(self.nbgrader.get("solution") or self.nbgrader.get("task"))

    @property
    def is_graded(self) -> bool:
        """This cell carries points."""
        return bool(self.nbgrader.get("grade") or self.nbgrader.get("task"))

    @property
    def points(self) -> float:
        """The cell's points, 0 where it has none."""
        points = self.nbgrader.get("points") if self.is_graded else 0
        return float(points) if isinstance(points, (int, float)) and 0 <= points < 1e6 else 0.0


def for_student(cell: ParsedCell, regions: Regions) -> ParsedCell:
    """A cell without the regions that its author keeps from students (hidden tests, mark schemes), without traces of
    hidden tests in its outputs, and without the record of a released check cell, which only `%%check` reads."""
    if not cell.nbgrader or cell.nbgrader.get("solution"):
        return cell
    cell = replace(cell, source=without_record(cell.source))
    shown = "\n".join(line.text for line in lines(cell.source, regions) if not (line.inside or line.marker))
    return replace(without_error(cell), source=shown) if shown != cell.source else cell


def without_error(cell: ParsedCell) -> ParsedCell:
    """A cell that has hidden tests, without the error that would show their lines to whoever reads it."""
    if not any(output.get("output_type") == "error" for output in cell.outputs):
        return cell
    notice = "What this cell showed is left out, since it has hidden tests."
    return replace(cell, outputs=({"output_type": "stream", "name": "stderr", "text": notice},))


@dataclass(frozen=True)
class ParsedNotebook:
    """The cells of one notebook and where its local images may be looked up."""

    cells: tuple[ParsedCell, ...]
    language: str = "python"
    folder: Path | None = None


def text_of(value: object) -> str:
    """nbformat's multi-line string: a string or a list of strings; anything else is empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return ""


def read(path: Path) -> ParsedNotebook:
    """Read a notebook file of any nbformat version. A link that leaves its folder is not followed. Raises Unreadable if
    the file is not a notebook (its `text` is what the file holds), and OSError if it cannot be read."""
    content = read_inside(path.parent, path.name, MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Unreadable(f"it is larger than {MAX_BYTES // 1_000_000} MB")
    text = content.decode("utf-8-sig", errors="replace")
    try:
        return from_json(json.loads(text), path.parent)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not JSON ({str(error)[:80]})", text) from None
    except Unreadable as error:
        raise Unreadable(str(error), text) from None


def from_json(data: object, folder: Path | None = None) -> ParsedNotebook:
    """Build a notebook from parsed JSON (or a NotebookNode, which is a dict too)."""
    if not isinstance(data, dict):
        raise Unreadable("it holds no notebook")
    if "worksheets" in data:
        data = upgrade(data)
    if not isinstance(cells := data.get("cells"), list):
        raise Unreadable("it has no cells")
    return ParsedNotebook(
        tuple(parse_cell(number, cell) for number, cell in enumerate(cells, 1) if isinstance(cell, dict)),
        language_of(mapping(data.get("metadata"))),
        folder,
    )


def upgrade(data: dict[str, Any]) -> dict[str, Any]:
    # Only old notebooks pay for nbformat, which takes a second to import (its JSON schemas).
    import nbformat

    from autograder.submission.sanitize import heading_level

    try:
        for heading in (cell for sheet in data["worksheets"] for cell in sheet["cells"] if "level" in cell):
            heading["level"] = heading_level(heading["level"])
        upgraded: dict[str, Any] = nbformat.convert(nbformat.from_dict(data), to_version=4)
    except Exception as error:
        raise Unreadable(f"its old format cannot be converted ({str(error)[:80]})") from None
    return upgraded


def parse_cell(number: int, data: dict[str, Any]) -> ParsedCell:
    outputs = data.get("outputs")
    count = data.get("execution_count")
    return ParsedCell(
        number,
        text_of(data.get("cell_type")),
        clean(text_of(data.get("source"))),
        count if isinstance(count, int) and not isinstance(count, bool) else None,
        tuple(out for out in outputs if isinstance(out, dict)) if isinstance(outputs, list) else (),
        mapping(data.get("attachments")),
        mapping(mapping(data.get("metadata")).get("nbgrader")),
    )


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def language_of(metadata: Mapping[str, Any]) -> str:
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        if language := text_of(mapping(metadata.get(key)).get(name)):
            return language
    return "python"
