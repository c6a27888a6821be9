"""Names kinds of values in words for a first-year student."""

from __future__ import annotations

from typing import Any

from autograder.checking.handles import type_name_of
from autograder.checking.table_comparison import table_type

__all__ = ["NOTHING", "a_kind", "a_type", "a_value", "article"]

NOTHING = "nothing was returned (None): is there a return at the end?"
# fmt: off
TELLABLE = frozenset({
    "function", "builtin_function_or_method", "method", "type", "module", "object", "bytes", "bytearray",
    "generator", "range", "map", "zip", "filter", "enumerate", "reversed", "dict_keys", "dict_values",
    "dict_items", "matrix", "MaskedArray", "DataFrame", "Series", "Tensor", "csr_matrix", "Fraction", "Decimal",
    "RandomState",
})
# fmt: on


def a_kind(value: Any) -> str:
    """The kind of a value, in words for a first-year student. Only well-known names are used: a student could name a
    type, a named tuple too, after what a hidden test gave them."""
    name = type_name_of(value)
    if table_type(value):
        return article(table_type(value))
    if isinstance(value, tuple) and type(value) is not tuple:
        return "a named tuple"
    if not name:
        return f"of type {type(value).__name__}"
    if name == "array of dtype object":
        return "an array of objects"
    return f"a value of type {name}" if name in TELLABLE else "of a type that does not fit"


def a_type(value: Any) -> str:
    """The name of a type that `a_kind` does not know."""
    name = type_name_of(value)
    return f"it is: {name}" if name and name not in TELLABLE else ""


def a_value(expected: Any) -> str:
    words: dict[Any, str] = {str: "text", set: "a set", dict: "a dict", list: "a list", tuple: "a tuple"}
    return words.get(type(expected), "a single value")


def article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
