"""`autograder gradescope` and `autograder gradescope-run`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from autograder.options import NAME, course_of, output_file

__all__ = ["gradescope", "gradescope_run"]

VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")


@click.command()
@NAME
@output_file("ZIP", "The zip to write.  [default: NAME-gradescope.zip]")
@click.option(
    "--hidden-checks",
    type=click.Choice(VISIBILITIES),
    default="after_published",
    show_default=True,
    help="When students see the results of hidden checks.",
)
@click.pass_context
def gradescope(ctx: click.Context, name: str, output: Path | None, hidden_checks: str) -> None:
    """Make the zip that Gradescope's autograder takes.

    \b
    Examples:
      autograder gradescope softmax -o softmax.zip
      autograder gradescope softmax --hidden-checks after_due_date

    It holds tests and answers: keep it as private as the assignment's source.
    """
    from autograder.publishing.gradescope.bundle import make_bundle

    course = course_of(ctx)
    output = output or Path(f"{name}-gradescope.zip")
    minutes = make_bundle(course, name, output, hidden_checks)
    click.echo(f"{output} is for Configure Autograder on Gradescope, with Ubuntu 22.04 or newer as the base image.")
    click.echo(f"There, allow at least {minutes} minutes and {course.settings.memory_mb + 1024} MB.")


@click.command(name="gradescope-run")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("/autograder"),
    show_default=True,
    help="The folder that Gradescope lays out.",
)
def gradescope_run(root: Path) -> None:
    """Grade one submission as on Gradescope.

    Writes results.json where Gradescope looks for it.

    \b
    Example:  autograder gradescope-run --root gradescope-test
    """
    from autograder.publishing.gradescope.gradescope_run import run

    sys.exit(1 if run(root) else 0)
