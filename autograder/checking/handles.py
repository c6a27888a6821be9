"""Objects that stay in a notebook's process: a test holds a handle, and uses the object over there.

Only what a test writes out crosses: attributes, calls, indexing, `len`, iteration, `with`. Operators, comparisons and
truth do not, since an object could then answer that it equals whatever is expected: `evaluate` asks for them by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from autograder.checking.outcomes import CheckFailed, GraderFault
from autograder.kernel_side.object_table import OPERATIONS
from autograder.kernel_side.values import Unsupported
from autograder.kernel_side.wire import MAX_BYTES

__all__ = [
    "CallableProxy",
    "ObjectLink",
    "ObjectProxy",
    "Target",
    "link_of",
    "object_proxy",
    "operate_for_other",
    "type_name_of",
]

MAX_ITEMS = 10_000
CODE = frozenset({"module", "frame", "code", "traceback"})
INTERNALS = CODE | {
    "function", "method", "builtin_function_or_method", "generator", "coroutine", "async_generator", "cell",
}  # fmt: skip

Target = tuple[int | str | None, ...]


class HomeConnection(Protocol):
    """The connection to the notebook that an object is in."""

    received: int

    def read(self, link: ObjectLink, name: str) -> Any: ...
    def call(self, link: ObjectLink, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...
    def operate(self, link: ObjectLink, operation: str, *args: Any) -> Any: ...
    def lent_to_other(self, value: ObjectProxy) -> ObjectProxy: ...


@dataclass(frozen=True)
class ObjectLink:
    """Where an object is, and how it is named to people: `label` is made of the test's own words."""

    home: HomeConnection
    target: Target
    label: str
    type_name: str
    test: int

    def below(self, name: str) -> ObjectLink:
        """The link of an attribute that is not an object of its own, such as a method."""
        return replace(self, target=(*self.target, name), label=f"{self.label}.{name}", type_name="method")

    def of_type(self, type_name: Any) -> ObjectLink:
        """The same, of the type that the notebook's process reports."""
        return replace(self, type_name=type_name[:100]) if type(type_name) is str else self


class ObjectProxy:
    """A handle of an object that stays in the notebook's process."""

    __slots__ = ("__link__",)
    __link__: ObjectLink
    __array_ufunc__ = None
    __contains__ = None
    __reversed__ = None

    def __init__(self, link: ObjectLink) -> None:
        object.__setattr__(self, "__link__", link)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.__link__.home.read(self.__link__, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__link__.home.operate(self.__link__, "set", name, value)

    def __getitem__(self, key: Any) -> Any:
        return self.__link__.home.operate(self.__link__, "item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__link__.home.operate(self.__link__, "set item", key, value)

    def __len__(self) -> int:
        length = self.__link__.home.operate(self.__link__, "length")
        if type(length) is not int or not 0 <= length < 2**60:
            raise CheckFailed(f"the length of {self.__link__.label} is not a whole number")
        return length

    def __iter__(self) -> Iterator[Any]:
        home, label = self.__link__.home, self.__link__.label
        iterator, before = link_of(home.operate(self.__link__, "iterate")), home.received
        for _ in range(MAX_ITEMS):
            items = home.operate(iterator, "next") if iterator else None
            if type(items) is not list or len(items) > 1:
                raise CheckFailed(f"{label} cannot be iterated over")
            if not items:
                return
            if home.received - before > MAX_BYTES:
                raise CheckFailed(f"iterating over {label} gives more than {MAX_BYTES // 2**20} MB")
            yield items[0]
        raise CheckFailed(f"iterating over {label} does not end: it has given {MAX_ITEMS} items")

    def __enter__(self) -> Any:
        return self.__link__.home.operate(self.__link__, "enter")

    def __exit__(self, *error: Any) -> None:
        """An exception of the block is raised on: an object that swallowed it would swallow the test's assertions."""
        self.__link__.home.operate(self.__link__, "exit")

    def __bool__(self) -> bool:
        raise TypeError(f"a value of type {self.__link__.type_name} is neither true nor false here")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"a value of type {self.__link__.type_name} is not an array")

    def __repr__(self) -> str:
        return f"<{self.__link__.label} of the notebook>"


class CallableProxy(ObjectProxy):
    """A handle of a function, a class, a method or another object that can be called."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__link__.home.call(self.__link__, args, kwargs)


def object_proxy(link: ObjectLink, can_be_called: bool) -> ObjectProxy:
    """A handle of the object at `link`."""
    return (CallableProxy if can_be_called else ObjectProxy)(link)


def link_of(value: Any) -> ObjectLink | None:
    """The link of a handle; None for any other value. Nothing crosses."""
    return value.__link__ if isinstance(value, ObjectProxy) else None


def type_name_of(value: Any) -> str:
    """The name of the type of a value that has not crossed; empty for any other value. Nothing crosses."""
    link = link_of(value)
    return link.type_name if link else value.type_name if isinstance(value, Unsupported) else ""


def operate_for_other(link: ObjectLink, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Do an operation that the other notebook asks of an object that was lent to it. It may use the object but not
    inspect it: no names with an underscore, nothing inside functions, modules or frames."""
    if operation not in OPERATIONS:
        raise CheckFailed("your code used an operation that this object does not have")
    if operation in ("get", "set"):
        name = args[0] if args else None
        if type(name) is not str or name.startswith("_") or link.type_name in INTERNALS:
            raise CheckFailed("your code used an attribute that it may not use")
    if operation == "get":  # which, unlike `operate`, makes no new object of a method each time
        result = link.home.read(link, args[0])
    elif operation == "call":
        result = link.home.call(link, args, kwargs)
    else:
        result = link.home.operate(link, operation, *args)
    if type_name_of(result) in CODE:
        raise GraderFault(f"{link.label} gave a {type_name_of(result)} to the other notebook, which may not have it")
    return result
