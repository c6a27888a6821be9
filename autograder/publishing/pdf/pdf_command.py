"""`autograder pdf`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.errors import AutograderError
from autograder.text import printable

__all__ = ["pdf"]

if TYPE_CHECKING:
    from autograder.publishing.pdf.export import Exported

LAYOUTS = ("flow", "fixed")


@click.command()
@click.argument("notebooks", nargs=-1, required=True, metavar="NOTEBOOK...", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="PDF file, or folder for many.")
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    default="flow",
    show_default=True,
    help="fixed: the same pages for the same questions for every student.",
)
@click.option("--paper", type=click.Choice(["letter", "a4"]), default="letter", show_default=True)
@click.option("--release", type=click.Path(path_type=Path), help="The released notebook, if not the course's own.")
@click.option(
    "--room",
    type=click.IntRange(0, 20),
    default=1,
    show_default=True,
    help="Pages that a question gets beyond those in the release (fixed layout).",
)
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one for each core]")
@click.option("--anonymous", is_flag=True, help="No student's name on pages and files.")
@click.pass_context
def pdf(
    ctx: click.Context,
    notebooks: tuple[Path, ...],
    output: Path | None,
    layout: str,
    paper: str,
    release: Path | None,
    room: int,
    jobs: int | None,
    anonymous: bool,
) -> None:
    """Export notebooks, or submission folders, to PDF.

    \b
    Examples:
      autograder pdf softmax.ipynb
      autograder pdf softmax.ipynb -o homework.pdf --paper a4
      autograder pdf submitted/*/softmax -o pdfs/
      autograder pdf submitted/*/softmax -o pdfs/ --layout fixed --anonymous

    A submission's changed .py files follow its notebook, and where it has been graded, the graded
    notebook is taken. What cannot be shown as Jupyter shows it is shown as it was written,
    marked in the margin, and named here with the number of its cell.
    """
    # Imported here, so that --help is quick.
    from autograder.progress import progress_bar
    from autograder.publishing.pdf.batch import export_many

    with progress_bar("exporting") as (start, advance, say):

        def exported(result: Exported) -> None:
            for line in lines_about(result):
                say(line)
            advance()

        try:
            results = export_many(
                notebooks,
                output,
                layout="fixed" if layout == "fixed" else "flow",
                paper="a4" if paper == "a4" else "letter",
                jobs=jobs or os.cpu_count() or 1,
                anonymous=anonymous,
                release=release,
                course=ctx.obj,
                room=room,
                on_start=lambda total: start(total) if total > 1 else None,
                on_done=exported,
            )
        except OSError as error:
            raise AutograderError(f"{error}.") from None
    summarise(results)
    sys.exit(1 if any(result.needs_a_look for result in results) else 0)


def lines_about(result: Exported) -> list[str]:
    """Lines for a person on a PDF, made printable: they quote students, whom a terminal would obey."""
    name = result.output.name  # not the student: with --anonymous nobody's name is on the screen either
    lines = [f"{name}: {notice}" for notice in result.notices]
    return [printable(line) for line in ([*lines, f"{name}: no PDF: {result.error}"] if result.error else lines)]


def summarise(results: list[Exported]) -> None:
    written = [result for result in results if not result.error]
    if len(results) == 1 and written:
        click.echo(written[0].output)
        return
    looks = sum(result.needs_a_look for result in results)
    folders = sorted({str(result.output.parent) for result in written})
    click.echo(
        f"{len(written)} PDF{'s' * (len(written) != 1)} in {', '.join(folders) or 'no folder'}"
        + (f"; {looks} to look at (see above)" if looks else "")
    )
