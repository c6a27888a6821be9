"""Values that cross as parts arrive as they were, and forged parts are refused before they cost anything."""

from __future__ import annotations

import datetime
import json
import struct
import subprocess
import sys
import time
import tracemalloc
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import dateutil.tz
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from autograder.kernel_side import pandas_parts, parts, values
from autograder.kernel_side.serve import Server
from autograder.kernel_side.stand_ins import Parts, Unsupported
from autograder.kernel_side.values import Decoder, Encoder, ValueRefused

Point = namedtuple("Point", "x y")


def crossed(value: Any) -> Any:
    """What arrives of a value."""
    encoder = Encoder()
    tree = json.loads(json.dumps(encoder.encode(value)))
    return Decoder(encoder.buffers).decode(tree)


FRAME = pd.DataFrame(
    {
        "whole": [1, 2, 3],
        "text": ["x", None, "\U0001f600ü"],
        "float": [1.5, np.nan, -0.0],
        "day": pd.to_datetime(["2020-01-01", None, "2020-01-03"]),
        "kind": pd.Categorical(["u", "v", None], ["v", "u"], ordered=True),
        "maybe": pd.array([1, None, 3], dtype="Int64"),
        "any": [[1], {"a": (2, None)}, Decimal("1.5")],
        "zoned": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-07-01"]).tz_localize("Europe/Berlin"),
        "truth": [True, False, True],
        "long": pd.to_timedelta([1, 2, 3], "D"),
        "small": np.arange(3, dtype="f4"),
    },
    index=pd.Index(["r", "s", "t"], name="row"),
)


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        FRAME[["whole", "float", "small"]].T,
        FRAME.reset_index(),
        FRAME.groupby("kind", observed=True).mean(numeric_only=True),
        FRAME.set_index(["text", "whole"]),
        FRAME.describe(),
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": [1, 2]}).rename_axis("row"),
        pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]),
        pd.DataFrame([[1, 2.5]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame(np.zeros((2, 2)), columns=[3, 7], index=pd.date_range("2020-01-01", periods=2).rename("day")),
    ],
    ids=range(12),
)
def test_a_frame_arrives_as_it_was(frame: pd.DataFrame) -> None:
    """A right table would be a wrong answer, or a student be given another one than the author wrote."""
    pd.testing.assert_frame_equal(crossed(frame), frame, check_freq=False)


@pytest.mark.parametrize("name", FRAME.columns)
def test_series_and_indexes_arrive_as_they_were(name: str) -> None:
    """What is computed of one column could not be checked."""
    pd.testing.assert_series_equal(crossed(FRAME[name]), FRAME[name])
    if name != "any":
        index = pd.Index(FRAME[name])
        pd.testing.assert_index_equal(crossed(index), index)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x00\xff",
        Decimal("1.20"),
        Decimal("-Infinity"),
        Fraction(-1, 3),
        datetime.date(2020, 1, 2),
        datetime.datetime(2020, 1, 2, 3, 4, 5, 6),
        datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
        datetime.time(1, 2),
        datetime.timedelta(-1, 2, 3),
        np.datetime64("2020-01-01T00:00", "m"),
        np.timedelta64(3, "s"),
        {b"a": Decimal(1), datetime.date(2020, 1, 1): Fraction(1, 2)},
    ],
)
def test_scalars_arrive_as_they_were(value: Any) -> None:
    """A date or an exact number would be a value of a type that does not fit."""
    arrived = crossed(value)
    assert (arrived, type(arrived)) == (value, type(value))


def test_other_values_arrive_as_they_were() -> None:
    """Masked and sparse arrays, arrays of dates, named tuples and what is missing could not be checked."""
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    assert crossed(masked).mask.tolist() == [False, True]
    assert crossed(masked).data.tolist() == [1.0, 2.0]
    dates = np.array([["2020-01-01", "NaT"]], "M8[D]")
    assert np.array_equal(crossed(dates), dates, equal_nan=True)
    point = crossed(Point(1, np.arange(2)))
    assert (point.x, point.y.tolist(), type(point).__name__, point._fields) == (1, [0, 1], "Point", ("x", "y"))
    assert crossed(pd.NA) is pd.NA
    assert np.isnat(crossed(pd.NaT))
    assert crossed(pd.Timestamp("2020-01-01")) == pd.Timestamp("2020-01-01")


