"""The signature of a function by the assignment's text: its parameters, and the shapes in its docstring or annotations.

Shapes are written as in `X: (m, d)`, `scores (m, c)` or `Returns (m, c)`, or as annotations: `X: "(m, d)"`. Letters of
a returned shape count only if a parameter has them too, so that none is invented.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.checking.array_comparison import compare_shapes, in_brackets, number
from autograder.checking.equality import is_numeric
from autograder.checking.outcomes import Call, CheckFailed

__all__ = ["Signature", "explain_by", "signatures"]

SHAPE = r"\((?P<shape>\w+(?:, ?\w+)*,?)\)"
RETURNS = re.compile(rf"\breturns?\b[^.()]{{0,80}}{SHAPE}", re.IGNORECASE)
ANNOTATED = re.compile(rf"\s*{SHAPE}\s*")
MOST_READ, MOST_IN_ROW = 5_000, 12

Shape = tuple[str, ...]


@dataclass(frozen=True)
class Signature:
    """Parameters in order, the shapes of those that have one, and the shape of the result (empty: not said)."""

    parameters: tuple[str, ...]
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    returns: Shape = ()

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call by the names of the parameters."""
        return dict(zip(self.parameters, args, strict=False)) | dict(kwargs)

    def lengths(self, given: Mapping[str, Any], right: tuple[int, ...]) -> dict[int, str]:
        """The letter of each length that the arguments and the `right` shape show, where only one letter has it."""
        found: dict[int, set[str]] = {}
        for letter, length in zip(self.returns, right, strict=True):
            found.setdefault(length, set()).add(letter)
        for name, value in given.items():
            shape = self.shapes.get(name, ())
            if isinstance(value, np.ndarray) and value.ndim == len(shape):
                for letter, length in zip(shape, value.shape, strict=True):
                    found.setdefault(length, set()).add(letter)
        return {length: letters.pop() for length, letters in found.items() if len(letters) == 1}

    def with_rows(self, given: Mapping[str, Any], length: int) -> list[str]:
        """The array arguments whose rows belong to the rows of the result."""
        first = self.returns[:1]
        tables = {name: value for name, value in given.items() if is_numeric(value) and np.ndim(value) == 2}
        return [name for name, a in tables.items() if self.shapes.get(name, ())[:1] == first and len(a) == length]


def signatures(sources: Iterable[str]) -> dict[str, Signature]:
    """The functions that cells define, by name; a later one counts. A cell that is not Python alone has none."""
    found: dict[str, Signature] = {}
    for source in sources:
        with suppress(SyntaxError, ValueError, RecursionError):
            functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
            found |= {node.name: signature(node) for node in functions}
    return found


def signature(node: ast.FunctionDef) -> Signature:
    parameters = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    text = " ".join((ast.get_docstring(node) or "")[:MOST_READ].split())
    shapes = {p.arg: shape for p in parameters if (shape := annotated(p.annotation) or shape_of(p.arg, text))}
    found = RETURNS.search(text)
    returns = annotated(node.returns) or (letters(found["shape"]) if found else ())
    known = {"1", *(letter for shape in shapes.values() for letter in shape), *(p.arg for p in parameters)}
    names = tuple(parameter.arg for parameter in parameters)
    return Signature(names, shapes, returns if known.issuperset(returns) else ())


def annotated(node: ast.expr | None) -> Shape:
    """The shape in an annotation that is a text."""
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    found = ANNOTATED.fullmatch(text)
    return letters(found["shape"]) if found else ()


def shape_of(parameter: str, text: str) -> Shape:
    """The shape that a docstring gives a parameter."""
    found = re.search(rf"(?<!\w){re.escape(parameter)}:? {SHAPE}", text)
    return letters(found["shape"]) if found else ()


def letters(shape: str) -> Shape:
    return tuple(letter.strip() for letter in shape.split(",") if letter.strip())


def explain_by(error: CheckFailed, call: Call, signature: Signature) -> None:
    """Add to a failure what the text of the assignment says of the function whose value was compared: its shape in the
    exercise's letters, and the row of an argument that the place belongs to."""
    if error.values is None or error.values[0] is not call.result:
        return
    got, want = error.values
    if type(got) is not np.ndarray or type(want) is not np.ndarray:
        return
    given = signature.bound(call.args, call.kwargs)
    if len(signature.returns) == want.ndim:
        try:
            compare_shapes(got, want, in_brackets(signature.returns), signature.lengths(given, want.shape))
        except CheckFailed as found:
            error.in_letters = found.cause
    names = signature.with_rows(given, len(want)) if error.place and signature.returns else []
    if names and given[names[0]].shape[1] <= MOST_IN_ROW:
        row = ", ".join(map(number, given[names[0]][error.place[0]]))
        error.row = f"{names[0]}[{error.place[0]}] is [{row}]"
