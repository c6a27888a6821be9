"""Compares numbers and arrays of numbers: shape, then values, and names a mistake where the values determine it.

A `cause` is told to the student even of a hidden check, so it never holds a number of the test. `detail` has the
numbers, for visible checks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.checking.handles import type_name_of
from autograder.checking.outcomes import CheckFailed
from autograder.checking.value_words import NOTHING, a_kind, a_type
from autograder.kernel_side.wire import MAX_BYTES

__all__ = [
    "Tolerance",
    "as_array",
    "as_numbers",
    "compare_arrays",
    "compare_shapes",
    "first_unequal",
    "in_brackets",
    "number",
]

Array = np.ndarray[Any, Any]

MOST_AXES = 5


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may be from each other, and whether NaN equals NaN."""

    rtol: float
    atol: float
    equal_nan: bool

    def close(self, got: Array, want: Array) -> bool:
        with np.errstate(all="ignore"):
            return bool(np.allclose(got, want, rtol=self.rtol, atol=self.atol, equal_nan=self.equal_nan))


def compare_arrays(
    actual: Any, expected: Any, tolerance: Tolerance, m: int | None, mistakes: Mapping[str, Any], shape: str
) -> None:
    """Compare numbers or arrays of numbers."""
    got, want = as_numbers(actual, np.ndim(expected)), np.asarray(expected)
    compare_shapes(got, want, shape)
    if tolerance.close(got, want):
        return
    place, detail = difference(got, want, tolerance)
    for sentence, value in mistakes.items():
        wrong = np.asarray(value)
        if wrong.shape == got.shape and replace(tolerance, equal_nan=True).close(got, wrong):
            raise CheckFailed(sentence, detail, place=place)
    raise CheckFailed(named_mistake(got, want, m, tolerance), detail, place=place)


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


def compare_shapes(got: Array, want: Array, shape: str = "", known: Mapping[int, str] | None = None) -> None:
    """Raise CheckFailed if the shapes differ, saying how where it is plain; `shape` is the name of the right one, and
    `known` has the letters of lengths."""
    if got.shape == want.shape:
        return
    detail = f"shape {got.shape}, expected {want.shape}"
    if got.ndim > max(want.ndim, MOST_AXES):
        raise CheckFailed("the array has far too many axes", detail)
    if got.ndim != want.ndim and squeezed(got.shape) == squeezed(want.shape):
        extra = "the result has an extra axis" if got.ndim > want.ndim else "the result lacks an axis"
        raise CheckFailed(f"{extra} of length 1{named_shape(got, want, shape, known)}", detail)
    if got.shape == want.shape[::-1]:
        raise CheckFailed(f"the shape is transposed{named_shape(got, want, shape, known)}", detail)
    if want.ndim == 0:
        raise CheckFailed("one number is expected, and this is an array", detail)
    if got.ndim == 0:
        raise CheckFailed("an array is expected, and this is one number", detail)
    if got.ndim != want.ndim:
        raise CheckFailed(
            f"the array has {got.ndim} axes instead of {want.ndim}{named_shape(got, want, shape, known)}", detail
        )
    raise CheckFailed(f"the shape is wrong{named_shape(got, want, shape, known)}", detail)


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def named_shape(got: Array, want: Array, shape: str, known: Mapping[int, str] | None) -> str:
    """Both shapes in the exercise's letters, where `shape` says them and no other length of `want` is the same."""
    letters = [letter for letter in re.split(r"[\s(),]+", shape) if letter]
    if not letters:
        return ""
    names = dict(known if known is not None else zip(want.shape, letters, strict=False)) | {1: "1"}
    if len(letters) != want.ndim or len(set(want.shape)) < want.ndim or not set(got.shape) <= names.keys():
        return f": {shape} is expected"
    return f": {in_brackets([names[length] for length in got.shape])} instead of {shape}"


def in_brackets(letters: Sequence[str]) -> str:
    """A shape as Python writes it."""
    return f"({letters[0]},)" if len(letters) == 1 else f"({', '.join(letters)})"


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
    """Constant factors that have a name, if `want` has enough numbers to show one: by chance one number may be twice
    another, but hardly ever m times."""
    several = np.count_nonzero(want) > 1 and len(np.unique(np.abs(want))) > 1
    named: dict[str, float] = {}
    if several:
        named |= {
            "the right ones times −1: the sign is wrong": -1.0,
            "twice the right ones: a factor of 2 is too much": 2.0,
            "half the right ones: a factor of 2 is missing": 0.5,
        }
    if m is not None and m > 2 and (several or np.any(want % 1 != 0)):
        named["m times the right ones: you took the sum; take the mean (m examples)"] = float(m)
        named["1/m times the right ones: they were divided by the number of examples m once too often"] = 1 / m
    return named


def difference(got: Array, want: Array, tolerance: Tolerance) -> tuple[tuple[int, ...], str]:
    """Where two arrays differ most, and in words how many numbers do, with both numbers; NaN goes before all."""
    if got.ndim == 0:
        return (), f"got {number(got[()])}, expected {number(want[()])}"
    with np.errstate(all="ignore"):
        gap = np.nan_to_num(np.abs(np.subtract(got, want, dtype=np.result_type(got, want, float))), nan=np.inf)
        differs = ~np.isclose(got, want, **vars(tolerance))
    nan = np.isnan(got) & differs
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(nan if nan.any() else gap * differs)), got.shape))
    count = int(differs.sum())
    where = "the first NaN is" if nan.any() else "the largest difference is" if count > 1 else "the only difference is"
    how_many = f"{count} of {got.size} numbers differ; " if count > 1 else ""
    return index, f"{how_many}{where} at {list(index)}: got {number(got[index])}, expected {number(want[index])}"


def number(value: Any) -> str:
    """A number of any NumPy type, with six digits."""
    return f"{value:.6g}" if np.iscomplexobj(value) else f"{float(value):.6g}"


def first_unequal(got: Array, want: Array) -> str:
    """The first place where two arrays of one shape differ, with both values."""
    index = tuple(int(i) for i in np.argwhere(np.asarray(got != want))[0])
    return f"at {list(index)}: got {got[index]}, expected {want[index]}"
