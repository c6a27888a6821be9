"""Shared by all commands: the name of an assignment, `--json`, the course."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from autograder.course.course import Course

__all__ = ["JSON", "NAME", "course_of", "output_file"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)

NAME = click.argument("name")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output, nothing else.")


def output_file(metavar: str, help: str) -> Callable[[Decorated], Decorated]:
    """The option `-o` of a command that writes one file."""
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option("-o", "--output", type=kind, metavar=metavar, help=help)


def course_of(ctx: click.Context) -> Course:
    """The course that the command is about: that of `--course`, or the nearest one upwards.

    Raises AutograderError if there is none."""
    # Imported here, so that --help is quick.
    from autograder.course.course import find_course
    from autograder.course.sharing import share_what_is_made

    course = find_course(Path.cwd(), ctx.obj)
    share_what_is_made(course.root)
    return course
