"""`autograder changes`."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import click

from autograder.errors import AutograderError
from autograder.options import JSON, NAME, course_of

__all__ = ["changes"]


@click.command()
@NAME
@click.option("--since", metavar="TIME", help="Only what changed from this time on: a day, or a day and a time.")
@click.option(
    "--csv", "csv_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a CSV file."
)
@JSON
@click.pass_context
def changes(ctx: click.Context, name: str, since: str | None, csv_file: Path | None, as_json: bool) -> None:
    """Show which scores changed, when and why.

    \b
    Examples:
      autograder changes softmax
      autograder changes softmax --since 2026-10-08
      autograder changes softmax --csv changes.csv

    Nothing is overwritten: each score that a cell has had is kept, with the submission and the check that it was made
    from. A score that is given for the first time is no change.
    """
    from rich.console import Console

    from autograder.publishing.changes import changes_table, read_changes, write_changes

    course = course_of(ctx)
    found = read_changes(course, name, time_of(since, course.zone) if since else None)
    if as_json:
        click.echo(json.dumps([change.data() for change in found], indent=2))
    elif csv_file is not None:
        write_changes(found, csv_file)
        click.echo(f"Written: {csv_file}")
    elif found:
        Console().print(changes_table(name, found, course.zone))
    else:
        click.echo(f"No score of {name} has changed" + (f" since {since}." if since else "."))


def time_of(text: str, zone: tzinfo) -> datetime:
    """A time in UTC, or the beginning of a day. Raises AutograderError."""
    from autograder.submission.times import parse_time

    text = text.strip()
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return parse_time(text, zone)
    except ValueError as error:
        raise AutograderError(f"--since: {error}, or as a day, 2026-10-01.") from None
    try:
        # Where clocks change at midnight, this is the first of two, or the moment in which they skip it.
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise AutograderError(f"--since: {text!r} is not a day ({error}): write it as 2026-10-01.") from None
