"""pandoc's tables as rows of cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograder.publishing.doctree.nodes import Alignment, Node, Table, TableCell

__all__ = ["table"]

MAX_CELLS = 3_000
ALIGNMENTS: dict[str, Alignment] = {"AlignLeft": "left", "AlignRight": "right", "AlignCenter": "center"}


def table(content: Any, read: Callable[[Any], tuple[Node, ...]]) -> Table | None:
    """A table node, or None when the table is too large for a page.

    `content` is pandoc's `[attributes, caption, columns, head, bodies, foot]`.
    """
    _, caption, columns, head, bodies, foot = content
    rows = [row for body in bodies for row in [*body[2], *body[3]]] + foot[1]
    header = head[1]
    if not columns or sum(len(row[1]) for row in [*header, *rows]) > MAX_CELLS or len(columns) > 60:
        return None
    return Table(
        tuple(ALIGNMENTS.get(column[0]["t"], "auto") for column in columns),
        tuple(row_cells(row, read) for row in rows if row[1]),
        tuple(row_cells(row, read) for row in header if row[1]),
        read(caption[1]),
    )


def row_cells(row: Any, read: Callable[[Any], tuple[Node, ...]]) -> tuple[TableCell, ...]:
    return tuple(
        TableCell(read(cell[4]), int(cell[2]), int(cell[3]), ALIGNMENTS.get(cell[1]["t"], "auto")) for cell in row[1]
    )
