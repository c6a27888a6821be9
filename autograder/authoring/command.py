"""`autograder new`, `validate` and `release`."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from autograder.options import JSON, NAME, course_of

if TYPE_CHECKING:
    from autograder.authoring.structure import Problem
    from autograder.grading.course import Course

__all__ = ["new", "release", "validate"]

SEEDS = 3


@click.command()
@NAME
@click.pass_context
def new(ctx: click.Context, name: str) -> None:
    """Make a small, complete assignment to edit.

    \b
    Example:  autograder new regression

    A NAME has letters, digits and underscores, a letter first.
    """
    from autograder.authoring.new import new_assignment

    documents = new_assignment(course_of(ctx).root, name)
    click.echo(f"{name} is a small assignment that works. Edit:")
    for path, what in zip(
        documents, ("the assignment", "what the checks must catch", "what they must let pass"), strict=True
    ):
        click.echo(f"  {os.path.relpath(path)}  {what}")
    click.echo("After every change:")
    click.echo(f"  python -m autograder.authoring.notebooks make {name}")
    click.echo(f"  autograder validate {name}")


@click.command()
@NAME
@click.option("--no-validate", is_flag=True, help="Release without validating first.")
@click.pass_context
def release(ctx: click.Context, name: str, no_validate: bool) -> None:
    """Make what students get, in release/NAME.

    The source notebook is made from its text, where there is one, and validated.

    \b
    Example:  autograder release softmax
    """
    from autograder.authoring.notebooks import make_notebook, notebook_path, text_path
    from autograder.authoring.release import release as make_release

    course = course_of(ctx)
    if text_path(course.root, name).is_file() and make_notebook(course.root, name):
        click.echo(f"{notebook_path(course.root, name)} was made anew from the text.")
    if not no_validate and not show_problems(name, problems_of(course, name)):
        sys.exit(1)
    make_release(course, name)
    click.echo(f"{name} is in {course.path('release', '.', name)}.")


@click.command()
@NAME
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=SEEDS,
    show_default=True,
    help="How many different random inputs every check must agree on.",
)
@JSON
@click.pass_context
def validate(ctx: click.Context, name: str, seeds: int, as_json: bool) -> None:
    """Check that an assignment is fit to be released.

    The answer key scores 100 %, the release 0, every known mistake loses what it should, other right answers nothing.

    \b
    Example:  autograder validate softmax --seeds 10
    """
    problems = problems_of(course_of(ctx), name, seeds)
    if as_json:
        click.echo(json.dumps([vars(problem) for problem in problems], indent=2))
    else:
        show_problems(name, problems)
    sys.exit(1 if problems else 0)


def problems_of(course: Course, name: str, seeds: int = SEEDS) -> list[Problem]:
    """Validate with a progress bar."""
    from autograder import forkserver

    forkserver.start()
    from autograder.authoring.validate import validate as find_problems
    from autograder.progress import progress_bar

    with progress_bar(f"validating {name}") as (start, advance, _):
        return find_problems(course, name, seeds=seeds, on_start=start, on_done=lambda what: advance())


def show_problems(name: str, problems: list[Problem]) -> bool:
    """Print the problems; returns whether there are none."""
    for problem in problems:
        click.echo(f"✗ {problem}")
    if not problems:
        click.echo(
            f"✓ {name} may be released: right code gets full marks, every known mistake is caught, nothing leaks."
        )
    return not problems
