"""Tables of pandas as parts: labels and columns as plain arrays, and back. Taking apart imports nothing."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np

from autograder.kernel_side.stand_ins import Parts, Unsupported

__all__ = ["PANDAS_BUILDERS", "PLAIN", "cells_of", "is_na", "objects", "of_pandas", "typed"]

MAX_COLUMNS = 5_000
MAX_CELLS = 2_000_000
MAX_COLLISIONS = 1_000
ZONE = re.compile(r"(?!dateutil/)[A-Za-z0-9_+:/-]{1,60}")  # "dateutil/" and a path would open any file
NULLABLE = re.compile(r"(U?Int(8|16|32|64)|Float(32|64)|boolean)")
NONE, NAN = -1, -2
EXACT = (Decimal, Fraction, datetime.date, datetime.time, datetime.timedelta)
PLAIN = (bool, int, float, complex, str, bytes, np.generic, *EXACT)

Array = np.ndarray[Any, Any]


def of_pandas(pandas: Any, value: Any) -> Parts | None:
    if isinstance(value, pandas.DataFrame):
        if value.shape[1] > MAX_COLUMNS:
            return None
        columns = [column(value.iloc[:, i]) for i in range(value.shape[1])]
        return Parts("frame", {"columns": labels(value.columns), "index": labels(value.index), "data": columns})
    if isinstance(value, pandas.Series):
        return Parts("series", {"name": cell(value.name), "index": labels(value.index), "data": column(value)})
    return labels(value) if isinstance(value, pandas.Index) else None


def labels(index: Any) -> Parts:
    """An Index of pandas as parts: its levels, of which there are several in a MultiIndex."""
    levels = [index.get_level_values(i) for i in range(index.nlevels)]
    parts = {"levels": [column(level) for level in levels], "names": [cell(name) for name in index.names]}
    return Parts("index", parts | {"type": type(index).__name__[:50]})


def column(values: Any) -> Array | Parts:
    """One column of pandas: an array of NumPy, or parts where its dtype is one of pandas'."""
    dtype, array = values.dtype, values.array
    if isinstance(dtype, np.dtype):
        return values.to_numpy() if dtype.kind in "biufcmM" else of_cells(list(array), "object")
    name = type(dtype).__name__
    if name == "CategoricalDtype":
        parts = {"codes": np.asarray(array.codes), "categories": column(dtype.categories)}
        return Parts("category", parts | {"ordered": bool(dtype.ordered)})
    if name == "DatetimeTZDtype":
        return Parts("zoned", {"zone": str(dtype.tz), "values": array.tz_convert("UTC").tz_localize(None).to_numpy()})
    if NULLABLE.fullmatch(str(dtype)):
        values, missing = array.to_numpy(dtype=dtype.numpy_dtype, na_value=0), np.asarray(array.isna())
        return Parts("nullable", {"dtype": str(dtype), "values": values, "missing": missing})
    return of_cells(list(array), "str" if name == "StringDtype" else "object")


def of_cells(cells: list[Any], dtype: str) -> Parts:
    """Cells that have no array: texts as bytes and lengths, which mark missing ones, and anything else by itself."""
    if not all(type(value) is str or value is None or is_nan(value) or is_na(value) for value in cells):
        return Parts("cells", {"values": [cell(value) for value in cells]})
    texts = [value if type(value) is str else "" for value in cells]
    lengths = [len(value) if type(value) is str else NONE if value is None else NAN for value in cells]
    data = np.frombuffer("".join(texts).encode("utf-8", "surrogatepass"), np.uint8)
    return Parts("texts", {"dtype": dtype, "data": data, "lengths": np.array(lengths, np.int64)})


def cell(value: Any) -> Any:
    """A cell, or the name of its type: objects do not cross within a table."""
    if isinstance(value, (list, tuple)):
        return [cell(part) for part in value] if type(value) is list else tuple(cell(part) for part in value)
    if type(value) is dict:
        return {cell(key): cell(part) for key, part in value.items()}
    plain = value is None or isinstance(value, (*PLAIN, np.ndarray)) or is_na(value)
    return value if plain else Unsupported(type(value).__name__[:200])


def is_nan(value: Any) -> bool:
    return type(value) is float and value != value


def is_na(value: Any) -> bool:
    return type(value).__name__ == "NAType"


def make_frame(columns: Any, index: Any, data: list[Any]) -> Any:
    pandas = import_module("pandas")
    if len(data) > MAX_COLUMNS or len(columns) != len(data):
        raise ValueError("not a column for each label")
    frame = pandas.DataFrame({i: as_pandas(pandas, values) for i, values in enumerate(data)}, index=index)
    frame.columns = columns
    return frame


