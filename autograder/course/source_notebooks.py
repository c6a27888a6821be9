"""An assignment made from the instructor's notebooks and files alone."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.warnings import MissingIDFieldWarning
from nbgrader import utils

from autograder.checking.cell import CheckCellError, is_check_cell
from autograder.checking.outcomes import Mistake
from autograder.course.affected import affected_checks
from autograder.course.answer_modules import answer_modules, released_module
from autograder.course.assignment import Assignment, KeyCell, ReleasedCell, Template, TemplateCell, other_language
from autograder.course.course import Course
from autograder.course.entries import Entry, mistakes_path, read_entries
from autograder.course.release_steps import prepared, released
from autograder.course.source_files import data_files, private_files, refuse_answers
from autograder.errors import AutograderError

__all__ = ["load_assignment", "plot_cells", "source_notebook"]

LOOKS = "cell_figures("
PYTHON = {"name": "python3", "display_name": "Python 3", "language": "python"}


def load_assignment(course: Course, name: str) -> Assignment:
    """The assignment `name` from the course's source folder. Raises AutograderError if there is none."""
    folder = course.source(name)
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        known = ", ".join(course.assignments()) or "none yet"
        raise AutograderError(f"There is no assignment {name!r}: no notebook in {folder}. Assignments here: {known}.")
    entries = read_entries(mistakes_path(course.root, name))
    files = dict(data_files(folder, course))
    modules = answer_modules(files, course, name)
    notebooks = tuple(template_of(path, course, entries, modules) for path in paths)
    files |= {module: released_module(data, course) for module, data in modules.items()}
    refuse_answers(folder, files)
    return Assignment(name, notebooks, files, private_files(folder, course), modules)


def source_notebook(path: Path) -> NotebookNode:
    """An instructor's notebook. Raises AutograderError if it cannot be read."""
    try:
        with warnings.catch_warnings():
            # Older notebooks have no ids, and nothing needs them.
            warnings.simplefilter("ignore", MissingIDFieldWarning)
            notebook = nbformat.read(path, as_version=4)
    except Exception as error:
        why = str(error).strip().split("\n")[0]
        raise AutograderError(f"{path} cannot be read as a notebook: {why}.") from None
    for number, cell in enumerate(notebook.cells, start=1):
        about = cell.metadata.get("nbgrader", {})
        if not isinstance(about, dict) or (about and not isinstance(about.get("grade_id"), str)):
            raise AutograderError(
                f"{path}: cell {number} has no text as `grade_id` in its metadata `nbgrader`: give it one, or remove "
                "`nbgrader`."
            )
    return notebook


def template_of(path: Path, course: Course, entries: Sequence[Entry], modules: Collection[str]) -> Template:
    """The template and the answer key of one source notebook; `entries` are the assignment's known mistakes, also of
    its `modules`."""
    source = source_notebook(path)
    if language := other_language(source.metadata):
        raise AutograderError(f"{path} is a notebook in {language}: only notebooks in Python can be graded.")
    known = mistakes_seen(source, entries, modules)
    nodes = [template_cell(node) for node in prepared(source, path, course).cells]
    cells = tuple(replace(cell, mistakes=known.get(cell.grade_id, ())) for cell in nodes if cell is not None)
    for cell in filter(lambda cell: cell.is_check, cells):
        try:
            cell.check.tests()
        except CheckCellError as error:
            raise AutograderError(f"{path}, {cell.grade_id}: {error}.") from None
    kernelspec = dict(source.metadata.get("kernelspec", PYTHON))
    release = tuple(map(released_cell, released(source, path, course).cells))
    solved = tuple(node.source for node in source.cells if node.cell_type == "code" and not utils.is_grade(node))
    return Template(path.stem, cells, tuple(answer_key(source)), kernelspec, release, solved)


def mistakes_seen(
    source: NotebookNode, entries: Sequence[Entry], modules: Collection[str]
) -> dict[str, tuple[Mistake, ...]]:
    """The known mistakes that each check cell may see: of a module's mistakes, all."""
    checks = {grade_id_of(node) for node in source.cells if node.cell_type == "code" and is_graded_check(node)}
    answers = {node.metadata.nbgrader.grade_id for node in source.cells if utils.is_solution(node)}
    seen: dict[str, tuple[Mistake, ...]] = {}
    for entry in entries:
        affected: set[str] = set()
        if entry.replaces in answers:
            affected = affected_checks(source, entry.replaces, entry.source)
        for check in checks if entry.replaces in modules else affected:
            seen[check] = (*seen.get(check, ()), entry.mistake)
    return seen


def released_cell(node: NotebookNode) -> ReleasedCell:
    grade_id = str(node.metadata.get("nbgrader", {}).get("grade_id", "")) if template_cell(node) else ""
    return ReleasedCell(grade_id, node.cell_type, node.source)


def template_cell(node: NotebookNode) -> TemplateCell | None:
    """The template of an nbgrader cell; None for a cell that nbgrader does not know."""
    if not (utils.is_grade(node) or utils.is_solution(node) or utils.is_locked(node) or utils.is_task(node)):
        return None
    metadata = json.loads(json.dumps(node.metadata.nbgrader))
    return TemplateCell(metadata["grade_id"], node.cell_type, node.source, utils.is_locked(node), metadata)


def answer_key(source: NotebookNode) -> Iterator[KeyCell]:
    """The cells of the answer key: locked cells, answers, and the places of the checks.

    Demonstrations, answers that are graded by hand, ordinary test cells and what follows the last check are left out:
    no check may depend on them, but for a plot whose figure the check behind it looks at. So an ordinary nbgrader
    course, whose notebooks need not run through, has no key.
    """
    code = [node for node in source.cells if node.cell_type == "code"]
    plots = plot_cells(source)
    checks = [number for number, node in enumerate(code) if is_graded_check(node)]
    for node in code[: checks[-1] + 1 if checks else 0]:
        if is_graded_check(node):
            yield KeyCell(node.metadata.nbgrader.grade_id, node.source, True)
        elif grade_id_of(node) in plots or (
            not utils.is_grade(node) and (utils.is_solution(node) or utils.is_locked(node))
        ):
            yield KeyCell(node.metadata.nbgrader.grade_id, node.source, False)


def plot_cells(source: NotebookNode) -> set[str]:
    """The grade ids of the answers whose figures the check cell behind them looks at."""
    code = [node for node in source.cells if node.cell_type == "code"]
    pairs = pairwise(code)
    return {grade_id_of(a) for a, b in pairs if utils.is_solution(a) and is_graded_check(b) and LOOKS in b.source}


def grade_id_of(node: NotebookNode) -> str:
    return str(node.metadata.get("nbgrader", {}).get("grade_id", ""))


def is_graded_check(node: NotebookNode) -> bool:
    """Whether a cell of the source notebook is a `%%check` cell that carries points."""
    return bool(utils.is_grade(node) and not utils.is_solution(node) and is_check_cell(node.source))
