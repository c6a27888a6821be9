"""Values that cross as parts: dates, exact numbers, bytes, named tuples, masked and sparse arrays, pandas' tables.

`dissected` takes a value apart into plain values and arrays, and `rebuilt` makes it again from them where the package
is installed. Elsewhere it stays `Parts`, which can be compared. Neither pandas nor SciPy is imported to take apart.
"""

from __future__ import annotations

import datetime
import re
import sys
from collections import namedtuple
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from autograder.kernel_side.pandas_parts import PANDAS_BUILDERS, of_pandas, typed
from autograder.kernel_side.stand_ins import Masked, Parts
from autograder.kernel_side.tensors import marked, of_tensor, torch_tensor

__all__ = ["IN_NOTEBOOK", "dissected", "rebuilt"]

MAX_SPARSE_CELLS = 10**8
MAX_EXPONENT = 10_000
TIME_DTYPE = re.compile(r"<[mM]8(\[([1-9][0-9]{0,3})?[A-Za-z]{1,2}\])?")
DATES: dict[str, Any] = {"datetime": datetime.datetime, "date": datetime.date, "time": datetime.time}

Array = np.ndarray[Any, Any]


def dissected(value: Any) -> Parts | None:
    """The parts of a value, if it crosses as parts."""
    if isinstance(value, Parts):
        return value
    if (found := of_tensor(value)) is not None:
        return found
    if isinstance(value, (np.ndarray, np.generic)):
        return of_array(value)
    if type(value) is bytes:
        return Parts("bytes", {"data": np.frombuffer(value, np.uint8)})
    if isinstance(value, tuple):
        return of_named_tuple(value)
    if isinstance(value, (Decimal, Fraction)):
        return of_exact(value)
    pandas = sys.modules.get("pandas")
    if pandas is not None and (value is pandas.NA or value is pandas.NaT):
        return Parts("missing", {"time": value is pandas.NaT})
    if isinstance(value, (datetime.date, datetime.time)):
        kind = next(name for name, kind in DATES.items() if isinstance(value, kind))
        return Parts("date", {"type": kind, "text": DATES[kind].isoformat(value)})
    if isinstance(value, datetime.timedelta):
        return Parts("duration", {"parts": [value.days, value.seconds, value.microseconds]})
    return of_sparse(value) or (of_pandas(pandas, value) if pandas is not None else None)


def of_array(value: Any) -> Parts | None:
    if isinstance(value, np.ma.MaskedArray):
        return Parts("masked", {"data": np.asarray(value.data), "mask": np.ma.getmaskarray(value)})
    if value.dtype.kind in "mM" and type(value) in (np.ndarray, np.datetime64, np.timedelta64):
        dtype = value.dtype.newbyteorder("<")
        return Parts("times", {"dtype": dtype.str, "values": np.asarray(value).astype(dtype, copy=False).view("<i8")})
    return None


def of_named_tuple(value: tuple[Any, ...]) -> Parts | None:
    fields = getattr(type(value), "_fields", None)
    if type(value) is tuple or type(fields) is not tuple or len(fields) != len(value):
        return None
    return Parts("named tuple", {"name": type(value).__name__, "fields": list(fields), "values": list(value)})


def of_exact(value: Decimal | Fraction) -> Parts | None:
    if isinstance(value, Fraction):
        return Parts("fraction", {"parts": [int(value.numerator), int(value.denominator)]})
    text = Decimal.__str__(value)
    too_long = len(text) > MAX_EXPONENT or (value.is_finite() and abs(value.adjusted()) > MAX_EXPONENT)
    return None if too_long or value.is_snan() else Parts("decimal", {"text": text})


def of_sparse(value: Any) -> Parts | None:
    sparse = sys.modules.get("scipy.sparse")
    if sparse is None or not sparse.issparse(value) or value.ndim != 2:
        return None
    if value.shape[0] * value.shape[1] > MAX_SPARSE_CELLS:
        return None
    entries = value.tocoo(copy=True)
    entries.sum_duplicates()
    parts = {"row": entries.row, "column": entries.col, "data": entries.data, "shape": list(map(int, value.shape))}
    kept = value.format if value.format in ("csr", "csc", "coo") else "csr"
    return Parts("sparse", parts | {"format": kept, "array": isinstance(value, sparse.sparray)})


