"""The command line. It says what was asked and what came of it; the work is done elsewhere."""

from __future__ import annotations

import json
import os
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.distribution import extras_explained
from autograder.errors import AutograderError
from autograder.imports import ADDRESS_PARSER, unimportable
from autograder.interrupts import keep_interrupts
from autograder.options import JSON, NAME, course_of
from autograder.text import legible, printable
from autograder.version import __version__

if TYPE_CHECKING:
    from autograder.grading.class_run import ClassRun
    from autograder.grading.course import Course
    from autograder.grading.graded import GradedSubmission
    from autograder.sandbox.doctor import Finding

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
    "grade": "",
    "scores": "autograder.publishing.scores_command",
    "queue": "autograder.publishing.queue.queue_command",
    "changes": "autograder.publishing.changes_command",
    "feedback": "autograder.publishing.feedback.feedback_command",
    "report": "autograder.publishing.report.report_command",
    "pdf": "autograder.publishing.pdf.pdf_command",
    "gradescope": "autograder.publishing.gradescope.gradescope_commands",
    "gradescope-run": "autograder.publishing.gradescope.gradescope_commands",
    "doctor": "",
    "demo": "",
}


class Commands(click.Group):
    """The commands of COMMANDS; those without a module are below."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if not COMMANDS.get(name):
            return super().get_command(ctx, name)
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


@cli.command()
@NAME
@click.option("--student", "students", multiple=True, metavar="ID", help="Only this student; may be given again.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Submissions graded at once. Default: c.Autograder.jobs, or one per processor.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Grade on the Dask cluster with this scheduler.")
@click.option("--regrade", is_flag=True, help="Grade again what has not changed.")
@click.option("--void", multiple=True, metavar="CHECK", help="Void this check for everybody; may be given again.")
@click.option("--why", metavar="TEXT", help="Why it is void; students read this. Default: that it was not right.")
@click.option("--unvoid", multiple=True, metavar="CHECK", help="Let a check count again; may be given again.")
@click.option("--new-secret", is_flag=True, help="Begin a new gradebook.secret, where the old one is lost.")
@click.option("--unsafe", is_flag=True, help="Run student code without any sandbox, as you; nothing is promised then.")
@click.pass_context
def grade(
    ctx: click.Context,
    name: str,
    students: tuple[str, ...] = (),
    jobs: int | None = None,
    scheduler: str | None = None,
    regrade: bool = False,
    void: tuple[str, ...] = (),
    why: str | None = None,
    unvoid: tuple[str, ...] = (),
    new_secret: bool = False,
    unsafe: bool = False,
) -> None:
    """Grade what is new or changed of an assignment.

    \b
    Examples:
      autograder grade softmax
      autograder grade softmax --student ada --regrade
      autograder grade softmax --scheduler tcp://10.0.0.5:8786
      autograder grade softmax --void softmax_checks::test_softmax_large_scores --why "It asked for more than the text."
      autograder grade softmax --unvoid test_softmax_large_scores

    A CHECK is GRADE_ID::TEST, or TEST alone where there is only one of that name.

    Stop it at any time: the same command goes on where it was.
    """
    if not scheduler:
        from autograder.workers import start_forkserver

        start_forkserver("autograder.grading.grader")  # on another processor, while this one loads as much
    from autograder.grading.class_run import grade_class
    from autograder.progress import progress_bar
    from autograder.sandbox.levels import UNSAFE
    from autograder.sandbox.sandbox_errors import SandboxMissing

    if why is not None and not (void and why.strip()):
        raise AutograderError("--why TEXT says why a check is void: give it together with --void CHECK.")
    if twice := set(void) & set(unvoid):
        raise AutograderError(f"{min(twice)} cannot be void and count at once: give --void or --unvoid.")
    if jobs and scheduler:
        raise click.UsageError("--jobs is for this machine: on a cluster each worker does one submission at a time.")
    course = course_of(ctx)
    with progress_bar(f"grading {name}") as (start, advance, say):

        def warn(line: str) -> None:
            say(line, "bold red")

        def graded(submission: GradedSubmission) -> None:
            for line in incident_lines(submission):
                say(line)
            advance()

        try:
            done = grade_class(
                course,
                name,
                students,
                jobs=jobs or 0,
                scheduler=scheduler or "",
                regrade=regrade,
                void=void,
                unvoid=unvoid,
                why=why or "",
                sandbox=UNSAFE.name if unsafe else "",
                new_secret=new_secret,
                on_start=lambda total, unchanged: start(total) if total else None,
                on_graded=graded,
                on_note=warn,
            )
        except SandboxMissing as error:
            raise AutograderError(f"{error}.") from None
    for check in unvoid:
        click.echo(f"Counts again: {check}")
    show_outcome(course, name, done)
    sys.exit(1 if done.needs_a_person else 0)


def incident_lines(submission: GradedSubmission) -> list[str]:
    """What happened while a submission was graded, a line each."""
    return [
        f"{submission.student}: {' '.join(filter(None, (i.kind.value, i.cell)))}: {i.text.splitlines()[0]}"
        for i in submission.incidents
    ]


def show_outcome(course: Course, name: str, done: ClassRun) -> None:
    """What became of a run, and where to look."""
    from autograder.publishing.scores_command import show_scores

    for line in done.course_errors:
        click.echo(line, err=True)
    if done.unchanged:
        click.echo(f"{len(done.unchanged)} unchanged since they were graded (--regrade grades them again).")
    if done.rescored:
        click.echo(f"{len(done.rescored)} scored anew, without grading again, because what counts has changed.")
    is_waiting = show_scores(course, name)
    if done.due:
        click.echo(f"{name} is due {done.due:%Y-%m-%d %H:%M} UTC.")
    scored = [*(submission.student for submission in done.graded), *done.rescored]
    if any(course.path("feedback", student, name).is_dir() for student in scored):
        click.echo(f"Pages of feedback are older than these scores: autograder feedback {name}")
    there = shlex.quote(os.path.relpath(course.root))
    click.echo(f"\nGraded notebooks: {course.path('autograded', '*', name)}")
    command = "autograder" if there == "." else f"autograder --course {there}"
    click.echo(f"Look closer:      {command} scores {name} --json")
    if is_waiting:
        click.echo(f"Grade by hand:    {command} queue {name}, or formgrader in JupyterLab")


@cli.command()
@JSON
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Say what this machine can promise, one line each.

    In a course it also says whether formgrader and nbgrader's own commands are as safe as autograder's and, if a Unix
    group shares the course, what the group cannot use.

    \b
    Example:  autograder doctor --json
    """
    from autograder.sandbox.doctor import examine

    findings = [*examine(), *shared_course(ctx), *nbgrader_settings(ctx)]
    if as_json:
        click.echo(json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{finding.mark} {finding.what}: {finding.text}")
    sys.exit(0 if all(finding.good for finding in findings if finding.needed) else 1)


def shared_course(ctx: click.Context) -> list[Finding]:
    """If the course at hand is shared, whether its Unix group can use it."""
    from autograder.sandbox.doctor import Finding

    try:
        from autograder.grading.sharing import is_shared, unshared

        root = course_of(ctx).root
    except (AutograderError, ModuleNotFoundError):
        return []  # there is no course here, or no extra [grade], which is a finding of its own
    if not is_shared(root):
        return []
    wrong = unshared(root)
    some = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if wrong[5:] else "")
    advice = f"its Unix group cannot use {some}: run `chmod -R g+rwX` on these as their owner"
    return [Finding("shared course", not wrong, advice if wrong else "its Unix group can use all of it")]


def nbgrader_settings(ctx: click.Context) -> list[Finding]:
    """Whether nbgrader's own commands and formgrader do in the course at hand what autograder does."""
    from autograder.sandbox.doctor import Finding

    try:
        from autograder.authoring.new_course import missing_settings

        missing = missing_settings(course_of(ctx))
    except (AutograderError, ModuleNotFoundError):
        return []
    good = "formgrader and nbgrader's own commands grade in the sandbox, collect and show as autograder does"
    advice = (
        "formgrader and nbgrader's own commands are not as safe as autograder's; without the first two settings of "
        f"c.Autograde they run student code as you. Missing in nbgrader_config.py: {', '.join(missing)}; "
        "docs/migrate.md has the lines"
    )
    return [Finding("nbgrader", not missing, advice if missing else good, needed=False)]


@cli.command()
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


if __name__ == "__main__":
    main()
