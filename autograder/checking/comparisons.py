"""Comparisons that explain: type, shape, dtype and values in the order in which a teacher would look.

A `cause` is told to the student even of a hidden check, so it never holds a number of the test; it names
a mistake only where the evidence determines it. `detail` has the numbers, for visible checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from autograder.checking.handles import type_name_of
from autograder.checking.outcomes import CheckFailed
from autograder.checking.proxies import NotebookProxy
from autograder.checking.table_comparison import compare_tables, table_type
from autograder.kernel_side.tensors import Tensor
from autograder.kernel_side.values import MAX_BYTES

__all__ = ["assert_close", "assert_no_warnings", "assert_same", "assert_that", "assert_unchanged"]

Array = np.ndarray[Any, Any]

NOTHING = "nothing was returned (None): is there a return at the end?"
MOST_AXES = 5
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
CONTAINERS = (str, set, dict, list, tuple)
# fmt: off
TELLABLE = frozenset({
    "function", "builtin_function_or_method", "method", "type", "module", "object", "bytes", "bytearray",
    "generator", "range", "map", "zip", "filter", "enumerate", "reversed", "dict_keys", "dict_values",
    "dict_items", "matrix", "MaskedArray", "DataFrame", "Series", "Tensor", "csr_matrix", "Fraction", "Decimal",
    "RandomState",
})
# fmt: on


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
    actual, expected = as_number(as_float(actual), expected), as_float(expected)
    if table_type(expected) or table_type(actual):
        refuse_other_type(actual, expected)
        gaps = replace(tolerance, equal_nan=True)  # in a table NaN is a missing value
        compare_tables(actual, expected, lambda a, b: compare_arrays(a, b, gaps, m, {}, ""), exact=False)
        return
    if isinstance(expected, (dict, list, tuple)) and not is_numeric_sequence(expected):
        compare_parts(actual, expected, tolerance, m, mistakes, shape)
        return
    compare_arrays(actual, expected, tolerance, m, mistakes, shape)


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may be from each other, and whether NaN equals NaN."""

    rtol: float
    atol: float
    equal_nan: bool

    def close(self, got: Array, want: Array) -> bool:
        with np.errstate(all="ignore"):
            return bool(np.allclose(got, want, rtol=self.rtol, atol=self.atol, equal_nan=self.equal_nan))


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
            raise CheckFailed(f"in {name}, {error.cause}", error.detail, error.values) from None


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


def compare_arrays(
    actual: Any, expected: Any, tolerance: Tolerance, m: int | None, mistakes: Mapping[str, Any], shape: str
) -> None:
    """Compare numbers or arrays of numbers."""
    got, want = as_numbers(actual, np.ndim(expected)), np.asarray(expected)
    compare_shapes(got, want, shape)
    if tolerance.close(got, want):
        return
    detail = difference(got, want, tolerance)
    for sentence, value in mistakes.items():
        wrong = np.asarray(value)
        if wrong.shape == got.shape and replace(tolerance, equal_nan=True).close(got, wrong):
            raise CheckFailed(sentence, detail)
    raise CheckFailed(named_mistake(got, want, m, tolerance), detail)


def as_numbers(value: Any, ndim: int) -> Array:
    """`value` as an array of numbers. Raises CheckFailed for None, text, ragged lists and types that do not cross."""
    if value is None:
        raise CheckFailed(NOTHING)
    if type_name_of(value) or isinstance(value, (str, dict, set, np.random.Generator)):
        wanted = "an array" if ndim else "a number"
        raise CheckFailed(f"{wanted} is expected, and this is {a_kind(value)}", a_type(value))
    array = as_array(value)
    if array.dtype.kind not in "biufc":
        raise CheckFailed("numbers are expected, and there is something else among them")
    return array


