"""Objects that do not cross: a table of those that the other side may name, and stand-ins for those that it lends."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.kernel_side.values import ValueRefused

__all__ = ["MAX_OBJECTS", "OPERATIONS", "LentObject", "ObjectTable", "lent_object", "type_name"]

MAX_OBJECTS = 10_000

ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
OTHERS = ("eq", "ne", "lt", "le", "gt", "ge", "contains", "neg", "pos", "abs", "invert")


def next_item(iterator: Any) -> list[Any]:
    """The next item of an iterator in a list, which is empty at its end."""
    for item in iterator:
        return [item]
    return []


OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda it, *args, **kwargs: it(*args, **kwargs),
    "get": getattr,
    "set": setattr,
    "item": operator.getitem,
    "set item": operator.setitem,
    "length": len,
    "iterate": iter,
    "next": next_item,
    "enter": lambda it: type(it).__enter__(it),
    "exit": lambda it: type(it).__exit__(it, None, None, None),
    "truth": bool,
}
OPERATIONS |= {name: getattr(operator, name) for name in (*ARITHMETIC, *OTHERS)}
OPERATIONS |= {f"r{name}": lambda it, other, of=OPERATIONS[name]: of(other, it) for name in ARITHMETIC}


class ObjectTable:
    """The objects that the other side has handles of, by number. Numbers begin anew with each test: a test's replies do
    not depend on which tests ran before, and handles of an earlier test are refused over there."""

    def __init__(self) -> None:
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.last = 0

    def number_of(self, value: Any) -> int:
        """The number of `value`, which is kept from now on. Raises ValueRefused when there are too many."""
        if id(value) not in self.numbers:
            if len(self.objects) >= MAX_OBJECTS:
                raise ValueRefused(f"has more than {MAX_OBJECTS} objects")
            self.last += 1
            self.objects[self.last] = value
            self.numbers[id(value)] = self.last
        return self.numbers[id(value)]

    def clear(self) -> None:
        self.objects, self.numbers, self.last = {}, {}, 0


def type_name(value: Any) -> str:
    """The name of a value's type, whatever its metaclass makes of `__name__`."""
    if type(value) is np.ndarray:
        return f"array of dtype {value.dtype}"[:200]
    return str(type.__dict__["__name__"].__get__(type(value)))[:200]


class LentObject:
    """Stands in for an object of the other side: whatever is done with it is done there, by `operate`."""

    def __init__(self, number: int, name: str, operate: Callable[..., Any]) -> None:
        vars(self).update(__number__=number, __type_name__=name, __operate__=operate)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.__operate__("get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__operate__("set", name, value)

    def __getitem__(self, key: Any) -> Any:
        return self.__operate__("item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__operate__("set item", key, value)

    def __len__(self) -> int:
        return int(self.__operate__("length"))

    def __bool__(self) -> bool:
        return bool(self.__operate__("truth"))

    def __iter__(self) -> Any:
        iterator = self.__operate__("iterate")
        while items := iterator.__operate__("next"):
            yield items[0]

    def __enter__(self) -> Any:
        return self.__operate__("enter")

    def __exit__(self, *error: Any) -> None:
        self.__operate__("exit")

    def __repr__(self) -> str:
        return f"<{self.__type_name__}>"

    __hash__ = object.__hash__
    __array_ufunc__ = None


class LentCallable(LentObject):
    """The same of an object that can be called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__operate__("call", *args, **kwargs)


def lent_object(number: int, name: str, can_be_called: bool, operate: Callable[..., Any]) -> LentObject:
    """A stand-in for the object that the other side calls `number`."""
    return (LentCallable if can_be_called else LentObject)(number, name, operate)


def forwarded(operation: str) -> Callable[..., Any]:
    return lambda self, *others: self.__operate__(operation, *others)


for _name in (*ARITHMETIC, *(f"r{name}" for name in ARITHMETIC), *OTHERS):
    setattr(LentObject, f"__{_name}__", forwarded(_name))
