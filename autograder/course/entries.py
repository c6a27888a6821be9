"""mistakes.md and alternatives.md: readable documents whose code cells replace one answer each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.checking.bindings import bindings_of
from autograder.checking.outcomes import Mistake
from autograder.errors import AutograderError

__all__ = ["ALTERNATIVES", "MISTAKES", "Entry", "mistakes_path", "read_entries"]

MISTAKES, ALTERNATIVES = "mistakes.md", "alternatives.md"


@dataclass(frozen=True)
class Entry:
    """One entry: `source` replaces the answer cell `replaces`; a mistake `loses` these tests, and its student must
    be told a text with `says` in it."""

    title: str
    replaces: str
    source: str
    loses: tuple[str, ...] = ()
    says: str = ""

    @property
    def mistake(self) -> Mistake:
        """The entry as checks know it."""
        defines = frozenset(name for name, _ in bindings_of(self.source))
        return Mistake(self.title, self.source, self.says, defines, frozenset(self.loses))


def mistakes_path(root: Path, name: str) -> Path:
    """The document of known mistakes of the assignment `name`."""
    return root / "assignments" / name / MISTAKES


def read_entries(path: Path) -> list[Entry]:
    """The entries of a document in order; none if there is no such file. Raises AutograderError for one amiss."""
    if not os.path.lexists(path):
        return []
    title, entries = path.stem, []
    for cell in cells_of(path):
        headings = [line[3:].strip() for line in cell.source.split("\n") if line.startswith("## ")]
        if cell.cell_type == "markdown" and headings:
            title = headings[-1]
        elif cell.cell_type == "code":
            entries.append(entry_of(title, cell.metadata, cell.source, path))
    return entries


def cells_of(path: Path) -> list[Any]:
    """The cells of a document. Raises AutograderError if it cannot be read."""
    import jupytext  # only the process that reads documents pays for it

    try:
        return list(jupytext.read(path, fmt="md:myst").cells)
    except Exception as error:  # jupytext, the readers of YAML and notebooks, and the system have each their own
        why = getattr(error, "strerror", None) or str(error).split("\n")[0].rstrip(":. ")
        raise AutograderError(f"{path} cannot be read ({why}): mend it, or delete it.") from None


def entry_of(title: str, metadata: dict[str, object], source: str, path: Path) -> Entry:
    """The entry of one code cell."""
    replaces, loses = metadata.get("replaces"), metadata.get("loses", [])
    if not isinstance(replaces, str) or not isinstance(loses, list):
        raise AutograderError(f"{path}, {title!r}: the code cell must say which answer it replaces (:replaces: NAME).")
    return Entry(title, replaces, source, tuple(map(str, loses)), str(metadata.get("says", "")))
