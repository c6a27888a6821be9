"""All answers to one question on one page, without names, beside the mark scheme and the comments."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from autograder.course.comment_bank import BankComment
from autograder.course.course import Course
from autograder.gradebook.waiting import QueuedAnswer
from autograder.publishing.doctree.cell_reader import CellReader, PlainReader
from autograder.publishing.doctree.nodes import as_data
from autograder.publishing.doctree.parsed_notebook import ParsedCell, read
from autograder.publishing.feedback.mathml import PageContext
from autograder.publishing.page_limits import first_that_works
from autograder.publishing.pages import render
from autograder.publishing.queue.mark_schemes import read_mark_schemes

__all__ = ["queue_page"]

MOST = 20_000_000  # letters of an answer, whose pictures are letters too: all the others are on the same page
NOT_SHOWN = "This answer takes too much time or memory to be shown: look at it in formgrader."
TEXT_ALONE = "This answer takes too much time or memory to be shown, but for its text: look at it in formgrader."


@dataclass(frozen=True)
class PageCell:
    """A cell to draw: the one with this grade id in a graded `notebook`, or one that was read already (`cell`), with
    pictures in `folder`. The number says which piece of the page it is."""

    number: int
    folder: Path
    notebook: str = ""
    grade_id: str = ""
    cell: ParsedCell | None = None


def queue_page(
    course: Course, name: str, question: str, answers: Sequence[QueuedAnswer], bank: Sequence[BankComment], left: int
) -> str:
    """The page, as HTML that needs nothing else; `left` more answers wait that are not on it."""
    schemes = [cell for (_, asked), cell in read_mark_schemes(course, name).items() if asked == question]
    jobs = [PageCell(number, course.source(name), cell=cell) for number, cell in enumerate(schemes)]
    first = len(jobs)
    for number, answer in enumerate(answers, first):
        jobs.append(PageCell(number, course.path("autograded", answer.student, name), answer.notebook, question))
    made = {job.number: html for job, html in first_that_works((drawn_cell, plain_cell), jobs, os.cpu_count() or 1)}
    drawn = [as_markup(made[job.number]) for job in jobs]
    return render(
        "queue.html.j2",
        {},
        assignment=name,
        question=question,
        points=answers[0].max_score,
        schemes=drawn[:first],
        bank=bank,
        answers=[(answer.key, html) for answer, html in zip(answers, drawn[first:], strict=True)],
        left=left,
    )


def as_markup(drawn: str | None) -> Markup:
    """A cell's nodes as HTML; every text in them is escaped."""
    return Markup(drawn if drawn is not None else render("part.html.j2", {}, nodes=[NOT_SHOWN]))


def drawn_cell(job: PageCell) -> str:
    cell, language = cell_of(job)
    context = PageContext(job.folder)
    nodes = CellReader([cell], context, language, regions=()).nodes(cell)
    html = render("part.html.j2", context.pictures.files, nodes=as_data(nodes))
    if len(html) > MOST:
        raise ValueError("the answer is too long")
    return html


def plain_cell(job: PageCell) -> str:
    cell, _ = cell_of(job)
    return render("part.html.j2", {}, nodes=[TEXT_ALONE, *as_data(PlainReader(regions=()).nodes(cell))])


def cell_of(job: PageCell) -> tuple[ParsedCell, str]:
    """The cell, and the language of its notebook. Raises Unreadable or OSError if that cannot be read, StopIteration if
    the cell is not in it."""
    if job.cell is not None:
        return job.cell, "python"
    notebook = read(job.folder / f"{job.notebook}.ipynb")
    return next(cell for cell in notebook.cells if cell.grade_id == job.grade_id), notebook.language
