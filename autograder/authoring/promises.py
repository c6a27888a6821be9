"""The promises of validation for an assignment that passes it, and their limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from autograder.authoring.install_cell import unnamed_packages
from autograder.checking.cell import is_check_cell
from autograder.course.assignment import Assignment, Template
from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment

__all__ = ["promises"]


def promises(course: Course, name: str) -> Iterator[str]:
    """Sentences for the author of an assignment that validation found no problem in."""
    assignment = load_assignment(course, name)
    notebooks = assignment.notebooks
    several = f" ({', '.join(f'{notebook.name}.ipynb' for notebook in notebooks)})" if len(notebooks) > 1 else ""
    if any(notebook.has_checks for notebook in notebooks):
        held = "right code gets full marks, every known mistake is caught, nothing leaks"
    else:
        held = "the answers pass every test, the release gets no points, nothing leaks"
    yield f"✓ {name} may be released{several}: {held}."
    for believing in filter(None, map(believing_checks, notebooks)):
        yield (
            f"Note: a student who tampers with Python can pass {', '.join(believing)}: only the student's own process "
            "says whether arguments changed, warnings came, or what a call cost."
        )
    if unnamed := unnamed_in(assignment, course.settings.packages):
        named = json.dumps([*course.settings.packages, *unnamed.values()])
        yield (
            f"Note: the release imports {', '.join(unnamed)}, which students' installs lack. It installs what is "
            f"missing if nbgrader_config.py has the line: c.Autograder.packages = {named}"
        )
    if not any(cell.nbgrader.get("points") for notebook in notebooks for cell in notebook.cells):
        yield "Note: no cell has points, so everybody gets 0 of 0."
    if count := sum(map(ordinary_tests, notebooks)):
        graded = "ordinary test cells are" if count > 1 else "ordinary test cell is"
        yield (
            f"Note: {count} {graded} graded in nbgrader's own way, though in the sandbox: a student who tampers with "
            "such a cell can get its points. %%check cells promise more (docs/migrate.md)."
        )


def believing_checks(notebook: Template) -> list[str]:
    """The checks with points that rest on what the student's own process says of itself, and on nothing else."""
    cells = [cell.check for cell in notebook.cells if cell.is_check]
    return [test.name for cell in cells for test in cell.believing() if test.weight > 0]


def ordinary_tests(notebook: Template) -> int:
    """How many test cells nbgrader itself would grade."""
    return sum(
        cell.graded and not cell.nbgrader.get("solution") and not is_check_cell(cell.source) for cell in notebook.cells
    )


def unnamed_in(assignment: Assignment, packages: list[str]) -> dict[str, str]:
    """The packages, by module, that the release needs and that nobody has named."""
    cells = [cell for notebook in assignment.notebooks for cell in notebook.release if cell.cell_type == "code"]
    beside = [Path(file).parts[0] for file in (*assignment.files, *assignment.modules)]
    return unnamed_packages([cell.source for cell in cells], beside, packages)
