"""`validate --mutants`: which changes of the answer key the checks notice."""

from __future__ import annotations

import ast
import difflib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autograder.authoring.mutants import Mutant, mutants_of
from autograder.authoring.trials import Trials, Variant
from autograder.authoring.variants import answers, only_needed, with_replaced
from autograder.checking.regions import SOLUTION, lines
from autograder.course.assignment import Assignment
from autograder.course.course import Course
from autograder.course.entries import ALTERNATIVES, mistakes_path, read_entries
from autograder.course.source_notebooks import load_assignment, source_notebook
from autograder.errors import AutograderError
from autograder.grading.preconditions import checked_limits
from autograder.workers import Workers

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Noticed", "mutation_table", "survivor_text", "try_mutants", "variants"]

SECONDS = 10.0
SECRET = b"mutants"


@dataclass(frozen=True)
class Noticed:
    """A mutant, and whether a visible check, or any check, is lost with it."""

    mutant: Mutant
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
        before, after = self.mutant.original.split("\n"), self.mutant.source.split("\n")
        found = difflib.unified_diff(before, after, lineterm="", n=0)
        return "\n".join(line for line in found if not line.startswith(("---", "+++", "@@")))


def try_mutants(
    course: Course,
    name: str,
    *,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[str], None] = lambda what: None,
) -> list[Noticed]:
    """Every mutant of the assignment's answers, with the checks that can see it run once. Mutants that alternatives.md
    says are right are left out. Raises AutograderError if there is no such assignment, or no check cell in it."""
    assignment = without_mistakes(load_assignment(course, name))
    tested = list(variants(course, assignment))
    on_start(len(tested))
    limits = checked_limits(course)
    limits = replace(limits, cell_seconds=min(limits.cell_seconds, SECONDS))
    mutant_of = {id(variant): mutant for mutant, variant in tested}
    found: dict[Mutant, list[tuple[bool, bool]]] = {mutant: [] for mutant, _ in tested}
    work = Trials(assignment, [SECRET], limits)
    with Workers(min(course.settings.jobs or os.cpu_count() or 1, len(tested)), work) as workers:
        for variant, outcome in workers.results(variant for _, variant in tested):
            mutant = mutant_of[id(variant)]
            # What cannot be tried at all is noticed: a person would look at it.
            lost = [] if isinstance(outcome, BaseException) else [v for v in outcome[1][0] if not v.passed]
            broken = isinstance(outcome, BaseException)
            found[mutant].append((broken or any(not verdict.hidden for verdict in lost), broken or bool(lost)))
            on_done(mutant.what)
    return [Noticed(mutant, *map(any, zip(*noticed, strict=True))) for mutant, noticed in found.items()]


def variants(course: Course, assignment: Assignment) -> Iterator[tuple[Mutant, Variant]]:
    """The variants to try: each mutant of an answer in its notebook, and each of a module in every notebook with
    checks."""
    checked = [template for template in assignment.notebooks if template.has_checks]
    if not checked:
        raise AutograderError(f"{assignment.name} has no check cell that could notice a change (docs/migrate.md).")
    right = alternatives(course, assignment.name)
    modules = {module: data.decode() for module, data in assignment.modules.items()}
    for template in checked:
        source = source_notebook(course.source(assignment.name) / f"{template.name}.ipynb")
        bare, wanted = only_needed(source), answers(source)
        sources = {c.metadata.nbgrader.grade_id: c.source for c in bare.cells if c.metadata.nbgrader.grade_id in wanted}
        for answer, text in (sources | modules).items():
            for mutant in mutants_of(answer, text):
                if (answer, meaning(mutant.source)) not in right:
                    yield mutant, with_replaced(bare, template, answer, mutant.source)


def without_mistakes(assignment: Assignment) -> Assignment:
    """The assignment without known mistakes: nothing need be named."""
    notebooks = [
        replace(template, cells=tuple(replace(cell, mistakes=()) for cell in template.cells))
        for template in assignment.notebooks
    ]
    return replace(assignment, notebooks=tuple(notebooks))


def alternatives(course: Course, name: str) -> set[tuple[str, str]]:
    """The right answers of alternatives.md: which answer each replaces, and its `meaning`."""
    entries = read_entries(mistakes_path(course.root, name).with_name(ALTERNATIVES))
    return {(entry.replaces, meaning(entry.source)) for entry in entries}


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


def mutation_table(name: str, all_noticed: Sequence[Noticed]) -> Table:
    """How many mutants of each answer are noticed: by visible checks, by all."""
    from rich.table import Table

    table = Table(title=f"{name}: {len(all_noticed)} mutants of the answer key", title_justify="left")
    table.add_column("answer")
    for column in ("mutants", "noticed by visible checks", "by all"):
        table.add_column(column, justify="right")
    for answer in dict.fromkeys(noticed.mutant.answer for noticed in all_noticed):
        of_answer = [noticed for noticed in all_noticed if noticed.mutant.answer == answer]
        counts = len(of_answer), sum(n.by_visible for n in of_answer), sum(n.by_any for n in of_answer)
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
