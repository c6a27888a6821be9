"""A graded notebook as a page that its student reads.

Nothing of a student's is ever HTML here: cells become nodes, as for a PDF, and the template writes these with every
text escaped. What a page could still be made to do, its content security policy forbids.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme

from autograder.checking.cell import is_check_cell
from autograder.publishing.doctree.cell_reader import CellReader
from autograder.publishing.doctree.nodes import as_data
from autograder.publishing.doctree.parsed_notebook import ParsedCell, ParsedNotebook, Regions
from autograder.publishing.doctree.questions import questions_of
from autograder.publishing.feedback.mathml import PageContext
from autograder.publishing.pages import TEMPLATES, render
from autograder.publishing.results import Cell as Points
from autograder.publishing.results import Result
from autograder.version import __version__

__all__ = ["digest_of", "feedback_page", "secret_regions"]


def secret_regions(config: Any) -> Regions:
    """The marks between which a cell of the course's is not for students, as the course has set them."""
    tests, scheme = ClearHiddenTests(config=config), ClearMarkScheme(config=config)
    return [
        (tests.begin_test_delimeter, tests.end_test_delimeter),
        (scheme.begin_mark_scheme_delimeter, scheme.end_mark_scheme_delimeter),
    ]


@dataclass(frozen=True)
class View:
    """One cell as the template draws it: the tree of what it shows, and for a grade cell its points and a grader's
    comment."""

    number: int
    kind: str
    nodes: list[Any]
    points: Points | None = None
    comment: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class QuestionRow:
    """A line of the page's first table; `number` is that of the cell to go to."""

    title: str
    number: int
    cells: list[Points]


def feedback_page(notebook: ParsedNotebook, result: Result, regions: Regions) -> str:
    """The page, as HTML that needs nothing else."""
    cells = [without_table(cell) for cell in notebook.cells]
    comments = {name: ParsedCell(0, "markdown", text) for name, text in result.comments.items() if text}
    context = PageContext(notebook.folder)
    reader = CellReader([*cells, *comments.values()], context, notebook.language, regions)
    views = [view(cell, reader, result, comments) for cell in cells]
    return render(
        "feedback.html.j2",
        context.pictures.files,
        result=result,
        questions=list(questions(cells, result)),
        views=views,
        waits=sum(points.score is None for points in result.cells.values()),
        digest=digest_of(notebook, result, regions),
    )


def without_table(cell: ParsedCell) -> ParsedCell:
    """A check cell without the table that it showed: the page has one of its own, from the gradebook."""
    return replace(cell, outputs=(), count=None) if is_check_cell(cell.source) and cell.is_graded else cell


def view(cell: ParsedCell, reader: CellReader, result: Result, comments: Mapping[str, ParsedCell]) -> View:
    points = result.cells.get(cell.grade_id) if cell.is_graded else None
    kind = "answer" if cell.is_answer else "check" if points else cell.kind
    comment = comments.get(cell.grade_id) if cell.is_answer else None
    shown, said = reader.nodes(cell), reader.nodes(comment) if comment else []
    return View(cell.number, kind, as_data(shown), points, as_data(said))


def questions(cells: Sequence[ParsedCell], result: Result) -> Iterator[QuestionRow]:
    """The questions of the notebook with their grade cells, in order."""
    numbers = {cell.grade_id: cell.number for cell in reversed(cells)}
    for question in questions_of(cells):
        points = [result.cells[name] for name in question.grade_ids if name in result.cells]
        yield QuestionRow(question.title, numbers[question.grade_ids[0]], points)


def digest_of(notebook: ParsedNotebook, result: Result, regions: Regions) -> str:
    """A digest of all that the page depends on, by which one that is still right is known."""
    templates = [path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.iterdir())]
    cells = [joined(vars(cell)) for cell in notebook.cells]
    return hashlib.sha256(json.dumps([__version__, templates, cells, result.data(), regions]).encode()).hexdigest()


def joined(value: Any) -> Any:
    """A part of a notebook in which texts are one piece: files have them line by line, nbformat has them whole."""
    if isinstance(value, dict):
        return {name: joined(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return "".join(value) if all(isinstance(part, str) for part in value) else [joined(part) for part in value]
    return value
