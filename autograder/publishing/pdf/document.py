"""A notebook as the document that the page template draws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from autograder.checking.cell import is_check_cell
from autograder.publishing.doctree.cell_reader import CellReader, PlainReader
from autograder.publishing.doctree.context import Notice
from autograder.publishing.doctree.highlighting import highlighted
from autograder.publishing.doctree.nodes import Content, Heading, Listing, Node, Paragraph, Styled, as_data
from autograder.publishing.doctree.parsed_notebook import ParsedCell, ParsedNotebook
from autograder.publishing.doctree.questions import NotebookPart, Question, arrange, questions_of
from autograder.publishing.doctree.text_lines import clean, numbered_lines_of
from autograder.publishing.pdf.gradebook_results import points_earned, remarks_on, totals
from autograder.publishing.pdf.typst_formulas import PdfContext
from autograder.text import in_points

if TYPE_CHECKING:
    from autograder.publishing.class_results import NotebookResult

__all__ = ["Document", "PageHeader", "Paper", "Section", "build", "build_plain"]

Paper = Literal["letter", "a4"]
CHUNK = 12


@dataclass(frozen=True)
class PageHeader:
    """The text at the top of every page."""

    assignment: str
    student: str = ""
    paper: Paper = "letter"


@dataclass(frozen=True)
class Section:
    """Blocks that start on a page of their own: a question (`number` from 1), what comes before the first or
    (`closing`) after the last, or something else with a title. `name` is what the notebook itself calls a question;
    `first_page` says that the section follows the table of questions.

    In the fixed layout `blank` pages follow, and what is too long continues elsewhere: `overflow` is "there" in a
    section that continues in the appendix, "here" in the appendix.
    """

    blocks: Content
    title: str = ""
    number: int = 0
    name: str = ""
    points: str = ""
    closing: bool = False
    first_page: bool = False
    overflow: Literal["", "here", "there"] = ""
    blank: int | None = None


@dataclass
class Document:
    """Sections and the files that their nodes name: all that Typst is given. `totals` are lines below the questions'
    points."""

    header: PageHeader
    sections: list[Section]
    files: dict[str, bytes] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    totals: list[tuple[str, str]] = field(default_factory=list)

    def data(self, sections: Sequence[Section] | None = None) -> dict[str, Any]:
        """The document, or only some sections of it, as JSON for the page template."""
        return {
            "assignment": self.header.assignment,
            "student": self.header.student,
            "paper": {"letter": "us-letter", "a4": "a4"}[self.header.paper],
            "sections": as_data(self.sections if sections is None else sections),
            "remarks": self.remarks,
            "totals": self.totals,
        }


def build(
    notebook: ParsedNotebook,
    header: PageHeader,
    *,
    release: ParsedNotebook | None = None,
    remarks: Iterable[str] = (),
    listings: Sequence[tuple[str, str]] = (),
    result: NotebookResult | None = None,
) -> Document:
    """Make the document of a notebook, its questions in the order of the release (or its own).

    `listings` are names and texts of Python files that follow the notebook. `result` has the points and comments
    of a graded notebook, whose check cells then show how the checks ended and not their source.
    """
    context = PdfContext(notebook.folder)
    remarks = list(remarks)
    questions = questions_of((release or notebook).cells)
    if result is not None:
        notebook = replace(notebook, cells=tuple(map(without_source, notebook.cells)))
    comments = [] if result is None else list(comments_on(questions, result))
    reader = CellReader([*notebook.cells, *(text for _, text in comments)], context, notebook.language)
    sections = comment_section(comments, reader)
    sections += [make_section(part, reader, number, result) for part, number in numbered(notebook, questions)]
    context.cell = None
    sections += [file_section(name, text) for name, text in listings]
    notices = context.notices + [Notice(remark) for remark in remarks]
    structured = [with_structure(section) for section in sections]
    document = Document(header, structured, context.pictures.files, notices, remarks)
    if result is not None:
        document.remarks, document.totals = [*remarks, *remarks_on(result)], totals(result)
    return document


def build_plain(notebook: ParsedNotebook, header: PageHeader, *, remarks: Iterable[str] = ()) -> Document:
    """The sources and printed text of a notebook and nothing else: the last resort."""
    reader = PlainReader()
    blocks = [piece for cell in notebook.cells for node in reader.nodes(cell) for piece in split_listing(node)]
    return Document(header, [Section(tuple(blocks))], remarks=list(remarks))


def numbered(notebook: ParsedNotebook, questions: Sequence[Question]) -> Iterable[tuple[NotebookPart, int]]:
    """The parts of a notebook, each with the number of questions so far."""
    number = 0
    for part in arrange(notebook.cells, questions):
        number += part.question is not None
        yield part, number


def without_source(cell: ParsedCell) -> ParsedCell:
    """A check cell with its table alone; any other as it is."""
    is_check = cell.is_graded and not cell.is_answer and is_check_cell(cell.source) and cell.outputs
    return replace(cell, source="", count=None) if is_check else cell


def comments_on(questions: Sequence[Question], result: NotebookResult) -> Iterator[tuple[str, ParsedCell]]:
    """Graders' comments, each with the name of its question."""
    for question in questions:
        for grade_id in question.grade_ids:
            if text := result.comments.get(grade_id):
                yield question.name, ParsedCell(0, "markdown", clean(text))


def comment_section(comments: Sequence[tuple[str, ParsedCell]], reader: CellReader) -> list[Section]:
    """The comments as a section of the first page, if there are any."""
    blocks: list[Node] = []
    for name, comment in comments:
        blocks += [Paragraph((Styled("strong", (name,)),)), *cell_nodes(reader, comment)]
    return [Section(tuple(blocks), "Comments", first_page=True)] if blocks else []


def make_section(part: NotebookPart, reader: CellReader, number: int, result: NotebookResult | None) -> Section:
    blocks = tuple(node for cell in part.cells for node in cell_nodes(reader, cell))
    question = part.question
    if question is None:
        return Section(blocks, closing=bool(number))
    if not part.cells:
        reader.context.cell = None
        reader.context.say(f"the cells of question {number} ({question.title}) are missing", serious=True)
        blocks = (Paragraph((Styled("em", ("The notebook has no cells for this question.",)),)),)
    points = points_text(question.points)
    if result is not None and points:
        points = f"{points_earned(result, question.grade_ids)} of {points}"
    return Section(blocks, question.title, number, question.heading, points)


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
    return f"{in_points(points)} point{'' if points == 1 else 's'}" if points else ""


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
