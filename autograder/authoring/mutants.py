"""Mutants of an answer: the answer key changed in one place, as students err."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autograder.checking.regions import SOLUTION, lines

__all__ = ["Mutant", "mutants_of"]

Change = tuple[ast.AST, str, str]  # what is replaced, by which text, and what that is called
SWAPPED_NAMES = {"maximum": "minimum", "argmax": "argmin", "max": "min", "sum": "mean", "zeros": "ones"}
NAMES = SWAPPED_NAMES | {new: old for old, new in SWAPPED_NAMES.items()}
COMPARISONS = {ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Lt: ("<", "<="), ast.LtE: ("<=", "<")}


@dataclass(frozen=True)
class Mutant:
    """The answer cell `original` with one change: `what` was done to line `line`."""

    answer: str
    what: str
    line: int
    source: str
    original: str


def mutants_of(answer: str, source: str) -> list[Mutant]:
    """The mutants of an answer cell, each once. Only its solution is changed."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    solution = {line.number for line in lines(source, [SOLUTION]) if line.inside}
    found: dict[str, Mutant] = {}
    for node in ast.walk(tree):
        if getattr(node, "lineno", None) in solution:
            for place, text, what in changes(node):
                changed = with_text(source, place, text)
                if differs(source, changed):
                    found.setdefault(changed, Mutant(answer, what, place.lineno, changed, source))  # type: ignore[attr-defined]
    return list(found.values())


def changes(node: ast.AST) -> Iterator[Change]:
    """The changes to one node of the syntax tree."""
    for change in CHANGES:
        yield from change(node)


def axes(node: ast.AST) -> Iterator[Change]:
    """Another axis, all axes, or an axis that is not kept."""
    if isinstance(node, ast.keyword) and node.arg == "axis" and isinstance(node.value, (ast.Constant, ast.UnaryOp)):
        axis = ast.unparse(node.value)
        yield node.value, "1" if axis == "0" else "0", f"over another axis than {axis}"
        yield node.value, "None", "over all axes"
    if isinstance(node, ast.keyword) and node.arg == "keepdims":
        yield node.value, "False", "without keepdims"


def arithmetic(node: ast.AST) -> Iterator[Change]:
    """Sign, factor, missing term, order of operands."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield node, operand(node.operand), "without the minus"
    if not isinstance(node, ast.BinOp):
        return
    left, right = operand(node.left), operand(node.right)
    if isinstance(node.op, ast.Add):
        yield node, f"({left} - {right})", "minus instead of plus"
        yield node, left, "without the last term"
        yield node, right, "without the first term"
    if isinstance(node.op, ast.Sub):
        yield node, f"({left} + {right})", "plus instead of minus"
        yield node, f"({right} - {left})", "the difference the other way round"
        yield node, left, "without the last term"
    if isinstance(node.op, ast.Mult):
        yield node, left, f"without the factor {ast.unparse(node.right)}"
        yield node, right, f"without the factor {ast.unparse(node.left)}"
    if isinstance(node.op, ast.Div):
        yield node, left, f"not divided by {ast.unparse(node.right)}"
    if isinstance(node.op, ast.MatMult):
        yield node, f"({right} @ {left})", "the product the other way round"
    if isinstance(node.op, ast.Pow):
        yield node, left, "without the power"


def operand(node: ast.expr) -> str:
    """An operand as text, in parentheses if it needs them."""
    text = ast.unparse(node)
    return text if isinstance(node, (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript)) else f"({text})"


def bounds(node: ast.AST) -> Iterator[Change]:
    """One too few or too many, and comparisons that leave out or let in equality, or are the other way round."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range" and node.args:
        last = node.args[-1] if len(node.args) < 3 else node.args[1]
        yield last, f"{operand(last)} - 1", "one round too few"
        yield last, f"{operand(last)} + 1", "one round too many"
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        sign, other = COMPARISONS[type(node.ops[0])]
        left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
        yield node, f"({left} {other} {right})", f"{other} instead of {sign}"
        yield node, f"({right} {sign} {left})", "the comparison the other way round"


def copies(node: ast.AST) -> Iterator[Change]:
    """Work in place, and without a copy."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "copy":
        yield node, ast.unparse(node.func.value), "without a copy"
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and len(node.targets) == 1:
        target, value = ast.unparse(node.targets[0]), node.value
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}.get(type(value.op))
        if sign and ast.unparse(value.left) == target:
            yield node, f"{target} {sign}= {ast.unparse(value.right)}", "in place"


def branches(node: ast.AST) -> Iterator[Change]:
    """A branch that is never, or always, taken."""
    if isinstance(node, (ast.If, ast.IfExp)):
        yield node.test, "True", "without the other branch"
        yield node.test, "False", "without the branch"
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.where" and len(node.args) == 3:
        condition, yes, no = map(ast.unparse, node.args)
        yield node, f"np.where({condition}, {no}, {yes})", "the branches exchanged"


def names(node: ast.AST) -> Iterator[Change]:
    """A function for its neighbour, and a matrix that is not transposed."""
    if isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield node, f"{ast.unparse(node.value)}.{NAMES[node.attr]}", f"{NAMES[node.attr]} instead of {node.attr}"
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node, ast.unparse(node.value), "not transposed"


CHANGES: tuple[Callable[[ast.AST], Iterator[Change]], ...] = (axes, arithmetic, bounds, copies, branches, names)


def with_text(source: str, node: ast.AST, text: str) -> str:
    """The source with another text in the place of a node. Columns are counted in bytes."""
    rows = source.encode().split(b"\n")
    first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]
    before, after = rows[first][: node.col_offset], rows[last][node.end_col_offset :]  # type: ignore[attr-defined]
    return b"\n".join([*rows[:first], before + text.encode() + after, *rows[last + 1 :]]).decode()


def differs(source: str, changed: str) -> bool:
    """Whether a change makes another program, and one that compiles."""
    try:
        return ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False
