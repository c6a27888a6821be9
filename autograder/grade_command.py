"""The command `autograder grade`."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

import click

from autograder.errors import AutograderError
from autograder.options import NAME, course_of
from autograder.text import in_zone

if TYPE_CHECKING:
    from autograder.course.course import Course
    from autograder.grading.class_run import ClassRun
    from autograder.submission.graded import GradedSubmission

__all__ = ["grade"]


@click.command()
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

    refuse_contradictions(jobs, scheduler, void, why, unvoid)
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


def refuse_contradictions(
    jobs: int | None, scheduler: str | None, void: tuple[str, ...], why: str | None, unvoid: tuple[str, ...]
) -> None:
    """Raise AutograderError or click.UsageError for options that contradict each other."""
    if why is not None and not (void and why.strip()):
        raise AutograderError("--why TEXT says why a check is void: give it together with --void CHECK.")
    if twice := set(void) & set(unvoid):
        raise AutograderError(f"{min(twice)} cannot be void and count at once: give --void or --unvoid.")
    if jobs and scheduler:
        raise click.UsageError("--jobs is for this machine: on a cluster each worker does one submission at a time.")


def incident_lines(submission: GradedSubmission) -> list[str]:
    """The incidents of a submission, a line each."""
    return [
        f"{submission.student}: {' '.join(filter(None, (i.kind.value, i.cell)))}: {i.text.splitlines()[0]}"
        for i in submission.incidents
    ]


def show_outcome(course: Course, name: str, done: ClassRun) -> None:
    """Print the results of a run, and where to look next."""
    from autograder.publishing.scores_command import show_scores

    for line in done.course_errors:
        click.echo(line, err=True)
    if done.unchanged:
        click.echo(f"{len(done.unchanged)} unchanged since they were graded (--regrade grades them again).")
    if done.rescored:
        click.echo(f"{len(done.rescored)} scored anew, without grading again, because what counts has changed.")
    is_waiting = show_scores(course, name)
    if done.due:
        click.echo(f"{name} is due {in_zone(done.due, course.zone)}.")
    scored = [*(submission.student for submission in done.graded), *done.rescored]
    if any(course.path("feedback", student, name).is_dir() for student in scored):
        click.echo(f"Pages of feedback are older than these scores: autograder feedback {name}")
    folder = shlex.quote(os.path.relpath(course.root))
    click.echo(f"\nGraded notebooks: {course.path('autograded', '*', name)}")
    command = "autograder" if folder == "." else f"autograder --course {folder}"
    click.echo(f"Look closer:      {command} scores {name} --json")
    if is_waiting:
        click.echo(f"Grade by hand:    {command} queue {name}, or formgrader in JupyterLab")
