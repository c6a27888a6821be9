"""Makes a submitted notebook fit to be graded: restores the course's cells, and keeps the student's answers."""

from __future__ import annotations

import copy
import json
from typing import Any
from uuid import uuid4

import nbformat
from nbformat import NotebookNode

from autograder.course.assignment import Template, TemplateCell, other_language
from autograder.text import has_more_parts, storable

__all__ = ["NotANotebook", "heading_level", "plain", "read_notebook", "restore"]

MAX_CELLS = 5_000
MAX_PARTS = 2_000_000
LOWEST_HEADING = 6
# By version of the format, a cell's text is its source, input, code or text.
KEPT = ("cell_type", "source", "input", "code", "text", "level")


class NotANotebook(Exception):
    """A submitted file that is not a notebook; the text tells the student why."""


def read_notebook(data: bytes) -> NotebookNode:
    """The notebook in `data`, whatever its version. Raises NotANotebook."""
    if not data.strip():
        raise NotANotebook("the file is empty")
    if has_more_parts(data, MAX_PARTS):
        raise NotANotebook("the file has millions of parts: clear all outputs, save it, and hand it in again")
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise NotANotebook("the file is not a Jupyter notebook (not JSON): was it saved completely?") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
        raise NotANotebook("the file is not a Jupyter notebook (no nbformat)")
    if language := other_language(raw.get("metadata")):
        raise NotANotebook(f"the notebook is in {language}, and the assignment is in Python: choose a Python kernel")
    try:
        return plain(nbformat.convert(nbformat.from_dict(pruned(raw)), 4))
    except Exception:
        raise NotANotebook("the file is not a Jupyter notebook that can be read") from None


def pruned(raw: dict[str, Any]) -> dict[str, Any]:
    """A notebook of any version with nothing in it but what `plain_cell` looks at: nbformat takes many times a file's
    size to read it, and to say what is wrong in it."""
    sheets = raw.get("worksheets")
    kept = {"nbformat": raw["nbformat"], "nbformat_minor": raw.get("nbformat_minor", 0), "metadata": {}}
    if isinstance(sheets, list):
        cells = [cell for sheet in sheets[:MAX_CELLS] for cell in sheet["cells"]]
        return kept | {"worksheets": [{"metadata": {}, "cells": pruned_cells(cells)}]}
    return kept | {"cells": pruned_cells(raw["cells"])}


def pruned_cells(cells: list[Any]) -> list[dict[str, Any]]:
    fresh = []
    for cell in filter(lambda cell: isinstance(cell, dict), cells[:MAX_CELLS]):
        grade_id = grade_id_of(cell)
        metadata = {} if grade_id is None else {"nbgrader": {"grade_id": grade_id}}
        kept = {name: cell[name] for name in KEPT if name in cell}
        if "level" in kept:
            kept["level"] = heading_level(kept["level"])
        kept |= {"outputs": [], "metadata": metadata, "language": "python"}
        fresh.append(kept | {"attachments": plain_attachments(cell.get("attachments"))})
    return fresh


def heading_level(level: object) -> int:
    """The level of a heading: nbformat writes as many number signs as it says."""
    return level if type(level) is int and 1 <= level <= LOWEST_HEADING else LOWEST_HEADING


def plain_attachments(attachments: Any) -> dict[str, dict[str, str]]:
    """The pictures that are attached to a cell, by name and type; nothing else that may stand there."""
    if not isinstance(attachments, dict):
        return {}
    named = {name: bundle for name, bundle in attachments.items() if isinstance(bundle, dict)}
    return {
        name: {mime: data for mime, data in bundle.items() if isinstance(data, str)} for name, bundle in named.items()
    }


def plain(notebook: Any) -> NotebookNode:
    """A notebook of the right form, keeping of every cell only its type, text, attachments and grade id."""
    cells = [cell for cell in map(plain_cell, notebook.cells[:MAX_CELLS]) if cell is not None]
    return nbformat.v4.new_notebook(cells=cells)


def plain_cell(cell: Any) -> NotebookNode | None:
    """A fresh cell with the text of `cell`, or None if that is no cell."""
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return None
    fresh = new_cell(cell.get("cell_type"), storable(source))
    attachments = cell.get("attachments")
    if fresh.cell_type == "markdown" and isinstance(attachments, dict):
        fresh.attachments = nbformat.from_dict(plain_attachments(attachments))
    grade_id = grade_id_of(cell)
    if grade_id is not None:
        fresh.metadata["nbgrader"] = {"grade_id": grade_id}
    return fresh


def new_cell(cell_type: Any, source: str) -> NotebookNode:
    """A new cell of one of the three types; anything unknown becomes raw text.

    Made by hand, for nbformat validates every cell that it makes; here the whole notebook is validated, once.
    """
    kind = cell_type if cell_type in ("code", "markdown") else "raw"
    cell = NotebookNode(id=uuid4().hex[:8], cell_type=kind, metadata=NotebookNode(), source=source)
    if kind == "code":
        cell.update(execution_count=None, outputs=[])
    return cell


def grade_id_of(cell: Any) -> str | None:
    """The nbgrader grade id that a cell claims."""
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return grade_id if isinstance(grade_id, str) else None


def restore(submitted: NotebookNode, template: Template) -> NotebookNode:
    """The notebook to grade: the template's cells in the template's order, with the student's answers in them and
    the student's own cells where they were, behind the template cell that they followed.

    Of a cell that is there twice the last keeps the name, as with nbgrader; other copies of an answer become
    ordinary cells, so that they run as they did for the student.
    """
    known = {cell.grade_id: cell for cell in template.cells}
    last = {grade_id_of(cell): index for index, cell in enumerate(submitted.cells)}
    answers: dict[str, NotebookNode] = {}
    followers: dict[str | None, list[NotebookNode]] = {None: []}
    anchor: str | None = None
    for index, cell in enumerate(submitted.cells):
        grade_id = grade_id_of(cell)
        if grade_id in known and last[grade_id] == index:
            anchor, answers[grade_id] = grade_id, cell
        elif grade_id not in known or not known[grade_id].locked:
            followers.setdefault(anchor, []).append(without_name(cell))
    cells = followers[None]
    for wanted in template.cells:
        cells.append(restored_cell(wanted, answers.get(wanted.grade_id)))
        cells += followers.get(wanted.grade_id, [])
    metadata = {"kernelspec": copy.deepcopy(template.kernelspec), "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=with_ids(cells), metadata=metadata)


def without_name(cell: NotebookNode) -> NotebookNode:
    cell.metadata = NotebookNode()
    return cell


def restored_cell(wanted: TemplateCell, answer: NotebookNode | None) -> NotebookNode:
    """The template's cell, with the text of the student's if that is theirs to write."""
    source = wanted.source if wanted.locked or answer is None else answer.source
    cell = new_cell(wanted.cell_type, source)
    cell.metadata["nbgrader"] = nbformat.from_dict(copy.deepcopy(wanted.nbgrader))
    # A code cell has no attachments, also where the student made a text cell of it.
    if answer is not None and not wanted.locked and cell.cell_type != "code" and "attachments" in answer:
        cell.attachments = answer.attachments
    return cell


def with_ids(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells with ids by position: a submission graded twice gives the same file."""
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return cells
