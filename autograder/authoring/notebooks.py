"""Assignments as text and as notebooks: `assignments/NAME/NAME.md` is the source, `source/…` is made from it.

One way by default; `text_from_notebook` carries a notebook that was edited elsewhere back. Contents are
compared, never times: a fresh clone has none.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from autograder.errors import AutograderError

__all__ = ["main", "make_notebook", "notebook_from_text", "notebook_path", "text_from_notebook", "text_path"]

FORMAT = "md:myst"


def text_path(root: Path, name: str) -> Path:
    return root / "assignments" / name / f"{name}.md"


def notebook_path(root: Path, name: str) -> Path:
    return root / "source" / name / f"{name}.ipynb"


def notebook_from_text(path: Path) -> NotebookNode:
    """The notebook that the text stands for, without outputs and with stable cell ids. Raises AutograderError."""
    try:
        notebook = jupytext.read(path, fmt=FORMAT)
    except Exception as error:
        raise AutograderError(f"{path} cannot be read as MyST Markdown: {error}.") from None
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


def make_notebook(root: Path, name: str) -> bool:
    """Make the source notebook from the text; returns whether it changed. Raises AutograderError without a text."""
    text = text_path(root, name)
    if not text.is_file():
        raise AutograderError(f"There is no {text}: an assignment's text has the name of its folder.")
    made = as_json(notebook_from_text(text))
    target = notebook_path(root, name)
    if target.is_file() and target.read_text(encoding="utf-8") == made:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(made, encoding="utf-8")
    return True


def text_from_notebook(root: Path, name: str) -> bool:
    """Carry a source notebook that was edited back into the text; returns whether the text changed."""
    notebook = nbformat.read(notebook_path(root, name), as_version=4)
    for cell in notebook.cells:
        cell.pop("id", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata["jupytext"] = {
        "text_representation": {"extension": ".md", "format_name": "myst", "format_version": 0.13}
    }
    text = jupytext.writes(notebook, fmt=FORMAT)
    path = text_path(root, name)
    if path.is_file() and cells_of(notebook_from_text(path)) == cells_of(jupytext.reads(text, fmt=FORMAT)):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def cells_of(notebook: NotebookNode) -> list[tuple[Any, ...]]:
    """What the text says of each cell: everything but its id."""
    return [(cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]


def main(arguments: list[str]) -> None:
    """`make NAME…` or `text NAME…`, in the current folder: for the Makefile."""
    do, names = arguments[0], arguments[1:]
    act = {"make": make_notebook, "text": text_from_notebook}[do]
    for name in names:
        print(f"{name}: {'written' if act(Path.cwd(), name) else 'up to date'}")


if __name__ == "__main__":
    main(sys.argv[1:])
