"""Checks texmath's formulas before Typst sees them."""

from __future__ import annotations

import re

__all__ = ["is_safe", "renamed"]

# texmath's own Typst functions; a formula that calls anything else is not shown as a formula.
CALLS = frozenset([
    "frac", "sqrt", "root", "cases", "mat", "vec", "binom", "op", "lr", "abs", "norm", "accent", "hat",
    "tilde", "macron", "dot", "arrow", "overline", "underline", "overbrace", "underbrace", "overbracket",
    "underbracket", "overparen", "underparen", "cancel", "upright", "italic", "bold", "bb", "cal", "frak",
    "mono", "sans", "serif", "scr", "display", "inline", "limits", "scripts", "class", "breve", "caron",
    "grave", "acute", "circle", "diaer", "harpoon", "stretch", "mid",
])  # fmt: skip
# An escaped quotation mark begins no string, so both are looked for at once, from left to right.
LITERAL = re.compile(r'\\.|"(?:\\.|[^"\\])*"', re.DOTALL)
KNOWN_CODE = re.compile(
    r"#h\(-?\d+(?:\.\d+)?em\)"
    r"|#scale\(x: \d+%, y: \d+%\)\[[^\[\]#$`/]{0,30}\]"
    r"|#box\(stroke: black, inset: 3pt, \[\$"
    r"|\$\]\)"
)
CODE = re.compile(r"[#$`@<>]|//|/\*|(?<![A-Za-z])(?:std|sys)(?![A-Za-z])")
CALL = re.compile(r"([A-Za-z][A-Za-z0-9.]*)\(")


def is_safe(typst: str) -> bool:
    """Whether a formula in Typst's math syntax holds no code, comment, label or unknown call.

    Typst's `eval` may read files and fetch packages, so what it is given is checked here,
    however sure one may be of texmath's escaping.
    """
    bare = KNOWN_CODE.sub(" ", LITERAL.sub(" ", typst))
    relations = re.sub(r"(?<=\s)[<>](?=\s|$)", " ", f" {bare} ")
    if CODE.search(relations):
        return False
    return all(name.rpartition(".")[2] in CALLS or name == "dot.double" for name in CALL.findall(bare))


# Symbols that pandoc calls by names which Typst has given up, and the bars of a norm, which it takes
# for a relation: wide spaces around it, and scripts above and below.
NAMES = {
    "sect": "inter",
    "parallel": 'scripts(class("normal", bar.v.double))',
    r"\|": 'scripts(class("normal", bar.v))',
    "grave(": "limits(",
}
RENAMED = re.compile(
    r'"(?:\\.|[^"\\])*"|\\[^|]|\\\||grave\('
    r"|(?<![A-Za-z.])(?:sect|parallel|(?:dot|times|minus|dash|plus)\.circle)(?![A-Za-z])",
    re.DOTALL,
)


def renamed(typst: str) -> str:
    """A formula with the names that the page template and the installed Typst know."""
    return RENAMED.sub(lambda found: NAMES.get(found[0]) or round(found[0]), typst)


def round(part: str) -> str:
    return part if part[0] in '"\\' else part.replace("circle", "o")
