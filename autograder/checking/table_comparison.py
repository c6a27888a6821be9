"""Compares tables of pandas, sparse and masked arrays by their parts, and says what differs: a missing column, the
order, the index, the kind of values, or which cell.

Only plain arrays are compared, so neither pandas nor SciPy is needed here. A cause names columns as the test expects
them, and never a number of the test.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from autograder.checking.outcomes import CheckFailed
from autograder.kernel_side.pandas_parts import cells_of, is_na, objects
from autograder.kernel_side.parts import dissected
from autograder.kernel_side.stand_ins import Parts, Unsupported
from autograder.kernel_side.tensors import Tensor

__all__ = ["compare_tables", "table_type"]

Array = np.ndarray[Any, Any]
Compare = Callable[[Array, Array], None]

PANDAS = {"frame": "DataFrame", "series": "Series", "index": "Index"}
# A value of these that does not equal itself is missing: NaN, NaT.
UNEQUAL = (float, np.generic, Decimal, datetime.date)
NAMES = PANDAS | {"sparse": "sparse matrix", "masked": "masked array", "tensor": "tensor"}


@dataclass(frozen=True)
class Column:
    """A column as arrays: its kind, its dtype, its values, and where a value is missing."""

    kind: str
    dtype: str
    values: Array
    missing: Array


def table_type(value: Any) -> str:
    """The name of the type of a table, sparse or masked array; empty for any other value."""
    if isinstance(value, Parts):
        return NAMES.get(value.kind, "")
    if isinstance(value, Tensor):
        return NAMES["tensor"]
    if isinstance(value, np.ma.MaskedArray):
        return NAMES["masked"]
    sparse, pandas = sys.modules.get("scipy.sparse"), sys.modules.get("pandas")
    if sparse is not None and sparse.issparse(value):
        return NAMES["sparse"]
    if pandas is None:
        return ""
    return next((name for name in PANDAS.values() if isinstance(value, getattr(pandas, name))), "")


def compare_tables(actual: Any, expected: Any, compare: Compare, *, exact: bool) -> None:
    """Compare two of the same kind. `compare` compares arrays of numbers; `exact` asks for dtypes and names as well.

    Raises CheckFailed.
    """
    got, want = dissected(actual), dissected(expected)
    if got is None or want is None:
        raise CheckFailed("this is too large to be compared")
    COMPARE[want.kind](got.parts, want.parts, compare, exact)


def compare_frames(got: dict[str, Any], want: dict[str, Any], compare: Compare, exact: bool) -> None:
    names, wanted = label_list(got["columns"]), label_list(want["columns"])
    for name in wanted:
        if name not in names:
            raise CheckFailed(f"the column {shown(name)} is missing", f"its columns: {shown_all(names)}")
    if len(names) > len(wanted):
        raise CheckFailed("the table has too many columns", f"{shown_all(names)} instead of {shown_all(wanted)}")
    if names != wanted:
        raise CheckFailed("the columns are in another order", f"{shown_all(names)} instead of {shown_all(wanted)}")
    compare_kinds(levels_of(got["columns"]), levels_of(want["columns"]), "the names of the columns are")
    compare_labels(got["index"], want["index"], exact, "the table")
    rows = label_list(want["index"])
    for name, column, wanted_column in zip(wanted, got["data"], want["data"], strict=True):
        compare_columns(as_column(column), as_column(wanted_column), compare, exact, f"the column {shown(name)}", rows)


def compare_series(got: dict[str, Any], want: dict[str, Any], compare: Compare, exact: bool) -> None:
    if exact and label(got["name"]) != label(want["name"]):
        raise CheckFailed(f"the Series must have the name {shown(label(want['name']))}")
    compare_labels(got["index"], want["index"], exact, "the Series")
    rows = label_list(want["index"])
    compare_columns(as_column(got["data"]), as_column(want["data"]), compare, exact, "the Series", rows)


def compare_indexes(got: dict[str, Any], want: dict[str, Any], compare: Compare, exact: bool) -> None:
    compare_labels(Parts("index", got), Parts("index", want), exact, "the Index")


def compare_labels(got: Any, want: Any, exact: bool, what: str) -> None:
    """Compare two Indexes; `what` has them."""
    levels, wanted_levels = levels_of(got), levels_of(want)
    labels, wanted_labels = labels_of(levels), labels_of(wanted_levels)
    if len(labels) != len(wanted_labels):
        more = "many" if len(labels) > len(wanted_labels) else "few"
        raise CheckFailed(f"{what} has too {more} rows", f"{len(labels)} rows, expected {len(wanted_labels)}")
    if labels != wanted_labels:
        i = next(i for i, (a, b) in enumerate(zip(labels, wanted_labels, strict=True)) if a != b)
        detail = f"row {i} has the label {shown(labels[i])}, expected {shown(wanted_labels[i])}"
        if parts_of(want)["type"] == "RangeIndex":
            raise CheckFailed(f"the index of {what} must be 0, 1, 2, …: is a reset_index missing?", detail)
        if sorted(map(repr, labels)) == sorted(map(repr, wanted_labels)):
            raise CheckFailed(f"the rows of {what} are in another order", detail)
        raise CheckFailed(f"the index of {what} is wrong", detail)
    compare_kinds(levels, wanted_levels, f"the index of {what} is of")
    names, wanted = ([label(name) for name in parts_of(index)["names"]] for index in (got, want))
    if exact and names != wanted:
        raise CheckFailed(f"the index of {what} must have the name {shown_all(wanted)}", f"it has {shown_all(names)}")


def compare_kinds(got: list[Column], want: list[Column], what: str) -> None:
    """Compare the kinds of labels that are equal: a date without a zone is no instant, and True is no 1."""
    for level, wanted in zip(got, want, strict=False):  # without rows, there may be any number of levels
        if level.kind != wanted.kind and not level.missing.all():
            raise CheckFailed(f"{what} {level.kind} where {wanted.kind} are expected")


def compare_columns(got: Column, want: Column, compare: Compare, exact: bool, what: str, rows: list[Any]) -> None:
    if got.kind != want.kind and not got.missing.all():
        raise CheckFailed(f"{what} holds {got.kind} where {want.kind} are expected")
    if exact and got.dtype != want.dtype:
        raise CheckFailed(f"{what} has the dtype {got.dtype} where {want.dtype} is expected")
    if (got.missing & ~want.missing).any():
        raise CheckFailed(f"values are missing in {what}", at(rows, got.missing & ~want.missing))
    if (want.missing & ~got.missing).any():
        raise CheckFailed(f"there are values in {what} that should be missing", at(rows, want.missing & ~got.missing))
    present = ~want.missing
    if want.kind == "numbers":
        try:
            compare(got.values[present], want.values[present])
        except CheckFailed as error:
            wrong = got.values != want.values
            raise CheckFailed(f"in {what}, {error.cause}", first_cell(got, want, present & wrong, rows)) from None
        return
    wrong = present & np.array([not same(a, b) for a, b in zip(got.values, want.values, strict=True)], bool)
    if wrong.any():
        raise CheckFailed(f"in {what}, the values are wrong", first_cell(got, want, wrong, rows))


def first_cell(got: Column, want: Column, wrong: Array, rows: list[Any]) -> str:
    i = int(np.argmax(wrong))
    return f"{at(rows, wrong)}: got {shown(got.values[i])}, expected {shown(want.values[i])}"


def at(rows: list[Any], where: Array) -> str:
    """The first row of those that `where` marks."""
    i = int(np.argmax(where))
    return f"at row {i}" + ("" if rows[i] == i else f" ({shown(rows[i])})")


def compare_sparse(got: dict[str, Any], want: dict[str, Any], compare: Compare, exact: bool) -> None:
    if got["shape"] != want["shape"]:
        shape, wanted = tuple(got["shape"]), tuple(want["shape"])
        cause = "the shape is transposed" if shape == wanted[::-1] else "the shape is wrong"
        raise CheckFailed(cause, f"shape {shape}, expected {wanted}")
    if exact and got["format"] != want["format"]:
        raise CheckFailed(f"the format is {got['format']} where {want['format']} is expected")
    places = [part["row"].astype(np.int64) * part["shape"][1] + part["column"] for part in (got, want)]
    union = np.union1d(*places)
    dense = [np.zeros(len(union), part["data"].dtype) for part in (got, want)]
    for values, place, part in zip(dense, places, (got, want), strict=True):
        values[np.searchsorted(union, place)] = part["data"]
    compare(*dense)


def compare_masked(got: dict[str, Any], want: dict[str, Any], compare: Compare, exact: bool) -> None:
    if got["data"].shape != want["data"].shape:
        raise CheckFailed("the shape is wrong", f"shape {got['data'].shape}, expected {want['data'].shape}")
    if not np.array_equal(got["mask"], want["mask"]):
        raise CheckFailed("the wrong values are masked")
    compare(got["data"][~got["mask"]], want["data"][~want["mask"]])


def compare_tensors(got: dict[str, Any], want: dict[str, Any], compare: Compare, exact: bool) -> None:
    if exact and got["data"].dtype != want["data"].dtype:
        raise CheckFailed(f"the tensor has the dtype {got['data'].dtype} where {want['data'].dtype} is expected")
    compare(got["data"], want["data"])


COMPARE: dict[str, Callable[..., None]] = {
    "frame": compare_frames,
    "series": compare_series,
    "index": compare_indexes,
    "sparse": compare_sparse,
    "masked": compare_masked,
    "tensor": compare_tensors,
}


def as_column(values: Array | Parts) -> Column:
    """A column, whatever pandas keeps it as."""
    if isinstance(values, np.ndarray):
        kinds = {"b": "truth values", "M": "dates", "m": "durations"}
        kind = kinds.get(values.dtype.kind, "numbers")
        missing = np.isnat(values) if values.dtype.kind in "mM" else np.isnan(values)
        return Column(kind, str(values.dtype).split("[")[0], values, missing)
    parts = values.parts
    if values.kind == "category":
        categories, codes = as_column(parts["categories"]), parts["codes"]
        taken = categories.values[codes] if len(categories.values) else codes
        return Column(categories.kind, "category", taken, codes < 0)
    if values.kind == "zoned":
        zoned = parts["values"]
        return Column("dates with a time zone", "datetime64 with a time zone", zoned, np.isnat(zoned))
    if values.kind == "nullable":
        kind = "truth values" if parts["values"].dtype.kind == "b" else "numbers"
        return Column(kind, parts["dtype"], parts["values"], parts["missing"])
    return of_cells(cells_of(values), "texts" if values.kind == "texts" else "other values")


def of_cells(cells: list[Any], kind: str) -> Column:
    """A column without an array; where all cells are numbers, or all are truth values, they are compared as such."""
    missing = np.array([is_missing(value) for value in cells], bool)
    present = [value for value, gone in zip(cells, missing, strict=True) if not gone]
    dtype: type = object
    if present and all(isinstance(value, (bool, np.bool_)) for value in present):
        kind, dtype = "truth values", bool
    elif cells and all(isinstance(value, (int, float, np.number)) for value in present):
        kind, dtype = "numbers", float
    filled = cells if dtype is object else [np.nan if gone else v for v, gone in zip(cells, missing, strict=True)]
    return Column(kind, "object", objects(filled).astype(dtype), missing)


def is_missing(value: Any) -> bool:
    """Whether a cell has no value, however pandas says so."""
    return value is None or is_na(value) or (isinstance(value, UNEQUAL) and value != value)


def same(got: Any, want: Any) -> bool:
    """Whether two cells are equal. A value that did not cross equals nothing."""
    if isinstance(got, Unsupported) or isinstance(want, Unsupported):
        return False
    if isinstance(want, (list, tuple)):
        return type(got) is type(want) and len(got) == len(want) and all(map(same, got, want))
    if isinstance(want, dict):
        return isinstance(got, dict) and got.keys() == want.keys() and all(same(got[key], want[key]) for key in want)
    if is_missing(got) and is_missing(want):
        return True
    try:
        return bool(np.array_equal(got, want) if isinstance(want, np.ndarray) else got == want)
    except (ValueError, TypeError):
        return False


def parts_of(index: Any) -> dict[str, Any]:
    found = dissected(index)
    return found.parts if found else {}


def label_list(index: Any) -> list[Any]:
    """The labels of an Index; those of several levels are tuples."""
    return labels_of(levels_of(index))


def levels_of(index: Any) -> list[Column]:
    return [as_column(level) for level in parts_of(index)["levels"]]


def labels_of(columns: list[Column]) -> list[Any]:
    levels = [
        [None if gone else label(value) for value, gone in zip(column.values, column.missing, strict=True)]
        for column in columns
    ]
    return levels[0] if len(levels) == 1 else list(zip(*levels, strict=True))


def label(value: Any) -> Any:
    """A label that equals itself, and nothing if it has not crossed, or is an array. None is one that is missing."""
    if is_missing(value):
        return None
    if isinstance(value, (Unsupported, np.ndarray)):
        return object()
    if isinstance(value, (list, tuple)):
        return tuple(map(label, value)) if isinstance(value, tuple) else list(map(label, value))
    if isinstance(value, dict):
        return {key: label(part) for key, part in value.items()}
    is_time = isinstance(value, (np.datetime64, np.timedelta64))
    return value.item() if isinstance(value, np.generic) and not is_time else value


def shown(value: Any) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 else text[:57] + "…"


def shown_all(values: list[Any]) -> str:
    return ", ".join(map(shown, values[:8])) + (" …" if len(values) > 8 else "")
