"""Encodes the values that cross between the process that holds the tests and one that runs student code.

A value becomes a tree that JSON can hold, plus a list of raw buffers for array data. There is no pickle and
there are no .npy headers: values are rebuilt as plain types, and whatever does not fit is refused before
anything is allocated for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from autograder.kernel_side.pandas_parts import PLAIN
from autograder.kernel_side.parts import IN_NOTEBOOK, dissected, rebuilt
from autograder.kernel_side.stand_ins import Parts, Unsupported
from autograder.kernel_side.student_code import has_own_methods
from autograder.kernel_side.wire import MAX_BYTES, MAX_NODES

__all__ = ["Decoder", "Encoder", "Unsupported", "ValueRefused"]

MAX_DEPTH = 40
MAX_KEYS = 10_000
MAX_INT_BITS = 10_000
MAX_TEXT = 2**19
MAX_NDIM = 32
MAX_EMPTY = 10**7
MAX_NAMED = 5_000
MAX_TABLES = 3_000
MAX_PARTS = 10

CONTAINERS = (list, tuple, dict, set, frozenset)

DTYPES = frozenset(
    np.dtype(t).newbyteorder("<").str
    for t in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
)
TEXT_DTYPE = re.compile(r"<U[0-9]{1,5}")

Made = TypeVar("Made", set[Any], dict[Any, Any])


class ValueRefused(ValueError):
    """A tree from the other side is not one of ours: malformed, too deep or too large."""


@dataclass
class Encoder:
    """Turns values into trees.

    `reference` makes the tree of what is not plain, such as a function or an object; without it only the name of the
    type crosses.
    """

    reference: Callable[[Any], list[Any]] | None = None
    buffers: list[bytes] = field(default_factory=list)
    nodes: int = 0
    size: int = 0
    keys: int = 0
    text: int = 0

    def encode(self, value: Any, depth: int = 0) -> Any:
        """The tree of `value`; array data goes to `self.buffers`. Raises ValueRefused for a value that is too large."""
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise ValueRefused("nested too deeply or has too many parts")
        if type(value) in (int, str):
            return self._text(value)
        if value is None or type(value) in (bool, float):
            return value
        if isinstance(value, np.generic):
            return self._scalar(value, depth)
        if type(value) in (np.ndarray, np.matrix):  # a matrix of NumPy's is an array with two axes
            return self._array(np.asarray(value), depth)
        if type(value) in CONTAINERS:
            return self._container(value, depth + 1)
        if has_own_methods(type(value)):  # a copy would be without them
            return self._reference(value, type(value).__name__)
        return self._container(value, depth + 1) if isinstance(value, CONTAINERS) else self._other(value, depth)

    def _text(self, value: int | str) -> int | str:
        """Text that JSON writes out in full is counted, so that a message always fits into a frame."""
        bits = 0 if isinstance(value, str) else value.bit_length()
        if bits > MAX_INT_BITS:
            raise ValueRefused(f"holds a whole number of more than {MAX_INT_BITS} bits")
        self.text += len(value) if isinstance(value, str) else bits // 3 if bits > 64 else 0
        if self.text > MAX_TEXT:
            raise ValueRefused(f"holds more than {MAX_TEXT} letters and digits")
        return value

    def _container(self, value: Any, depth: int) -> Any:
        parts = dissected(value) if isinstance(value, tuple) and type(value) is not tuple else None
        if parts is not None:
            return self._parts(parts, depth)
        if not isinstance(value, (list, tuple)):
            self.keys += len(value)
            if self.keys > MAX_KEYS:
                raise ValueRefused(f"has more than {MAX_KEYS} keys")
        if isinstance(value, dict):
            pairs = dict.items(value)
            return ["dict", [[self.encode(k, depth), self.encode(v, depth)] for k, v in pairs]]
        kind = next(t for t in CONTAINERS if isinstance(value, t))
        items = [self.encode(v, depth) for v in kind.__iter__(value)]
        return ["set" if kind is frozenset else kind.__name__, items]

    def _parts(self, value: Parts, depth: int) -> list[Any]:
        """A value as its parts. Objects do not cross within one, except in a named tuple."""
        kept = self.reference
        self.reference = kept if value.kind == "named tuple" else None
        try:
            return ["parts", value.kind, {name: self.encode(part, depth) for name, part in value.parts.items()}]
        finally:
            self.reference = kept

    def _scalar(self, value: Any, depth: int) -> Any:
        if isinstance(value, np.str_):
            return self._text(str.__str__(value))
        array = np.asarray(value)
        tree = self._array(array, depth)
        return ["scalar", *tree[1:]] if tree[0] == "array" else tree

    def _array(self, array: np.ndarray[Any, Any], depth: int) -> list[Any]:
        if array.dtype.kind in "mM" and (parts := dissected(array)) is not None:
            return self._parts(parts, depth + 1)
        dtype = array.dtype.newbyteorder("<").str
        if dtype not in DTYPES and not TEXT_DTYPE.fullmatch(dtype):
            return self._reference(array, f"array of dtype {array.dtype}")
        self.size += array.nbytes
        if self.size > MAX_BYTES:
            raise ValueRefused(f"holds more than {MAX_BYTES // 2**20} MB")
        self.buffers.append(array.astype(array.dtype.newbyteorder("<"), order="C", copy=False).tobytes())
        return ["array", dtype, list(array.shape), len(self.buffers) - 1]

    def _other(self, value: Any, depth: int) -> Any:
        if type(value) is complex:
            return ["complex", value.real, value.imag]
        if isinstance(value, np.random.Generator) and isinstance(value.bit_generator, np.random.PCG64):
            state: Any = value.bit_generator.state
            inner = state["state"]
            return ["rng", inner["state"], inner["inc"], state["has_uint32"], state["uinteger"]]
        if isinstance(value, Unsupported):
            return self._reference(value, value.type_name)
        parts = dissected(value)
        return self._reference(value, type(value).__name__) if parts is None else self._parts(parts, depth + 1)

    def _reference(self, value: Any, type_name: str) -> list[Any]:
        return ["unsupported", type_name[:200]] if self.reference is None else self.reference(value)


@dataclass
class Decoder:
    """Rebuilds values from a tree and its buffers, trusting neither.

    In a notebook tensors and masked arrays are made as such.
    `resolve(kind, rest)` gives what a function or an object of either side stands for; without it they are refused.
    Keys are counted, since ones of equal hash, which are easily made, cost the square of their number.
    """

    buffers: list[bytes]
    resolve: Callable[[str, list[Any]], Any] | None = None
    in_notebook: bool = False
    nodes: int = 0
    size: int = 0
    keys: int = 0
    text: int = 0
    named: int = 0
    tables: int = 0

    @property
    def footprint(self) -> int:
        """About how many bytes the decoded values take."""
        return self.size + 4 * self.text + 100 * self.nodes

    def decode(self, tree: Any, depth: int = 0) -> Any:
        """The value of `tree`, made of plain types only. Raises ValueRefused for anything malformed."""
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise ValueRefused("nested too deeply or has too many parts")
        if type(tree) in (int, str):
            self.text += len(tree) if isinstance(tree, str) else tree.bit_length() // 32
            return tree
        if tree is None or type(tree) in (bool, float):
            return tree
        if type(tree) is not list or not tree or type(tree[0]) is not str:
            raise ValueRefused("a value without a kind")
        make = getattr(self, f"_make_{tree[0]}", None) if tree[0] in KINDS else None
        if make is None:
            raise ValueRefused("a value of an unknown kind")
        return make(tree[1:], depth + 1)

    def _items(self, rest: list[Any], depth: int) -> list[Any]:
        if len(rest) != 1 or type(rest[0]) is not list:
            raise ValueRefused("a container without items")
        return [self.decode(item, depth) for item in rest[0]]

    def _make_list(self, rest: list[Any], depth: int) -> list[Any]:
        return self._items(rest, depth)

    def _make_tuple(self, rest: list[Any], depth: int) -> tuple[Any, ...]:
        return tuple(self._items(rest, depth))

    def _make_set(self, rest: list[Any], depth: int) -> set[Any]:
        items = self._items(rest, depth)
        self._count_keys(len(items))
        return hashed(set, map(hashable, items))

    def _count_keys(self, more: int) -> None:
        self.keys += more
        if self.keys > MAX_KEYS:
            raise ValueRefused(f"has more than {MAX_KEYS} keys")

    def _make_dict(self, rest: list[Any], depth: int) -> dict[Any, Any]:
        if len(rest) != 1 or type(rest[0]) is not list:
            raise ValueRefused("a dict without items")
        self._count_keys(len(rest[0]))
        items = []
        for pair in rest[0]:
            if type(pair) is not list or len(pair) != 2:
                raise ValueRefused("a dict item that is not a pair")
            items.append((hashable(self.decode(pair[0], depth)), self.decode(pair[1], depth)))
        return hashed(dict, items)

    def _make_array(self, rest: list[Any], depth: int) -> np.ndarray[Any, Any]:
        if len(rest) != 3:
            raise ValueRefused("an array without dtype, shape and data")
        dtype, shape, data = self._layout(*rest)
        if dtype.kind == "U" and data and np.frombuffer(data, "<u4").max() > 0x10FFFF:
            raise ValueRefused("text that is not Unicode")
        if dtype.kind == "b":
            return np.asarray(np.frombuffer(data, np.uint8) != 0).reshape(shape)
        return np.frombuffer(data, dtype).reshape(shape).copy()

    def _layout(self, name: Any, shape: Any, index: Any) -> tuple[np.dtype[Any], tuple[int, ...], bytes]:
        if type(name) is not str or not (name in DTYPES or TEXT_DTYPE.fullmatch(name)):
            raise ValueRefused("an array of a dtype that may not cross")
        if type(shape) is not list or len(shape) > MAX_NDIM:
            raise ValueRefused("an array without a shape")
        if any(type(n) is not int or not 0 <= n <= 2**40 for n in shape):
            raise ValueRefused("an array with an impossible shape")
        if type(index) is not int or not 0 <= index < len(self.buffers):
            raise ValueRefused("an array without data")
        dtype, data = np.dtype(name), self.buffers[index]
        if dtype.itemsize == 0 or math.prod(shape) * dtype.itemsize != len(data):
            raise ValueRefused("an array whose data does not fit its shape")
        if 0 in shape and math.prod(n or 1 for n in shape) > MAX_EMPTY:  # as a list it would fill the memory
            raise ValueRefused("an array with an impossible shape")
        self.size += len(data)
        if self.size > MAX_BYTES:
            raise ValueRefused(f"holds more than {MAX_BYTES // 2**20} MB")
        return dtype, tuple(shape), data

    def _make_scalar(self, rest: list[Any], depth: int) -> Any:
        array = self._make_array(rest, depth)
        if array.shape != ():
            raise ValueRefused("a scalar with a shape")
        return array[()]

    def _make_complex(self, rest: list[Any], depth: int) -> complex:
        if len(rest) != 2 or any(type(part) is not float for part in rest):
            raise ValueRefused("a complex number without two parts")
        return complex(*rest)

    def _make_rng(self, rest: list[Any], depth: int) -> np.random.Generator:
        limits = (2**128, 2**128, 2, 2**32)
        if len(rest) != 4 or any(type(n) is not int or not 0 <= n < top for n, top in zip(rest, limits, strict=True)):
            raise ValueRefused("a random generator in an impossible state")
        bits = np.random.PCG64(0)
        bits.state = {
            "bit_generator": "PCG64",
            "state": {"state": rest[0], "inc": rest[1] | 1},
            "has_uint32": rest[2],
            "uinteger": rest[3],
        }
        return np.random.Generator(bits)

    def _make_parts(self, rest: list[Any], depth: int) -> Any:
        if len(rest) != 2 or type(rest[0]) is not str or type(rest[1]) is not dict or len(rest[1]) > MAX_PARTS:
            raise ValueRefused("parts without a kind")
        self.named += rest[0] == "named tuple"
        self.tables += rest[0] in ("frame", "series", "index", "sparse")
        if self.named > MAX_NAMED or self.tables > MAX_TABLES:
            raise ValueRefused("has too many tables or named tuples")
        kept = self.resolve
        self.resolve = kept if rest[0] == "named tuple" else None
        try:
            parts = {name: self.decode(tree, depth) for name, tree in rest[1].items()}
            make = IN_NOTEBOOK.get(rest[0]) if self.in_notebook else None
            return make(**parts) if make else rebuilt(rest[0], parts)
        except ValueRefused:
            raise
        except ValueError as error:
            raise ValueRefused(str(error)) from None
        finally:
            self.resolve = kept

    def _make_function(self, rest: list[Any], depth: int) -> Any:
        """A function of the side that sends: its number."""
        if len(rest) != 1 or type(rest[0]) is not int:
            raise ValueRefused("a function where none may come")
        return self._resolved("function", rest)

    def _make_object(self, rest: list[Any], depth: int) -> Any:
        """An object of the side that sends: its number, the name of its type, and whether it can be called."""
        if [type(part) for part in rest] != [int, str, bool]:
            raise ValueRefused("an object without a number and a type")
        return self._resolved("object", rest)

    def _make_yours(self, rest: list[Any], depth: int) -> Any:
        """An object of the side that receives: its number (None: the notebook), and names of attributes below it."""
        if not rest or type(rest[0]) not in (int, type(None)) or any(type(name) is not str for name in rest[1:]):
            raise ValueRefused("an object without a number")
        return self._resolved("yours", rest)

    def _resolved(self, kind: str, rest: list[Any]) -> Any:
        if self.resolve is None:
            raise ValueRefused("a function where none may come")
        return self.resolve(kind, rest)

    def _make_unsupported(self, rest: list[Any], depth: int) -> Unsupported:
        if len(rest) != 1 or type(rest[0]) is not str:
            raise ValueRefused("an unsupported value without a type")
        return Unsupported(rest[0][:200])


KINDS = frozenset(name.removeprefix("_make_") for name in vars(Decoder) if name.startswith("_make_"))


def hashed(make: Callable[[Iterable[Any]], Made], items: Iterable[Any]) -> Made:
    """A set or dict of `items`. Some plain values cannot be hashed or compared either: NumPy's timedelta64 without a
    unit, say."""
    try:
        return make(items)
    except (TypeError, ValueError, ArithmeticError):
        raise ValueRefused("a key that cannot be hashed") from None


def hashable(value: Any) -> Any:
    """`value`, if its type may be a dict key or a set element; else ValueRefused."""
    if isinstance(value, tuple):
        return tuple(hashable(item) for item in value)
    if isinstance(value, (float, np.floating)) and np.isnan(value):
        return np.nan  # a NaN is found only as the same object
    if value is None or isinstance(value, PLAIN):
        return value
    raise ValueRefused("a key that cannot be hashed")
