"""A graded notebook as a page that its student reads.

Nothing of a student's is ever HTML here: cells become nodes, as for a PDF, and the template writes these with every
text escaped. What a page could still be made to do, its content security policy forbids.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme

from autograder.checking.cell import is_check_cell
from autograder.files import read_inside
from autograder.publishing.class_results import CellResult, NotebookResult
from autograder.publishing.doctree.cell_reader import CellReader, PlainReader
from autograder.publishing.doctree.nodes import as_data
from autograder.publishing.doctree.parsed_notebook import (
    MAX_BYTES,
    ParsedCell,
    ParsedNotebook,
    Regions,
    Unreadable,
    read,
)
from autograder.publishing.doctree.questions import questions_of
from autograder.publishing.feedback.losses import losses
from autograder.publishing.feedback.mathml import PageContext
from autograder.publishing.page_limits import first_that_works
from autograder.publishing.pages import TEMPLATES, render
from autograder.version import __version__

__all__ = ["PLAIN_MARK", "PageJob", "made_pages", "secret_regions"]

PLAIN_MARK = b'<p class="notice" id="plain">'


def secret_regions(config: Any) -> Regions:
    """The marks between which a cell of the course's is not for students, as the course has set them."""
    tests, scheme = ClearHiddenTests(config=config), ClearMarkScheme(config=config)
    return [
        (tests.begin_test_delimeter, tests.end_test_delimeter),
        (scheme.begin_mark_scheme_delimeter, scheme.end_mark_scheme_delimeter),
    ]


@dataclass(frozen=True)
class View:
    """One cell as the template draws it: the tree of its content, and for a grade cell its points and a grader's
    comment."""

    number: int
    kind: str
    nodes: list[Any]
    points: CellResult | None = None
    comment: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class QuestionRow:
    """A line of the page's table of questions; `number` is that of the cell to go to."""

    name: str
    number: int
    grade_ids: tuple[str, ...]
    cells: list[CellResult]


@dataclass(frozen=True)
class PageJob:
    """A page to make: the graded notebook, where the page goes, what the gradebook says, and the course's secret."""

    notebook: Path
    target: Path
    result: NotebookResult
    regions: Regions
    secret: bytes = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """A digest of everything that the page depends on, to recognise a page that is still right. It stands in the
        page, and hidden tests go into it, so it is keyed: otherwise a student could try texts of tests until the digest
        fits. The notebook's file is not parsed for this, since parsing a hostile one can take gigabytes."""
        templates = [path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.iterdir())]
        try:
            content = read_inside(self.notebook.parent, self.notebook.name, MAX_BYTES + 1)
        except OSError:
            content = b""
        made_of = [__version__, templates, hashlib.sha256(content).hexdigest(), self.result.data(), self.regions]
        return hmac.digest(self.secret, json.dumps(made_of).encode(), "sha256").hex()


def made_pages(jobs: Sequence[PageJob]) -> Iterator[tuple[PageJob, bytes]]:
    """Each page as it is ready. A notebook that cannot be drawn, or not within the limits, is shown as its text, or if
    that cannot be done either, not at all: points and messages are there in any case."""
    for job, page in first_that_works((drawn_page, plain_page), jobs, os.cpu_count() or 1):
        yield job, page or feedback_page(job, ParsedNotebook(()), plain=True)


def drawn_page(job: PageJob) -> bytes:
    return feedback_page(job, readable(job.notebook))


def plain_page(job: PageJob) -> bytes:
    return feedback_page(job, readable(job.notebook), plain=True)


def readable(path: Path) -> ParsedNotebook:
    """The notebook, or an empty one where nothing was handed in that could be read: the page says so."""
    try:
        return read(path)
    except (OSError, Unreadable):
        return ParsedNotebook(())


def feedback_page(job: PageJob, notebook: ParsedNotebook, *, plain: bool = False) -> bytes:
    """The page, as HTML that needs nothing else; `plain` shows cells as text."""
    result, regions = job.result, job.regions
    cells = [without_table(cell) for cell in notebook.cells]
    comments = {name: ParsedCell(0, "markdown", text) for name, text in result.comments.items() if text}
    rows = list(questions(cells, result))
    context = PageContext(notebook.folder)
    reader: CellReader | PlainReader = PlainReader(regions)
    if not plain:
        reader = CellReader([*cells, *comments.values()], context, notebook.language, regions)
    views = [view(cell, reader, result, comments) for cell in cells]
    page = render(
        "feedback.html.j2",
        context.pictures.files,
        result=result,
        questions=rows,
        losses=losses(result),
        numbers={cell.grade_id: cell.number for cell in reversed(cells) if cell.grade_id},
        names={name: row.name for row in rows for name in row.grade_ids},
        views=views,
        digest=job.digest,
        plain=plain,
    )
    return page.encode()


def without_table(cell: ParsedCell) -> ParsedCell:
    """A check cell without the table that it showed: the page has one of its own, from the gradebook."""
    return replace(cell, outputs=(), count=None) if is_check_cell(cell.source) and cell.is_graded else cell


def view(
    cell: ParsedCell, reader: CellReader | PlainReader, result: NotebookResult, comments: Mapping[str, ParsedCell]
) -> View:
    points = result.cells.get(cell.grade_id) if cell.is_graded else None
    kind = "answer" if cell.is_answer else "check" if points else cell.kind
    comment = comments.get(cell.grade_id) if cell.is_answer else None
    nodes, comment_nodes = reader.nodes(cell), reader.nodes(comment) if comment else []
    return View(cell.number, kind, as_data(nodes), points, as_data(comment_nodes))


def questions(cells: Sequence[ParsedCell], result: NotebookResult) -> Iterator[QuestionRow]:
    """The questions of the notebook with their grade cells, in order."""
    numbers = {cell.grade_id: cell.number for cell in reversed(cells)}
    for question in questions_of(cells):
        points = [result.cells[name] for name in question.grade_ids if name in result.cells]
        yield QuestionRow(question.name, numbers[question.grade_ids[0]], question.grade_ids, points)
