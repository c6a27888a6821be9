"""`autograder extend`."""

from __future__ import annotations

from datetime import timedelta

import click

from autograder.errors import AutograderError
from autograder.options import NAME, course_of

__all__ = ["extend"]


@click.command()
@NAME
@click.argument("students", nargs=-1, required=True, metavar="STUDENT…")
@click.option("--days", type=click.FloatRange(min=0), help="So many days more than the due date; 0 takes it back.")
@click.option("--until", metavar="TIME", help="Until this time, such as 2026-10-08T23:59-07:00.")
@click.pass_context
def extend(ctx: click.Context, name: str, students: tuple[str, ...], days: float | None, until: str | None) -> None:
    """Give students more time, before or after they hand in.

    \b
    Examples:
      autograder extend softmax ada alan --days 2
      autograder extend softmax ada --until "2026-10-08 23:59 America/Los_Angeles"

    It replaces an earlier extension. What lateness costs them is counted anew at once.
    """
    from autograder.grading.extensions import extend as give_extension
    from autograder.grading.times import parse_time

    if (days is None) == (until is None):
        raise click.UsageError("Give either --days or --until.")
    try:
        time = parse_time(until) if until else None
    except ValueError as error:
        raise AutograderError(f"--until: {error}.") from None
    more = timedelta(days=days) if days is not None else None
    due = give_extension(course_of(ctx), name, students, more, time)
    when = f"{due:%Y-%m-%d %H:%M} UTC" if due else f"{days:g} days after the due date, which is not set yet"
    click.echo(f"{name} is due {when} for {', '.join(students)}.")
