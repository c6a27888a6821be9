"""A new assignment: small, complete and passing, so that an instructor edits what works instead of starting empty."""

from __future__ import annotations

import re
import tempfile
from importlib.resources import files
from pathlib import Path

from autograder.authoring.notebooks import make_notebook, notebook_path
from autograder.course.made_from_text import text_path
from autograder.errors import AutograderError

__all__ = ["new_assignment"]

TEMPLATE = files("autograder.authoring") / "template"
PLACEHOLDER = "NAME"
DOCUMENTS = (f"{PLACEHOLDER}.md", "mistakes.md", "alternatives.md")


def new_assignment(root: Path, name: str) -> list[Path]:
    """Make assignments/NAME/ and its source notebook in the course `root`; returns the documents to edit.

    Raises AutograderError, with nothing made, if the name cannot be one or is taken.
    """
    targets = [text_path(root, name).parent, notebook_path(root, name).parent]
    refuse(name, root, targets)
    try:
        # Made beside the target and renamed, so that a full disk or an interrupt leaves no half of an assignment.
        with tempfile.TemporaryDirectory(prefix=".new-", dir=root) as folder:
            make_documents(Path(folder), name)
            move([text_path(Path(folder), name).parent, notebook_path(Path(folder), name).parent], targets)
    except OSError as error:
        raise AutograderError(f"{name} could not be made in {root}: {error.strerror or error}.") from None
    return [targets[0] / document.replace(PLACEHOLDER, name) for document in DOCUMENTS]


def refuse(name: str, root: Path, targets: list[Path]) -> None:
    """Raise AutograderError for a name that cannot be one or that is taken."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise AutograderError(
            f"{name!r} cannot be the name of an assignment: take letters, digits and underscores, a letter first."
        )
    for target in targets:
        if target.exists() or target.is_symlink():
            raise AutograderError(f"There is already {target.relative_to(root)}: take another name.")


def make_documents(root: Path, name: str) -> None:
    """Write the template's documents under `name`, and the notebook that they make."""
    folder = text_path(root, name).parent
    folder.mkdir(parents=True)
    for document in DOCUMENTS:
        text = (TEMPLATE / document).read_text(encoding="utf-8")
        (folder / document.replace(PLACEHOLDER, name)).write_text(text.replace(PLACEHOLDER, name), encoding="utf-8")
    make_notebook(root, name)


def move(made: list[Path], targets: list[Path]) -> None:
    """Rename all or none of the folders."""
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in zip(made, targets, strict=True):
            target.parent.mkdir(exist_ok=True)
            source.rename(target)
            done.append((source, target))
    except BaseException:
        for source, target in done:
            target.rename(source)
        raise
