"""Formulas in Typst's math syntax."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.publishing.doctree.context import Context
from autograder.publishing.doctree.nodes import Formula, Node
from autograder.publishing.doctree.pandoc import Item
from autograder.publishing.doctree.tex import candidates
from autograder.publishing.pdf.typstmath import is_safe, renamed

__all__ = ["PdfContext"]


@dataclass
class PdfContext(Context):
    """Shared by the parts of one PDF; its formulas are Typst's."""

    def formula_items(self, tex: str, display: bool) -> list[Item]:
        """The questions to pandoc for a formula."""
        return [("display" if display else "inline", candidate) for candidate in candidates(tex)]

    def formula(self, tex: str, written: str, display: bool) -> Node:
        """A formula, or its source where it is not understood."""
        typst = self._typst(tex, display)
        if typst is None:
            return self.written(written, "LaTeX not understood", block=display)
        return Formula(typst, tex, written, display)

    def _typst(self, tex: str, display: bool) -> str | None:
        for candidate in candidates(tex):
            typst = self.pandoc.formula(candidate, display)
            if typst is not None and is_safe(typst):
                return renamed(typst)
        return None
