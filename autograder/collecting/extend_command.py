"""`autograder extend`."""

from __future__ import annotations

from datetime import timedelta
from math import isnan
from typing import TYPE_CHECKING

import click

from autograder.errors import AutograderError
from autograder.options import NAME, course_of
from autograder.text import first_of, in_zone

if TYPE_CHECKING:
    from autograder.course.course import Course

__all__ = ["extend"]

MOST = 10  # times; whoever needs more has code that does not end
MOST_DAYS = 3650


@click.command()
@NAME
@click.argument("students", nargs=-1, required=True, metavar="STUDENT…")
@click.option(
    "--days", type=click.FloatRange(0, MOST_DAYS), help="Days after the due date; 0 takes the extension back."
)
@click.option("--until", metavar="TIME", help="Until this time, such as 2026-10-08T23:59-07:00.")
@click.option(
    "--run-time",
    type=click.FloatRange(min=1, max=MOST),
    metavar="TIMES",
    help="How many times as long their code may run when it is graded; 1 takes it back.",
)
@click.pass_context
def extend(
    ctx: click.Context,
    name: str,
    students: tuple[str, ...],
    days: float | None,
    until: str | None,
    run_time: float | None,
) -> None:
    """Give students and their groups more time.

    \b
    Examples:
      autograder extend softmax ada alan --days 2
      autograder extend softmax ada --until "2026-10-08 23:59 America/Los_Angeles"
      autograder extend softmax ada --run-time 2

    It may come before or after they hand in. An extension replaces an earlier one. What lateness costs them is counted
    anew at once; after --run-time, the next `autograder grade` grades them again.
    """
    if days is not None and until is not None:
        raise click.UsageError("Give either --days or --until.")
    if days is None and until is None and run_time is None:
        raise click.UsageError("Give --days or --until, or --run-time.")
    if any(isnan(given) for given in (days, run_time) if given is not None):
        raise click.UsageError("nan is not a number of days or times.")
    course = course_of(ctx)
    if days is not None or until is not None:
        give_more_time(course, name, students, days, until)
    if run_time is not None:
        give_run_time(course, name, students, run_time)


def give_more_time(course: Course, name: str, students: tuple[str, ...], days: float | None, until: str | None) -> None:
    """Move the due date, and say when it is now and for whom."""
    from autograder.gradebook.extensions import extend as give_extension
    from autograder.submission.times import parse_time

    try:
        time = parse_time(until, course.zone) if until else None
    except ValueError as error:
        raise AutograderError(f"--until: {error}.") from None
    more = timedelta(days=days) if days is not None else None
    due, wanted = give_extension(course, name, students, more, time)
    when = in_zone(due, course.zone) if due else f"{days:g} days after the due date, which is not set yet"
    click.echo(f"For {first_of(wanted)}, {name} is due {when}.")


def give_run_time(course: Course, name: str, students: tuple[str, ...], times: float) -> None:
    """Let students' code run longer, and say how long that is."""
    from autograder.gradebook import extensions

    wanted = extensions.give_run_time(course, name, students, times)
    limits = course.settings.limits().with_run_time(times)
    click.echo(
        f"{name}: a cell may run {limits.cell_seconds:g} s and a notebook {limits.notebook_seconds:g} s for "
        f"{first_of(wanted)}. Then:  autograder grade {name}"
    )
