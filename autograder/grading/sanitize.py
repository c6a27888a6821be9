"""A submitted notebook made fit to be graded: what is the course's is restored, what is the student's is kept."""

from __future__ import annotations

import copy
import json
from typing import Any
from uuid import uuid4

import nbformat
from nbformat import NotebookNode

from autograder.grading.assignment import Template, TemplateCell, other_language
from autograder.text import storable

__all__ = ["NotANotebook", "plain", "read_notebook", "restore"]

MAX_CELLS = 5_000


class NotANotebook(Exception):
    """A submitted file that is not a notebook; the text tells the student why."""


def read_notebook(data: bytes) -> NotebookNode:
    """The notebook in `data`, whatever its version. Raises NotANotebook."""
    if not data.strip():
        raise NotANotebook("the file is empty")
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise NotANotebook("the file is not a Jupyter notebook (not JSON): was it saved completely?") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
        raise NotANotebook("the file is not a Jupyter notebook (no nbformat)")
    if language := other_language(raw.get("metadata")):
        raise NotANotebook(f"the notebook is in {language}, and the assignment is in Python: choose a Python kernel")
    try:
        return plain(nbformat.convert(nbformat.from_dict(raw), 4))
    except Exception:
        raise NotANotebook("the file is not a Jupyter notebook that can be read") from None


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
        fresh.attachments = nbformat.from_dict(attachments)
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
        cells.append(restored(wanted, answers.get(wanted.grade_id)))
        cells += followers.get(wanted.grade_id, [])
    metadata = {"kernelspec": copy.deepcopy(template.kernelspec), "language_info": {"name": "python"}}
    return with_ids(nbformat.v4.new_notebook(cells=cells, metadata=metadata))


def without_name(cell: NotebookNode) -> NotebookNode:
    cell.metadata = NotebookNode()
    return cell


def restored(wanted: TemplateCell, answer: NotebookNode | None) -> NotebookNode:
    """The template's cell, with the text of the student's if that is theirs to write."""
    source = wanted.source if wanted.locked or answer is None else answer.source
    cell = new_cell(wanted.cell_type, source)
    cell.metadata["nbgrader"] = nbformat.from_dict(copy.deepcopy(wanted.nbgrader))
    if answer is not None and not wanted.locked and "attachments" in answer:
        cell.attachments = answer.attachments
    return cell


def with_ids(notebook: NotebookNode) -> NotebookNode:
    """Cell ids by position: a submission graded twice gives the same file."""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return notebook
