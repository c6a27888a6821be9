"""Which check cells can see an answer: only these need to run when nothing but that answer changes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import lru_cache

from nbformat import NotebookNode
from nbgrader import utils

from autograder.checking.bindings import bindings_of
from autograder.checking.cell import Called, CheckCell, is_check_cell

__all__ = ["affected_checks", "with_answer"]

DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


def affected_checks(notebook: NotebookNode, answer: str, source: str) -> set[str]:
    """The grade ids of the check cells that may find something else if the answer cell `answer` has another source:
    they stand behind it, and call a function that either source defines, or one whose definition leads to such a
    function by names.

    When in doubt, a check is named: if a source does more than define names, or the check hands the notebook on.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    at = next(number for number, cell in enumerate(code) if grade_id_of(cell) == answer)
    checks = [cell for cell in code[at:] if is_check_cell(cell.source) and utils.is_grade(cell)]
    sources = code[at].source, source
    if not all(map(only_defines, sources)):
        return set(map(grade_id_of, checks))
    changed = {name for each in sources for name, _ in bindings_of(each)}
    names = names_in([source, *(cell.source for cell in code)])
    return {grade_id_of(cell) for cell in checks if leads_to(changed, called_by(cell.source), names)}


@lru_cache(maxsize=256)
def called_by(source: str) -> Called:
    """The names that a check cell calls, cached: every known mistake of the notebook asks again."""
    return CheckCell(source).called()


def grade_id_of(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def only_defines(source: str) -> bool:
    """Whether a cell does nothing but define functions and names."""
    try:
        return all(isinstance(node, DEFINITIONS) or is_text(node) for node in ast.parse(source).body)
    except SyntaxError:
        return False


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def names_in(sources: Iterable[str]) -> dict[str, set[str]]:
    """The names that the notebook defines, each with those that any of its definitions mentions."""
    found: dict[str, set[str]] = {}
    for source in sources:
        for name, meanings in bindings_of(source):
            found.setdefault(name, set()).update(*(binding.roots for binding in meanings))
    return found


def leads_to(changed: set[str], called: Called, names: Mapping[str, set[str]]) -> bool:
    """Whether a check cell may use one of the names `changed`: it calls it, or a function that mentions it."""
    if not called.complete:
        return True
    waiting, seen = list(called.names), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += names.get(name, set())
    return not seen.isdisjoint(changed)


def with_answer(notebook: NotebookNode, answer: str, source: str) -> NotebookNode:
    """The notebook with the answer cell `answer` replaced."""
    cells = [
        NotebookNode(cell, source=source) if cell.cell_type == "code" and grade_id_of(cell) == answer else cell
        for cell in notebook.cells
    ]
    return NotebookNode(notebook, cells=cells)
