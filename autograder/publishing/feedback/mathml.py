"""Formulas in MathML, which browsers draw by themselves: no script, no network."""

from __future__ import annotations

import re
from dataclasses import dataclass

from defusedxml import ElementTree

from autograder.publishing.doctree.context import Context
from autograder.publishing.doctree.nodes import Formula, Node
from autograder.publishing.doctree.pandoc import Item, Kind
from autograder.publishing.doctree.tex import candidates

__all__ = ["PageContext"]

NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
ELEMENTS = frozenset([
    "math", "semantics", "annotation", "mrow", "mi", "mn", "mo", "mtext", "mspace", "ms", "mfrac", "msqrt",
    "mroot", "mstyle", "mpadded", "mphantom", "menclose", "msub", "msup", "msubsup", "munder", "mover",
    "munderover", "mmultiscripts", "mprescripts", "mtable", "mtr", "mtd",
])  # fmt: skip
ATTRIBUTES = frozenset([
    "display", "encoding", "mathvariant", "stretchy", "form", "fence", "separator", "accent", "accentunder",
    "symmetric", "minsize", "maxsize", "movablelimits", "lspace", "rspace", "linethickness", "width", "height",
    "depth", "voffset", "notation", "displaystyle", "scriptlevel", "columnalign", "rowspacing", "columnspacing",
    "rowlines", "columnlines", "frame",
])  # fmt: skip
# Pandoc writes LaTeX's accents as combining characters. A browser without a font for formulas draws these beside their
# letter, and the others above it.
ABOVE = {
    "\u0300": "`", "\u0301": "´", "\u0302": "^", "\u0303": "~", "\u0306": "˘", "\u0307": "˙", "\u0308": "¨",
    "\u030a": "˚", "\u030c": "ˇ",
}  # fmt: skip
ACCENT = re.compile(f'(?<=<mo accent="true">)[{"".join(ABOVE)}](?=</mo>)')
STYLE = re.compile(r"(?:(?:text-align: (?:left|right|center)|padding-(?:left|right): 0)(?:; |;|$))*")


@dataclass
class PageContext(Context):
    """Shared by the parts of one page; its formulas are MathML."""

    def formula_items(self, tex: str, display: bool) -> list[Item]:
        """The questions to pandoc for a formula."""
        kind: Kind = "mathml display" if display else "mathml inline"
        return [(kind, candidate) for candidate in tries(tex)]

    def formula(self, tex: str, written: str, display: bool) -> Node:
        """A formula, or its source where it is not understood."""
        for candidate in tries(tex):
            mathml = self.pandoc.mathml(candidate, display)
            if mathml is not None and is_harmless(mathml):
                return Formula(ACCENT.sub(lambda accent: ABOVE[accent[0]], mathml), tex, written, display)
        return self.written(written, "LaTeX not understood", block=display)


def tries(tex: str) -> list[str]:
    """The forms of a formula to try, best first: as it was written, then as for a PDF."""
    others = candidates(tex)
    return list(dict.fromkeys([tex, *others])) if others else []


def is_harmless(mathml: str) -> bool:
    """Whether MathML has only elements and attributes that draw: no addresses, no handlers, no other languages."""
    try:
        root = ElementTree.fromstring(mathml)
    except Exception:  # whatever a parser finds wrong with it, it is not shown
        return False
    return all(
        element.tag.removeprefix(NAMESPACE) in ELEMENTS
        and all(name in ATTRIBUTES or (name == "style" and STYLE.fullmatch(value)) for name, value in element.items())
        for element in root.iter()
    )
