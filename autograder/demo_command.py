"""The command `autograder demo`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from autograder.grade_command import grade
from autograder.options import course_of

__all__ = ["demo"]


@click.command()
@click.argument("name", required=False)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-course"),
    show_default=True,
    help="A folder of its own for the demo course.",
)
@click.pass_context
def demo(ctx: click.Context, name: str | None, folder: Path) -> None:
    """Grade a class of made-up submissions.

    They are right, wrong, broken and hostile answers to the assignment NAME of this course. Without NAME no course is
    needed: they answer a small assignment of the command's own. An earlier demo in the same folder is replaced, with
    all that was done in it.

    \b
    Examples:
      autograder demo
      autograder demo softmax -o demo-course
    """
    from autograder.demo import NAME as SMALL
    from autograder.demo import make_demo

    made = make_demo(folder, course_of(ctx), name) if name else make_demo(folder)
    click.echo(f"A course with {len(made)} submissions is in {folder}:")
    for student, story in made.items():
        click.echo(f"  {student:<10} {story}")
    click.echo()
    ctx.obj, graded = folder, name or SMALL
    try:
        ctx.invoke(grade, name=graded, regrade=True)
    except KeyboardInterrupt:
        click.echo(f"Stopped. Go on with: autograder --course {folder} grade {graded}", err=True)
        sys.exit(130)
