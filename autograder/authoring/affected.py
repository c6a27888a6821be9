"""Which check cells can see an answer: only these need to run when nothing but that answer is another one."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from nbformat import NotebookNode
from nbgrader import utils

from autograder.checking.cell import CheckCell, is_check_cell
from autograder.checking.import_analysis import bindings_of

__all__ = ["affected_checks"]

# These look at what was called, and call nothing.
ONLY_LOOK = {"assert_no_warnings", "assert_unchanged", "measure"}
DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


def affected_checks(notebook: NotebookNode, answer: str) -> set[str]:
    """The grade ids of the check cells that may find something else because of the answer cell `answer`: they stand
    behind it, and call a function that it defines, or one whose definition leads to such a function by names.

    Where that cannot be told from the text, because the answer does more than to define, or a check does with the
    notebook what is no plain call, it is said of too many rather than of too few.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    at = next(number for number, cell in enumerate(code) if grade_id_of(cell) == answer)
    checks = [cell for cell in code[at:] if is_check_cell(cell.source) and utils.is_grade(cell)]
    if not only_defines(code[at].source):
        return set(map(grade_id_of, checks))
    changed, names = {name for name, _ in bindings_of(code[at].source)}, names_in(cell.source for cell in code)
    return {grade_id_of(cell) for cell in checks if leads_to(changed, called(cell.source), names)}


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
        for name, binding in bindings_of(source):
            found.setdefault(name, set()).update(dotted.partition(".")[0] for dotted in binding.names)
    return found


def called(source: str) -> set[str] | None:
    """The names of the student's notebook that a check cell uses; None if it does something else with it."""
    tree = ast.parse(CheckCell(source).module)
    plain = {node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    plain |= {
        argument
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ONLY_LOOK
        for argument in node.args
    }
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "student"]
    if not plain.issuperset(uses):
        return None
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.value in uses}


def leads_to(changed: set[str], start: set[str] | None, names: Mapping[str, set[str]]) -> bool:
    """Whether one of the names `changed` is among `start` or mentioned by what these stand for."""
    if start is None:
        return True
    waiting, seen = list(start), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += names.get(name, set())
    return not seen.isdisjoint(changed)
