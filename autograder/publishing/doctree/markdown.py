"""Markdown and HTML, as pandoc understands them, to the nodes that the templates draw.

Attributes, raw blocks and whatever else has no place in a node are dropped here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any
from urllib.parse import unquote

from rich.text import Text

from autograder.publishing.doctree import html
from autograder.publishing.doctree.context import Context
from autograder.publishing.doctree.highlighting import highlighted
from autograder.publishing.doctree.math_placeholders import Formulas
from autograder.publishing.doctree.nodes import (
    AsWritten,
    CodeSpan,
    Content,
    Footnote,
    Heading,
    LineBreak,
    Link,
    List,
    Listing,
    ListingKind,
    Node,
    Paragraph,
    Picture,
    Quote,
    Rule,
    Styled,
    Styling,
    is_block,
)
from autograder.publishing.doctree.parsed_notebook import text_of
from autograder.publishing.doctree.pictures import BadImage
from autograder.publishing.doctree.table_nodes import table
from autograder.publishing.doctree.text_lines import COLUMNS, breakable, clean, lines_of

__all__ = ["MarkdownReader", "listing"]

# Deeper nesting is shown as text: Typst gives up on deeply nested layout.
DEEPEST = 6

PandocNode = dict[str, Any]
Inline = str | Node

WRAPPERS: dict[str, Styling] = {
    "Emph": "em", "Strong": "strong", "Strikeout": "strike", "Underline": "underline",
    "Superscript": "super", "Subscript": "sub",
}  # fmt: skip


class MarkdownReader:
    """Walks the pandoc blocks of one text."""

    def __init__(self, context: Context, formulas: Formulas | None = None, attachments: Any = None) -> None:
        self.context = context
        self.formulas = formulas or Formulas()
        self.attachments = attachments or {}

    def blocks(self, blocks: Iterable[PandocNode], depth: int = 0) -> tuple[Node, ...]:
        """The nodes for a list of pandoc blocks."""
        return tuple(node for block in blocks for node in self._block(block, depth))

    def _block(self, block: PandocNode, depth: int) -> Iterable[Node]:
        if depth > DEEPEST:
            return [Paragraph((breakable(self.formulas.restore(plain_text(block))),))]
        read: Callable[[Any, int], Iterable[Node]] | None = getattr(self, f"_read_{block['t'].lower()}", None)
        return read(block.get("c"), depth + 1) if read else []

    def _read_para(self, content: Any, depth: int) -> list[Node]:
        return split_paragraph(self.inlines(content, depth))

    _read_plain = _read_para

    def _read_header(self, content: Any, depth: int) -> list[Node]:
        inlines = tuple(part for part in self.inlines(content[2], depth) if part)
        return [Heading(content[0], inlines)] if inlines else []

    def _read_codeblock(self, content: Any, depth: int) -> list[Node]:
        classes = content[0][1]
        source = clean(self.formulas.restore(content[1]))
        return [listing(highlighted(source, classes[0] if classes else ""), "markdown")]

    def _read_rawblock(self, content: Any, depth: int) -> list[Node]:
        source = self.formulas.restore(content[1])
        if content[0] != "html":
            return [listing(Text(clean(source)), "markdown")]
        if html.is_silent(source):
            return []
        return list(self.html(source, depth)) or [self.context.written(source, "HTML not shown", block=True)]

    def html(self, source: str, depth: int = 0) -> tuple[Node, ...]:
        """The nodes for HTML that a page can show; none for anything else."""
        if len(source) > html.MAX_CHARACTERS or html.unknown_tags(source):
            return ()
        return self.blocks(self.context.pandoc.blocks("html", html.sanitised(source)) or [], depth)

    def _read_blockquote(self, content: Any, depth: int) -> list[Node]:
        return [Quote(self.blocks(content, depth))]

    def _read_div(self, content: Any, depth: int) -> tuple[Node, ...]:
        return self.blocks(content[1], depth)

    def _read_figure(self, content: Any, depth: int) -> tuple[Node, ...]:
        return self.blocks(content[2], depth)

    def _read_bulletlist(self, content: Any, depth: int) -> list[Node]:
        return [List(tuple(self.blocks(item, depth) for item in content))]

    def _read_orderedlist(self, content: Any, depth: int) -> list[Node]:
        start = min(max(int(content[0][0]), 0), 999_999)
        return [List(tuple(self.blocks(item, depth) for item in content[1]), start)]

    def _read_definitionlist(self, content: Any, depth: int) -> list[Node]:
        nodes: list[Node] = []
        for term, definitions in content:
            nodes.append(Paragraph((Styled("strong", self.inlines(term, depth)),)))
            nodes += [Quote(self.blocks(definition, depth)) for definition in definitions]
        return nodes

    def _read_lineblock(self, content: Any, depth: int) -> list[Node]:
        return [node for line in content for node in self._read_para(line, depth)]

    def _read_horizontalrule(self, content: Any, depth: int) -> list[Node]:
        return [Rule()]

    def _read_table(self, content: Any, depth: int) -> list[Node]:
        node = table(content, lambda blocks: self.blocks(blocks, depth))
        if node is None:
            text = self.formulas.restore(plain_text({"c": content}))
            return [self.context.written(text, "table too large", block=True)]
        return [node]

    def inlines(self, inlines: Iterable[PandocNode], depth: int) -> Content:
        """The nodes for a list of pandoc inlines; HTML marks such as <b>…</b> are paired here."""
        frames: list[tuple[str, list[Inline]]] = [("", [])]
        for inline in inlines:
            name, closes = html.tag_name(inline["c"][1]) if inline["t"] == "RawInline" else ("", False)
            if name not in html.FORMATS:
                frames[-1][1].extend(self._inline(inline, depth))
            elif not closes and len(frames) <= DEEPEST:
                frames.append((name, []))
            elif closes and frames[-1][0] == name:
                _, inner = frames.pop()
                frames[-1][1].append(Styled(html.FORMATS[name], tuple(inner)))
        return merged([part for _, frame in frames for part in frame])

    def _inline(self, inline: PandocNode, depth: int) -> Iterable[Inline]:
        kind: str = inline["t"]
        content: Any = inline.get("c")
        if depth > DEEPEST * 2:
            return [breakable(self.formulas.restore(plain_text(inline)))]
        if kind in WRAPPERS:
            return [Styled(WRAPPERS[kind], self.inlines(content, depth + 1))]
        if kind in ("Space", "SoftBreak"):
            return [" "]
        if kind == "LineBreak":
            return [LineBreak()]
        read: Callable[[Any, int], Iterable[Inline]] | None = getattr(self, f"_inline_{kind.lower()}", None)
        return read(content, depth + 1) if read else []

    def _inline_str(self, content: Any, depth: int) -> list[Inline]:
        return [
            breakable(clean(part))
            if isinstance(part, str)
            else self.context.formula(self.context.macros.expand(part.tex), part.written, part.display)
            for part in self.formulas.split(content)
        ]

    def _inline_code(self, content: Any, depth: int) -> list[Inline]:
        return [CodeSpan(breakable(clean(self.formulas.restore(content[1]))))]

    def _inline_math(self, content: Any, depth: int) -> list[Inline]:
        return [CodeSpan(clean(content[1]))]

    def _inline_rawinline(self, content: Any, depth: int) -> list[Inline]:
        source = self.formulas.restore(content[1])
        name, _ = html.tag_name(source)
        if name == "br":
            return [LineBreak()]
        if html.is_silent(source) or name == "a":
            return []
        if name == "img":
            return list(inlined(self.html(source, depth)))
        return [self.context.written(source, "HTML not shown", block=False)]

    def _inline_span(self, content: Any, depth: int) -> Content:
        return self.inlines(content[1], depth)

    _inline_cite = _inline_quoted = _inline_smallcaps = _inline_span

    def _inline_note(self, content: Any, depth: int) -> list[Inline]:
        return [Footnote(inlined(self.blocks(content, depth)))]

    def _inline_link(self, content: Any, depth: int) -> list[Inline]:
        text = self.inlines(content[1], depth)
        address = clean(self.formulas.restore(content[2][0]))
        if address.startswith("#"):
            return list(text)
        if re.match(r"https?://|mailto:", address, re.IGNORECASE) and len(address) < 2_000:
            return [Link(address, text or (address,))]
        return [*text, f" ({breakable(address)})" if address and address not in text else ""]

    def _inline_image(self, content: Any, depth: int) -> list[Inline]:
        alt = self.formulas.restore(plain_text({"c": content[1]})).strip()
        address = self.formulas.restore(content[2][0])
        width = re.match(r"(\d{1,4})(?:px)?$", dict(content[0][2]).get("width", ""))
        try:
            picture = self._picture(address, float(width[1]) if width else None)
        except BadImage as error:
            return [self.context.written(f"![{clean(alt)}]({clean(address[:300])})", str(error), block=False)]
        if not alt:
            self.context.say(f"image without a description: {clean(address)[:60]}")
        return [replace(picture, alt=clean(alt))]

    def _picture(self, address: str, width: float | None) -> Picture:
        if address.startswith("attachment:"):
            name = address.removeprefix("attachment:")
            bundle = self.attachments.get(name) or self.attachments.get(unquote(name))
            data = next(iter(bundle.values()), "") if isinstance(bundle, dict) else ""
            if not data:
                raise BadImage("image missing")
            return self.context.pictures.add_base64(text_of(data), width)
        if found := re.match(r"data:image/[a-z+.-]+;base64,", address):
            return self.context.pictures.add_base64(address[found.end() :], width)
        return self.context.pictures.add_file(address, width)


def listing(text: Text, kind: ListingKind) -> Listing:
    """Text in a fixed-width font, line by line."""
    return Listing(kind, lines_of(text, COLUMNS if kind != "markdown" else COLUMNS - 6))


def plain_text(node: Any) -> str:
    """All the text in a part of pandoc's tree, however deep."""
    out, stack = [], [node]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            kind: str = item.get("t", "")
            content: Any = item.get("c")
            if kind in ("Str", "Math"):
                out.append(content if isinstance(content, str) else content[1])
            elif kind in ("Code", "CodeBlock", "RawInline", "RawBlock"):
                out.append(content[1])
            elif kind in ("Space", "SoftBreak", "LineBreak"):
                out.append(" ")
            else:
                stack.append(content)
                out.append("\n" if kind in ("Para", "Plain", "Header") and out else "")
    return clean("".join(out))


