"""`autograder queue`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.errors import AutograderError
from autograder.options import JSON, NAME, course_of, output_file
from autograder.text import first_of

if TYPE_CHECKING:
    from autograder.course.comment_bank import BankComment
    from autograder.course.course import Course
    from autograder.gradebook.waiting import QueuedAnswer
    from autograder.publishing.queue.queue import Part

__all__ = ["queue"]

MOST = 200  # answers on a page


def part_of(ctx: click.Context, option: click.Parameter, text: str) -> Part:
    """K/N: the K-th of N parts."""
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise click.BadParameter(f"{text!r} is not a part: write 1/2 for the first of two.")
    return int(number), int(parts)


@click.command()
@NAME
@click.argument("question", required=False)
@output_file("PAGE", "The page with the answers. Default: reports/NAME-QUESTION.html in the course's folder.")
@click.option(
    "--csv", "sheet", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a sheet to fill in."
)
@click.option("--part", callback=part_of, metavar="K/N", default="1/1", help="Only the K-th of N parts, for N graders.")
@click.option(
    "--points",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Give the points and comments of a sheet that was filled in.",
)
@JSON
@click.pass_context
def queue(
    ctx: click.Context,
    name: str,
    question: str | None,
    output: Path | None,
    sheet: Path | None,
    part: Part,
    points: Path | None,
    as_json: bool,
) -> None:
    """Show what is left to grade by hand, by question.

    \b
    Examples:
      autograder queue softmax
      autograder queue softmax smoothing --csv smoothing.csv
      autograder queue softmax --points smoothing.csv

    With a QUESTION, all answers to it that wait come on one page, without names, below the mark scheme and the comments
    in assignments/NAME/comments.md. With --csv there is a sheet, too: a line for each of them, in the same order.
    """
    from rich.console import Console

    from autograder.course.comment_bank import read_bank
    from autograder.publishing.queue.mark_schemes import read_mark_schemes
    from autograder.publishing.queue.queue import answers_waiting, queue_of, queue_table, read_queue

    if points and (question or sheet or output):
        raise click.UsageError("--points FILE goes with the assignment's name alone: the sheet knows its answers.")
    if (sheet or output or part != (1, 1)) and not question:
        raise click.UsageError("--csv, --part and -o go with a QUESTION: `autograder queue NAME` lists them.")
    course = course_of(ctx)
    answers = read_queue(course, name)
    bank = read_bank(course, name, {asked for _, asked in read_mark_schemes(course, name)})
    if points:
        sys.exit(give(course, name, points, answers, bank))
    if question:
        show(course, name, question, answers_waiting(answers, question, part), bank, output, sheet)
    elif as_json:
        click.echo(json.dumps([row.data() for row in queue_of(answers)], indent=2))
    else:
        Console().print(queue_table(name, queue_of(answers)))


def show(
    course: Course,
    name: str,
    question: str,
    waiting: list[QueuedAnswer],
    bank: list[BankComment],
    output: Path | None,
    sheet: Path | None,
) -> None:
    """Write the page, and the sheet if that is wanted."""
    from autograder.course.comment_bank import comments_on
    from autograder.files import write_atomic
    from autograder.publishing.queue.queue_page import queue_page
    from autograder.publishing.queue.sheet import write_sheet

    if not waiting:
        click.echo(f"No answer to {question} waits.")
        return
    answers = waiting[:MOST]
    if sheet:
        write_sheet(answers, sheet)
    page = output or course.root / "reports" / f"{name}-{question}.html"
    text = queue_page(course, name, question, answers, comments_on(bank, question), len(waiting) - len(answers))
    write_atomic(page, text.encode())
    click.echo(f"{len(answers)} of {len(waiting)} answer{'s' * (len(waiting) != 1)}: {page}")
    if sheet:
        click.echo(f"Fill in {sheet}. Then:  autograder queue {name} --points {sheet}")


def give(course: Course, name: str, points: Path, answers: list[QueuedAnswer], bank: list[BankComment]) -> int:
    """Give the points of a sheet, and say whose do not wait any more; returns the exit code."""
    from autograder.gradebook.waiting import give_points
    from autograder.publishing.queue.sheet import read_sheet

    given = read_sheet(points, answers, bank)
    if not given:
        raise AutograderError(f"{points} has no points yet: fill in the column `points` or `keys`.")
    graded, gone = give_points(course, name, given)
    click.echo(f"{graded} answer{'s' * (graded != 1)} graded. Pages: autograder feedback {name}")
    if gone:
        click.echo(
            f"Not given, since they do not wait any more (graded by another person, or handed in anew): "
            f"{first_of(gone)}."
        )
    return 1 if gone else 0
