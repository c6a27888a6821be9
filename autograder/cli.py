"""The command line: finds commands, and turns errors into sentences and exit codes."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from autograder.distribution import extras_explained
from autograder.errors import AutograderError
from autograder.imports import ADDRESS_PARSER, unimportable
from autograder.interrupts import keep_interrupts
from autograder.text import legible, printable
from autograder.version import __version__

__all__ = ["main"]

# In the order in which a course meets them; the module is imported when the command is asked for.
COMMANDS = {
    "new": "autograder.authoring.authoring_commands",
    "make": "autograder.authoring.authoring_commands",
    "validate": "autograder.authoring.authoring_commands",
    "release": "autograder.authoring.authoring_commands",
    "site": "autograder.authoring.authoring_commands",
    "collect": "autograder.collecting.collect_command",
    "extend": "autograder.collecting.extend_command",
    "grade": "autograder.grade_command",
    "scores": "autograder.publishing.scores_command",
    "queue": "autograder.publishing.queue.queue_command",
    "changes": "autograder.publishing.changes_command",
    "feedback": "autograder.publishing.feedback.feedback_command",
    "report": "autograder.publishing.report.report_command",
    "pdf": "autograder.publishing.pdf.pdf_command",
    "gradescope": "autograder.publishing.gradescope.gradescope_commands",
    "gradescope-run": "autograder.publishing.gradescope.gradescope_commands",
    "doctor": "autograder.doctor_command",
    "demo": "autograder.demo_command",
}


class Commands(click.Group):
    """The commands of COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = getattr(import_module(COMMANDS[name]), name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Stopped. Nothing is lost or half-written: the same command goes on, or starts again.", err=True)
            sys.exit(130)


def main() -> None:
    """Run the command line: exit code 0 done, 1 a person must look at something, 2 wrong use or bad input,
    130 stopped with Ctrl-C."""
    keep_interrupts()
    import_module("autograder.garbage")  # here: importing this module must not change how a process collects
    try:
        with unimportable(ADDRESS_PARSER), extras_explained("This command"):
            cli.main(prog_name="autograder", standalone_mode=True)
    except AutograderError as error:
        click.echo(f"autograder: {legible(str(error))}", err=True)
        sys.exit(2)
    except OSError as error:  # a disk that is full, a folder that may not be written
        where = f"{printable(str(error.filename))}: " if error.filename else ""
        click.echo(
            f"autograder: {where}{error.strerror or error}. Mend that, then run the same command again.", err=True
        )
        sys.exit(2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--course",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The course's folder. Default: the nearest one upwards with nbgrader_config.py.",
)
@click.version_option(__version__, prog_name="autograder")
@click.pass_context
def cli(ctx: click.Context, course: Path | None) -> None:
    """Coursework in notebooks, and grades that can be trusted.

    \b
    A term in short:
      autograder validate softmax     is the assignment fit to be released?
      autograder release softmax      make what students get
      autograder collect FILE softmax put in place what was handed in
      autograder grade softmax        grade what was submitted
      autograder scores softmax       who has how many points
      autograder queue softmax        what is left to grade by hand
      autograder feedback softmax     a page for every student

    \b
    New here?
      autograder demo                 grade a class of made-up submissions
      autograder doctor               what this machine can promise
    """
    ctx.obj = course


if __name__ == "__main__":
    main()
