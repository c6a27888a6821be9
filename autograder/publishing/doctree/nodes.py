"""The document: a tree of typed, plain data from which pages are drawn, and that acts nowhere.

A string in the tree is text, never Typst code or HTML. `as_data` writes the tree out once for both templates,
`pdf/page.typ` and `templates/nodes.html.j2`; each draws every kind of node or fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, Literal

__all__ = [
    "Alignment", "AsWritten", "CodeSpan", "Content", "Footnote", "Formula", "Heading", "LineBreak", "Link", "List",
    "Listing", "ListingKind", "Node", "Paragraph", "Picture", "Quote", "Rule", "Run", "Styled", "Styling", "Table",
    "TableCell", "as_data", "is_block", "mapped", "text_in", "walk", "weight",
]  # fmt: skip

Alignment = Literal["auto", "left", "right", "center"]
ListingKind = Literal["code", "markdown", "output", "stderr", "error"]
Styling = Literal["em", "strong", "strike", "underline", "super", "sub"]


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the tree. Its class name is its kind in the templates."""


Content = tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Paragraph(Node):
    """Text with inline nodes."""

    content: Content


@dataclass(frozen=True, slots=True)
class Heading(Node):
    """A heading that looks like one of `level` 1 to 6; `structure` is its level in a PDF's outline, 0 for none."""

    level: int
    content: Content
    structure: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of a listing in one style; `fill` is a colour (`#rrggbb`). A `mark` is ours and not the author's."""

    text: str
    bold: bool = False
    italic: bool = False
    underline: bool = False
    fill: str = ""
    mark: bool = False


@dataclass(frozen=True, slots=True)
class Listing(Node):
    """Lines in a fixed-width font.

    A `sticky` listing stays on the page of what follows. A long listing comes in pieces: `joined` says that the piece
    continues the one before, `goes_on` that another one follows. `prompt` is the cell's number (`[3]`).
    """

    listing: ListingKind
    lines: tuple[tuple[Run, ...], ...]
    prompt: str = ""
    sticky: bool = False
    joined: bool = False
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class List(Node):
    """A list of points, or one that counts from `start`."""

    entries: tuple[Content, ...]
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Quote(Node):
    """Indented blocks."""

    content: Content


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell that covers `rowspan` times `colspan` places."""

    content: Content
    rowspan: int = 1
    colspan: int = 1
    align: Alignment = "auto"


@dataclass(frozen=True, slots=True)
class Table(Node):
    """Rows of cells below rows of headers; `columns` has each column's alignment."""

    columns: tuple[Alignment, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    header: tuple[tuple[TableCell, ...], ...] = ()
    caption: Content = ()


@dataclass(frozen=True, slots=True)
class Rule(Node):
    """A line across the page."""


@dataclass(frozen=True, slots=True)
class Styled(Node):
    """Text in a style."""

    style: Styling
    content: Content


@dataclass(frozen=True, slots=True)
class CodeSpan(Node):
    """Code within a line."""

    text: str


@dataclass(frozen=True, slots=True)
class LineBreak(Node):
    """A new line within a paragraph."""


@dataclass(frozen=True, slots=True)
class Link(Node):
    """Text that leads to an address on the web."""

    url: str
    content: Content


@dataclass(frozen=True, slots=True)
class Footnote(Node):
    """A note that a page shows at its foot or in parentheses."""

    content: Content


@dataclass(frozen=True, slots=True)
class Formula(Node):
    """A formula: `drawn` is what the template draws (Typst's math syntax, or MathML), checked to be harmless; `tex` is
    its LaTeX with macros expanded, `written` what stands in the notebook."""

    drawn: str
    tex: str
    written: str
    block: bool = False


@dataclass(frozen=True, slots=True)
class AsWritten(Node):
    """Something that cannot be shown as in Jupyter, so it is shown as its author wrote it; `mark` says why."""

    text: str
    mark: str = ""
    block: bool = False


@dataclass(frozen=True, slots=True)
class Picture(Node):
    """A file of the document, `width` points wide on paper; `alt` describes it to those who do not see it."""

    name: str
    width: float
    alt: str = ""


def is_block(node: str | Node) -> bool:
    """Whether an inline node stands by itself between paragraphs."""
    return isinstance(node, Picture) or (isinstance(node, (Formula, AsWritten)) and node.block)


def as_data(value: Any) -> Any:
    """A tree as lists and dictionaries. A node has its class name as `kind`; fields with their default are left out."""
    if isinstance(value, (tuple, list)):
        return [as_data(part) for part in value]
    if not is_dataclass(value):
        return value
    data = {"kind": type(value).__name__} if isinstance(value, Node) else {}
    for name, field in value.__dataclass_fields__.items():
        part = getattr(value, name)
        if part != field.default:
            data[name] = as_data(part)
    return data


def walk(value: Any) -> Iterator[Node]:
    """Every node in a tree, a parent before its children."""
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from walk(part)
    elif is_dataclass(value):
        if isinstance(value, Node):
            yield value
        for name in value.__dataclass_fields__:
            yield from walk(getattr(value, name))


def weight(value: Any) -> int:
    """How much a template has to draw: parts of the tree, and 50 characters of text count as one more."""
    if isinstance(value, (tuple, list)):
        return sum(map(weight, value))
    if isinstance(value, str):
        return 1 + len(value) // 50
    if is_dataclass(value):
        return 1 + sum(weight(getattr(value, name)) for name in value.__dataclass_fields__)
    return 0


def mapped(value: Any, change: Callable[[Node], Node]) -> Any:
    """A copy of a tree in which each node is what `change` makes of it, children first."""
    if isinstance(value, tuple):
        return tuple(mapped(part, change) for part in value)
    if not isinstance(value, (Node, TableCell)):
        return value
    parts = {name: getattr(value, name) for name in value.__dataclass_fields__}
    copied = replace(value, **{name: mapped(part, change) for name, part in parts.items() if isinstance(part, tuple)})
    return change(copied) if isinstance(copied, Node) else copied


def text_in(value: Any) -> str:
    """The text of a tree that a reader would read."""
    match value:
        case str():
            return value
        case Run() | CodeSpan() | AsWritten():
            return value.text
        case Formula():
            return value.written
        case Listing():
            return "\n".join("".join(run.text for run in line) for line in value.lines)
        case Table():
            return text_in((value.caption, value.header, value.rows))
        case List():
            return text_in(value.entries)
        case Picture():
            return value.alt
        case tuple():
            return " ".join(filter(None, map(text_in, value)))
    return text_in(getattr(value, "content", ""))
