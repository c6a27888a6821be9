"""Assignments as text and as notebooks: `assignments/NAME/NAME.md` is the source, `source/…` is made from it.

One way by default; `text_from_notebook` carries a notebook that was edited elsewhere back. Contents are
compared, never times: a fresh clone has none. A notebook keeps the digests of the text that it was made from and of
its cells as they were made, so that neither way ever writes over an edit.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml
from nbformat import NotebookNode

from autograder.course.made_from_text import MADE, made_from, text_digest, text_path
from autograder.course.source_notebooks import source_notebook
from autograder.errors import AutograderError
from autograder.files import write_atomic

__all__ = ["make_notebook", "notebook_from_text", "notebook_path", "text_from_notebook"]

FORMAT = "md:myst"
Content = tuple[Any, ...]
WRITTEN = ("nbgrader", "tags", "slideshow")
DIGITS = 16
BLOCK = re.compile(r"(?P<fence>^```\{code-cell\}.*\n)---\n(?P<yaml>(?s:.*?))\n---\n", re.MULTILINE)
ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
FENCE = re.compile(r"^(?:\+\+\+|\s*[`~:]{3,}\s*\{(?:code|raw)-cell\})", re.MULTILINE)
VERSION = re.compile(r"^ *jupytext_version: .*\n", re.MULTILINE)


def notebook_path(root: Path, name: str) -> Path:
    return root / "source" / name / f"{name}.ipynb"


def notebook_from_text(path: Path) -> NotebookNode:
    """The notebook that the text stands for, without outputs and with stable cell ids. Raises AutograderError."""
    try:
        notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt=FORMAT)
    except Exception as error:
        why = str(error).split("\n\n")[0]  # a wrong type of metadata; what follows is the schema
        raise AutograderError(f"{path} cannot be read as MyST Markdown: {why}.") from None
    notebook.metadata.pop("jupytext", None)
    used: set[str] = set()
    for cell in notebook.cells:
        cell["id"] = stable_id(cell, used)
    return notebook


def stable_id(cell: NotebookNode, used: set[str]) -> str:
    """A cell id that stays while the cell does: its grade id, or a digest of its text."""
    wanted = str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))[:60].replace(" ", "-")
    wanted = wanted or hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
    name, number = wanted, 1
    while name in used:
        number += 1
        name = f"{wanted}-{number}"
    used.add(name)
    return name


def as_json(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook, version=4)) + "\n"


def signed_notebook(text: Path) -> NotebookNode:
    """The notebook that the text stands for, with the digests of both."""
    notebook = notebook_from_text(text)
    notebook.metadata[MADE] = {"text": text_digest(text), "cells": cells_digest(notebook)}
    return notebook


def cells_digest(notebook: NotebookNode) -> str:
    """The digest of the parts of a notebook that an author writes: not ids, outputs, or notes of an editor."""
    written = [(cell.cell_type, cell.source, *metadata_written(cell)) for cell in notebook.cells]
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:DIGITS]


def edited(notebook: NotebookNode) -> bool:
    """Whether a notebook is not as it was made. One that was not made here counts as edited."""
    return bool(made_from(notebook).get("cells") != cells_digest(notebook))


def make_notebook(root: Path, name: str) -> bool:
    """Make the source notebook from the text; returns whether it changed. Raises AutograderError without a text, and
    where that would undo what somebody has written into the notebook."""
    text, target = text_path(root, name), notebook_path(root, name)
    if not text.is_file():
        raise AutograderError(f"There is no {text}: an assignment's text has the name of its folder.")
    made = signed_notebook(text)
    if target.is_file():
        present = source_notebook(target)
        if as_json(present) == as_json(made):
            return False
        if edited(present) and cells_digest(present) != cells_digest(made):
            refuse_if_both_edited(present, target, text)
            raise AutograderError(
                f"{target} was edited, so it is not made anew from {text}: carry the edit into the text with "
                f"`autograder make --text {name}`, or remove the notebook and its edit with it."
            )
    write_atomic(target, as_json(made).encode())
    return True


def text_from_notebook(root: Path, name: str) -> bool:
    """Carry a source notebook that was edited back into the text; returns whether the text changed. Raises
    AutograderError without a notebook, where that would undo what somebody has written into the text, and for a cell
    that the text cannot hold."""
    text, source = text_path(root, name), notebook_path(root, name)
    if not source.is_file():
        raise AutograderError(f"There is no {source}, so nothing can be carried into {text}.")
    notebook = source_notebook(source)
    if text.is_file():
        if not edited(notebook) or cells_digest(notebook) == cells_digest(notebook_from_text(text)):
            return False
        refuse_if_both_edited(notebook, source, text)
    written = as_text(notebook)
    refuse_if_lost(notebook, written, source, text)
    write_atomic(text, written.encode())
    write_atomic(source, as_json(signed_notebook(text)).encode())
    return True


def refuse_if_both_edited(notebook: NotebookNode, source: Path, text: Path) -> None:
    """Raises AutograderError if the text, too, is not as it was when the edited notebook was made from it."""
    if made_from(notebook).get("text", "") not in ("", text_digest(text)):
        raise AutograderError(
            f"Both {source} and {text} were edited: bring both edits into one of them, then remove the other."
        )


def refuse_if_lost(notebook: NotebookNode, written: str, source: Path, text: Path) -> None:
    """Raises AutograderError, naming the cell, if the notebook that comes back from its text is not the same."""
    for number, cell in enumerate(notebook.cells, start=1):
        alone = NotebookNode(notebook | {"cells": [cell]})
        if contents(as_text(alone)) != [content(cell)]:
            raise AutograderError(f"{source}: cell {number} {what_is_lost(cell)}. {text} is left as it was.")
    if contents(written) != [content(cell) for cell in notebook.cells]:
        raise AutograderError(f"{source} does not come back whole from MyST text. {text} is left as it was.")


def contents(text: str) -> list[Content] | None:
    """The contents of a text's cells, or None for a text that cannot be read."""
    try:
        return [content(cell) for cell in jupytext.reads(text, fmt=FORMAT).cells]
    except Exception:  # whatever the parsers of YAML and Markdown raise
        return None


