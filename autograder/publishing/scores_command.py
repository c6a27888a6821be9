"""`autograder scores`, and the table that ends `autograder grade` too."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.options import JSON, NAME, course_of
from autograder.text import first_of, printable

if TYPE_CHECKING:
    from autograder.course.course import Course

__all__ = ["scores", "show_scores"]


@click.command()
@NAME
@click.option(
    "--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a CSV file."
)
@click.option(
    "--csv-for",
    "form",
    type=click.Choice(["plain", "canvas", "gradescope"]),
    default="plain",
    show_default=True,
    help="Whose columns it has: Canvas's for its import, Gradescope's as in its own download.",
)
@click.option(
    "--template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A gradebook exported from Canvas: fill in these scores for its students.",
)
@click.option("--column", metavar="TITLE", help="The assignment's title in Canvas. Default: NAME.")
@JSON
@click.pass_context
def scores(
    ctx: click.Context,
    name: str,
    csv_file: Path | None,
    form: str,
    template: Path | None,
    column: str | None,
    as_json: bool,
) -> None:
    """Show every score, and what a person must look at.

    \b
    Examples:
      autograder scores softmax
      autograder scores softmax --csv softmax.csv
      autograder scores softmax --csv import.csv --csv-for canvas --template gradebook.csv
    """
    from autograder.publishing.class_results import read_results
    from autograder.publishing.csv_forms import write_csv
    from autograder.publishing.scores import read_scores, scores_of

    course = course_of(ctx)
    if (template or column) and (form != "canvas" or csv_file is None):
        raise click.UsageError("--template and --column go with --csv FILE --csv-for canvas.")
    if as_json:
        click.echo(json.dumps(read_scores(course, name), indent=2))
    elif csv_file is None:
        show_scores(course, name)
    else:
        results = read_results(course, name)
        student_scores = scores_of(results)
        notes = write_csv(student_scores, csv_file, form, column or name, template)
        waiting = sum(score["needs_manual_grade"] for score in student_scores)
        click.echo(f"Written: {csv_file}" + (f" ({waiting} still to be graded by hand)" if waiting else ""))
        if results.absent:
            click.echo(f"Handed in nothing, and not in the file: {first_of(results.absent)}")
        for note in notes:
            click.echo(f"✗ {printable(note)}")
        sys.exit(1 if notes else 0)


def show_scores(course: Course, name: str) -> bool:
    """Print the scores, the incidents, work that does not count, and who is missing; returns whether answers wait for
    points by hand."""
    from rich.console import Console

    from autograder.publishing.class_results import read_results
    from autograder.publishing.scores import incidents_table, scores_of, scores_table, void_checks

    results = read_results(course, name)
    found = scores_of(results)
    console = Console()
    console.print(scores_table(name, found))
    if (incidents := incidents_table(found)).rows:
        console.print(incidents)
    for line in void_checks(found):
        click.echo(line)
    missing = sorted(course.submissions(name).keys() - {score["student"] for score in found})
    if missing:
        click.echo(f"Handed in and not graded: {first_of(missing)}")
    if absent := [student for student in results.absent if student not in missing]:
        click.echo(f"Handed in nothing: {first_of(absent)}")
    return any(score["needs_manual_grade"] for score in found)
