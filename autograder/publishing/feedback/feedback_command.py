"""`autograder feedback`."""

from __future__ import annotations

import sys

import click

from autograder.options import NAME, course_of
from autograder.text import first_of

__all__ = ["feedback"]


@click.command()
@NAME
@click.option("--student", "students", multiple=True, metavar="ID", help="Only this student; may be given again.")
@click.pass_context
def feedback(ctx: click.Context, name: str, students: tuple[str, ...]) -> None:
    """Write each student's page: points, checks, comments.

    \b
    Examples:
      autograder feedback softmax
      autograder feedback softmax --student ada --student alan

    The pages are in nbgrader's place, feedback/STUDENT/NAME, so that nbgrader release_feedback gives them out.
    Sources of hidden tests are not in them, and nothing that a student wrote can act in a browser.
    """
    # Imported here, so that --help is quick.
    from autograder.progress import progress_bar
    from autograder.publishing.class_results import why_held_back
    from autograder.publishing.feedback.writing import write_feedback

    course = course_of(ctx)
    with progress_bar(f"feedback on {name}") as (start, advance, _):
        done = write_feedback(course, name, students, on_start=start, on_done=lambda student: advance())
    pages = course.path("feedback", "*", name)
    new = f" ({first_of(done.written)})" if done.written and done.unchanged else ""
    click.echo(f"{len(done.written)} written{new}, {len(done.unchanged)} unchanged: {pages}")
    if done.waiting:
        click.echo(f"Points by hand are still to come for {first_of(done.waiting)}; their pages say so.")
    if held_back := why_held_back(course, name):
        click.echo(held_back)
    if done.plain:
        click.echo(f"Could not be drawn, so these pages have the notebook's text only: {first_of(done.plain)}.")
    if done.not_graded:
        click.echo(f"Not graded, so without feedback: {first_of(done.not_graded)} (autograder grade {name}).")
    sys.exit(1 if done.not_graded or done.plain else 0)
