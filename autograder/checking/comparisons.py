"""Comparisons that explain: type, shape, dtype and values in the order in which a teacher would look.

A `cause` is told to the student even of a hidden check, so it never holds a number of the test; it names
a mistake only where the evidence determines it. `detail` has the numbers, for visible checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from autograder.checking.array_comparison import (
    Tolerance,
    as_array,
    as_numbers,
    compare_arrays,
    compare_shapes,
    first_unequal,
)
from autograder.checking.equality import is_numeric
from autograder.checking.handles import type_name_of
from autograder.checking.outcomes import CheckFailed
from autograder.checking.proxies import NotebookProxy, connection_of
from autograder.checking.table_comparison import compare_tables, table_type
from autograder.checking.value_words import NOTHING, a_kind, a_type, a_value, article
from autograder.kernel_side.tensors import Tensor

__all__ = ["assert_close", "assert_no_warnings", "assert_same", "assert_that", "assert_unchanged"]

MOST_WARNINGS = 3
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
CONTAINERS = (str, set, dict, list, tuple)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    m: int | None = None,
    mistakes: Mapping[str, Any] | None = None,
    shape: str = "",
    equal_nan: bool = False,
) -> None:
    """`actual` equals `expected` up to rtol·|expected| + atol, leaf by leaf for dicts, lists and tuples.

    `m` is the number of examples, so that a factor of m can be named. `mistakes` maps a sentence to the value
    that a known mistake gives; it is told when `actual` is that value. `shape` is the exercise's own name of the
    expected shape, such as "(m, c)". NaN equals NaN only with `equal_nan`. Raises CheckFailed.
    """
    with comparing(actual, expected):
        compare(actual, expected, Tolerance(rtol, atol, equal_nan), m, mistakes or {}, shape)


@contextmanager
def comparing(actual: Any, expected: Any) -> Iterator[None]:
    """A failure in the block says which values were compared."""
    try:
        yield
    except CheckFailed as error:
        error.values = error.values or (actual, expected)
        raise


def compare(
    actual: Any, expected: Any, tolerance: Tolerance, m: int | None, mistakes: Mapping[str, Any], shape: str
) -> None:
    """Compare tables, containers or numbers."""
    actual = as_number(actual, as_float(expected))
    if table_type(expected) or table_type(actual):
        refuse_other_type(actual, expected)
        gaps = replace(tolerance, equal_nan=True)  # in a table NaN is a missing value
        compare_tables(actual, expected, lambda a, b: compare_arrays(a, b, gaps, m, {}, ""), exact=False)
    elif isinstance(expected, (dict, list, tuple)) and not is_numeric_sequence(expected):
        compare_parts(actual, expected, tolerance, m, mistakes, shape)
    else:
        compare_arrays(as_float(actual), as_float(expected), tolerance, m, mistakes, shape)


def compare_parts(
    actual: Any, expected: Any, tolerance: Tolerance, m: int | None, mistakes: Mapping[str, Any], shape: str
) -> None:
    """Compare dict with dict or sequence with sequence, naming the part that differs."""
    where = parts(actual, expected)
    named = {sentence: parts(value, expected) for sentence, value in mistakes.items()}
    for name, part in parts(expected, expected).items():
        try:
            of_part = {sentence: value[name] for sentence, value in named.items() if name in value}
            assert_close(where[name], part, m=m, mistakes=of_part, shape=shape, **vars(tolerance))
        except CheckFailed as error:
            raise CheckFailed(f"in {name}, {error.cause}", error.detail, error.values, error.place) from None


def parts(value: Any, like: Any) -> dict[str, Any]:
    """The parts of a dict or sequence by a name a student knows. Raises CheckFailed if `value` is not like `like`."""
    if value is None:
        raise CheckFailed(NOTHING)
    if isinstance(like, dict):
        if not isinstance(value, dict):
            raise CheckFailed(f"a dict is expected, and this is {a_kind(value)}", a_type(value))
        if set(value) != set(like):
            raise wrong_keys(value, like)
        names = [key if isinstance(key, str) else f"value {i + 1}" for i, key in enumerate(like)]
        return {name: value[key] for name, key in zip(names, like, strict=True)}
    if not isinstance(value, (list, tuple)):
        wanted = f"{len(like)} values are" if isinstance(like, tuple) else "a list is"
        raise CheckFailed(f"{wanted} expected, and this is {a_kind(value)}", a_type(value))
    if len(value) != len(like):
        raise CheckFailed("the number of values is wrong", f"{len(value)} values, expected {len(like)}")
    return {f"value {i + 1}": part for i, part in enumerate(value)}


def wrong_keys(value: dict[Any, Any], like: dict[Any, Any]) -> CheckFailed:
    """The failure of a dict whose keys are not those of `like`; names may be told, other keys are the test's."""
    wanted, got = (", ".join(sorted(map(repr, keys))) for keys in (like, value))
    if all(isinstance(key, str) for key in like):
        return CheckFailed(f"the dict must have exactly the keys {wanted}", f"it has {got or 'none'}")
    return CheckFailed("the dict has the wrong keys", f"it has {got or 'none'}, and {wanted} are expected")


def is_numeric_sequence(value: Any) -> bool:
    """Whether a list is plain numbers, to be compared as one array."""
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(v, (int, float, complex, np.generic)) for v in value)
    )


def assert_same(actual: Any, expected: Any) -> None:
    """`actual` is exactly `expected`: labels, text, sets, whole numbers, arrays or tables. Raises CheckFailed."""
    with comparing(actual, expected):
        compare_exactly(actual, expected)


