"""What may cross between the process of the tests and one of a student, and what is refused."""

from __future__ import annotations

import enum
import json
import time
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.kernel_side import values
from autograder.kernel_side.stand_ins import Parts
from autograder.kernel_side.values import Decoder, Encoder, Unsupported, ValueRefused

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
DTYPES = st.sampled_from(sorted(values.DTYPES))
KEYS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.floats(allow_nan=False),
    st.tuples(st.integers(), st.text(max_size=3)),
)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))
TEXTS = hnp.arrays("<U5", SHAPES, elements=st.text(st.characters(exclude_characters="\0"), max_size=5))
SCALARS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, ())).map(lambda array: array[()])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**64, -(2**200), 10**3000]),
    st.floats(),
    st.text(),
    st.complex_numbers(),
    ARRAYS,
    TEXTS,
    SCALARS,
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(KEYS, max_size=4),
    ),
    max_leaves=12,
)
TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.tuples(st.sampled_from([*sorted(values.KINDS), "_items", "__class__", ""]), inner).map(list),
        st.tuples(st.sampled_from(["set", "dict", "list"]), st.lists(inner, max_size=4)).map(list),
        st.tuples(st.just("dict"), st.lists(st.lists(inner, min_size=2, max_size=2), max_size=4)).map(list),
        st.dictionaries(st.text(max_size=3), inner, max_size=2),
    ),
    max_leaves=20,
)
SIZES = st.one_of(st.integers(-1, 9), st.sampled_from([2**31, 2**40, 2**40 + 1, 2**62, 2**64]), st.booleans())
LAYOUTS = st.tuples(
    st.sampled_from(["array", "scalar"]),
    st.one_of(DTYPES, st.sampled_from(["<U0", "<U1", "<U99999", "|O", "<M8[s]", "|V8", "<f8,<f8", "f8"]), st.none()),
    st.one_of(st.lists(SIZES, max_size=40), st.none()),
    st.one_of(st.integers(-2, 4), st.booleans(), st.none()),
).map(list)
BUFFERS = st.lists(st.binary(max_size=40), max_size=3)


def crossed(value: Any) -> Any:
    """`value` as it arrives on the other side, through JSON as on the wire."""
    encoder = Encoder()
    tree = json.loads(json.dumps(encoder.encode(value)))
    return Decoder(encoder.buffers).decode(tree)


def same(a: Any, b: Any) -> bool:
    """Whether two values agree in type and content, a NaN with a NaN and −0.0 not with 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (Parts, Unsupported)):
        return same(vars(a), vars(b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b) if isinstance(a, (float, complex)) else bool(a == b)


@settings(deadline=None, max_examples=300)
@given(VALUES)
def test_whatever_may_cross_arrives_as_it_was(value: Any) -> None:
    """A check would judge something other than what the student returned."""
    assert same(crossed(value), value)


@pytest.mark.parametrize("dtype", sorted(values.DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (1, 2), (2, 1, 2, 1)])
def test_every_dtype_and_shape_crosses(dtype: str, shape: tuple[int, ...]) -> None:
    """A right answer of that dtype or shape would be refused, or arrive as another one."""
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    arrived = crossed(array)
    assert (arrived.dtype, arrived.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(arrived, array)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.arange(10)[::-2],
        np.arange(4, dtype=">i4"),
        np.broadcast_to(np.float32(2), (3, 2)),
        np.asfortranarray(np.eye(3)),
    ],
    ids=["transposed", "reversed", "big endian", "broadcast", "Fortran order"],
)
def test_views_cross_by_content(array: np.ndarray) -> None:
    """The memory layout of a student's result would change its values."""
    np.testing.assert_array_equal(crossed(array), array)


def test_what_arrives_may_be_written_to() -> None:
    """Students' functions that work in place would fail in a check and not in their notebook."""
    arrived = crossed([np.zeros(3), np.array([True, False])])
    arrived[0][0] = 1
    arrived[1][1] = True
    assert arrived[0][0] == 1
    assert arrived[1].all()


