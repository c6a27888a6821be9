"""From document to PDF: what cannot be drawn is shown as it was written, and a PDF always comes out."""

from collections.abc import Iterator
from typing import Any

import typst
from rich.text import Text

from autograder.publishing.doctree.context import Node, Notice
from autograder.publishing.doctree.markdown import listing
from autograder.publishing.pdf.document import Document
from autograder.publishing.pdf.typeset import Typesetter

__all__ = ["typeset"]

NOT_ACCESSIBLE = "the PDF is tagged, but is not PDF/UA-1: {reason}"


def typeset(document: Document, setter: Typesetter) -> bytes:
    """The PDF of a document; adds to its notices what had to be shown differently."""
    if not lacks_description(document):
        try:
            return setter.pdf(document.data(), accessible=True)
        except typst.TypstError as error:
            reason = " ".join(error.message.split())[:120]
    else:
        reason = "an image has no description"
    try:
        pdf = setter.pdf(document.data())
    except typst.TypstError:
        mend(document, setter)
        return mended(document, setter)
    document.notices.append(Notice(NOT_ACCESSIBLE.format(reason=reason)))
    return pdf


def mended(document: Document, setter: Typesetter) -> bytes:
    try:
        return setter.pdf(document.data(), accessible=not lacks_description(document))
    except typst.TypstError as error:
        reason = " ".join(error.message.split())[:120]
        document.notices.append(Notice(NOT_ACCESSIBLE.format(reason=reason)))
    return setter.pdf(document.data())


def mend(document: Document, setter: Typesetter) -> None:
    """Find what Typst cannot draw, and put what was written in its place."""
    blocks = [block for section in document.sections for block in section["blocks"]]
    for block in undrawable(blocks, document, setter):
        formulas = [node for node in walk(block) if node.get("t") == "math"]
        for node in undrawable(formulas, document, setter):
            show_written(node, document)
        if undrawable([block], document, setter):
            document.notices.append(Notice("something cannot be drawn and is shown as text"))
            text = strings(block)
            block.clear()
            block.update(listing(Text(text), "markdown"))


def undrawable(blocks: list[Node], document: Document, setter: Typesetter) -> list[Node]:
    """Those of the blocks that Typst refuses, found by halving."""
    try:
        setter.pdf({**document.data(), "sections": [{"blocks": blocks}]})
    except typst.TypstError:
        half = len(blocks) // 2
        if half == 0:
            return blocks
        return [bad for part in (blocks[:half], blocks[half:]) for bad in undrawable(part, document, setter)]
    return []


def show_written(node: Node, document: Document) -> None:
    written, block = node["written"], node["block"]
    node.clear()
    node.update({"t": "written", "s": written, "mark": "LaTeX not understood", "block": block})
    document.notices.append(Notice(f"LaTeX not understood: {' '.join(written.split())[:60]}"))


def lacks_description(document: Document) -> bool:
    return any(
        node.get("t") == "image" and not node["alt"]
        for section in document.sections
        for block in section["blocks"]
        for node in walk(block)
    )


def walk(node: Any) -> Iterator[Node]:
    """Every node in a tree of nodes."""
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(reversed(item))


def strings(node: Any) -> str:
    """What a reader would read of a tree of nodes."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return " ".join(filter(None, map(strings, node)))
    if node.get("t") == "math":
        return str(node["written"])
    return " ".join(filter(None, (strings(node[key]) for key in ("s", "c", "lines", "items", "rows") if key in node)))