def as_array(value: Any) -> Array:
    """`value` as an array. Raises CheckFailed for ragged lists, and for what would take far more memory than it has:
    one long text makes room for as long a text everywhere."""
    if footprint(value) > MAX_BYTES:
        raise CheckFailed("this is far too large")
    try:
        return np.asarray(value)
    except TypeError:
        raise CheckFailed("numbers are expected, and there is something else among them") from None
    except ValueError:
        raise CheckFailed("the rows have different lengths, so they make no array") from None


def footprint(value: Any) -> int:
    """How many bytes the values in nested lists take as one array."""
    elements, widest, waiting = 0, 1, [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (list, tuple)):
            waiting.extend(part)
            continue
        sized = isinstance(part, (np.ndarray, np.generic))
        elements += part.size if sized else 1
        widest = max(widest, part.itemsize if sized else 4 * len(part) if isinstance(part, str) else 16)
    return elements * widest


def a_kind(value: Any) -> str:
    """What a value is, in words for a first-year student. A student could name a type after what a hidden test gave
    them, so only well-known names are told."""
    name = type_name_of(value)
    if table_type(value):
        return article(table_type(value))
    if not name:
        return f"of type {type(value).__name__}"
    if name == "array of dtype object":
        return "an array of objects"
    return f"a value of type {name}" if name in TELLABLE else "of a type that does not fit"


def a_type(value: Any) -> str:
    """The name of a type that `a_kind` does not tell."""
    name = type_name_of(value)
    return f"it is: {name}" if name and name not in TELLABLE else ""


def compare_shapes(got: Array, want: Array, shape: str = "") -> None:
    """Raise CheckFailed if the shapes differ, saying how where it is plain; `shape` is the name of the right one."""
    if got.shape == want.shape:
        return
    detail = f"shape {got.shape}, expected {want.shape}"
    if got.ndim > max(want.ndim, MOST_AXES):
        raise CheckFailed("the array has far too many axes", detail)
    if got.ndim != want.ndim and squeezed(got.shape) == squeezed(want.shape):
        extra = "the result has an extra axis" if got.ndim > want.ndim else "the result lacks an axis"
        raise CheckFailed(f"{extra} of length 1{named_shape(got, want, shape)}", detail)
    if got.shape == want.shape[::-1]:
        raise CheckFailed(f"the shape is transposed{named_shape(got, want, shape)}", detail)
    if want.ndim == 0:
        raise CheckFailed("one number is expected, and this is an array", detail)
    if got.ndim == 0:
        raise CheckFailed("an array is expected, and this is one number", detail)
    if got.ndim != want.ndim:
        raise CheckFailed(
            f"the array has {got.ndim} axes instead of {want.ndim}{named_shape(got, want, shape)}", detail
        )
    raise CheckFailed(f"the shape is wrong{named_shape(got, want, shape)}", detail)


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def named_shape(got: Array, want: Array, shape: str) -> str:
    """Both shapes in the exercise's letters, where `shape` says them and no other length of `want` is the same."""
    letters = [letter for letter in re.split(r"[\s(),]+", shape) if letter]
    if not letters:
        return ""
    names = dict(zip(want.shape, letters, strict=False)) | {1: "1"}
    if len(letters) != want.ndim or len(set(want.shape)) < want.ndim or not set(got.shape) <= names.keys():
        return f": {shape} is expected"
    inside = [names[length] for length in got.shape]
    found = f"({inside[0]},)" if len(inside) == 1 else f"({', '.join(inside)})"
    return f": {found} instead of {shape}"


def named_mistake(got: Array, want: Array, m: int | None, tolerance: Tolerance) -> str:
    """The mistake that the values show, or only that they are wrong."""
    if np.isnan(got).any() and not (tolerance.equal_nan and np.isnan(want).any()):
        return "there are NaN among the values"
    if np.isinf(got).any() and not np.isinf(want).any():
        return "there are infinite values: something overflows or divides by zero"
    for name, factor in factors(m, want).items():
        small = 0.01 * float(np.max(np.abs(want * factor)))
        if replace(tolerance, atol=min(tolerance.atol, small)).close(got, want * factor):
            return f"the values are {name}"
    if got.ndim == 2 and got.shape[0] == got.shape[1] and got.size > 1 and tolerance.close(got, want.T):
        return "the result is transposed"
    return "the values are wrong"


