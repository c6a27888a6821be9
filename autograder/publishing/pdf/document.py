"""A notebook as the document that the page template draws."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from autograder.publishing.doctree.cell_reader import CellReader, PlainReader
from autograder.publishing.doctree.context import Notice
from autograder.publishing.doctree.highlighting import highlighted
from autograder.publishing.doctree.nodes import Content, Heading, Listing, Node, Paragraph, Styled, as_data
from autograder.publishing.doctree.parsed_notebook import ParsedCell, ParsedNotebook
from autograder.publishing.doctree.questions import CellGroup, Question, arrange, questions_of
from autograder.publishing.doctree.text_lines import clean, numbered_lines_of
from autograder.publishing.pdf.typst_formulas import PdfContext

__all__ = ["Document", "PageHeader", "Paper", "Section", "build", "build_plain"]

Paper = Literal["letter", "a4"]
CHUNK = 12


@dataclass(frozen=True)
class PageHeader:
    """What stands at the top of every page."""

    assignment: str
    student: str = ""
    paper: Paper = "letter"


@dataclass(frozen=True)
class Section:
    """Blocks that start on a page of their own: a question (`number` from 1), what comes before the first or
    (`closing`) after the last, or something else with a title.

    In the fixed layout `blank` pages follow, and what is too long continues elsewhere: `overflow` is "there" in a
    section that continues in the appendix, "here" in the appendix.
    """

    blocks: Content
    title: str = ""
    number: int = 0
    points: str = ""
    closing: bool = False
    overflow: Literal["", "here", "there"] = ""
    blank: int | None = None


@dataclass
class Document:
    """Sections and the files that their nodes name: all that Typst is given."""

    header: PageHeader
    sections: list[Section]
    files: dict[str, bytes] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def data(self, sections: Sequence[Section] | None = None) -> dict[str, Any]:
        """The document, or only some sections of it, as JSON for the page template."""
        return {
            "assignment": self.header.assignment,
            "student": self.header.student,
            "paper": {"letter": "us-letter", "a4": "a4"}[self.header.paper],
            "sections": as_data(self.sections if sections is None else sections),
            "remarks": self.remarks,
        }


def build(
    notebook: ParsedNotebook,
    header: PageHeader,
    *,
    release: ParsedNotebook | None = None,
    remarks: Iterable[str] = (),
    listings: Sequence[tuple[str, str]] = (),
) -> Document:
    """Make the document of a notebook, its questions in the order of the release (or its own).

    ``listings`` are names and texts of Python files that follow the notebook.
    """
    context = PdfContext(notebook.folder)
    remarks = list(remarks)
    reader = CellReader(notebook.cells, context, notebook.language)
    questions = questions_of((release or notebook).cells)
    sections = [make_section(group, reader, number) for group, number in numbered(notebook, questions)]
    context.cell = None
    sections += [file_section(name, text) for name, text in listings]
    notices = context.notices + [Notice(remark) for remark in remarks]
    return Document(header, [with_structure(section) for section in sections], context.pictures.files, notices, remarks)


def build_plain(notebook: ParsedNotebook, header: PageHeader, *, remarks: Iterable[str] = ()) -> Document:
    """The sources and printed text of a notebook and nothing else: what is left when all else fails."""
    reader = PlainReader()
    blocks = [piece for cell in notebook.cells for node in reader.nodes(cell) for piece in split_listing(node)]
    return Document(header, [Section(tuple(blocks))], remarks=list(remarks))


def numbered(notebook: ParsedNotebook, questions: Sequence[Question]) -> Iterable[tuple[CellGroup, int]]:
    """The groups of a notebook's cells, each with the number of questions so far."""
    number = 0
    for group in arrange(notebook.cells, questions):
        number += group.question is not None
        yield group, number


def make_section(group: CellGroup, reader: CellReader, number: int) -> Section:
    blocks = tuple(node for cell in group.cells for node in cell_nodes(reader, cell))
    question = group.question
    if question is None:
        return Section(blocks, closing=bool(number))
    if not group.cells:
        reader.context.cell = None
        reader.context.say(f"the cells of question {number} ({question.title}) are missing", serious=True)
        blocks = (Paragraph((Styled("em", ("The notebook has no cells for this question.",)),)),)
    return Section(blocks, question.title, number, points_text(question.points))


def cell_nodes(reader: CellReader, cell: ParsedCell) -> list[Node]:
    """The blocks of a cell, long listings in pieces that a page may end between."""
    return [piece for node in reader.nodes(cell) for piece in split_listing(node)]


def split_listing(node: Node) -> list[Node]:
    if not isinstance(node, Listing) or len(node.lines) <= CHUNK * 3 // 2:
        return [node]
    starts = range(0, len(node.lines) - CHUNK // 2, CHUNK)
    ends = [*starts[1:], len(node.lines)]
    return [
        replace(
            node,
            lines=node.lines[start:end],
            prompt=node.prompt if start == 0 else "",
            sticky=node.sticky and end == len(node.lines),
            joined=start > 0,
            goes_on=end < len(node.lines),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def file_section(name: str, text: str) -> Section:
    """A Python file as a listing with line numbers."""
    node = Listing("code", numbered_lines_of(highlighted(clean(text), "python")))
    return Section(tuple(split_listing(node)), clean(name))


def points_text(points: float) -> str:
    """ "1 point", "2.5 points", or nothing for none."""
    return f"{points:g} point{'' if points == 1 else 's'}" if points else ""


def with_structure(section: Section) -> Section:
    """A section whose headings that skip a level look as written, and are marked up without the gap.

    A reader of the page's structure (and PDF/UA) takes a skipped level for a missing heading.
    """
    titled = bool(section.title)
    blocks, deepest = list(section.blocks), int(titled)
    for at, node in enumerate(blocks):
        if isinstance(node, Heading):
            deepest = min(node.level + titled, deepest + 1)
            blocks[at] = replace(node, structure=deepest)
    return replace(section, blocks=tuple(blocks))
