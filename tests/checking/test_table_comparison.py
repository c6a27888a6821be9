"""What students are told of a wrong table: the exact cause, which names columns and no number of the test."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from autograder.checking.comparisons import assert_close, assert_same
from autograder.checking.outcomes import CheckFailed
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import InProcessTransport
from autograder.kernel_side.stand_ins import Parts, Unsupported

F = pd.DataFrame(
    {
        "whole": [1, 2],
        "text": ["x", None],
        "float": [1.5, np.nan],
        "day": pd.to_datetime(["2020-01-01", "2020-01-02"]),
        "zoned": pd.to_datetime(["2020-01-01", "2020-07-01"]).tz_localize("Europe/Berlin"),
        "kind": pd.Categorical(["u", "v"]),
        "maybe": pd.array([1, None], dtype="Int64"),
        "any": [[1], {"a": 2}],
        "truth": [True, False],
    },
    index=pd.Index(["r", "s"], name="row"),
)
P = pd.DataFrame({"a": [4711, 2]})
MASKED = np.ma.array([1.0, 2.0, 4711.0], mask=[False, True, False])
EYE = sparse.csr_matrix(np.diag([1.0, 4711.0]))


def told(check: Callable[..., None], actual: Any, expected: Any) -> tuple[str, str]:
    """Cause and detail of a comparison, both empty if it holds."""
    try:
        check(actual, expected)
    except CheckFailed as error:
        return error.cause, error.detail
    return "", ""


@pytest.mark.parametrize(
    "value",
    [F, F["text"], F.index, F.set_index(["text", "whole"]), P, MASKED, EYE, EYE.tocoo(),
     pd.DataFrame(), pd.Series([np.nan, None, "x"]), {"a": F, "b": [P]}],
    ids=range(11),
)  # fmt: skip
def test_what_is_the_same_holds(value: Any) -> None:
    """A right table would be a wrong answer."""
    assert_close(value, value)
    if not isinstance(value, dict):
        assert_same(value, value.copy())


@pytest.mark.parametrize(
    ("actual", "expected", "cause", "detail"),
    [
        (F.drop(columns="whole"), F, "the column 'whole' is missing", "its columns: 'text', 'float', 'day', 'zoned'"),
        (P.assign(b=1), P, "the table has too many columns", "'a', 'b' instead of 'a'"),
        (F[F.columns[::-1]], F, "the columns are in another order", "'truth', 'any'"),
        (F[::-1], F, "the rows of the table are in another order", "row 0 has the label 's', expected 'r'"),
        (F[:1], F, "the table has too few rows", "1 rows, expected 2"),
        (pd.concat([P, P]), P, "the table has too many rows", "4 rows, expected 2"),
        (F.reset_index(drop=True), F, "the index of the table is wrong", "row 0 has the label 0, expected 'r'"),
        (P[::-1], P, "the index of the table must be 0, 1, 2, …: is a reset_index missing?", "row 0"),
        (F.assign(whole=[1, 3]), F, "in the column 'whole', the values are wrong", "at row 1 ('s'): got 3, expected 2"),
        (F.assign(whole=-F.whole), F,
         "in the column 'whole', the values are the right ones times −1: the sign is wrong", "1"),
        (P * 2, P, "in the column 'a', the values are twice the right ones: a factor of 2 is too much", ""),
        (F.assign(text=["x", "y"]), F, "there are values in the column 'text' that should be missing", "at row 1"),
        (F.assign(text=[None, None]), F, "values are missing in the column 'text'", "at row 0 ('r')"),
        (F.assign(text=["y", None]), F, "in the column 'text', the values are wrong", "got 'y', expected 'x'"),
        (F.assign(whole=["1", "2"]), F, "the column 'whole' holds texts where numbers are expected", ""),
        (F.assign(truth=[1, 0]), F, "the column 'truth' holds numbers where truth values are expected", ""),
        (F.assign(float=[1.5, 0]), F, "there are values in the column 'float' that should be missing", "at row 1"),
        (F.assign(day=F.day + pd.Timedelta(1, "D")), F, "in the column 'day', the values are wrong", "at row 0"),
        (F.assign(day=F.day.astype(str)), F, "the column 'day' holds texts where dates are expected", ""),
        (F.assign(zoned=F.day), F, "the column 'zoned' holds dates where dates with a time zone are expected", ""),
        (F.assign(zoned=F.zoned + pd.Timedelta(1, "D")), F,
         "in the column 'zoned', the values are wrong", "at row 0"),
        (F.assign(any=[[1], object()]), F, "in the column 'any', the values are wrong", "got Unsupported"),
        (F["whole"], F, "a DataFrame is expected, and this is a Series", ""),
        (F.to_numpy(), F, "a DataFrame is expected, and this is of type ndarray", ""),
        (None, F, "nothing was returned (None): is there a return at the end?", ""),
        (P, P["a"], "a Series is expected, and this is a DataFrame", ""),
        (P["a"][::-1], P["a"], "the index of the Series must be 0, 1, 2, …: is a reset_index missing?", "row 0"),
        (P["a"] + 1, P["a"], "in the Series, the values are wrong", "at row 0: got 4712, expected 4711"),
        (P["a"], np.array([4711, 2]), "an array is expected, and this is a Series", ""),
        (pd.Index([1, 2]), pd.Index([1, 4711]), "the index of the Index is wrong", "row 1"),
        (EYE, EYE.toarray(), "an array is expected, and this is a sparse matrix", ""),
        (EYE.toarray(), EYE, "a sparse matrix is expected, and this is of type ndarray", ""),
        (EYE / 2, EYE, "the values are half the right ones: a factor of 2 is missing", ""),
        (EYE[:1], EYE, "the shape is wrong", "shape (1, 2), expected (2, 2)"),
        (EYE[:1].T, EYE[:1], "the shape is transposed", ""),
        (sparse.csr_matrix(EYE.toarray()[::-1]), EYE, "the values are wrong", ""),
        (sparse.csr_matrix([[0, 1], [0, 0]]), sparse.csr_matrix([[0, 0], [1, 0]]), "the values are wrong", ""),
        (MASKED.data, MASKED, "a masked array is expected, and this is of type ndarray", ""),
        (MASKED, MASKED.data, "an array is expected, and this is a masked array", ""),
        (np.ma.array(MASKED.data), MASKED, "the wrong values are masked", ""),
        (MASKED[:2], MASKED, "the shape is wrong", "shape (2,), expected (3,)"),
        (MASKED + 1, MASKED, "the values are wrong", ""),
        (F.assign(day=F.day - F.day), F, "the column 'day' holds durations where dates are expected", ""),
        ({"x": P + 1}, {"x": P}, "in x, in the column 'a', the values are wrong", ""),
    ],
    ids=range(44),
)  # fmt: skip
def test_what_differs_is_told(actual: Any, expected: Any, cause: str, detail: str) -> None:
    """A student would compare two tables by eye, or read a hidden number."""
    said = told(assert_close, actual, expected)
    assert said[0] == cause
    assert detail in said[1]
    assert "4711" not in said[0]


@pytest.mark.parametrize(
    ("actual", "expected", "cause"),
    [
        (F.assign(whole=[1.0, 2.0]), F, "the column 'whole' has the dtype float64 where int64 is expected"),
        (F.assign(kind=["u", "v"]), F, "the column 'kind' has the dtype object where category is expected"),
        (F.rename_axis("other"), F, "the index of the table must have the name 'row'"),
        (P["a"].rename("b"), P["a"], "the Series must have the name 'a'"),
        (EYE.tocsc(), EYE, "the format is csc where csr is expected"),
    ],
    ids=range(5),
)
def test_assert_same_asks_for_dtypes_and_names(actual: Any, expected: Any, cause: str) -> None:
    """Exactly equal would mean less of a table than of an array."""
    assert told(assert_same, actual, expected)[0] == cause
    assert told(assert_close, actual, expected)[0] == ""


@pytest.mark.parametrize(
    ("check", "actual", "expected", "holds"),
    [
        (assert_close, Decimal("1.5"), Fraction(3, 2), True),
        (assert_close, Fraction(1, 3), 0.3, False),
        (assert_close, Fraction(10**400), 1.0, False),
        (assert_same, Decimal("1.5"), Decimal("1.50"), True),
        (assert_same, datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), False),
        (assert_same, b"a", b"a", True),
        (assert_same, np.array(["2020", "NaT"], "M8[s]"), np.array(["2020", "NaT"], "M8[s]"), True),
        (assert_same, np.array(["2020", "NaT"], "M8[s]"), np.array(["2021", "NaT"], "M8[s]"), False),
    ],
)
def test_exact_numbers_and_dates_are_compared(
    check: Callable[..., None], actual: Any, expected: Any, holds: bool
) -> None:
    """A right date would be a value of a type that does not fit."""
    assert (told(check, actual, expected) == ("", "")) is holds


def test_objects_of_a_column_equal_nothing() -> None:
    """Two objects that did not cross would be equal by the names of their types."""
    objects = pd.DataFrame({"a": [Unsupported("A"), [Unsupported("A")]]})
    assert told(assert_close, objects, objects.copy())[0] == "in the column 'a', the values are wrong"


def test_numbers_in_a_column_of_objects_are_numbers() -> None:
    """Two right columns, of which pandas keeps one as objects, would differ."""
    for mine in (1, np.int64(1)):
        for gone in (None, pd.NA):
            frame = pd.DataFrame({"a": [mine, 2.5, gone]}, dtype=object)
            assert_close(frame, pd.DataFrame({"a": [1, 2.5, np.nan]}))


def test_truth_values_in_a_column_of_objects_are_truth_values() -> None:
    """A right column, which pandas keeps as objects once a value was missing, would hold numbers."""
    truth = pd.DataFrame({"a": [True, False]})
    assert_close(truth.astype(object), truth)
    assert_close(truth, truth.astype(object))
    assert_close(pd.DataFrame({"a": [True, None]}), pd.DataFrame({"a": pd.array([True, None], dtype="boolean")}))
    assert told(assert_close, truth.astype(int).astype(object), truth)[0] == (
        "the column 'a' holds numbers where truth values are expected"
    )
    assert_close(pd.DataFrame({"a": [1.5, np.nan]})[1:], pd.DataFrame({"a": [1, None]}, dtype=object)[1:])


DAYS = pd.date_range("2020-01-01", periods=2)


@pytest.mark.parametrize(
    ("mine", "theirs", "cause"),
    [
        (DAYS, DAYS.tz_localize("UTC"), "dates where dates with a time zone are expected"),
        (DAYS.tz_localize("UTC"), DAYS, "dates with a time zone where dates are expected"),
        (pd.Index([True, False]), pd.Index([1, 0]), "truth values where numbers are expected"),
        (pd.Index([1, 0]), pd.Index([True, False]), "numbers where truth values are expected"),
        (pd.Index([1.0, 0.0], dtype=object), pd.Index([True, False]), "numbers where truth values are expected"),
    ],
    ids=range(5),
)
def test_labels_of_another_kind_are_other_labels(mine: pd.Index, theirs: pd.Index, cause: str) -> None:
    """Python takes a date for the instant in any zone, and True for 1: a wrong table would be right."""
    for level in (lambda index: index, lambda index: pd.MultiIndex.from_arrays([["a", "b"], index])):
        tables = [pd.Series([1, 2], index=level(index)) for index in (mine, theirs)]
        assert told(assert_close, *tables)[0] == f"the index of the Series is of {cause}"
        assert_close(tables[0], tables[0].copy())
    tables = [pd.DataFrame([[1, 2]], columns=index) for index in (mine, theirs)]
    assert told(assert_close, *tables)[0] == f"the names of the columns are {cause}"


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (pd.Index([1.0, 0.0]), pd.Index([1, 0])),
        (pd.Index([1, 0], dtype=object), pd.Index([1, 0], dtype="int8")),
        (pd.Index([True, False], dtype=object), pd.Index([True, False])),
        (pd.CategoricalIndex(["a", "b"]), pd.Index(["a", "b"])),
        (DAYS.tz_localize("UTC"), DAYS.tz_localize("UTC").tz_convert("Asia/Tokyo")),
        (pd.Index([], dtype=object), pd.RangeIndex(0)),
    ],
    ids=range(6),
)
def test_labels_of_one_kind_are_the_same_however_pandas_keeps_them(mine: pd.Index, theirs: pd.Index) -> None:
    """A right table would be wrong because of how it was made."""
    tables = [pd.Series(np.arange(len(index)), index=index) for index in (mine, theirs)]
    assert_close(*tables)
    assert_close(*tables[::-1])


def arrived(value: Any) -> Any:
    """The value as it comes out of a student's notebook."""
    return NotebookProxy(InProcessTransport({"f": lambda: value})).f()


