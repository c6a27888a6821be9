"""`autograder report`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.errors import AutograderError
from autograder.files import write_atomic
from autograder.options import JSON, course_of, output_file

if TYPE_CHECKING:
    from autograder.course.course import Course

__all__ = ["report"]


@click.command()
@click.argument("name", required=False)
@output_file("FILE", "Where to write.  [default: reports/NAME.html in the course, reports/index.html without a NAME]")
@click.option(
    "--also",
    multiple=True,
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Compare answers also with an earlier term's submitted/ or autograded/ folder. May be given again.",
)
@JSON
@click.pass_context
def report(ctx: click.Context, name: str | None, output: Path | None, also: tuple[Path, ...], as_json: bool) -> None:
    """Write a page on the class or, without NAME, the term.

    \b
    Examples:
      autograder report softmax
      autograder report softmax -o softmax.html
      autograder report softmax --json
      autograder report softmax --also ../2025/submitted
      autograder report

    A page on the class says what to teach again, whom to talk to and which check to look at. It has scores, questions,
    checks with their commonest mistakes, times, incidents, late submissions, scores that changed since the last report,
    and answers that are alike. The page on the term has points by assignment and by topic, who is falling behind, and
    which mistakes come back. The pages need no network; they name students, so keep them to yourself.
    """
    if also and name is None:
        raise AutograderError("--also compares answers to one assignment: name it.")
    course = course_of(ctx)
    if name is None:
        report_term(course, output, as_json)
    else:
        report_class(course, name, output, also, as_json)


def report_class(course: Course, name: str, output: Path | None, also: tuple[Path, ...], as_json: bool) -> None:
    """Write the report on one assignment, or print its numbers."""
    # Imported here, so that --help is quick.
    from autograder.gradebook.last_shown import REPORT
    from autograder.publishing.news import read_news
    from autograder.publishing.report.class_page import report_page
    from autograder.publishing.report.classes import read_class

    news = read_news(course, name)
    numbers = read_class(course, name, news.for_reader(REPORT), also)
    if as_json:
        click.echo(json.dumps(asdict(numbers), indent=2))
        return
    output = output or course.root / "reports" / f"{name}.html"
    write_page(report_page(numbers, course, output), output)
    news.keep([REPORT])
    click.echo(f"Written: {output}")


def report_term(course: Course, output: Path | None, as_json: bool) -> None:
    """Write the report on the term, or print its numbers."""
    from autograder.publishing.report.class_page import term_page
    from autograder.publishing.report.term import read_term

    numbers = read_term(course)
    if as_json:
        click.echo(json.dumps(asdict(numbers), indent=2))
        return
    output = output or course.root / "reports" / "index.html"
    write_page(term_page(numbers, output), output)
    click.echo(f"Written: {output}")


def write_page(page: str, output: Path) -> None:
    """Write a page, and the folder that it lies in. Raises AutograderError if it cannot be written."""
    try:
        write_atomic(output, page.encode())
    except OSError as error:
        raise AutograderError(
            f"The report cannot be written to {output}: {error.strerror}. Name another file with -o FILE."
        ) from None
