"""Whether the notebook of an assignment is the one that its text in `assignments/` makes today."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.course.course import Course
from autograder.course.source_notebooks import source_notebook
from autograder.errors import AutograderError

__all__ = ["MADE", "made_from", "refuse_stale", "text_digest", "text_path"]

MADE = "made_from_text"  # the notebook's metadata: digests of the text and of the cells that it was made from
DIGITS = 16


def text_path(root: Path, name: str) -> Path:
    return root / "assignments" / name / f"{name}.md"


def text_digest(path: Path) -> str:
    """The digest of a text, whatever ends its lines. Raises AutograderError for one that cannot be read."""
    try:
        return hashlib.sha256(path.read_text(encoding="utf-8").encode()).hexdigest()[:DIGITS]
    except (OSError, ValueError) as error:
        raise AutograderError(f"{path} cannot be read: {error}.") from None


def made_from(notebook: NotebookNode) -> dict[str, Any]:
    """The digests of the text and the cells that a notebook was made from; none where something else stands there."""
    kept = notebook.metadata.get(MADE)
    return kept if isinstance(kept, dict) else {}


def refuse_stale(course: Course, name: str) -> None:
    """Raise AutograderError if the assignment has a text, and its notebook was not made from the text as it is now."""
    text, notebook = text_path(course.root, name), course.source(name) / f"{name}.ipynb"
    if not text.is_file() or not notebook.is_file():
        return
    if made_from(source_notebook(notebook)).get("text") != text_digest(text):
        raise AutograderError(
            f"{notebook} was not made from {text} as it is now: run `autograder make {name}`, then "
            f"`autograder validate {name}`, and try again."
        )
