"""`autograder collect`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.options import JSON, NAME, course_of
from autograder.text import in_column_of

if TYPE_CHECKING:
    from rich.table import Table

    from autograder.collecting.collect import Collected

__all__ = ["collect"]


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@NAME
@click.option(
    "--id",
    "by",
    type=click.Choice(["email", "sid", "name"]),
    help="Which of a source's ids becomes the student's id. Default: email if it has emails, else sid.",
)
@click.option(
    "--roster",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="A list of the course's students, as for `nbgrader db student import`: it gives their ids, and groups in a "
    "column `group`; others are refused.",
)
@JSON
@click.pass_context
def collect(ctx: click.Context, source: Path, name: str, by: str | None, roster: Path | None, as_json: bool) -> None:
    """Put what was handed in into submitted/STUDENT/NAME.

    The times of submission come with it. SOURCE is a Gradescope export, a Canvas download, or a folder for each
    student: a zip or a folder, as it was downloaded.

    \b
    Examples:
      autograder collect assignment_4711_export.zip softmax
      autograder collect submissions.zip softmax --roster students.csv

    Run it again after resubmissions: unchanged submissions are skipped, newer ones replace, older ones are ignored.
    """
    from rich.console import Console

    from autograder.collecting.collect import Status
    from autograder.collecting.collect import collect as collect_submissions

    course = course_of(ctx)
    results = collect_submissions(course, name, source, by or "", roster)
    counts = Counter(result.what for result in results)
    if as_json:
        click.echo(json.dumps([result.to_dict() for result in results], indent=2))
    else:
        if new := [result for result in results if result.what is not Status.UNCHANGED]:
            Console().print(collected_table(f"{name}: {len(results)} found", new, course.zone))
        click.echo(", ".join(f"{counts[what]} {what}" for what in Status if counts[what]) + ".")
        click.echo(f"Then:  autograder grade {name}")
    sys.exit(1 if counts[Status.REFUSED] else 0)


def collected_table(title: str, results: list[Collected], zone: tzinfo) -> Table:
    """A table for the terminal: the student, the outcome, the time, and remarks."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for column in ("student", "what", f"handed in ({zone})", "files"):
        table.add_column(column, justify="right" if column == "files" else "left")
    table.add_column("note", overflow="fold")
    for result in results:
        at = in_column_of(zone, result.at) if result.at else "late" if result.late else ""
        whose = result.student or result.origin
        files = str(result.files) if result.files else ""
        table.add_row(Text(whose, overflow="fold"), result.what.value, at, files, Text(result.note))
    return table
