"""`validate --mutants`: which changes of the answer key the checks notice."""

from __future__ import annotations

import ast
import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autograder.authoring.mutants import Mutant, mutants_of
from autograder.authoring.trials import Trials
from autograder.authoring.validate import answers, only_needed, with_replaced
from autograder.checking.regions import SOLUTION, lines
from autograder.grading.assignment import Assignment, Template, load_assignment, source_notebook
from autograder.grading.course import Course
from autograder.grading.examples import ALTERNATIVES, mistakes_path, read_examples
from autograder.grading.preconditions import checked_limits
from autograder.workers import Workers

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Noticed", "mutation_table", "survivor_text", "try_mutants"]

SECONDS = 10.0
SECRET = b"mutants"


@dataclass(frozen=True)
class Noticed:
    """A mutant, and whether a visible check, or any check, is lost with it."""

    mutant: Mutant
    original: str
    by_visible: bool
    by_any: bool

    @property
    def title(self) -> str:
        return f"{self.mutant.answer}: {self.mutant.what}"

    def data(self) -> dict[str, object]:
        """All of it, as plain data."""
        return {
            "answer": self.mutant.answer,
            "what": self.mutant.what,
            "diff": self.diff,
            "noticed_by_visible": self.by_visible,
            "noticed_by_any": self.by_any,
        }

    @property
    def diff(self) -> str:
        """The lines that were changed."""
        found = difflib.unified_diff(self.original.split("\n"), self.mutant.source.split("\n"), lineterm="", n=0)
        return "\n".join(line for line in found if not line.startswith(("---", "+++", "@@")))


def try_mutants(
    course: Course,
    name: str,
    *,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[str], None] = lambda what: None,
) -> list[Noticed]:
    """Every mutant of the assignment's answers, with the checks that can see it run once. Mutants that alternatives.md
    says are right are left out. Raises AutograderError if there is no such assignment."""
    assignment = load_assignment(course, name)
    template = without_mistakes(assignment)
    source = source_notebook(course.source(name) / f"{template.name}.ipynb")
    bare, right = only_needed(source), alternatives(course, name)
    wanted = answers(source)
    sources = {c.metadata.nbgrader.grade_id: c.source for c in bare.cells if c.metadata.nbgrader.grade_id in wanted}
    sources |= {module: data.decode() for module, data in assignment.modules.items()}
    mutants = [mutant for answer in sources for mutant in mutants_of(answer, sources[answer])]
    mutants = [mutant for mutant in mutants if (mutant.answer, meaning(mutant.source)) not in right]
    on_start(len(mutants))
    limits = checked_limits(course)
    limits = replace(limits, cell_seconds=min(limits.cell_seconds, SECONDS))
    tested = {}
    for mutant in mutants:
        notebook = with_replaced(bare, template, mutant.answer, mutant.source)
        tested[id(notebook)] = (notebook, mutant)
    found: dict[Mutant, Noticed] = {}
    work = Trials(assignment, template, [SECRET], limits)
    with Workers(min(course.settings.jobs or os.cpu_count() or 1, len(mutants)), work) as workers:
        for notebook, outcome in workers.results(notebook for notebook, _ in tested.values()):
            mutant = tested[id(notebook)][1]
            # What cannot be tried at all is noticed: a person would look at it.
            lost = [] if isinstance(outcome, BaseException) else [v for v in outcome[1][0] if not v.passed]
            broken = isinstance(outcome, BaseException)
            visible = broken or any(not verdict.hidden for verdict in lost)
            found[mutant] = Noticed(mutant, sources[mutant.answer], visible, broken or bool(lost))
            on_done(mutant.what)
    return [found[mutant] for mutant in mutants]


def without_mistakes(assignment: Assignment) -> Template:
    """The assignment's notebook without known mistakes: nothing need be named."""
    template = assignment.notebooks[0]
    return replace(template, cells=tuple(replace(cell, mistakes=()) for cell in template.cells))


def alternatives(course: Course, name: str) -> set[tuple[str, str]]:
    """The right answers of alternatives.md: which answer, and what it means."""
    examples = read_examples(mistakes_path(course.root, name).with_name(ALTERNATIVES))
    return {(example.replaces, meaning(example.source)) for example in examples}


def meaning(source: str) -> str:
    """A program without comments, layout and docstrings."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def mutation_table(name: str, found: Sequence[Noticed]) -> Table:
    """How many mutants of each answer are noticed: by visible checks, by all."""
    from rich.table import Table

    table = Table(title=f"{name}: {len(found)} mutants of the answer key", title_justify="left")
    table.add_column("answer")
    for column in ("mutants", "noticed by visible checks", "by all"):
        table.add_column(column, justify="right")
    for answer in dict.fromkeys(noticed.mutant.answer for noticed in found):
        mine = [noticed for noticed in found if noticed.mutant.answer == answer]
        counts = len(mine), sum(n.by_visible for n in mine), sum(n.by_any for n in mine)
        table.add_row(answer, *map(str, counts))
    return table


def survivor_text(noticed: Noticed) -> str:
    """A survivor as an entry for mistakes.md or alternatives.md, with the lines that were changed above it."""
    code = "\n".join(
        line.text for line in lines(noticed.mutant.source, [SOLUTION]) if not line.marker and line.text.strip()
    )
    changed = "\n".join(f"    {line}" for line in noticed.diff.split("\n"))
    return (
        f"## {noticed.title}\n\n{changed}\n\n```{{code-cell}} ipython3\n"
        f":replaces: {noticed.mutant.answer}\n{code}\n```\n"
    )