def factors(m: int | None, want: Array) -> dict[str, float]:
    """Constant factors that have a name, if `want` has enough numbers to show one: chance makes one number twice
    another, and hardly ever m times."""
    several = np.count_nonzero(want) > 1 and len(np.unique(np.abs(want))) > 1
    named: dict[str, float] = {}
    if several:
        named |= {
            "the right ones times −1: the sign is wrong": -1.0,
            "twice the right ones: a factor of 2 is too much": 2.0,
            "half the right ones: a factor of 2 is missing": 0.5,
        }
    if m is not None and m > 2 and (several or np.any(want % 1 != 0)):
        named["m times the right ones: a sum was taken where a mean is expected (m examples)"] = float(m)
        named["1/m times the right ones: they were divided by the number of examples m once too often"] = 1 / m
    return named


def difference(got: Array, want: Array, tolerance: Tolerance) -> str:
    """How many numbers differ, and where most, with both numbers; NaN goes before all."""
    if got.ndim == 0:
        return f"got {number(got[()])}, expected {number(want[()])}"
    with np.errstate(all="ignore"):
        gap = np.nan_to_num(np.abs(np.subtract(got, want, dtype=np.result_type(got, want, float))), nan=np.inf)
        differs = ~np.isclose(got, want, **vars(tolerance))
    nan = np.isnan(got) & differs
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(nan if nan.any() else gap * differs)), got.shape))
    count = int(differs.sum())
    where = "the first NaN is" if nan.any() else "the largest difference is" if count > 1 else "the only difference is"
    how_many = f"{count} of {got.size} numbers differ; " if count > 1 else ""
    return f"{how_many}{where} at {list(index)}: got {number(got[index])}, expected {number(want[index])}"


def number(value: Any) -> str:
    """A number of any NumPy type, with six digits."""
    return f"{value:.6g}" if np.iscomplexobj(value) else f"{float(value):.6g}"


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
        if not np.array_equal(got, expected, equal_nan=expected.dtype.kind in "mM"):
            raise CheckFailed("the values are wrong", first_unequal(got, expected))
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


def article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def as_number(actual: Any, expected: Any) -> Any:
    """A tensor that holds one number as that number, where a number is expected; anything else as it is."""
    is_one = isinstance(actual, Tensor) and actual.ndim == 0 and isinstance(expected, (int, float, np.number))
    return actual[()] if is_one else actual


def as_float(value: Any) -> Any:
    """A Decimal or Fraction as a float, and anything else as it is."""
    if not isinstance(value, (Decimal, Fraction)):
        return value
    try:
        return float(value)
    except OverflowError:
        raise CheckFailed("the number is far too large") from None


def a_value(expected: Any) -> str:
    words: dict[Any, str] = {str: "text", set: "a set", dict: "a dict", list: "a list", tuple: "a tuple"}
    return words.get(type(expected), "a single value")


def equal(actual: Any, expected: Any) -> bool:
    try:
        return bool(actual == expected)
    except ValueError:
        return False


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


def first_unequal(got: Array, want: Array) -> str:
    """The first place where two arrays of one shape differ, with both values."""
    index = tuple(int(i) for i in np.argwhere(np.asarray(got != want))[0])
    return f"at {list(index)}: got {got[index]}, expected {want[index]}"


def assert_that(condition: Any, cause: str) -> None:
    """`condition` holds; if not, the student is told `cause`, also of a hidden check. Raises CheckFailed."""
    if not condition:
        raise CheckFailed(cause)


def assert_unchanged(student: NotebookProxy) -> None:
    """No array that this test passed to the student's functions was changed by them, as far as the student's process
    says. Raises CheckFailed."""
    for call in student._calls:
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
    for call in student._calls:
        if call.warnings:
            raise CheckFailed(f"calling {call.name} gives warnings", ", ".join(sorted(set(call.warnings))))
