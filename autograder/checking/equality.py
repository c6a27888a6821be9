"""Whether two answers are equal up to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.kernel_side.parts import dissected

__all__ = ["MISSING", "alike", "canonical", "is_numeric"]

ROUNDING = 1e-9
# Finite differences and long sums are less exact. Two answers are also equal if they differ far less from each other
# than from the right one.
CLOSER, NEAR = 1e-3, 1e-5
# The relative error of a small sum of large terms.
CANCELLED = 1e-3
# A zero after rounding, among numbers around one: alone, it has no other number beside it to show its size.
ZERO = 1e-14
# A zero after the root of a rounding error, relative to the largest number.
ROOTED = 1e-7
NUMBERS = "biufc"
MISSING = object()  # where there is no value to compare with


def alike(got: Any, other: Any, right: Any = MISSING) -> bool:
    """Whether two values are equal up to rounding; `right` is the value that they should be, if that is known."""
    if is_numeric(got) and is_numeric(other):
        return numbers_alike(np.asarray(got), np.asarray(other), right)
    if got is MISSING or type(got) is not type(other):
        return False
    parts, others = dissected(got), dissected(other)
    if parts is not None or others is not None:  # dates and numbers are both arrays
        return (
            parts is not None and others is not None and parts.kind == others.kind and alike(parts.parts, others.parts)
        )
    if isinstance(got, dict):
        known = right if isinstance(right, dict) else {}
        return got.keys() == other.keys() and all(alike(got[k], other[k], known.get(k, MISSING)) for k in got)
    if isinstance(got, (list, tuple)):
        rights = right if isinstance(right, (list, tuple)) and len(right) == len(got) else [MISSING] * len(got)
        return len(got) == len(other) and all(map(alike, got, other, rights))
    if isinstance(got, np.random.Generator):
        return bool(got.bit_generator.state == other.bit_generator.state)
    if isinstance(got, np.ndarray):
        return bool(got.shape == other.shape and (got == other).all())
    return bool(got == other)


def is_numeric(value: Any) -> bool:
    """Whether a value is a number or an array of numbers."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in NUMBERS
    return isinstance(value, (int, float, complex))


def numbers_alike(got: Any, other: Any, right: Any) -> bool:
    """Whether two arrays of numbers have one shape and are equal up to rounding."""
    if got.shape != other.shape:
        return False
    knows = is_numeric(right) and np.shape(right) == got.shape
    try:
        a, b, c = (np.asarray(numbers).astype(complex) for numbers in (got, other, right if knows else got))
    except OverflowError:
        return bool((got == other).all())
    with np.errstate(all="ignore"):
        finite = np.isfinite(a) & np.isfinite(b)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            return False
        size = np.abs(b[finite])
        away = np.nan_to_num(np.abs(a - c))[finite]
        allowed = ZERO + rounding(got, other) * (size + CANCELLED * size.max(initial=0.0))
        allowed += np.minimum(CLOSER * away, NEAR * size)
        return bool((np.abs(a - b)[finite] <= allowed).all())


def rounding(*arrays: Any) -> float:
    """The relative error that arrays of these types may have."""
    return max([ROUNDING, *(64 * float(np.finfo(a.dtype).eps) for a in arrays if a.dtype.kind in "fc")])


def canonical(value: Any) -> str:
    """A text that two values share if they are equal up to rounding, but for a number just between two texts."""
    if is_numeric(value):
        return f"{np.shape(value)}:" + ",".join(digits(np.asarray(value)))
    parts = dissected(value)
    if parts is not None:
        return parts.kind + canonical(parts.parts)
    if isinstance(value, dict):
        return "{" + ";".join(sorted(f"{key!r}={canonical(part)}" for key, part in value.items())) + "}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}[" + ";".join(map(canonical, value)) + "]"
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, (set, frozenset)):
        return "{" + ";".join(sorted(map(canonical, value))) + "}"
    if isinstance(value, np.ndarray):
        return f"{value.shape}:{value.tolist()!r}"
    return repr(value)


def digits(array: Any) -> list[str]:
    """The numbers of an array with six digits; those that are zero but for rounding as zero."""
    if array.dtype.kind == "c":
        return [*digits(array.real), *digits(array.imag)]
    try:
        flat = array.astype(float).ravel()
    except OverflowError:
        return [str(array)]
    with np.errstate(all="ignore"):
        finite = flat[np.isfinite(flat)]
        tiny = max(ZERO, ROOTED * np.abs(finite).max(initial=0.0))
        return [f"{x:.5e}" for x in np.where(np.abs(flat) <= tiny, 0.0, flat)]