def content(cell: NotebookNode) -> Content:
    """The part of a cell that an author writes, attached pictures included."""
    return cell.cell_type, cell.source, *metadata_written(cell), cell.get("attachments") or {}


def metadata_written(cell: NotebookNode) -> Iterator[Any]:
    """The part of a cell's metadata that an author writes. An empty list is what removing the last tag leaves."""
    return (cell.metadata.get(key) or None for key in WRITTEN)


def what_is_lost(cell: NotebookNode) -> str:
    """Why a cell does not come back from its text, and what to do."""
    if cell.get("attachments"):
        return "has an attached picture: save it as a file beside the notebook, and show it by its name"
    if odd := ODD.search(cell.source):
        return f"has the invisible character U+{ord(odd[0]):04X}, which text files cannot keep: remove it"
    if FENCE.search(cell.source):
        return "shows a line that begins a cell of MyST text (`+++` or a fence {code-cell}): indent that line"
    if not cell.source.strip():
        return "is empty, which the text cannot keep: remove it"
    if cell.source != cell.source.strip():
        return "begins or ends with blanks, which the text cannot keep: remove them"
    return "does not come back from MyST text as it is: write it in another way"


def as_text(notebook: NotebookNode) -> str:
    """The text of a notebook: without ids, outputs and counts, and each cell's metadata on one line, as an author
    writes them."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        cell.pop("id", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            # The reader takes one blank line off each end of a cell that has some.
            cell.source = "\n" * cell.source.startswith("\n") + cell.source + "\n" * cell.source.endswith("\n")
    notebook.metadata["jupytext"] = {
        "text_representation": {"extension": ".md", "format_name": "myst", "format_version": 0.13}
    }
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    text = BLOCK.sub(on_one_line, str(jupytext.writes(notebook, fmt=FORMAT)))
    return VERSION.sub("", text, count=1)


def on_one_line(block: re.Match[str]) -> str:
    """The metadata of a code cell, which jupytext writes as a block of YAML; what a cell shows may look like it."""
    try:
        metadata = yaml.safe_load(block["yaml"]).items()
    except (yaml.YAMLError, AttributeError):
        return block[0]
    return block["fence"] + "".join(f":{key}: {json.dumps(value)}\n" for key, value in metadata)
