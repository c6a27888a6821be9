"""One submission to one PDF file. Whatever is in it, a PDF comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

from autograder.errors import AutograderError
from autograder.files import write_atomic
from autograder.publishing.doctree.context import Notice
from autograder.publishing.doctree.parsed_notebook import ParsedCell, ParsedNotebook, Unreadable, read
from autograder.publishing.pdf.document import Document, PageHeader, Paper, build, build_plain
from autograder.publishing.pdf.fixed import ROOM, allotments, fix
from autograder.publishing.pdf.inputs import ExportInput, listing_of
from autograder.publishing.pdf.render import typeset
from autograder.publishing.pdf.typeset import typesetter

__all__ = ["Exported", "Layout", "Options", "export", "export_plain", "notebook_pdf", "pages_of_questions"]

Layout = Literal["flow", "fixed"]


@dataclass(frozen=True)
class Options:
    """How pages look. `allotted` is made from the release, once for a class."""

    layout: Layout = "flow"
    paper: Paper = "letter"
    room: int = ROOM
    allotted: tuple[int, ...] = ()


@dataclass
class Exported:
    """The result for one submission."""

    submission: ExportInput
    output: Path
    notices: list[Notice] = field(default_factory=list)
    error: str = ""

    @property
    def needs_a_look(self) -> bool:
        """A person must look at this one."""
        return bool(self.error) or any(notice.serious for notice in self.notices)


def export(submission: ExportInput, output: Path, options: Options, student: str) -> Exported:
    """Write the PDF of a submission; `student` is the name on its pages."""
    if submission.problem:
        return Exported(submission, output, error=submission.problem)
    header = PageHeader(submission.assignment, student, options.paper)
    try:
        notebook = read(submission.notebook)
    except Unreadable as error:
        document, pdf = unreadable(header, error)
    else:
        document, pdf = submission_pdf(notebook, submission, header, options)
    write_atomic(output, pdf)
    return Exported(submission, output, document.notices)


def export_plain(submission: ExportInput, output: Path, options: Options, student: str) -> Exported:
    """As `export`, by the simplest means, for a notebook that broke them."""
    header = PageHeader(submission.assignment, student, options.paper)
    document, pdf = plain_pdf(read(submission.notebook), header, "drawing it crashed or took too long")
    write_atomic(output, pdf)
    return Exported(submission, output, document.notices)


def submission_pdf(
    notebook: ParsedNotebook, submission: ExportInput, header: PageHeader, options: Options
) -> tuple[Document, bytes]:
    release = read(submission.release) if submission.release else None
    shown = {cell.source.strip() for cell in notebook.cells}  # a graded notebook shows modules itself
    listings = [(name, text) for name, text in map(listing_of, submission.files) if text.strip() not in shown]
    remarks = [] if submission.graded else list(unrun(notebook.cells))
    try:
        document = build(
            notebook, header, release=release, remarks=remarks, listings=listings, result=submission.result
        )
        return document, typeset_document(document, options)
    except Exception as error:  # our mistake, but the student's deadline
        return plain_pdf(notebook, header, f"{type(error).__name__}: {str(error)[:120]}")


def notebook_pdf(notebook: ParsedNotebook, header: PageHeader) -> tuple[Document, bytes]:
    """The PDF of a notebook by itself, and the document with its notices."""
    return submission_pdf(notebook, ExportInput(Path(), header.assignment), header, Options(paper=header.paper))


def plain_pdf(notebook: ParsedNotebook, header: PageHeader, reason: str) -> tuple[Document, bytes]:
    notice = Notice(f"shown as plain text: {reason}", serious=True)
    document = build_plain(notebook, header, remarks=[str(notice)])
    document.notices.append(notice)
    return document, typeset_document(document, Options(paper=header.paper))


def typeset_document(document: Document, options: Options) -> bytes:
    with typesetter(document.files) as setter:
        if options.layout == "fixed":
            fix(document, options.allotted, setter)
        return typeset(document, setter)


def unreadable(header: PageHeader, error: Unreadable) -> tuple[Document, bytes]:
    """The file as it is: better a page that a grader can look at than none."""
    notice = Notice(f"not a notebook: {error}; shown as the text that it is", serious=True)
    document = build_plain(ParsedNotebook((ParsedCell(1, "raw", error.text),)), header, remarks=[str(notice)])
    document.notices.append(notice)
    return document, typeset_document(document, Options(paper=header.paper))


def unrun(cells: Sequence[ParsedCell]) -> Iterator[str]:
    """Warnings for a student before handing in: cells that did not run, or not in order."""
    code = [cell for cell in cells if cell.kind == "code" and cell.source.strip()]
    if missing := [cell.number for cell in code if cell.count is None]:
        yield f"Not run since the notebook was opened: cell{list_numbers(missing)}. Outputs may be missing."
    counts = [(cell.count, cell.number) for cell in code if cell.count is not None]
    if late := [number for (before, _), (count, number) in pairwise(counts) if count < before]:
        yield f"Run in another order than they stand: cell{list_numbers(late)}. Restart and run all cells."


def list_numbers(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:12]))
    more = f" and {len(numbers) - 12} more" if len(numbers) > 12 else ""
    return f"{'s' if len(numbers) > 1 else ''} {shown}{more}"


def pages_of_questions(release: Path | None, options: Options) -> tuple[int, ...]:
    """The pages of each question in the fixed layout. Raises AutograderError without a release to take them from."""
    if release is None:
        raise AutograderError("The fixed layout takes its pages from the release: name it with --release NOTEBOOK.")
    try:
        return tuple(allotments(read(release), PageHeader("", "", options.paper), options.room))
    except (Unreadable, OSError) as error:
        raise AutograderError(f"The release {release} cannot be read: {error}.") from None