def test_special_floats_cross() -> None:
    """NaN and infinity, the most common wrong results, would be taken for something else."""
    arrived = crossed([float("nan"), float("inf"), -float("inf"), -0.0])
    assert repr(arrived) == "[nan, inf, -inf, -0.0]"


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**63), st.integers(0, 7))
def test_a_generator_crosses_with_its_state(seed: int, drawn: int) -> None:
    """Test and answer key would draw other random numbers than the student's function."""
    rng = np.random.default_rng(seed)
    rng.integers(10, size=drawn, dtype=np.int32)
    arrived = crossed(rng)
    np.testing.assert_array_equal(arrived.integers(1000, size=9), rng.integers(1000, size=9))
    np.testing.assert_array_equal(arrived.normal(size=9), rng.normal(size=9))


def test_functions_cross_as_numbers_only_where_they_may() -> None:
    """A function of a test could not be passed in, or one of a student's could come out."""
    numbered: list[Any] = []
    tree = Encoder(lambda function: numbered.append(function) or ["function", 7]).encode([abs])
    assert (numbered, tree) == ([abs], ["list", [["function", 7]]])
    assert Decoder([], lambda kind, rest: [kind, *rest].copy).decode(tree)[0]() == ["function", 7]
    with pytest.raises(ValueRefused):
        Decoder([]).decode(tree)
    assert name_of(crossed(abs)) == "builtin_function_or_method"


class Sly(float):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = float.__hash__


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (OrderedDict(a=1), {"a": 1}),
        (frozenset({1}), {1}),
        (type("L", (list,), {"__len__": lambda self: 9})([1, 2]), [1, 2]),
        (np.str_("x"), "x"),
        (type("T", (np.str_,), {"__str__": lambda self: "y"})("x"), "x"),
        (type("F", (np.float64,), {})(2.0), np.float64(2.0)),
    ],
)
def test_subclasses_of_containers_and_scalars_become_plain(value: Any, plain: Any) -> None:
    """A subclass of a student's, with operators of its own, would run in the process that grades."""
    assert same(crossed(value), plain)


def test_a_matrix_of_numpy_s_crosses_as_the_array_that_it_is() -> None:
    """Right numbers would lose every check of an exercise by their type; what is (1, c) is told where shapes are."""
    (arrived,) = crossed([np.matrix([[1.0, 2.0]])])
    assert type(arrived) is np.ndarray
    np.testing.assert_array_equal(arrived, np.array([[1.0, 2.0]]), strict=True)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Sly(1), "Sly"),
        (Colour.RED, "Colour"),
        (type("Image", (np.ndarray,), {})((2,)), "Image"),
        (np.array([1, "a"], dtype=object), "array of dtype object"),
        (np.zeros(2, dtype="f8,i4"), "array of dtype [('f0', '<f8'), ('f1', '<i4')]"),
        (np.array([b"x"]), "array of dtype |S1"),
        (bytearray(b"bytes"), "bytearray"),
        (range(3), "range"),
        (np.random.RandomState(0), "RandomState"),
        (object, "type"),
        ((x for x in ()), "generator"),
    ],
)
def test_what_does_not_cross_arrives_as_the_name_of_its_type(value: Any, name: str) -> None:
    """A student would not be told that their function returned something unusable, and what."""
    assert [name_of(part) for part in (crossed(value), *crossed([value]))] == [name, name]
    assert crossed([value]) != crossed([value])


def name_of(value: Any) -> str:
    assert isinstance(value, Unsupported)
    return value.type_name


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        nested(values.MAX_DEPTH + 1),
        endless(),
        [0] * (values.MAX_NODES + 1),
        set(range(values.MAX_KEYS + 1)),
        {n: n for n in range(values.MAX_KEYS + 1)},
        np.broadcast_to(np.float64(0), (2**20, 2**20)),
        10**5000,
        "x" * (values.MAX_TEXT + 1),
        ["x" * 1000] * 1000,
        [10**3000] * 1000,
    ],
    ids=["deep", "endless", "parts", "set", "dict", "array", "big int", "text", "texts", "big ints"],
)
def test_what_is_too_large_is_refused_when_it_is_sent(value: Any) -> None:
    """One huge value would end the connection, and with it every later check, without a reason that is told."""
    with pytest.raises(ValueRefused):
        Encoder().encode(value)


