"""`autograder new`, `make`, `validate`, `release` and `site`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.errors import AutograderError
from autograder.options import JSON, NAME, course_of

if TYPE_CHECKING:
    from autograder.authoring.structure import Problem
    from autograder.course.course import Course

__all__ = ["make", "new", "release", "site", "validate"]

# An author validates after every edit, and waits for it; a release is asked for more.
SEEDS, RELEASE_SEEDS = 1, 3


@click.command()
@NAME
@click.pass_context
def new(ctx: click.Context, name: str) -> None:
    """Make a small, complete assignment to edit.

    \b
    Example:  autograder new regression

    A NAME has letters, digits and underscores, a letter first. Where there is no course, this folder becomes one.
    """
    from autograder.authoring.new import new_assignment
    from autograder.authoring.new_course import start_course
    from autograder.course.course import NoCourse

    try:
        root = course_of(ctx).root
    except NoCourse:
        root = Path.cwd()
        start_course(root)
        click.echo(f"{root} is a course now: its settings are in nbgrader_config.py.")
    documents = new_assignment(root, name)
    click.echo(f"{name} is a small assignment that works. Edit:")
    for path, what in zip(
        documents, ("the assignment", "what the checks must catch", "what they must let pass"), strict=True
    ):
        click.echo(f"  {os.path.relpath(path)}  {what}")
    click.echo("After every change:")
    click.echo(f"  autograder make {name}")
    click.echo(f"  autograder validate {name}")


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--text", "to_text", is_flag=True, help="The other way: carry an edited notebook back into its text.")
@click.pass_context
def make(ctx: click.Context, names: tuple[str, ...], to_text: bool) -> None:
    """Make notebooks from their texts.

    \b
    Examples:
      autograder make softmax
      autograder make --text softmax xor

    An edit is never written over. One that cannot be made does not stop the others.
    """
    from autograder.authoring.notebooks import make_notebook, text_from_notebook

    root, refused = course_of(ctx).root, False
    for name in names:
        try:
            changed = text_from_notebook(root, name) if to_text else make_notebook(root, name)
            click.echo(f"{name}: {'written' if changed else 'up to date'}")
        except AutograderError as error:
            click.echo(f"autograder: {error}", err=True)
            refused = True
    sys.exit(2 if refused else 0)


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
    from autograder.authoring.notebooks import make_notebook, notebook_path
    from autograder.authoring.release import left_out
    from autograder.authoring.release import release as make_release
    from autograder.course.made_from_text import text_path

    course = course_of(ctx)
    if text_path(course.root, name).is_file() and make_notebook(course.root, name):
        click.echo(f"{notebook_path(course.root, name)} was made anew from the text.")
    if not no_validate and not show_problems(course, name, problems_of(course, name, RELEASE_SEEDS, released=False)):
        sys.exit(1)
    make_release(course, name)
    click.echo(f"{name} is in {course.path('release', '.', name)}.")
    if missing := left_out(course, name):
        click.echo(
            f"Left out, since nbgrader releases no notebook in a subfolder and no linked folder: {', '.join(missing)}. "
            "What students need of it, give them as a module (.py) or as files.",
            err=True,
        )


@click.command()
@NAME
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=SEEDS,
    show_default=True,
    help="How many different random inputs every check must agree on; `release` asks for 3.",
)
@click.option("--mutants", is_flag=True, help="Instead, list changes of the answer key that no check notices.")
@JSON
@click.pass_context
def validate(ctx: click.Context, name: str, seeds: int, mutants: bool, as_json: bool) -> None:
    """Check that an assignment is fit to be released.

    The answer key scores 100 %, the release 0, every known mistake loses what it should, other right answers nothing.

    \b
    Examples:
      autograder validate softmax --seeds 10
      autograder validate softmax --mutants > survivors.md
    """
    course = course_of(ctx)
    if mutants:
        sys.exit(1 if show_mutants(course, name, as_json) else 0)
    problems = problems_of(course, name, seeds)
    if as_json:
        click.echo(json.dumps([vars(problem) for problem in problems], indent=2))
    else:
        show_problems(course, name, problems)
    sys.exit(1 if problems else 0)


def problems_of(course: Course, name: str, seeds: int, released: bool = True) -> list[Problem]:
    """Validate with a progress bar."""
    from autograder.workers import start_forkserver

    start_forkserver("autograder.authoring.trials")
    from autograder.authoring.validate import validate as find_problems
    from autograder.progress import progress_bar

    with progress_bar(f"validating {name}") as (start, advance, say):
        return find_problems(
            course, name, seeds=seeds, released=released, on_start=start, on_done=lambda what: advance(), on_note=say
        )


def show_mutants(course: Course, name: str, as_json: bool) -> int:
    """Try the mutants of the answer key with a progress bar, print the results, and return how many no check
    notices."""
    from autograder.workers import start_forkserver

    start_forkserver("autograder.authoring.trials")
    from rich.console import Console

    from autograder.authoring.mutation import mutation_table, survivor_text, try_mutants
    from autograder.progress import progress_bar

    with progress_bar(f"mutants of {name}") as (start, advance, _):
        found = try_mutants(course, name, on_start=start, on_done=lambda what: advance())
    survivors = [noticed for noticed in found if not noticed.by_any]
    if as_json:
        click.echo(json.dumps([noticed.data() for noticed in found], indent=2))
        return len(survivors)
    Console(stderr=True).print(mutation_table(name, found))
    for noticed in survivors:
        click.echo(survivor_text(noticed))
    unseen = sum(noticed.by_any and not noticed.by_visible for noticed in found)
    click.echo(
        f"{len(survivors)} of {len(found)} changes are noticed by no check, {unseen} more by hidden checks only. Each "
        "entry above belongs into mistakes.md, with a check that notices it, or into alternatives.md, if it is right.",
        err=True,
    )
    return len(survivors)


def show_problems(course: Course, name: str, problems: list[Problem]) -> bool:
    """Print the problems, or the promises if there are none; returns whether there are none."""
    from autograder.authoring.promises import promises

    for problem in problems:
        click.echo(f"✗ {problem}")
    if not problems:
        for sentence in promises(course, name):
            click.echo(sentence)
    return not problems


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the site is written; a site that is there is replaced.",
)
@click.option(
    "--wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="This package's wheel.  [default: built from the clone]",
)
@click.pass_context
def site(ctx: click.Context, names: tuple[str, ...], folder: Path, wheel: Path | None) -> None:
    """Make a website in which students work.

    It has the released assignments NAME, or all of them. It is static: put the folder on any web server.

    \b
    Example:  autograder site softmax xor -o site
    """
    from autograder.authoring.site import make_site

    made = make_site(course_of(ctx), names, folder, wheel)
    click.echo(f"{folder} is a site with {', '.join(made)}.")
    click.echo(f"Look at it: python -m http.server -d {shlex.quote(str(folder))}, then http://localhost:8000/lab/")
