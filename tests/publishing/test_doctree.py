"""The tree that pages are drawn from: every kind of node reaches paper and screen."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from rich.text import Text
from typst import TypstError

from autograder.publishing.doctree import nodes
from autograder.publishing.doctree.nodes import (
    AsWritten,
    CodeSpan,
    Footnote,
    Formula,
    Heading,
    LineBreak,
    Link,
    List,
    Listing,
    Node,
    Paragraph,
    Picture,
    Quote,
    Rule,
    Run,
    Styled,
    Table,
    TableCell,
    as_data,
    mapped,
    text_in,
    walk,
)
from autograder.publishing.doctree.text_lines import lines_of
from autograder.publishing.pages import render
from autograder.publishing.pdf.document import Document, PageHeader, Section
from autograder.publishing.pdf.typeset import typesetter

STYLES = ("em", "strong", "strike", "underline", "super", "sub")
RUN = Run("run", bold=True, italic=True, underline=True, fill="#112233")
CELL = TableCell(("cell",), 2, 1, "right")
SAMPLES: list[Node] = [
    Paragraph(("text", Styled("em", ("more",)))),
    Heading(2, ("title",), structure=1),
    *(Listing(kind, ((RUN, Run("mark", mark=True)), ())) for kind in ("code", "markdown", "output", "stderr", "error")),
    Listing("code", ((RUN,),), prompt="[3]", sticky=True, joined=True, goes_on=True),
    List((("one",), (Paragraph(("two",)),))),
    List((("first",),), start=4),
    Quote((Paragraph(("quoted",)),)),
    Table(("auto", "left"), ((CELL, TableCell(("x",))), (TableCell(("y",)),)), ((TableCell(("top",), 1, 2),),), ("a",)),
    Rule(),
    *(Styled(style, ("styled",)) for style in STYLES),
    CodeSpan("code"),
    LineBreak(),
    Link("https://example.org", ("there",)),
    Footnote(("below",)),
    Formula("x^2", "x^2", "$x^2$"),
    Formula("x^2", "x^2", "$x^2$", block=True),
    AsWritten("<b>", "HTML not shown"),
    AsWritten("<p>", block=True),
    Picture("p.png", 10.0, "described"),
    Picture("p.png", 10.0),
]  # fmt: skip


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), "black").save(out, "PNG")
    return out.getvalue()


FILES = {"p.png": picture()}


def html(*content: Node) -> str:
    return render("part.html.j2", FILES, nodes=as_data(content)).split(">", 1)[1].rpartition("</div>")[0].strip()


def pdf(*content: Node) -> bytes:
    with typesetter(FILES) as setter:
        return setter.pdf(Document(PageHeader("a"), [Section(content)]).data())


def test_there_is_a_sample_of_every_kind() -> None:
    """A new kind would be left out of the tests below."""
    kinds = {kind for kind in vars(nodes).values() if isinstance(kind, type) and issubclass(kind, Node)}
    assert {type(sample) for sample in SAMPLES} == kinds - {Node}


@pytest.mark.parametrize("node", SAMPLES, ids=lambda node: type(node).__name__)
def test_both_templates_draw_every_kind(node: Node) -> None:
    """What a template does not know would be missing from feedback or PDF without a word."""
    inline = isinstance(node, LineBreak)  # by itself it shows nothing
    drawn, on_paper = (html, pdf) if not inline else (lambda n: html(in_text(n)), lambda n: pdf(in_text(n)))
    assert drawn(node) not in ("", html(in_text())), "nothing of it is on the page"
    texts = [text for part in walk(node) for text in getattr(part, "content", ()) if isinstance(text, str)]
    assert [text for text in texts if text not in drawn(node)] == []
    assert on_paper(node) not in (pdf(), pdf(in_text())), "nothing of it is on paper"


def in_text(*content: Node) -> Paragraph:
    return Paragraph(("a", *content, "b"))


def test_a_kind_that_a_template_does_not_know_is_an_error() -> None:
    """A page would leave out what a newer kind of node holds."""

    class Unknown(Node):
        pass

    with pytest.raises(ValueError, match=r"nodes\.html\.j2 cannot draw a Unknown"):
        html(Unknown())
    with pytest.raises(TypstError, match="Unknown"):
        pdf(Unknown())


def test_what_is_at_its_default_is_not_written_out() -> None:
    """A notebook of thousands of lines would be megabytes for the compiler."""
    node = Paragraph(("a", Styled("em", ("b",)), Formula("x", "x", "$x$", block=True)))
    styled = {"kind": "Styled", "style": "em", "content": ["b"]}
    formula = {"kind": "Formula", "drawn": "x", "tex": "x", "written": "$x$", "block": True}
    assert as_data(node) == {"kind": "Paragraph", "content": ["a", styled, formula]}


def test_a_changed_copy_leaves_the_tree_as_it_was() -> None:
    """A piece that cannot be drawn would be lost for who draws it next."""
    tree = Quote((Table(("auto",), ((TableCell((CodeSpan("a"),)),),)), CodeSpan("b")))
    loud = mapped(tree, lambda node: CodeSpan("X") if isinstance(node, CodeSpan) else node)
    assert text_in(loud) == "X X"
    assert text_in(tree) == "a b"


def test_a_long_line_goes_on_at_a_blank() -> None:
    """A mark scheme in a comment would be broken within its words; a word without a blank is broken all the same."""
    text = "# two points: the picture shows where " + "x" * 30 + " " + "y" * 100
    parts = ["".join(run.text for run in runs if not run.mark) for runs in lines_of(Text(text), 40)]
    assert parts == ["# two points: the picture shows where ", "x" * 30 + " ", "y" * 38, "y" * 38, "y" * 24]
    assert "".join(parts) == text


def test_a_letter_with_a_thousand_marks_is_broken() -> None:
    """As one line, its marks would be drawn over what stands above it."""
    text = "Z" + "\N{COMBINING ACUTE ACCENT}" * 1000
    parts = [sum(len(run.text) for run in runs if not run.mark) for runs in lines_of(Text(text), 40)]
    assert (max(parts), sum(parts)) == (40, 1001)