def test_the_largest_values_that_are_sent_are_also_received() -> None:
    """An honest student's long history of numbers would be refused at the other end."""
    history = [np.float64(n) for n in range(20_000)]
    assert same(crossed(history), history)
    assert same(crossed(nested(values.MAX_DEPTH)), nested(values.MAX_DEPTH))
    assert crossed(set(range(values.MAX_KEYS))) == set(range(values.MAX_KEYS))
    assert crossed(list(range(10**9, 10**9 + 100_000)))[-1] == 10**9 + 99_999


@settings(deadline=None, max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(TREES, LAYOUTS, st.lists(LAYOUTS, max_size=3).map(lambda trees: ["list", trees])), BUFFERS)
@example(["unsupported", ""], [])
def test_a_hostile_tree_gives_a_plain_value_or_is_refused(tree: Any, buffers: list[bytes]) -> None:
    """A student's kernel could end the grader with an exception that nobody expects."""
    try:
        value = Decoder(buffers).decode(tree)
    except ValueRefused:
        return
    assert same(crossed(value), value)


@pytest.mark.parametrize("nan", [float("nan"), np.float64("nan"), np.float32("nan")])
def test_a_key_that_is_nan_is_found(nan: float) -> None:
    """A right answer that counts missing values would have the wrong keys."""
    assert crossed({nan: 2, ("a", nan): 3}) == {np.nan: 2, ("a", np.nan): 3}
    assert crossed({nan}) == {np.nan}


MALFORMED = {
    "a value without a kind": [{}, [], [["list"], []]],
    "a value of an unknown kind": [["items", []], ["layout", []], ["LIST", []]],
    "a container without items": [["list"], ["list", 1], ["tuple", [], []]],
    "a dict without items": [["dict"], ["dict", 1], ["dict", [], []]],
    "a dict item that is not a pair": [["dict", [[1]]], ["dict", [(1, 2)]]],
    "a key that cannot be hashed": [["set", [["list", []]]], ["dict", [[["tuple", [["set", []]]], 1]]]],
    "an array without dtype, shape and data": [["array", "<f8", [0]]],
    "an array of a dtype that may not cross": [["array", "|O", [0], 0], ["array", 1, [0], 0]],
    "an array without a shape": [["array", "<f8", [0] * 65, 0], ["array", "<f8", 0, 0]],
    "an array with an impossible shape": [["array", "<f8", [True], 0], ["array", "<f8", [2**40, 0], 0]],
    "an array without data": [["array", "<f8", [0], 2], ["array", "<f8", [0], -1], ["array", "<f8", [0], "0"]],
    "an array whose data does not fit its shape": [["array", "<f8", [2**40, 2**40], 0], ["array", "<U0", [2**40], 0]],
    "text that is not Unicode": [["array", "<U1", [1], 1]],
    "a scalar with a shape": [["scalar", "<f8", [0], 0]],
    "a complex number without two parts": [["complex", 1, 2], ["complex", 1.0], ["complex", 1.0, 2.0, 3.0]],
    "a random generator in an impossible state": [
        ["rng", 1, 2, 0],
        ["rng", 2**128, 1, 0, 0],
        ["rng", 1, 2**128, 0, 0],
        ["rng", 1, 2, 2, 0],
        ["rng", 1, 2, 0, 2**32],
        ["rng", 1, 2, 0, -1],
    ],
    "a function where none may come": [["function", 1]],
    "an unsupported value without a type": [["unsupported", 1], ["unsupported", "a", "b"]],
}


@pytest.mark.parametrize(("why", "tree"), [(why, tree) for why, trees in MALFORMED.items() for tree in trees])
def test_malformed_trees_are_refused(why: str, tree: Any) -> None:
    """Something that is no value of ours would get into the process that grades, or nobody could say what it was."""
    with pytest.raises(ValueRefused) as error:
        Decoder([b"", b"\xff\xff\xff\xff"]).decode(tree)
    assert str(error.value) == why


@pytest.mark.parametrize("rest", [[True], [1, 2], []])
def test_a_function_comes_with_its_number_alone(rest: list[Any]) -> None:
    """A check's own function could be called that the student was never given."""
    with pytest.raises(ValueRefused, match="a function where none may come"):
        Decoder([], lambda kind, rest: print).decode(["function", *rest])


