"""From document to PDF: what cannot be drawn is shown as it was written, and a PDF always comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import typst
from rich.text import Text

from autograder.publishing.doctree.context import Notice
from autograder.publishing.doctree.markdown import listing
from autograder.publishing.doctree.nodes import AsWritten, Formula, Node, Picture, mapped, text_in, walk
from autograder.publishing.pdf.document import Document, Section
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
    """Find nodes that Typst cannot draw, and put their source in their place."""
    blocks = [block for section in document.sections for block in section.blocks if isinstance(block, Node)]
    refused = {id(block) for block in undrawable(blocks, document, setter)}
    document.sections = [
        replace(
            section,
            blocks=tuple(
                drawable(block, document, setter) if isinstance(block, Node) and id(block) in refused else block
                for block in section.blocks
            ),
        )
        for section in document.sections
    ]


def undrawable(blocks: Sequence[Node], document: Document, setter: Typesetter) -> list[Node]:
    """Those of the blocks that Typst refuses, found by halving."""
    try:
        setter.pdf(document.data([Section(tuple(blocks))]))
    except typst.TypstError:
        half = len(blocks) // 2
        if half == 0:
            return list(blocks)
        return [bad for part in (blocks[:half], blocks[half:]) for bad in undrawable(part, document, setter)]
    return []


def drawable(block: Node, document: Document, setter: Typesetter) -> Node:
    """A block with the formulas that Typst refuses as they were written; as text, if Typst refuses that too."""
    formulas = [node for node in walk(block) if isinstance(node, Formula)]
    refused = undrawable(formulas, document, setter)
    for formula in refused:
        written = " ".join(text_in(formula).split())[:60]
        document.notices.append(Notice(f"LaTeX not understood: {written}"))
    mended: Node = mapped(block, lambda node: as_written(node) if node in refused else node)
    if not undrawable([mended], document, setter):
        return mended
    document.notices.append(Notice("something cannot be drawn and is shown as text"))
    return listing(Text(text_in(block)), "markdown")


def as_written(node: Node) -> Node:
    return AsWritten(node.written, "LaTeX not understood", node.block) if isinstance(node, Formula) else node


def lacks_description(document: Document) -> bool:
    return any(isinstance(node, Picture) and not node.alt for node in walk([s.blocks for s in document.sections]))
