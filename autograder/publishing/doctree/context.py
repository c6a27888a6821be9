"""Shared by the parts of one document, whoever draws it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from autograder.publishing.doctree.macros import Macros
from autograder.publishing.doctree.nodes import AsWritten, Node
from autograder.publishing.doctree.pandoc import Item, Pandoc
from autograder.publishing.doctree.pictures import Pictures
from autograder.publishing.doctree.text_lines import breakable

__all__ = ["Context", "Notice"]

MAX_NOTICES = 300


@dataclass(frozen=True)
class Notice:
    """Something that is shown differently from the notebook, and where.

    `cell` counts from 1, as a person counts cells; None speaks of the whole notebook.
    A serious one is for a person to look at.
    """

    text: str
    cell: int | None = None
    serious: bool = False

    def __str__(self) -> str:
        return self.text if self.cell is None else f"cell {self.cell}: {self.text}"


@dataclass
class Context(ABC):
    """The pictures, formulas and notices of one document. Each kind of document says how a formula is drawn."""

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
        if notice not in self.notices and (serious or len(self.notices) < MAX_NOTICES):
            self.notices.append(notice)

    def written(self, text: str, mark: str, *, block: bool) -> AsWritten:
        """A piece as it was written, marked in the margin, with a notice."""
        self.say(f"{mark}: {' '.join(text.split())[:60]}")
        return AsWritten(breakable(text.strip("\n")), mark, block)

    @abstractmethod
    def formula_items(self, tex: str, display: bool) -> list[Item]:
        """The questions to pandoc for a formula."""

    @abstractmethod
    def formula(self, tex: str, written: str, display: bool) -> Node:
        """A formula, or its source where it is not understood."""