def rebuilt(kind: str, parts: dict[str, Any]) -> Any:
    """The value that has these parts, or `Parts` where the package for it is not installed.

    Raises ValueError for parts that are none.
    """
    if kind not in BUILDERS:
        raise ValueError("parts of an unknown kind")
    try:
        return BUILDERS[kind](**parts)
    except ImportError:
        return Parts(kind, parts)
    except Exception as error:
        raise ValueError(f"parts that make no {kind}") from error


def make_bytes(data: Array) -> bytes:
    return typed(data, "u").tobytes()


def make_date(type: str, text: str) -> Any:
    return DATES[type].fromisoformat(text)


def make_duration(parts: list[int]) -> datetime.timedelta:
    days, seconds, microseconds = parts
    return datetime.timedelta(days, seconds, microseconds)


def make_decimal(text: str) -> Decimal:
    value = Decimal(text)
    if len(text) > MAX_EXPONENT or (value.is_finite() and abs(value.adjusted()) > MAX_EXPONENT):
        raise ValueError("too long")
    if value.is_snan():  # whoever compares it with anything gets an exception
        raise ValueError("a signaling NaN")
    return value


def make_fraction(parts: list[int]) -> Fraction:
    numerator, denominator = parts
    return Fraction(numerator, denominator)


def make_named_tuple(name: str, fields: list[str], values: list[Any]) -> Any:
    if len(fields) > 100 or any(len(text) > 100 for text in (name, *fields)):
        raise ValueError("too long")
    return named_tuple(name, tuple(fields))(*values)


@lru_cache(maxsize=200)
def named_tuple(name: str, fields: tuple[str, ...]) -> Callable[..., Any]:
    return namedtuple(name, fields)


def make_masked(data: Array, mask: Array) -> Masked:
    if typed(data, "biufcUmM").shape != typed(mask, "b").shape:
        raise ValueError("a mask of another shape")
    return Masked("masked", {"data": data, "mask": mask})


def masked_array(data: Array, mask: Array) -> Any:
    return np.ma.MaskedArray(typed(data, "biufcUmM"), typed(mask, "b"))


def make_times(dtype: str, values: Any) -> Any:
    if not TIME_DTYPE.fullmatch(dtype):
        raise ValueError("no dtype of a time")
    times = np.asarray(values, np.int64).view(dtype)
    if dtype == "<M8" and not np.isnat(times).all():
        raise ValueError("a date without a unit")
    return times[()]


def make_missing(time: bool) -> Any:
    return np.datetime64("NaT", "ns") if time else import_module("pandas").NA


def make_sparse(row: Array, column: Array, data: Array, shape: list[int], format: str, array: bool) -> Any:
    rows, columns = shape
    if min(rows, columns) < 0 or max(rows, columns) > MAX_SPARSE_CELLS or rows * columns > MAX_SPARSE_CELLS:
        raise ValueError("too large")
    sparse = import_module("scipy.sparse")
    entries = (typed(data, "biufc"), (typed(row, "i"), typed(column, "i")))
    made = (sparse.coo_array if array else sparse.coo_matrix)(entries, shape=(rows, columns))
    return made.asformat({"csr": "csr", "csc": "csc", "coo": "coo"}[format])


BUILDERS: dict[str, Callable[..., Any]] = PANDAS_BUILDERS | {
    "bytes": make_bytes,
    "tensor": marked,
    "date": make_date,
    "duration": make_duration,
    "decimal": make_decimal,
    "fraction": make_fraction,
    "named tuple": make_named_tuple,
    "masked": make_masked,
    "times": make_times,
    "missing": make_missing,
    "sparse": make_sparse,
}

# Made anew as they were in a notebook; a test gets a stand-in.
IN_NOTEBOOK: dict[str, Callable[..., Any]] = {"tensor": torch_tensor, "masked": masked_array}
