"""A check cell as text: which tests it has, which of them are hidden, and where its author slipped."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["BEGIN_HIDDEN", "END_HIDDEN", "MAGIC", "CheckCell", "CheckCellError", "Test", "is_check_cell"]

MAGIC = "%%check"
BEGIN_HIDDEN = "### BEGIN HIDDEN TESTS"
END_HIDDEN = "### END HIDDEN TESTS"


class CheckCellError(ValueError):
    """A check cell that is not written as it must be; says what and on which line."""


@dataclass(frozen=True)
class Test:
    """One test function: `description` is the docstring's first paragraph; it is hidden if any line of it is.

    `void` says why it is taken out for everybody; it is empty for a check that counts.
    """

    name: str
    description: str
    weight: float
    hidden: bool
    fixtures: tuple[str, ...]
    given: tuple[str, ...]
    line: int
    void: str = ""


def is_check_cell(source: str) -> bool:
    """Whether a code cell starts with `%%check`, whatever else stands on that line."""
    return source.lstrip().split("\n", 1)[0].split()[:1] == [MAGIC]


@dataclass(frozen=True)
class CheckCell:
    """A check cell's source, from `%%check` on, and the tests that were taken out by name, with the reason."""

    source: str
    voids: Mapping[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The pytest module: the `%%check` line becomes the import of the prelude, so line numbers stay."""
        rest = self.source.lstrip().split("\n", 1)
        return "from autograder.checking.prelude import *\n" + (rest[1] if len(rest) > 1 else "")

    def hidden_lines(self) -> set[int]:
        """Line numbers (from 1) between the hidden-test markers. Raises CheckCellError for markers out of order."""
        hidden: set[int] = set()
        inside = False
        for number, line in enumerate(self.module.split("\n"), start=1):
            begins, ends = (marker.removeprefix("### ") in line for marker in (BEGIN_HIDDEN, END_HIDDEN))
            if (begins and inside) or (ends and not inside):
                raise CheckCellError(f"line {number}: {'nested' if begins else 'unopened'} hidden tests marker")
            inside = (inside or begins) and not ends
            if inside:
                hidden.add(number)
        if inside:
            raise CheckCellError(f"the hidden tests are never closed: add a line {END_HIDDEN}")
        return hidden

    def tests(self) -> list[Test]:
        """The test functions in order. Raises CheckCellError if it does not parse, markers are off, or two have one
        name."""
        hidden = self.hidden_lines()
        try:
            tree = ast.parse(self.module)
        except SyntaxError as error:
            raise CheckCellError(f"line {error.lineno}: {error.msg}") from None
        found: dict[str, Test] = {}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                if node.name in found:
                    first = found[node.name].line
                    raise CheckCellError(f"line {node.lineno}: {node.name} is there already, at line {first}")
                hidden_in_part = not hidden.isdisjoint(lines_of(node))
                found[node.name] = test_of(node, hidden_in_part, self.voids.get(node.name, ""))
        return list(found.values())


def lines_of(node: ast.FunctionDef) -> range:
    """The lines of a function with its decorators."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return range(first, (node.end_lineno or node.lineno) + 1)


def test_of(node: ast.FunctionDef, hidden: bool, void: str) -> Test:
    """What the definition of a test function says of it."""
    description = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ").strip()
    weight = decoration(node, "points", (1.0,))[0]
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight):
        raise CheckCellError(f"line {node.lineno}: @points takes a number")
    marked = decoration(node, "void", (None,))[0]
    if marked is not None and not (type(marked) is str and marked.strip()):
        raise CheckCellError(f"line {node.lineno}: @void takes a text that says why")
    return Test(
        node.name,
        description or node.name.removeprefix("test_").replace("_", " "),
        float(weight),
        hidden,
        tuple(argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)),
        tuple(map(str, decoration(node, "given", ()))),
        node.lineno,
        void or str(marked or ""),
    )


def decoration(node: ast.FunctionDef, name: str, default: tuple[object, ...]) -> tuple[object, ...]:
    """The literal arguments of the decorator `@name(…)`. Raises CheckCellError if they are not literals."""
    for call in node.decorator_list:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == name:
            try:
                values = tuple(ast.literal_eval(argument) for argument in call.args)
            except (ValueError, TypeError):
                values = ()
            if not values or call.keywords:
                raise CheckCellError(f"line {call.lineno}: @{name} takes literal values, without names")
            return values
    return default
