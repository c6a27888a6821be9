"""A notebook as the document that the page template draws."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rich.text import Text

from autograder.publishing.doctree.cell_reader import CellReader
from autograder.publishing.doctree.context import Node, Notice
from autograder.publishing.doctree.highlighting import highlighted
from autograder.publishing.doctree.markdown import listing
from autograder.publishing.doctree.output_nodes import printed_text
from autograder.publishing.doctree.parsed_notebook import ParsedCell, ParsedNotebook, for_student
from autograder.publishing.doctree.questions import Question, Section, arrange, questions_of
from autograder.publishing.doctree.text_lines import clean, numbered_lines_of, shortened
from autograder.publishing.pdf.typst_formulas import PdfContext

__all__ = ["Document", "Heading", "Paper", "build", "build_plain"]

Paper = Literal["letter", "a4"]
CHUNK = 12


@dataclass(frozen=True)
class Heading:
    """What stands at the top of every page."""

    assignment: str
    student: str = ""
    paper: Paper = "letter"


@dataclass
class Document:
    """Sections of nodes and the files they name: all that Typst is given."""

    heading: Heading
    sections: list[Node]
    files: dict[str, bytes] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def data(self) -> dict[str, Any]:
        """The document as JSON for the page template."""
        return {
            "assignment": self.heading.assignment,
            "student": self.heading.student,
            "paper": {"letter": "us-letter", "a4": "a4"}[self.heading.paper],
            "sections": self.sections,
            "remarks": self.remarks,
        }


def build(
    notebook: ParsedNotebook,
    heading: Heading,
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
    sections = [make_section(section, reader, number) for section, number in numbered(notebook, questions)]
    context.cell = None
    sections += [file_section(name, text) for name, text in listings]
    repair_levels(sections)
    notices = context.notices + [Notice(remark) for remark in remarks]
    return Document(heading, sections, context.pictures.files, notices, remarks)


def build_plain(notebook: ParsedNotebook, heading: Heading, *, remarks: Iterable[str] = ()) -> Document:
    """The sources and printed text of a notebook and nothing else: what is left when all else fails."""
    blocks = []
    for cell in map(for_student, notebook.cells):
        blocks += split_listing(listing(Text(shortened(cell.source)[0]), "code"))
        for text in filter(None, map(printed_text, cell.outputs)):
            blocks += split_listing(listing(Text(clean(shortened(text)[0])), "output"))
    return Document(heading, [{"blocks": blocks}], remarks=list(remarks))


def numbered(notebook: ParsedNotebook, questions: Sequence[Question]) -> Iterable[tuple[Section, int]]:
    number = 0
    for section in arrange(notebook.cells, questions):
        number += section.question is not None
        yield section, number


def make_section(section: Section, reader: CellReader, number: int) -> Node:
    blocks = [node for cell in section.cells for node in cell_nodes(reader, cell)]
    question = section.question
    if question is None:
        return {"blocks": blocks} | ({"closing": True} if number else {})
    if not section.cells:
        reader.context.cell = None
        reader.context.say(f"the cells of question {number} ({question.title}) are missing", serious=True)
        blocks = [{"t": "par", "c": [{"t": "em", "c": ["The notebook has no cells for this question."]}]}]
    return {
        "number": number,
        "title": question.title,
        "points": points_text(question.points),
        "blocks": blocks,
    }


def cell_nodes(reader: CellReader, cell: ParsedCell) -> list[Node]:
    """The blocks of a cell, long listings in pieces that a page may end between."""
    return [piece for node in reader.nodes(cell) for piece in split_listing(node)]


def split_listing(node: Node) -> list[Node]:
    lines = node.get("lines", ())
    if len(lines) <= CHUNK * 3 // 2:
        return [node]
    starts = range(0, len(lines) - CHUNK // 2, CHUNK)
    pieces = [{**node, "lines": lines[at : at + CHUNK]} for at in starts]
    pieces[-1]["lines"] = lines[starts[-1] :]
    for piece in pieces[1:]:
        piece.pop("prompt", None)
        piece["joined"] = True
    for piece in pieces[:-1]:
        piece.pop("sticky", None)
        piece["goes-on"] = True
    return pieces


def file_section(name: str, text: str) -> Node:
    """A Python file as a listing with line numbers."""
    node = {"t": "listing", "kind": "code", "lines": numbered_lines_of(highlighted(clean(text), "python"))}
    return {"title": clean(name), "file": True, "blocks": split_listing(node)}


def points_text(points: float) -> str:
    """ "1 point", "2.5 points", or nothing for none."""
    return f"{points:g} point{'' if points == 1 else 's'}" if points else ""


def repair_levels(sections: list[Node]) -> None:
    """Headings that skip a level look as written, and are marked up without the gap.

    A reader of the page's structure (and PDF/UA) takes a skipped level for a missing heading.
    """
    for section in sections:
        deepest = 1 if "title" in section else 0
        for node in section["blocks"]:
            if node["t"] == "heading":
                node["structure"] = min(node["level"] + ("title" in section), deepest + 1)
                deepest = node["structure"]
