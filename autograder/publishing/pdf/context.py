"""What the parts of one export share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.publishing.pdf.errors import Notice
from autograder.publishing.pdf.images import Pictures
from autograder.publishing.pdf.macros import Macros
from autograder.publishing.pdf.pandoc import Item, Pandoc
from autograder.publishing.pdf.tex import candidates
from autograder.publishing.pdf.text import breakable
from autograder.publishing.pdf.typstmath import is_safe, renamed

__all__ = ["Context", "Inline", "Node"]

Node = dict[str, Any]
Inline = str | Node


@dataclass
class Context:
    """The pictures, formulas and notices of one document."""

    folder: Path | None = None
    pandoc: Pandoc = field(default_factory=Pandoc)
    macros: Macros = field(default_factory=Macros)
    notices: list[Notice] = field(default_factory=list)
    cell: int | None = None
    pictures: Pictures = field(init=False)

    def __post_init__(self) -> None:
        self.pictures = Pictures(self.folder)

    def say(self, text: str, *, serious: bool = False) -> None:
        """Note that something of the current cell is not shown as it is in Jupyter."""
        notice = Notice(text, self.cell, serious)
        if notice not in self.notices:
            self.notices.append(notice)

    def written(self, text: str, mark: str, *, block: bool) -> Node:
        """A piece that is shown as it was written, marked in the margin and told."""
        self.say(f"{mark}: {' '.join(text.split())[:60]}")
        return {"t": "written", "s": breakable(text.strip("\n")), "mark": mark, "block": block}

    def formula_items(self, tex: str, display: bool) -> list[Item]:
        """What pandoc is to be asked for a formula."""
        return [("display" if display else "inline", candidate) for candidate in candidates(tex)]

    def formula(self, tex: str, written: str, display: bool) -> Node:
        """A formula, or what was written where it is not understood."""
        typst = self._typst(tex, display)
        if typst is None:
            return self.written(written, "LaTeX not understood", block=display)
        return {"t": "math", "src": typst, "tex": tex, "written": written, "block": display}

    def _typst(self, tex: str, display: bool) -> str | None:
        for candidate in candidates(tex):
            typst = self.pandoc.formula(candidate, display)
            if typst is not None and is_safe(typst):
                return renamed(typst)
        return None