def test_a_sparse_matrix_without_rows_crosses() -> None:
    """No row that a filter leaves is an honest answer."""
    assert crossed(sparse.csr_matrix((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("made", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array, sparse.dia_matrix])
def test_sparse_matrices_arrive_as_they_were(made: Any) -> None:
    """A sparse matrix would have to be made dense by the student."""
    matrix = made(np.array([[0, 1.5], [2, 0], [0, 0]]))
    arrived = crossed(matrix)
    assert arrived.format == (matrix.format if matrix.format != "dia" else "csr")
    assert isinstance(arrived, sparse.sparray) == isinstance(matrix, sparse.sparray)
    np.testing.assert_array_equal(arrived.toarray(), matrix.toarray())


def test_objects_do_not_cross_within_a_table() -> None:
    """A cell could be an object that equals whatever is expected."""

    class Yes:
        __eq__ = lambda self, other: True  # noqa: E731
        __hash__ = object.__hash__

    encoder = Encoder(lambda value: pytest.fail("a cell is no object of its own"))
    arrived = Decoder(encoder.buffers).decode(encoder.encode(pd.DataFrame({"a": [Yes(), [Yes()], 1]})))
    assert [type(value) for value in arrived["a"]] == [Unsupported, list, int]
    assert arrived["a"][0] != Unsupported("Yes")
    assert type(arrived["a"][1][0]) is Unsupported


def texts(lengths: list[int], data: bytes = b"abc") -> Any:
    made = {"data": ["array", "|u1", [len(data)], 0], "lengths": ["array", "<i8", [len(lengths)], 1]}
    return of("texts", dtype="str", **made), [data, np.array(lengths, np.int64).tobytes()]


def index_of(tree: Any) -> Any:
    return of("index", levels=["list", [tree]], names=["list", [None]], type="Index")


def number(*shape: int) -> Any:
    return ["array", "<i8", list(shape), 0]


def of(kind: str, **made: Any) -> Any:
    return ["parts", kind, made]


def matrix(shape: Any, format: str) -> Any:
    return of("sparse", row=number(1), column=number(1), data=number(1), shape=shape, format=format, array=True)


@pytest.mark.parametrize(
    "tree",
    [
        of("nothing", data=1),
        ["parts", "bytes"],
        ["parts", 3, {}],
        ["parts", "bytes", {str(i): 1 for i in range(100_000)}],
        ["parts", "bytes", ["list", []]],
        of("bytes", data=1),
        of("bytes", data=number(1), more=1),
        of("date", type="date", text="x" * 10**5),
        of("date", type="os", text="2020-01-01"),
        of("duration", parts=["list", [10**30, 0, 0]]),
        of("decimal", text="1E999999999"),
        of("decimal", text="1" * 20_000),
        of("fraction", parts=["list", [1, 0]]),
        of("decimal", text="sNaN"),
        of("times", dtype="<M8[x]", values=number(1)),
        of("times", dtype="<M8[0s]", values=number(1)),
        of("times", dtype="<M8", values=number(1)),
        of("times", dtype="O", values=number(1)),
        of("times", dtype="<M8[s]", values=["list", [["object", 1, "x", False]]]),
        of("masked", data=number(1), mask=number(1)),
        of("named tuple", name="os.system('x')", fields=["list", ["a"]], values=["list", [1]]),
        of("named tuple", name="A", fields=["list", ["import"]], values=["list", [1]]),
        of("named tuple", name="A", fields=["list", [f"a{i}" for i in range(200)]], values=["list", [1] * 200]),
        of("named tuple", name="A", fields=["list", ["a"]], values=["list", []]),
        matrix(["list", [2**40, 1]], "csr"),
        matrix(["list", [10**6, 10**6]], "csr"),
        matrix(["list", [-1, 1]], "csr"),
        matrix(["list", [1, 1]], "dok"),
        of("zoned", zone="../../../etc/passwd" * 9, values=number(1)),
        of("nullable", dtype="object", values=number(1), missing=number(1)),
        of("category", codes=number(1), categories=3, ordered=True),
        of("frame", columns=index_of(number(1)), index=index_of(number(1)), data=["list", []]),
        of("frame", columns=index_of(number(1)), index=index_of(number(1)), data=["list", [number(1), number(1)]]),
        of("frame", columns=3, index=index_of(number(1)), data=["list", [number(1)]]),
        of("frame", columns=index_of(number(1)), index=index_of(number(1)), data=["list", [["object", 1, "x", False]]]),
        of("series", name=None, index=3, data=number(1)),
        of("series", name=["list", []], index=index_of(number(1)), data=number(1)),
        index_of(of("category", codes=["array", "<i8", [1], 1], categories=number(1), ordered=True)),
    ],
    ids=range(38),
)  # fmt: skip
def test_forged_parts_are_refused(tree: Any) -> None:
    """A kernel could have anything built in the process that judges."""
    buffers = [np.array([0]).tobytes(), np.array([7]).tobytes()]
    tracemalloc.start()
    try:
        with pytest.raises(ValueRefused):
            Decoder(buffers, lambda kind, rest: pytest.fail("an object within parts")).decode(tree)
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()


def test_what_cannot_be_hashed_is_no_key() -> None:
    """NumPy's timedelta64 without a unit has an error of its own for it, which would end the check."""
    key = of("times", dtype="<m8", values=1)
    assert Decoder([]).decode(key) == np.timedelta64(1)
    for tree in (["set", [key]], ["dict", [[key, 1]]], ["set", [["tuple", [key]]]]):
        with pytest.raises(ValueRefused, match="a key that cannot be hashed"):
            Decoder([]).decode(tree)


@pytest.mark.parametrize("value", [np.datetime64("NaT"), np.array(["NaT"], "M8"), np.timedelta64(3), Decimal("NaN")])
def test_what_is_missing_or_has_no_unit_crosses(value: Any) -> None:
    """An honest value would be refused with the forged ones."""
    assert repr(crossed(value)) == repr(value)


def test_a_signaling_nan_stays_where_it_is() -> None:
    """Whatever compares it gets an exception."""
    assert crossed([Decimal("sNaN")])[0].type_name == "Decimal"


@pytest.mark.parametrize("lengths", [[4], [1], [10**18], [1, 1], [-3, 3, 1]])
def test_texts_that_do_not_fit_their_lengths_are_refused(lengths: list[int]) -> None:
    """A column of a few bytes could fill the grader's memory."""
    tree, buffers = texts(lengths)
    with pytest.raises(ValueRefused):
        Decoder(buffers).decode(index_of(tree))


def test_the_name_of_a_zone_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pandas knows names that begin with `dateutil/`, and then opens any file: a kernel would choose which."""
    zone = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + struct.pack(">lbb", 3600, 0, 0) + b"XYZ\0"
    monkeypatch.chdir(tmp_path)  # a path from the root may be longer than a name of a zone may be
    Path("zone").write_bytes(zone)
    path = "/proc/self/cwd/zone"
    column = of("zoned", zone=f"dateutil/{path}", values=of("times", dtype="<M8[ns]", values=number(1)))
    assert dateutil.tz.gettz(path) is not None
    with pytest.raises(ValueRefused):
        Decoder([bytes(8)]).decode(index_of(column))


def test_an_index_of_several_levels_has_a_bounded_number_of_cells() -> None:
    """It takes sixteen times the memory of its levels, and these may take 256 MB."""
    level = ["array", "|i1", [2_000_001], 0]
    tree = of("index", levels=["list", [level]], names=["list", [None]], type="MultiIndex")
    started = time.process_time()
    with pytest.raises(ValueRefused):
        Decoder([bytes(2_000_001)]).decode(tree)
    assert time.process_time() - started < 2


def test_labels_of_one_hash_take_no_time() -> None:
    """pandas compares each with all others, in C, where nothing stops it: the worker would be ended."""
    same = [i * (2**61 - 1) for i in range(40_000)]
    level = of("cells", values=["list", same])
    of_levels = of("index", levels=["list", [level]], names=["list", [None]], type="MultiIndex")
    plain = of("index", levels=["list", [["array", "<i8", [1], 0]]], names=["list", [None]], type="Index")
    categories = of("category", codes=["array", "<i8", [1], 0], categories=level, ordered=False)
    of_categories = of("series", name=None, index=plain, data=categories)
    started = time.process_time()
    for tree in (of_levels, of_categories):
        with pytest.raises(ValueRefused):
            Decoder([bytes(8)]).decode(tree)
    assert time.process_time() - started < 2


def test_labels_that_are_one_after_another_missing_or_equal_are_no_collisions() -> None:
    """A right table would not arrive."""
    labels = np.array([pd.NA, None, 1, 1.0, True, datetime.date(2020, 1, 1)] * 2_000, object)
    index = pd.MultiIndex.from_arrays([labels, np.arange(len(labels))])
    pd.testing.assert_index_equal(crossed(index), index)


def test_a_column_has_a_bounded_number_of_cells() -> None:
    """Texts of no length would be made without end."""
    tree, buffers = texts([0] * 2_000_001, b"")
    started = time.process_time()
    with pytest.raises(ValueRefused):
        Decoder(buffers).decode(index_of(tree))
    assert time.process_time() - started < 2


@pytest.mark.parametrize("kind", ["frame", "named tuple"])
def test_a_message_has_a_bounded_number_of_tables(kind: str) -> None:
    """A message of a few megabytes would keep the grader busy for minutes."""
    empty = index_of(number(1))
    trees = {
        "frame": lambda i: of("series", name=None, index=empty, data=number(1)),
        "named tuple": lambda i: of("named tuple", name=f"A{i}", fields=["list", ["a"]], values=["list", [1]]),
    }
    message = ["list", [trees[kind](i) for i in range(6_000)]]
    started = time.process_time()
    with pytest.raises(ValueRefused, match="too many"):
        Decoder([np.array([0]).tobytes()]).decode(message)
    assert time.process_time() - started < 20


@pytest.mark.parametrize("value", [FRAME, sparse.eye(2, format="csr")])
def test_without_the_package_a_table_stays_its_parts(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grader without pandas could not grade a course that has tables."""
    encoder = Encoder()
    tree = encoder.encode(value)
    monkeypatch.setattr(parts, "import_module", missing)
    monkeypatch.setattr(pandas_parts, "import_module", missing)
    arrived = Decoder(encoder.buffers).decode(tree)
    assert type(arrived) is Parts
    again = Encoder()
    assert (again.encode(arrived), again.buffers) == (tree, encoder.buffers)


def missing(name: str) -> Any:
    raise ImportError(name)


def test_taking_apart_imports_nothing() -> None:
    """Every kernel would load pandas and SciPy."""
    code = (
        "import sys, numpy as np\nfrom autograder.kernel_side.values import Encoder, Decoder\n"
        "e = Encoder(); e.encode([b'x', np.ma.array([1]), object(), np.datetime64('2020')])\n"
        "print([n for n in ('pandas', 'scipy', 'scipy.sparse') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ("f['whole'] = 0", ["argument 1"]),
        ("f.loc['r', 'float'] = 7.0", ["argument 1"]),
        ("f.drop(columns='whole', inplace=True)", ["argument 1"]),
        ("f.copy()['whole'] = 0", []),
        ("return f.assign(whole=0)", []),
    ],
)
def test_a_table_that_was_changed_is_told(body: str, changed: list[str]) -> None:
    """A function that works on its argument would change its caller's table, unseen."""
    namespace: dict[str, Any] = {}
    exec(f"def f(f):\n    {body}", namespace)
    encoder = Encoder()
    message = {"op": "call", "target": [None, "f"], "args": encoder.encode([FRAME]), "kwargs": ["dict", []]}
    reply, _ = Server(namespace, lambda *_: pytest.fail("no call-back")).handle(message, encoder.buffers)
    assert (reply["op"], reply["changed"]) == ("return", changed)


def test_a_table_that_fails_to_be_taken_apart_is_the_student_s_error() -> None:
    """A hostile subclass would end the student's kernel, and every later check with it."""

    class Trap(pd.DataFrame):
        __module__ = "geopandas"  # one of the student's own would not be taken apart
        iloc = property(lambda self: 1 / 0)

    server = Server({"f": lambda: Trap({"a": [1]})}, lambda *_: pytest.fail("no call-back"))
    message = {"op": "call", "target": [None, "f"], "args": ["list", []], "kwargs": ["dict", []]}
    assert server.handle(message, [])[0]["type"] == "ZeroDivisionError"


def test_the_limits_of_parts() -> None:
    """An honest table would be refused."""
    assert (values.MAX_TABLES, values.MAX_NAMED, parts.MAX_SPARSE_CELLS) == (3_000, 5_000, 10**8)
    wide = pd.DataFrame(np.zeros((2, 3_000)))
    pd.testing.assert_frame_equal(crossed(wide), wide)
    tall = pd.DataFrame({"a": np.arange(300_000), "b": ["x"] * 300_000})
    pd.testing.assert_frame_equal(crossed(tall), tall)