@pytest.mark.parametrize("wrap", [lambda tree: ["dict", [[1, tree]]], lambda tree: ["dict", [[["tuple", [tree]], 1]]]])
def test_dicts_are_nested_no_deeper_than_lists(wrap: Callable[[Any], Any]) -> None:
    """A few kilobytes could exhaust the grader's stack."""
    tree: Any = 1
    for _ in range(values.MAX_DEPTH + 1):
        tree = wrap(tree)
    with pytest.raises(ValueRefused, match=r"^nested too deeply"):
        Decoder([]).decode(tree)


@pytest.mark.parametrize("sizes", [[5, 5], [11], [4, 4, 4]])
def test_arrays_are_counted_together(monkeypatch: pytest.MonkeyPatch, sizes: list[int]) -> None:
    """Many arrays, each within the limit, would fill the other side's memory; or what just fits would be refused."""
    monkeypatch.setattr(values, "MAX_BYTES", 10)
    arrays = [np.zeros(size, np.uint8) for size in sizes]
    if sum(sizes) <= 10:
        assert len(crossed(arrays)) == len(sizes)
        return
    with pytest.raises(ValueRefused, match=r"^holds more than 0 MB$"):
        Encoder().encode(arrays)
    trees = [["array", "|u1", [size], number] for number, size in enumerate(sizes)]
    with pytest.raises(ValueRefused, match=r"^holds more than 0 MB$"):
        Decoder([bytes(size) for size in sizes]).decode(["list", trees])


def test_the_limit_of_arrays_is_told_in_megabytes() -> None:
    """A student would not learn how much is too much."""
    with pytest.raises(ValueRefused, match=r"^holds more than 256 MB$"):
        Encoder().encode(np.broadcast_to(np.uint8(0), values.MAX_BYTES + 1))


def test_what_is_unsupported_stays_unsupported() -> None:
    """A value that was only named would come back as one that can be used."""
    there = crossed(object())
    assert isinstance(there, Unsupported)
    assert isinstance(crossed(there), Unsupported)
    assert crossed(there).type_name == there.type_name == "object"
    assert crossed(np.void(b"x")).type_name == "array of dtype |V1"


@pytest.mark.parametrize(
    "tree",
    [
        ["list", [["array", "|u1", [2**20], 0]] * 400],
        ["list", [["array", "|b1", [2**20], 0]] * 400],
        ["dict", [[n, ["array", "|u1", [2**20], 0]] for n in range(400)]],
        ["array", "<f8", [2**40], 0],
        ["array", "<U99999", [2**30], 0],
        ["array", "<c16", [2**20], 0],
    ],
    ids=["one buffer many times", "as bools", "in a dict", "no data", "text", "too short"],
)
def test_no_tree_makes_more_of_its_buffers_than_may_cross(tree: Any) -> None:
    """A message of one megabyte could fill the grader's memory."""
    buffers = [bytes(2**20)]
    tracemalloc.start()
    try:
        with pytest.raises(ValueRefused):
            Decoder(buffers).decode(tree)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < values.MAX_BYTES + 10 * 2**20


def test_keys_of_equal_hash_cost_a_bounded_time() -> None:
    """A set of a few hundred kilobytes would keep the grader busy for an hour, where no deadline looks."""
    same_hash = [(2**61 - 1) * n for n in range(1, values.MAX_NODES // 2)]
    started = time.process_time()
    with pytest.raises(ValueRefused):
        Decoder([]).decode(["set", same_hash])
    third = values.MAX_KEYS // 3
    with pytest.raises(ValueRefused):
        Decoder([]).decode(["list", [["set", same_hash[:third]]] * 1000])
    assert time.process_time() - started < 5


def test_truth_is_one_or_zero_whatever_came() -> None:
    """A kernel could send a True that is not equal to True, and a check decide wrongly."""
    truth = Decoder([b"\x02\x00\xff"]).decode(["array", "|b1", [3], 0])
    assert truth.tobytes() == b"\x01\x00\x01"


@pytest.mark.parametrize("value", [np.full((1,) * values.MAX_NDIM, 2.0), np.array(["\U0010ffff"])])
def test_the_last_that_is_allowed_crosses(value: np.ndarray) -> None:
    """An array with as many axes as NumPy takes, or the last letter of Unicode, would be refused."""
    assert same(crossed(value), value)
