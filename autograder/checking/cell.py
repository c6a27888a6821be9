"""A check cell as text: its checks, which of them are hidden, the names that it uses, and its author's slips."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeGuard

from autograder.checking.regions import HIDDEN_TESTS, lines, slips

__all__ = ["MAGIC", "RECORD", "Called", "Check", "CheckCell", "CheckCellError", "is_check_cell", "without_record"]

MAGIC = "%%check"
# Begins the last line of a released check cell: see `answer_record`.
RECORD = "# record (for %%check; it changes no grade): "
# These look at what was called, and call nothing.
ONLY_LOOK = {"assert_no_warnings", "assert_unchanged", "measure"}
REVEALING = ("right", "reasons")
JUDGES = {"assert_choice", "assert_close", "assert_same"}


class CheckCellError(ValueError):
    """A check cell with a slip of its author's: the message names it, and its line."""


@dataclass(frozen=True)
class Check:
    """One test function. `description` is the first paragraph of its docstring; it is hidden if any of its lines is.

    `void` says why the check is void for everybody; it is empty for a check that counts. `names` are those of the
    student's notebook that its cell uses, and its own variables.
    """

    name: str
    description: str
    weight: float
    hidden: bool
    fixtures: tuple[str, ...]
    given: tuple[str, ...]
    line: int
    void: str = ""
    names: frozenset[str] = frozenset()


def is_check_cell(source: str) -> bool:
    """Whether a code cell starts with `%%check`, whatever follows on that line."""
    return source.split(maxsplit=1)[:1] == [MAGIC]


def without_record(source: str) -> str:
    """A cell as its author wrote it."""
    return "\n".join(line for line in source.split("\n") if not line.startswith(RECORD)) if RECORD in source else source


class Called(NamedTuple):
    """The names of the student's notebook that a check cell uses; `complete` says that it uses no others."""

    names: frozenset[str]
    complete: bool


@dataclass(frozen=True)
class CheckCell:
    """The source of a check cell, from `%%check` on; `voids` are the checks that were voided, with the reason."""

    source: str
    voids: Mapping[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The pytest module. The import of the prelude replaces the `%%check` line, so line numbers stay."""
        return "from autograder.checking.prelude import *\n" + self.source.lstrip().partition("\n")[2]

    def hidden_lines(self) -> set[int]:
        """Line numbers (from 1) of the hidden tests, markers included. Raises CheckCellError for a misplaced marker."""
        for slip in slips(self.module, [HIDDEN_TESTS]):
            raise CheckCellError(f"line {slip.line}: {slip.text}" if slip.line else slip.text)
        return {line.number for line in lines(self.module, [HIDDEN_TESTS]) if line.inside}

    def called(self) -> Called:
        """The names that the cell uses of the student's notebook, as far as its text shows."""
        tree = ast.parse(self.module)
        attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        plain = {node.value for node in attributes}
        plain |= {argument for call in calls if ast.unparse(call.func) in ONLY_LOOK for argument in call.args}
        uses = {node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "student"}
        return Called(frozenset(node.attr for node in attributes if node.value in uses), uses <= plain)

    def believing(self) -> list[Check]:
        """The checks that rest only on reports of the student's process: changed arguments, warnings, costs."""
        functions = {n.name: n for n in ast.parse(self.module).body if isinstance(n, ast.FunctionDef)}
        return [test for test in self.tests() if believes(functions[test.name], set(functions))]

    def revealing_lines(self) -> list[int]:
        """The lines (from 1) that let students read the right options of a question, or reasons against the wrong
        ones, which reveal as much."""
        calls = [node for node in ast.walk(ast.parse(self.module)) if is_call_of(node, "assert_choice")]
        lines = {call.lineno for call in calls if any(word.arg in REVEALING for word in call.keywords)}
        return sorted(lines - self.hidden_lines())

    def tests(self) -> list[Check]:
        """The checks in order. Raises CheckCellError for a syntax error, a misplaced marker, a repeated name, or a
        test that would not count."""
        return list(self._tests)

    @cached_property
    def _tests(self) -> tuple[Check, ...]:
        hidden = self.hidden_lines()
        try:
            tree = ast.parse(self.module)
        except SyntaxError as error:
            raise CheckCellError(f"line {error.lineno}: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise CheckCellError(f"it cannot be read as Python: {error}") from None
        checks: dict[str, Check] = {}
        names = self.called().names
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                if node.name in checks:
                    first = checks[node.name].line
                    raise CheckCellError(f"line {node.lineno}: {node.name} is already defined at line {first}")
                hidden_in_part = not hidden.isdisjoint(lines_of(node))
                test = checks[node.name] = check_of(node, hidden_in_part, self.voids.get(node.name, ""), names)
                if "private" in test.fixtures and not hidden_in_part:
                    raise CheckCellError(f"line {node.lineno}: {node.name} takes private files, so it must be hidden")
            else:
                for other in other_tests(node):
                    why = "a check is a plain function, not async, and not inside a class or an if"
                    raise CheckCellError(f"line {other.lineno}: {other.name} would not count: {why}")
        return tuple(checks.values())


def other_tests(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The tests in a statement that pytest would find or warn of, and that are no checks."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if node.name.startswith("test"):
            yield node
    elif not isinstance(node, ast.ClassDef) or node.name.startswith("Test"):
        for part in ast.iter_child_nodes(node):
            if isinstance(part, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                yield from other_tests(part)


def believes(node: ast.FunctionDef, helpers: set[str]) -> bool:
    """Whether a test asserts something, and rests only on what the student's process reports of itself."""
    called = {n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    costs = {ast.unparse(item.optional_vars) for n in ast.walk(node) if isinstance(n, ast.With) for item in n.items
             if item.optional_vars is not None and ast.unparse(item.context_expr).startswith("measure(")}  # fmt: skip
    assertions = [n for n in ast.walk(node) if isinstance(n, ast.Assert) or is_call_of(n, "assert_that")]
    compares = "pytest" in names_in(node) or bool(called & (helpers | JUDGES))
    compares = compares or any(names_in(condition).isdisjoint(costs) for condition in assertions)
    return bool(called & ONLY_LOOK) and not compares


def is_call_of(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def variables(node: ast.AST) -> set[str]:
    """The names that a test gives to values."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def lines_of(node: ast.FunctionDef) -> range:
    """The lines of a function with its decorators."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return range(first, (node.end_lineno or node.lineno) + 1)


def check_of(node: ast.FunctionDef, hidden: bool, void: str, names: frozenset[str]) -> Check:
    """The check that a test function defines."""
    description = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ").strip()
    weight = decoration(node, "points", (1.0,))[0]
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight):
        raise CheckCellError(f"line {node.lineno}: @points takes a number")
    reason = decoration(node, "void", (None,))[0]
    if reason is not None and not (type(reason) is str and reason.strip()):
        raise CheckCellError(f"line {node.lineno}: @void takes a text that says why")
    return Check(
        node.name,
        description or node.name.removeprefix("test_").replace("_", " "),
        float(weight),
        hidden,
        tuple(argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)),
        tuple(map(str, decoration(node, "given", ()))),
        node.lineno,
        void or str(reason or ""),
        names | variables(node),
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
