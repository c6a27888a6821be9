"""Comparisons that explain: type, shape, dtype and values in the order in which a teacher would look.

A `cause` is told to the student even of a hidden check, so it never holds a number of the test; it names
a mistake only where the evidence determines it. `detail` has the numbers, for visible checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from autograder.checking.handles import type_name_of
from autograder.checking.outcomes import CheckFailed
from autograder.checking.proxies import NotebookProxy
from autograder.checking.table_comparison import compare_tables, table_type
from autograder.kernel_side.values import MAX_BYTES

__all__ = ["assert_close", "assert_no_warnings", "assert_same", "assert_that", "assert_unchanged"]

Array = np.ndarray[Any, Any]

NOTHING = "nothing was returned (None): is there a return at the end?"
MOST_AXES = 5
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
) -> None:
    """`actual` equals `expected` up to rtol·|expected| + atol, leaf by leaf for dicts, lists and tuples.

    `m` is the number of examples, so that a factor of m can be named. `mistakes` maps a sentence to the value
    that a known mistake gives; it is told when `actual` is that value. Raises CheckFailed.
    """
    mistakes = mistakes or {}
    if table_type(expected) or table_type(actual):
        refuse_other_type(actual, expected)
        compare_tables(actual, expected, lambda a, b: compare_arrays(a, b, rtol, atol, m, {}), exact=False)
        return
    actual, expected = as_float(actual), as_float(expected)
    if isinstance(expected, (dict, list, tuple)) and not is_numeric_sequence(expected):
        compare_parts(actual, expected, rtol, atol, m, mistakes)
        return
    compare_arrays(actual, expected, rtol, atol, m, mistakes)


def compare_parts(
    actual: Any, expected: Any, rtol: float, atol: float, m: int | None, mistakes: Mapping[str, Any]
) -> None:
    """Compare dict with dict or sequence with sequence, naming the part that differs."""
    where = parts(actual, expected)
    named = {sentence: parts(value, expected) for sentence, value in mistakes.items()}
    for name, part in parts(expected, expected).items():
        try:
            of_part = {sentence: value[name] for sentence, value in named.items() if name in value}
            assert_close(where[name], part, rtol=rtol, atol=atol, m=m, mistakes=of_part)
        except CheckFailed as error:
            raise CheckFailed(f"in {name}, {error.cause}", error.detail) from None


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
    """Whether a list or tuple is plain numbers, to be compared as one array."""
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and all(isinstance(v, (int, float, complex, np.generic)) for v in value)
        and isinstance(value, list)
    )


def compare_arrays(
    actual: Any, expected: Any, rtol: float, atol: float, m: int | None, mistakes: Mapping[str, Any]
) -> None:
    """Compare numbers or arrays of numbers."""
    got, want = as_numbers(actual, np.ndim(expected)), np.asarray(expected)
    compare_shapes(got, want)
    if close(got, want, rtol, atol):
        return
    for sentence, value in mistakes.items():
        wrong = np.asarray(value)
        if wrong.shape == got.shape and close(got, wrong, rtol, atol):
            raise CheckFailed(sentence, difference(got, want))
    raise CheckFailed(named_mistake(got, want, m, rtol, atol), difference(got, want))


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


def compare_shapes(got: Array, want: Array) -> None:
    """Raise CheckFailed if the shapes differ, saying how where it is plain."""
    if got.shape == want.shape:
        return
    detail = f"shape {got.shape}, expected {want.shape}"
    if got.ndim > max(want.ndim, MOST_AXES):
        raise CheckFailed("the array has far too many axes", detail)
    if got.ndim != want.ndim and squeezed(got.shape) == squeezed(want.shape):
        extra = "too many" if got.ndim > want.ndim else "too few"
        raise CheckFailed(f"the shape has axes of length 1 {extra}: {letters(got)} instead of {letters(want)}", detail)
    if got.shape == want.shape[::-1]:
        raise CheckFailed("the shape is transposed", detail)
    if want.ndim == 0:
        raise CheckFailed("one number is expected, and this is an array", detail)
    if got.ndim == 0:
        raise CheckFailed("an array is expected, and this is one number", detail)
    if got.ndim != want.ndim:
        raise CheckFailed(f"the array has {got.ndim} axes instead of {want.ndim}", detail)
    raise CheckFailed("the shape is wrong", detail)


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def letters(array: Array) -> str:
    """A shape with letters for its lengths, such as (1, h)."""
    names = iter("hkn" + "ijpqrs" * 6)
    inside = ["1" if n == 1 else next(names) for n in array.shape]
    return "a single number" if not inside else f"({inside[0]},)" if len(inside) == 1 else f"({', '.join(inside)})"


def close(got: Array, want: Array, rtol: float, atol: float) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.allclose(got, want, rtol=rtol, atol=atol, equal_nan=True))


def named_mistake(got: Array, want: Array, m: int | None, rtol: float, atol: float) -> str:
    """The mistake that the values show, or only that they are wrong."""
    if np.isnan(got).any() and not np.isnan(want).any():
        return "there are NaN among the values"
    if np.isinf(got).any() and not np.isinf(want).any():
        return "there are infinite values: something overflows or divides by zero"
    if np.any(want != 0):
        for name, factor in factors(m).items():
            small = 0.01 * float(np.max(np.abs(want * factor)))
            if close(got, want * factor, rtol, min(atol, small)):
                return f"the values are {name}"
    if got.ndim == 2 and got.shape[0] == got.shape[1] and got.size > 1 and close(got, want.T, rtol, atol):
        return "the result is transposed"
    return "the values are wrong"


def factors(m: int | None) -> dict[str, float]:
    """Constant factors that have a name."""
    named = {
        "the right ones times −1: the sign is wrong": -1.0,
        "twice the right ones: a factor of 2 is too much": 2.0,
        "half the right ones: a factor of 2 is missing": 0.5,
    }
    if m is not None and m > 2:
        named["m times the right ones: a sum was taken where a mean is expected (m examples)"] = float(m)
        named["1/m times the right ones: they were divided by the number of examples m once too often"] = 1 / m
    return named


def difference(got: Array, want: Array) -> str:
    """Where the largest difference is, with both numbers."""
    if got.ndim == 0:
        return f"got {number(got[()])}, expected {number(want[()])}"
    with np.errstate(all="ignore"):
        gap = np.nan_to_num(np.abs(np.subtract(got, want, dtype=np.result_type(got, want, float))), nan=np.inf)
    index = np.unravel_index(int(np.argmax(gap)), got.shape)
    place = "[" + ", ".join(str(int(i)) for i in index) + "]"
    return f"largest difference at {place}: got {number(got[index])}, expected {number(want[index])}"


def number(value: Any) -> str:
    """A number of any NumPy type, with six digits."""
    return f"{value:.6g}" if np.iscomplexobj(value) else f"{float(value):.6g}"


def assert_same(actual: Any, expected: Any) -> None:
    """`actual` is exactly `expected`: labels, text, sets, whole numbers, arrays or tables. Raises CheckFailed."""
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
    """No array that this test passed to the student's functions was changed by them. Raises CheckFailed."""
    for call in student._calls:
        if call.changed:
            raise CheckFailed(f"what {call.name} is given is changed by it: work on a copy", ", ".join(call.changed))


def assert_no_warnings(student: NotebookProxy) -> None:
    """The student's functions gave no warning in this test. Raises CheckFailed."""
    for call in student._calls:
        if call.warnings:
            raise CheckFailed(f"calling {call.name} gives warnings", ", ".join(sorted(set(call.warnings))))
