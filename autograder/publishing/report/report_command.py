"""`autograder report`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from autograder.errors import AutograderError
from autograder.options import JSON, NAME, course_of, output_file

__all__ = ["report"]


@click.command()
@NAME
@output_file("FILE", "Where to write.  [default: reports/NAME.html in the course]")
@JSON
@click.pass_context
def report(ctx: click.Context, name: str, output: Path | None, as_json: bool) -> None:
    """Write one page on the class.

    \b
    Examples:
      autograder report softmax
      autograder report softmax -o softmax.html
      autograder report softmax --json

    What to teach again, whom to talk to, which check to look at: scores, questions, checks with their commonest
    mistakes, times, incidents, late submissions, scores that changed since the last report, and answers that are
    alike. The page needs no network; it names students, so keep it to yourself.
    """
    # Imported here, so that --help is quick.
    from autograder.grading.told_scores import REPORT
    from autograder.publishing.news import read_news
    from autograder.publishing.report.class_page import report_page
    from autograder.publishing.report.classes import read_class

    course = course_of(ctx)
    news = read_news(course, name)
    numbers = read_class(course, name, news.for_reader(REPORT))
    if as_json:
        click.echo(json.dumps(asdict(numbers), indent=2))
        return
    output = output or course.root / "reports" / f"{name}.html"
    page = report_page(numbers, course, output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise AutograderError(
            f"The report cannot be written to {output}: {error.strerror}. Name another file with -o FILE."
        ) from None
    news.keep([REPORT])
    click.echo(f"Written: {output}")