MISSING_LABELS = [
    pd.to_datetime(["2020-01-01", None]),
    pd.to_datetime(["2020-01-01", None]).tz_localize("UTC"),
    pd.to_timedelta([1, None]),
    pd.Index([1, None], dtype="Int64"),
    pd.Index([1.0, np.nan]),
    pd.Index(["a", np.nan], dtype=object),
    pd.CategoricalIndex(["a", None]),
    pd.MultiIndex.from_arrays([["a", "b"], pd.to_datetime(["2020-01-01", None])]),
]
OTHER_LABELS = [
    pd.Index([1, 0], dtype="Int64"),
    pd.Index(["a", "NaN"], dtype=object),
    pd.CategoricalIndex(["a", "a"]),
]


@pytest.mark.parametrize("index", MISSING_LABELS, ids=range(8))
def test_a_missing_label_is_the_same_as_a_missing_one_alone(index: pd.Index) -> None:
    """A right table would be wrong, or one with another label right."""
    series = pd.Series([1, 2], index=index)
    assert_close(arrived(series), series)
    for other in OTHER_LABELS:
        assert "index of the Series is wrong" in told(assert_close, arrived(pd.Series([1, 2], index=other)), series)[0]


@pytest.mark.parametrize(
    "cells",
    [
        [Decimal(1), pd.NA],
        [Decimal(1), pd.NaT],
        [Decimal(1), Decimal("NaN")],
        [[1, np.nan], (2, None)],
        [{"a": np.nan}, {"b": [np.nan]}],
    ],
    ids=range(5),
)
def test_a_missing_cell_is_the_same_as_a_missing_one(cells: list[Any]) -> None:
    """What pandas says for it does not equal itself, so the right column would be wrong."""
    assert_close(arrived(pd.Series(cells, dtype=object)), pd.Series(cells, dtype=object))


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [([1, 2], [1]), ([1], (1,)), ({"a": 1}, {"a": 2}), ({"a": 1}, {"b": 1}), (1, [1]), ([1], {1: 1})],
)
def test_cells_that_hold_several_values_are_compared_by_them(mine: Any, theirs: Any) -> None:
    """Whatever has as many parts would be right."""
    cells = (pd.Series([value, "x"], dtype=object) for value in (mine, theirs))
    assert told(assert_close, *cells)[0] == "in the Series, the values are wrong"