def compare_exactly(actual: Any, expected: Any) -> None:
    actual = as_number(actual, expected)
    if table_type(expected) or table_type(actual):
        refuse_other_type(actual, expected)
        compare_tables(actual, expected, assert_same, exact=True)
    elif isinstance(expected, np.ndarray):
        got = as_numbers(actual, expected.ndim) if expected.dtype.kind in "biufc" else as_array(actual)
        compare_shapes(got, expected)
        if got.size and expected.dtype.kind in "mM" and is_numeric(got):  # NumPy's 3 hours are equal to 3
            raise CheckFailed("dates or durations are expected, and these are numbers")
        are_times = got.dtype.kind in "mM" and expected.dtype.kind in "mM"
        try:
            if not np.array_equal(got, expected, equal_nan=are_times):
                raise CheckFailed("the values are wrong", first_unequal(got, expected))
            if "O" in (got.dtype.kind, expected.dtype.kind) and takes_duration_for_number(got, expected):
                raise CheckFailed("the values are wrong", "a duration is no number")
        except TypeError:  # pandas.NA is neither equal nor unequal to anything
            raise CheckFailed("the values are wrong") from None
    elif isinstance(actual, np.ndarray):
        raise CheckFailed(f"an array came back where {a_value(expected)} is expected")
    elif actual is None and expected is not None:
        raise CheckFailed(NOTHING)
    elif type_name_of(actual) or (isinstance(expected, CONTAINERS) and type(actual) is not type(expected)):
        raise CheckFailed(f"{a_value(expected)} is expected, and this is {a_kind(actual)}", a_type(actual))
    elif not equal(actual, expected):
        raise CheckFailed("the value is wrong", f"got {short(actual)}, expected {short(expected)}")


def refuse_other_type(actual: Any, expected: Any) -> None:
    """Raise CheckFailed if one of two values is a table, or both are, and not of the same kind."""
    if actual is None:
        raise CheckFailed(NOTHING)
    wanted, got = table_type(expected), table_type(actual)
    if wanted and wanted != got:
        raise CheckFailed(f"{article(wanted)} is expected, and this is {a_kind(actual)}", a_type(actual))
    if got != wanted:
        wanted = "an array" if isinstance(expected, np.ndarray) else a_value(expected)
        raise CheckFailed(f"{wanted} is expected, and this is {article(got)}")


def as_number(actual: Any, expected: Any) -> Any:
    """A tensor that holds one number as that number, where a number is expected; anything else as it is."""
    is_one = isinstance(actual, Tensor) and actual.ndim == 0 and isinstance(expected, (int, float, np.number))
    return actual[()] if is_one else actual


def as_float(value: Any) -> Any:
    """A Decimal, a Fraction or a whole number that no array holds as a float, and anything else as it is; lists and
    tuples with such a whole number in the same way."""
    if not isinstance(value, (Decimal, Fraction)) and not is_long(value):
        return value
    if isinstance(value, (list, tuple)):
        return list(map(as_float, value))
    try:
        return float(value)
    except OverflowError:
        raise CheckFailed("the number is far too large") from None


def is_long(value: Any) -> bool:
    """Whether a value is a whole number of more than 64 bits, or a list or tuple with one in it."""
    if isinstance(value, (list, tuple)):
        return any(map(is_long, value))
    return type(value) is int and value.bit_length() > 63


def equal(actual: Any, expected: Any) -> bool:
    try:  # pandas.NA is, and compares with nothing
        return actual is expected or (bool(actual == expected) and not takes_duration_for_number(actual, expected))
    except (ValueError, TypeError, OverflowError):
        return False


def takes_duration_for_number(actual: Any, expected: Any) -> bool:
    """Whether values that are equal hold a duration in the place of a number: NumPy's 3 hours are equal to 3."""
    if actual is expected:
        return False
    if isinstance(actual, np.ndarray) or isinstance(expected, np.ndarray):
        return any(map(takes_duration_for_number, np.ravel(actual), np.ravel(expected)))
    if isinstance(actual, (list, tuple)):
        return any(map(takes_duration_for_number, actual, expected))
    if isinstance(actual, dict):
        return any(takes_duration_for_number(part, expected[key]) for key, part in actual.items())
    return np.timedelta64 in (type(actual), type(expected)) and (is_numeric(actual) or is_numeric(expected))


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


def assert_that(condition: Any, cause: str) -> None:
    """`condition` holds; if not, the student is told `cause`, also of a hidden check. Raises CheckFailed."""
    if not condition:
        raise CheckFailed(cause)


def assert_unchanged(student: NotebookProxy) -> None:
    """No array that this test passed to the student's functions was changed by them, as far as the student's process
    says. Raises CheckFailed."""
    for call in connection_of(student).calls:
        if call.changed:
            raise CheckFailed(
                f"{call.name} changes {argument_of(call.changed)}: work on a copy", ", ".join(call.changed)
            )


def argument_of(changed: list[str]) -> str:
    """Which argument was changed. The student's process says it, so nothing but a small number is believed."""
    numbers = {int(found[1]) for place in changed if (found := re.match(r"argument (\d)\b", place))}
    number = next(iter(numbers)) if len(numbers) == 1 else 0
    return f"its {ORDINALS[number - 1]} argument" if 1 <= number <= len(ORDINALS) else "its arguments"


def assert_no_warnings(student: NotebookProxy) -> None:
    """The student's functions gave no warning in this test, as far as the student's process says. Raises
    CheckFailed."""
    for call in connection_of(student).calls:
        if call.warnings:
            raise CheckFailed(
                f"calling {call.name} gives warnings", "; ".join(sorted(set(call.warnings))[:MOST_WARNINGS])
            )