def make_series(name: Any, index: Any, data: Any) -> Any:
    pandas = import_module("pandas")
    return pandas.Series(as_pandas(pandas, data), index=index, name=name)


def make_index(levels: list[Any], names: list[Any], type: str) -> Any:
    pandas = import_module("pandas")
    arrays = [as_pandas(pandas, level) for level in levels]
    if type == "MultiIndex":
        if sum(map(len, arrays)) > MAX_CELLS:  # it takes sixteen times the memory of its levels
            raise ValueError("too many cells")
        for array in arrays:
            refuse_collisions(array)
        return pandas.MultiIndex.from_arrays(arrays, names=names)
    (values,), (name,) = arrays, names
    made = pandas.Index(values, dtype=values.dtype, name=name)
    plain = pandas.RangeIndex(len(made), name=name)
    return plain if type == "RangeIndex" and made.dtype == plain.dtype and bool((made == plain).all()) else made


def refuse_collisions(labels: Any) -> None:
    """Raise ValueError for many labels that have the hash of another. They are easily made, and cost pandas the square
    of their number. Numbers of 64 bits can have one hash, too: these end with the notebook's time."""
    if labels.dtype != object:
        return
    first: dict[int, Any] = {}
    pairs = ((first.setdefault(hash(label), label), label) for label in labels)
    # pandas' NA says neither of itself
    if sum(one is not other and bool(one != other) for one, other in pairs) > MAX_COLLISIONS:
        raise ValueError("too many labels of one hash")


def as_pandas(pandas: Any, values: Any) -> Any:
    """A column as pandas takes it."""
    if isinstance(values, np.ndarray):
        return typed(values, "biufcmM")
    if not isinstance(values, Parts):
        raise ValueError("no column")
    parts = values.parts
    if values.kind == "category":
        categories = pandas.Index(as_pandas(pandas, parts["categories"]))
        refuse_collisions(categories)  # pandas looks whether one is there twice
        return pandas.Categorical.from_codes(typed(parts["codes"], "i"), categories, ordered=parts["ordered"])
    if values.kind == "zoned":
        return pandas.DatetimeIndex(typed(parts["values"], "M")).tz_localize("UTC").tz_convert(parts["zone"]).array
    if values.kind == "nullable":
        array = pandas.array(typed(parts["values"], "biuf"), dtype=parts["dtype"])
        array[typed(parts["missing"], "b")] = pandas.NA
        return array
    if values.kind == "texts":
        texts = cells_of(values)
        return pandas.array(texts, dtype="str") if parts["dtype"] == "str" else objects(texts)
    return objects(parts["values"])


def cells_of(column: Parts) -> list[Any]:
    """The cells of a column of texts or of anything."""
    if column.kind == "cells":
        return list(column.parts["values"])
    if column.parts["lengths"].size > MAX_CELLS:
        raise ValueError("too many cells")
    text = column.parts["data"].tobytes().decode("utf-8", "surrogatepass")
    lengths = column.parts["lengths"].tolist()
    if sum(max(n, 0) for n in lengths) != len(text):
        raise ValueError("lengths that are not those of the text")
    cells, start = [], 0
    for length in lengths:
        cells.append(None if length == NONE else float("nan") if length == NAN else text[start : start + length])
        start += max(length, 0)
    return cells


def objects(cells: list[Any]) -> Array:
    array = np.empty(len(cells), object)
    for i, value in enumerate(cells):
        array[i] = value
    return array


def make_column(kind: str, **wanted: type | tuple[type, ...]) -> Callable[..., Parts]:
    """Makes the parts of a column, which are of these types; `as_pandas` reads them."""

    def make(**parts: Any) -> Parts:
        if set(parts) != set(wanted) or not all(isinstance(parts[name], of) for name, of in wanted.items()):
            raise ValueError("not the parts of a column")
        if kind == "zoned" and not ZONE.fullmatch(parts["zone"]):
            raise ValueError("no name of a time zone")
        if kind == "nullable" and not NULLABLE.fullmatch(parts["dtype"]):
            raise ValueError("no name of a dtype")
        return Parts(kind, parts)

    return make


def typed(array: Any, kinds: str) -> Array:
    """`array`, if it is one of these kinds of dtype."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
        raise ValueError("an array of another kind")
    return array


PANDAS_BUILDERS: dict[str, Callable[..., Any]] = {
    "frame": make_frame,
    "series": make_series,
    "index": make_index,
    "category": make_column("category", codes=np.ndarray, categories=(np.ndarray, Parts), ordered=bool),
    "zoned": make_column("zoned", zone=str, values=np.ndarray),
    "nullable": make_column("nullable", dtype=str, values=np.ndarray, missing=np.ndarray),
    "texts": make_column("texts", dtype=str, data=np.ndarray, lengths=np.ndarray),
    "cells": make_column("cells", values=list),
}