def test_labels_that_did_not_cross_equal_nothing() -> None:
    """Two objects would be the same row by the names of their types."""
    series = pd.Series([1, 2], index=pd.Index([Unsupported("A"), "b"], dtype=object))
    assert told(assert_close, series, series.copy())[0] == "the index of the Series is wrong"


@pytest.mark.parametrize(
    "label", [np.arange(2), (1, np.arange(2)), ["a", np.arange(2)], {"a": np.arange(2)}], ids=range(4)
)
def test_an_array_is_no_label(label: Any) -> None:
    """Whoever compares arrays with anything gets an array, or an exception."""
    index = pd.Index(pd.Series([label, "b"], dtype=object).array, tupleize_cols=False)
    mine, theirs = pd.Series([1, 2], index=index), pd.Series([1, 2], index=["a", "b"])
    assert told(assert_same, arrived(mine), theirs)[0] == "the index of the Series is wrong"
    assert told(assert_same, arrived(mine), mine)[0] == "the index of the Series is wrong"
    assert told(assert_same, arrived(mine.to_frame().T), theirs.to_frame().T)[0] == "the column 'a' is missing"


def test_a_table_is_compared_across_the_border_and_without_pandas() -> None:
    """What holds in this process would not hold of a student's table."""
    student = NotebookProxy(InProcessTransport({"f": lambda frame: frame.assign(whole=frame.whole + 1)}))
    assert_close(student.f(F), F.assign(whole=[2, 3]))
    assert told(assert_close, student.f(F), F)[0] == "in the column 'whole', the values are wrong"


def test_forged_parts_are_a_wrong_answer() -> None:
    """Where there is no pandas, nobody has looked at the parts before they are compared."""
    with pytest.raises((CheckFailed, KeyError, TypeError, AttributeError)):
        assert_close(Parts("frame", {"columns": 3}), F)
