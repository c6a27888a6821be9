"""``autograder pdf``."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

__all__ = ["pdf"]

if TYPE_CHECKING:
    from autograder.publishing.pdf.export import Exported

LAYOUTS = ("flow", "fixed")

EPILOG = """\b
Examples:
  autograder pdf softmax.ipynb
  autograder pdf softmax.ipynb -o homework.pdf --paper a4
  autograder pdf submitted/*/softmax -o pdfs/
  autograder pdf submitted/*/softmax -o pdfs/ --layout fixed --anonymous
"""


class _WrongUse(click.ClickException):
    exit_code = 2


@click.command(epilog=EPILOG)
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
def pdf(
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

    A submission's changed .py files follow its notebook, and where it has been graded, the graded
    notebook is taken. What cannot be shown as Jupyter shows it is shown as it was written,
    marked in the margin, and told here with the number of its cell.
    """
    # Imported here, so that --help is quick.
    from autograder.publishing.pdf.batch import export_many
    from autograder.publishing.pdf.errors import PdfError

    with _progress(len(notebooks)) as advance:
        try:
            results = export_many(
                notebooks,
                output,
                layout="fixed" if layout == "fixed" else "flow",
                paper="a4" if paper == "a4" else "letter",
                jobs=jobs or os.cpu_count() or 1,
                anonymous=anonymous,
                release=release,
                room=room,
                on_progress=advance,
            )
        except (PdfError, OSError) as error:
            raise _WrongUse(str(error)) from None
    _summarise(results)
    sys.exit(1 if any(result.needs_a_look for result in results) else 0)


@contextmanager
def _progress(total: int) -> Iterator[Callable[["Exported"], None]]:
    """A bar for many, on standard error; what was noticed is told as it occurs."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=total < 2 or not console.is_terminal) as progress:
        task = progress.add_task("Exporting", total=total)

        def advance(result: "Exported") -> None:
            for line in _lines(result):
                progress.console.print(line, markup=False)
            progress.advance(task)

        yield advance


def _lines(result: "Exported") -> list[str]:
    name = result.submission.student or result.submission.notebook.name
    lines = [f"{name}: {notice}" for notice in result.notices]
    return [*lines, f"{name}: no PDF: {result.error}"] if result.error else lines


def _summarise(results: list["Exported"]) -> None:
    written = [result for result in results if not result.error]
    if len(results) == 1 and written:
        click.echo(written[0].output)
        return
    looks = sum(result.needs_a_look for result in results)
    folders = sorted({str(result.output.parent) for result in written})
    click.echo(
        f"{len(written)} PDFs in {', '.join(folders) or 'no folder'}"
        + (f"; {looks} to look at (see above)" if looks else "")
    )
