"""The command `autograder doctor`: the machine, and the course at hand."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from autograder.errors import AutograderError
from autograder.options import JSON, course_of

if TYPE_CHECKING:
    from autograder.sandbox.doctor import Finding

__all__ = ["doctor"]


@click.command()
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
        from autograder.course.sharing import is_shared, sharing_problems

        course = course_of(ctx)
    except (AutograderError, ModuleNotFoundError):
        return []  # there is no course here, or no extra [grade], which is a finding of its own
    if not is_shared(course.root):
        return []
    wrong = sharing_problems(course.root, course.directory.groupshared)
    return [Finding("shared course", not wrong, "; ".join(wrong) or "its Unix group can use all of it")]


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
        "formgrader and nbgrader's own commands do less than autograder and are less safe; without the first two "
        f"settings of c.Autograde they run student code as you. Missing in nbgrader_config.py: {', '.join(missing)}; "
        "docs/migrate.md has the lines"
    )
    return [Finding("nbgrader", not missing, advice if missing else good, needed=False)]
