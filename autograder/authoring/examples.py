"""mistakes.md and alternatives.md: readable documents whose code cells replace one answer each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jupytext

from autograder.errors import AutograderError

__all__ = ["Example", "read_examples"]


@dataclass(frozen=True)
class Example:
    """One entry: `source` replaces the answer cell `replaces`; a mistake `loses` these tests, and its student must
    be told a text with `says` in it."""

    title: str
    replaces: str
    source: str
    loses: tuple[str, ...] = ()
    says: str = ""


def read_examples(path: Path) -> list[Example]:
    """The entries of a document in order; none if there is no such file. Raises AutograderError for one amiss."""
    if not path.is_file():
        return []
    title, examples = path.stem, []
    for cell in jupytext.read(path, fmt="md:myst").cells:
        headings = [line[3:].strip() for line in cell.source.split("\n") if line.startswith("## ")]
        if cell.cell_type == "markdown" and headings:
            title = headings[-1]
        elif cell.cell_type == "code":
            examples.append(example_of(title, cell.metadata, cell.source, path))
    return examples


def example_of(title: str, metadata: dict[str, object], source: str, path: Path) -> Example:
    """The entry of one code cell."""
    replaces, loses = metadata.get("replaces"), metadata.get("loses", [])
    if not isinstance(replaces, str) or not isinstance(loses, list):
        raise AutograderError(f"{path}, {title!r}: the code cell must say which answer it replaces (:replaces: NAME).")
    return Example(title, replaces, source, tuple(map(str, loses)), str(metadata.get("says", "")))
