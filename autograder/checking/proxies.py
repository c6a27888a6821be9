"""`student` and `reference`: proxies for a notebook whose functions are called across a process border.

Arguments and results are encoded whatever the transport (`transports`), so a check behaves alike when grading and in
a student's own notebook.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn, cast

from autograder.checking.handles import ObjectLink, ObjectProxy, Target, link_of, object_proxy, operate_for_other
from autograder.checking.import_analysis import ImportAnalysis
from autograder.checking.outcomes import Call, CheckFailed, GraderFault, StudentError, student_error
from autograder.checking.replies import call_of, raised_of
from autograder.checking.transports import MAX_CALL_BACKS, Transport
from autograder.kernel_side.object_table import MAX_OBJECTS
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.values import Decoder, Encoder, Unsupported, ValueRefused
from autograder.kernel_side.wire import Message

__all__ = ["NotebookProxy", "evaluate"]

MAX_CALL_BACK_DEPTH = 20
MAX_RAISED = 1_000
MOST_REMEMBERED = 10
MAX_OPERATIONS = 100_000
PLOT = "the plot"
ROUTINES = frozenset({"function", "builtin_function_or_method", "method", "ufunc", "wrapper_descriptor"})


class NotebookProxy:
    """Gives access to the names that a notebook defines: functions to call, values to look at.

    They are attributes here, so the names of this class itself begin with an underscore.
    """

    def __init__(self, transport: Transport, imports: ImportAnalysis | None = None, *, trusted: bool = False) -> None:
        self._transport = transport
        self._imports = imports or ImportAnalysis()
        self._lent: frozenset[str] = frozenset()
        self._trusted = trusted
        self._lender: NotebookProxy | None = None
        self._raised: list[tuple[str, str, str]] = []
        self._measure = False
        self._observed: dict[str, list[Any]] = {}
        self._plot_cell = 0  # the execution count from which on figures of cells are looked at
        self._test = 0
        self._forget()

    def _forget(self) -> None:
        """Start a new test: what was called and passed before is no longer of interest, and its objects end."""
        self._test += 1
        self._calls: list[Call] = []
        self._failure: BaseException | None = None
        self._depth = 0
        self._exposed: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._objects: dict[Target, ObjectProxy] = {}
        self._operations = self._received = 0
        self._forgotten = True
        self._is_touched = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse_forbidden(name)
        return self._get(ObjectLink(self, (None, name), name, "function", self._test))

    def _refuse_forbidden(self, name: str) -> None:
        module = self._imports.forbidden_module(name, self._lent)
        if module:
            raise CheckFailed(f"answers may not use {module}, and {name} does")

    def _lent_to_other(self, value: ObjectProxy) -> ObjectProxy:
        """The handle by which another notebook uses `value`. Nothing that it does with it may change what is expected
        of it: a function or class of the answer key is used in the copy that lends, and once another notebook has an
        object of this copy, this copy is not asked for anything new."""
        link = link_of(value)
        if self._lender is None or link is None:
            return value
        if link.target[0] is None:
            there = replace(link, home=self._lender, test=self._lender._test)
            return self._lender._object(there, callable(value))
        self._is_touched = True
        return value

    def _refuse_touched(self, name: str) -> None:
        if self._is_touched:
            raise GraderFault(
                f"the answer key is asked for {name} after an object of it was passed to the student's code, which may "
                "have changed it: ask for what is expected first"
            )

    def _read(self, link: ObjectLink, name: str) -> Any:
        """An attribute of an object."""
        self._count_operation(link)
        return self._get(link.below(name))

    def _get(self, link: ObjectLink) -> Any:
        reply, buffers = self._request({"op": "get", "target": link.target}, [])
        if reply.get("op") == "function":
            return self._object(link.of_type(reply.get("type")), True)
        if reply.get("op") == "value":
            return self._decode(reply, buffers, link.label)
        return self._refuse(reply, link.label)

    def _call(self, link: ObjectLink, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the function, class or object at `link` gives for these arguments."""
        self._refuse_stale(link)
        if link.target[0] is None:
            self._refuse_touched(link.label)
        label = link.label if link.type_name == "type" else f"{link.label}(…)"
        return self._ask({"op": "call", "target": link.target}, link.label, label, args, kwargs)

    def _operate(self, link: ObjectLink, operation: str, *args: Any) -> Any:
        """What one of `OPERATIONS` gives for the object at `link`."""
        self._count_operation(link)
        message = {"op": "operate", "operation": operation}
        return self._ask(message, link.label, f"{link.label}[…]", (self._object(link), *args), {})

    def _evaluate(self, source: str, names: dict[str, Any]) -> Any:
        """What an expression of the test gives in the notebook."""
        self._refuse_touched(source)
        return self._ask({"op": "evaluate", "source": source}, "Your code", "the result", (), names)

    def _ask(self, message: Message, name: str, label: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a request that runs code of the notebook; errors speak of `name`, and objects are `label`."""
        arguments, buffers = self._encode(args, kwargs)
        wanted = {"measure": self._measure, "observe": list(self._observed)}
        reply, buffers = self._request(message | arguments | wanted, buffers)
        if reply.get("op") != "missing":
            self._calls.append(call_of(name, reply))
        if reply.get("op") != "return":
            return self._refuse(reply, name)
        if self._observed:
            self._note_observed(self._decode({"value": reply.get("observed")}, buffers, name))
        result = self._decode(reply, buffers, name, label)
        self._remember(args, kwargs, result)
        return result

    def _remember(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Keep what the last calls were given and gave, for messages."""
        call = self._calls[-1]
        call.args, call.kwargs, call.result = args, kwargs, result
        if len(self._calls) > MOST_REMEMBERED:
            old = self._calls[-1 - MOST_REMEMBERED]
            old.args, old.kwargs, old.result = (), {}, None

    def _drawn(self) -> Any:
        """The figures that a cell of the notebook has left, as plain data."""
        reply, buffers = self._request({"op": "drawn", "since": self._plot_cell}, [])
        return self._decode(reply, buffers, PLOT) if reply.get("op") == "value" else self._refuse(reply, PLOT)

    def _note_observed(self, observed: Any) -> None:
        for what, seen in self._observed.items():
            seen.append(observed.get(what) if isinstance(observed, dict) else None)

    @contextmanager
    def _observing(self, what: str) -> Iterator[list[Any]]:
        """Ask with every call of the block what it leaves behind: `printed`, `figures` or `files`."""
        outer, seen = self._observed, list[Any]()
        self._observed = outer | {what: seen}
        try:
            yield seen
        finally:
            self._observed = outer

    def _refuse(self, reply: Message, name: str) -> NoReturn:
        """Raise what a reply without a value means."""
        if reply.get("op") == "missing" and reply.get("unfinished") is True:
            raise self._fault(f"Not done yet: {name}")
        if reply.get("op") == "missing":
            raise self._fault(f"there is no {name}: has the cell that defines it been run?")
        if reply.get("op") == "raise":
            error = student_error(name, *raised_of(reply))
            if self._trusted:
                raise GraderFault(f"the answer key: {error}") from error
            self._raised = [*self._raised[:MAX_RAISED], (name, error.type_name, error.text)]
            raise error
        raise self._fault(f"what {name} holds is too large or too deeply nested to be looked at")

    def _fault(self, cause: str) -> BaseException:
        return GraderFault(f"the answer key: {cause}") if self._trusted else CheckFailed(cause)

    def _refuse_stale(self, link: ObjectLink) -> None:
        if link.test != self._test:
            raise GraderFault(f"{link.label} is an object of an earlier test: objects end with the test that made them")

    def _count_operation(self, link: ObjectLink) -> None:
        self._refuse_stale(link)
        self._operations += 1
        if self._operations > MAX_OPERATIONS:
            raise self._fault(f"objects such as {link.label} were asked more than {MAX_OPERATIONS} times")

    def _decode(self, reply: Message, buffers: list[bytes], name: str, label: str = "") -> Any:
        decoder = Decoder(buffers, lambda kind, rest: self._resolve(kind, rest, label or name))
        try:
            return decoder.decode(reply.get("value"))
        except ValueRefused as error:
            raise self._fault(f"what {name} gave back could not be read: {error}") from None
        finally:
            self._received += decoder.footprint

    def _encode(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Message, list[bytes]]:
        encoder = Encoder(self._reference)
        return {"args": encoder.encode(list(args)), "kwargs": encoder.encode(kwargs)}, encoder.buffers

    def _resolve(self, kind: str, rest: list[Any], label: str) -> Any:
        """What the notebook's process names: an object of its own, or one that was lent to it."""
        if kind == "object":
            number, name, can_be_called = rest
            return self._object(ObjectLink(self, (number,), label, name[:100], self._test), can_be_called)
        if kind == "yours" and type(rest[0]) is int and 0 <= rest[0] < len(self._exposed) and len(rest) == 1:
            return self._exposed[rest[0]]
        raise ValueRefused("a function where none may come")

    def _object(self, link: ObjectLink, can_be_called: bool = False) -> ObjectProxy:
        """The handle of the object at `link`, always the same for the same object."""
        if link.target not in self._objects:
            if len(self._objects) >= 2 * MAX_OBJECTS:
                raise self._fault(f"there are more than {MAX_OBJECTS} objects in one test")
            self._objects[link.target] = object_proxy(link, can_be_called)
        return self._objects[link.target]

    def _reference(self, value: Any) -> list[Any]:
        """How the notebook's process is told of a value that is not plain. Raises GraderFault if it cannot be."""
        link = link_of(value)
        if link is not None and link.home is self:
            self._refuse_stale(link)
            return ["yours", *link.target]
        if isinstance(value, Unsupported):
            raise CheckFailed("your code gave back a value of a type that does not fit", f"it is: {value.type_name}")
        if link is not None:
            value = link.home._lent_to_other(value)
        if link is not None and link.type_name not in ROUTINES:
            return ["object", self._number(value), link.type_name, callable(value)]
        if callable(value) and not isinstance(value, type):
            return ["function", self._number(value)]
        raise GraderFault(
            f"a value of type {type(value).__name__} cannot be passed to a notebook: docs/recipes.md says what crosses"
        )

    def _number(self, value: Any) -> int:
        """The number by which the notebook's process names a function or an object that it is lent."""
        if id(value) not in self._numbers:
            if len(self._exposed) >= MAX_CALL_BACKS:
                raise CheckFailed("functions and objects are passed in without end")
            self._numbers[id(value)] = len(self._exposed)
            self._exposed.append(value)
        return self._numbers[id(value)]

    def _request(self, message: Message, buffers: list[bytes]) -> Reply:
        if self._forgotten:
            message, self._forgotten = message | {"forget": True}, False
        reply = self._transport.request(message, buffers, self._call_back)
        if self._failure is not None and self._depth == 0:
            failure, self._failure = self._failure, None
            raise failure
        return reply

    def _call_back(self, message: Message, buffers: list[bytes]) -> Reply:
        """Run one of the test's own functions. A failure in it is kept and raised again on this side."""
        self._depth += 1
        try:
            if self._depth > MAX_CALL_BACK_DEPTH:
                raise CheckFailed("functions that were passed in call each other without end")
            result = self._called_back(message)(
                *self._arguments(message, buffers, "args", list),
                **self._arguments(message, buffers, "kwargs", dict),
            )
            encoder = Encoder(self._reference)
            return {"op": "return", "value": encoder.encode(result)}, encoder.buffers
        except BaseException as error:
            self._failure = self._failure or failure_of(error)
            return {"op": "error"}, []
        finally:
            self._depth -= 1

    def _called_back(self, message: Message) -> Callable[..., Any]:
        """The function that is called back, or that uses the object that was lent."""
        number = message.get("function", message.get("object"))
        if type(number) is not int or not 0 <= number < len(self._exposed):
            raise CheckFailed("a function was called that was not passed in")
        value = self._exposed[number]
        link = link_of(value)
        if "object" in message and link is not None:
            return lambda operation="", *args, **kwargs: operate_for_other(link, operation, args, kwargs)
        if "object" in message or (link is not None and link.type_name not in ROUTINES):
            raise CheckFailed("a function was called that was not passed in")
        return cast("Callable[..., Any]", value)

    def _arguments(self, message: Message, buffers: list[bytes], key: str, kind: type) -> Any:
        try:
            decoder = Decoder(buffers, lambda kind, rest: self._resolve(kind, rest, "an argument"))
            value = decoder.decode(message.get(key))
        except ValueRefused:
            raise CheckFailed("a function that was passed in got arguments that cannot be read") from None
        if type(value) is not kind or (isinstance(value, dict) and any(type(k) is not str for k in value)):
            raise CheckFailed("a function that was passed in got arguments that cannot be read")
        return value

    def _lend(self, values: dict[str, Any]) -> None:
        encoder = Encoder(self._reference)
        self._request({"op": "lend", "values": encoder.encode(values)}, encoder.buffers)
        self._lent = frozenset(values)

    def _restore(self) -> None:
        self._lent = frozenset()
        self._request({"op": "restore"}, [])


def failure_of(error: BaseException) -> BaseException:
    """How a failure in a function of the test is told."""
    if isinstance(error, GraderFault) and isinstance(error.__cause__, StudentError):
        return CheckFailed("a function that was passed in failed on what your code gave it", repr(error))
    if isinstance(error, (AssertionError, StudentError)) or not isinstance(error, Exception):
        return error
    return CheckFailed("a function that was passed in failed on what your code gave it", repr(error))


def evaluate(notebook: NotebookProxy, expression: str, **names: Any) -> Any:
    """What a Python expression gives in the notebook's process, where `names` stand for these values or objects.

    For what a handle does not do by itself: operators, comparisons, `str`, `isinstance`. Raises GraderFault if the
    expression is not Python.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as error:
        raise GraderFault(f"evaluate: {expression!r} is no expression: {error.msg}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in names:
            notebook._refuse_forbidden(node.id)
    return notebook._evaluate(expression.strip(), names)