def inlined(blocks: Iterable[Node]) -> Content:
    """Blocks as parts of a line."""
    parts: list[Inline] = []
    for block in blocks:
        parts += block.content if isinstance(block, Paragraph) else (block,)
    return tuple(parts)


def merged(parts: Iterable[Inline]) -> Content:
    """Texts that follow each other as one."""
    out: list[Inline] = []
    for part in parts:
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] += part
        elif part:
            out.append(part)
    return tuple(out)


def marked_once(line: Iterable[Inline]) -> Content:
    """Marks of one paragraph as one, so that they do not lie upon each other in the margin."""
    parts = list(line)
    marks = ", ".join(dict.fromkeys(part.mark for part in parts if isinstance(part, AsWritten)))
    for number, part in enumerate(parts):
        if isinstance(part, AsWritten):
            parts[number], marks = replace(part, mark=marks), ""
    return tuple(parts)


def split_paragraph(inlines: Content) -> list[Node]:
    """Paragraphs, with displayed formulas and pictures between them."""
    nodes: list[Node] = []
    for alone, parts in groupby(inlines, is_block):
        line = list(parts)
        if alone:
            nodes += [part for part in line if isinstance(part, Node)]
        elif any(not isinstance(part, str) or part.strip() for part in line):
            nodes.append(Paragraph(marked_once(line)))
    return nodes
