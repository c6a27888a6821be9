"""The conversation of a test with a notebook's process: requests go there, and what the test lends is called back.

Arguments and results are encoded whatever the transport (`transports`), so a check behaves alike when grading and in
a student's own notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn, TypeGuard, cast

from autograder.checking.handles import ObjectLink, ObjectProxy, Target, link_of, object_proxy, operate_for_other
from autograder.checking.import_analysis import ImportAnalysis
from autograder.checking.outcomes import Call, CheckFailed, GraderFault, StudentError, student_error
from autograder.checking.replies import call_of, raised_of
from autograder.checking.transports import MAX_CALL_BACKS, Transport
from autograder.kernel_side.object_table import MAX_OBJECTS
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.values import Decoder, Encoder, Unsupported, ValueRefused
from autograder.kernel_side.wire import Message

__all__ = ["MAX_OPERATIONS", "NotebookConnection"]

MAX_CALL_BACK_DEPTH = 20
MAX_RAISED = 1_000
MOST_REMEMBERED = 10
MAX_OPERATIONS = 100_000
PLOT = "the plot"
ROUTINES = frozenset({"function", "builtin_function_or_method", "method", "ufunc", "wrapper_descriptor"})


class NotebookConnection:
    """Asks a notebook for names, attributes and calls, and keeps what a test, its messages and the grader want to know
    of the answers. `trusted` is the answer key: where it fails, the grader is at fault and not the student."""

    def __init__(self, transport: Transport, imports: ImportAnalysis, trusted: bool) -> None:
        self.transport, self.imports, self.trusted = transport, imports, trusted
        self.names_lent: frozenset[str] = frozenset()
        self.lender: NotebookConnection | None = None
        self.raised: list[tuple[str, str, str]] = []
        self.measures = False
        self.observed: dict[str, list[Any]] = {}
        self.plot_cell = 0  # the execution count from which on figures of cells are looked at
        self.test = 0
        self.start_test()

    def start_test(self) -> None:
        """Forget calls and arguments of the test before; its objects end."""
        self.test += 1
        self.calls: list[Call] = []
        self.last_name: tuple[str, Any] = ("", None)
        self.lent = LentValues(self)
        self.objects: dict[Target, ObjectProxy] = {}
        self.operations = self.received = 0
        self.must_forget = True
        self.is_touched = False

    def name(self, name: str) -> Any:
        """The value that the notebook defines by this name."""
        self.refuse_forbidden(name)
        value = self.get(ObjectLink(self, (None, name), name, "function", self.test))
        self.last_name = (name, value)
        return value

    def refuse_forbidden(self, name: str) -> None:
        module = self.imports.forbidden_module(name, self.names_lent)
        if module:
            raise CheckFailed(f"answers may not use {module}, and {name} does")

    def lent_to_other(self, value: ObjectProxy) -> ObjectProxy:
        """The handle by which another notebook uses `value`. It must not be able to change expected values: it uses a
        function or class of the answer key in the copy that lends, and once it has an object of this copy, this copy is
        asked for nothing new."""
        link = link_of(value)
        if self.lender is None or link is None:
            return value
        if link.target[0] is None:
            lent_link = replace(link, home=self.lender, test=self.lender.test)
            return self.lender.handle(lent_link, callable(value))
        self.is_touched = True
        return value

    def refuse_touched(self, name: str) -> None:
        if self.is_touched:
            raise GraderFault(
                f"the answer key is asked for {name} after an object of it was passed to the student's code, which may "
                "have changed it: ask for what is expected first"
            )

    def read(self, link: ObjectLink, name: str) -> Any:
        """An attribute of an object."""
        self.count_operation(link)
        return self.get(link.below(name))

    def get(self, link: ObjectLink) -> Any:
        reply, buffers = self.request({"op": "get", "target": link.target}, [])
        if reply.get("op") == "function":
            return self.handle(link.of_type(reply.get("type")), True)
        if reply.get("op") == "value":
            return self.decode(reply, buffers, link.label)
        return self.refuse(reply, link.label)

    def call(self, link: ObjectLink, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of the function, class or object at `link` for these arguments."""
        self.refuse_stale(link)
        if link.target[0] is None:
            self.refuse_touched(link.label)
        label = link.label if link.type_name == "type" else f"{link.label}(…)"
        return self.ask({"op": "call", "target": link.target}, link.label, label, args, kwargs)

    def operate(self, link: ObjectLink, operation: str, *args: Any) -> Any:
        """The result of one of `OPERATIONS` on the object at `link`."""
        self.count_operation(link)
        message = {"op": "operate", "operation": operation}
        return self.ask(message, link.label, f"{link.label}[…]", (self.handle(link), *args), {})

    def evaluate(self, source: str, names: dict[str, Any]) -> Any:
        """The value of an expression of the test in the notebook."""
        self.refuse_touched(source)
        return self.ask({"op": "evaluate", "source": source}, "Your code", "the result", (), names)

    def ask(self, message: Message, name: str, label: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a request that runs code of the notebook; errors speak of `name`, and objects are `label`."""
        arguments, buffers = self.encode(args, kwargs)
        wanted = {"measure": self.measures, "observe": list(self.observed)}
        reply, buffers = self.request(message | arguments | wanted, buffers)
        if reply.get("op") != "missing":
            self.calls.append(call_of(name, reply))
        if reply.get("op") != "return":
            return self.refuse(reply, name)
        if self.observed:
            self.note_observed(self.decode({"value": reply.get("observed")}, buffers, name))
        result = self.decode(reply, buffers, name, label)
        self.remember(args, kwargs, result)
        return result

    def remember(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Keep what the last calls were given and gave, for messages."""
        call = self.calls[-1]
        call.args, call.kwargs, call.result = args, kwargs, result
        if len(self.calls) > MOST_REMEMBERED:
            old = self.calls[-1 - MOST_REMEMBERED]
            old.args, old.kwargs, old.result = (), {}, None

    def cell_figures(self) -> Any:
        """The figures that a cell of the notebook has left, as plain data."""
        reply, buffers = self.request({"op": "drawn", "since": self.plot_cell}, [])
        return self.decode(reply, buffers, PLOT) if reply.get("op") == "value" else self.refuse(reply, PLOT)

    def note_observed(self, observed: Any) -> None:
        for what, seen in self.observed.items():
            seen.append(observed.get(what) if isinstance(observed, dict) else None)

    @contextmanager
    def observing(self, what: str) -> Iterator[list[Any]]:
        """Observe every call of the block: `printed`, `figures` or `files`."""
        outer, seen = self.observed, list[Any]()
        self.observed = outer | {what: seen}
        try:
            yield seen
        finally:
            self.observed = outer

    def refuse(self, reply: Message, name: str) -> NoReturn:
        """Raise the exception of a reply without a value."""
        if reply.get("op") == "missing" and reply.get("unfinished") is True:
            raise self.fault(f"Not done yet: {name}")
        if reply.get("op") == "missing" and reply.get("failed") is True:
            raise self.fault(f"there is no {name}: the cell that defines it ended with an error")
        if reply.get("op") == "missing":
            raise self.fault(f"there is no {name}: has the cell that defines it been run?")
        if reply.get("op") == "raise":
            error = student_error(name, *raised_of(reply))
            if self.trusted:
                raise GraderFault(f"the answer key: {error}") from error
            self.raised = [*self.raised[:MAX_RAISED], (name, error.type_name, error.text)]
            raise error
        raise self.fault(f"what {name} holds is too large or too deeply nested to be looked at")

    def fault(self, cause: str) -> BaseException:
        return GraderFault(f"the answer key: {cause}") if self.trusted else CheckFailed(cause)

    def refuse_stale(self, link: ObjectLink) -> None:
        if link.test != self.test:
            raise GraderFault(f"{link.label} is an object of an earlier test: objects end with the test that made them")

    def count_operation(self, link: ObjectLink) -> None:
        self.refuse_stale(link)
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            raise self.fault(f"objects such as {link.label} were asked more than {MAX_OPERATIONS} times")

    def decode(self, reply: Message, buffers: list[bytes], name: str, label: str = "") -> Any:
        decoder = Decoder(buffers, lambda kind, rest: self.resolve(kind, rest, label or name))
        try:
            return decoder.decode(reply.get("value"))
        except ValueRefused as error:
            raise self.fault(f"what {name} gave back could not be read: {error}") from None
        finally:
            self.received += decoder.footprint

    def encode(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Message, list[bytes]]:
        encoder = Encoder(self.describe)
        return {"args": encoder.encode(list(args)), "kwargs": encoder.encode(kwargs)}, encoder.buffers

    def resolve(self, kind: str, rest: list[Any], label: str) -> Any:
        """The value of a reference from the notebook's process: one of its objects, as a handle, or an object lent to
        it."""
        if kind == "object":
            number, name, can_be_called = rest
            return self.handle(ObjectLink(self, (number,), label, name[:100], self.test), can_be_called)
        if kind == "yours" and len(rest) == 1 and self.lent.has(rest[0]):
            return self.lent.values[rest[0]]
        raise ValueRefused("a function where none may come")

    def handle(self, link: ObjectLink, can_be_called: bool = False) -> ObjectProxy:
        """The handle of the object at `link`, always the same for the same object."""
        if link.target not in self.objects:
            if len(self.objects) >= 2 * MAX_OBJECTS:
                raise self.fault(f"there are more than {MAX_OBJECTS} objects in one test")
            self.objects[link.target] = object_proxy(link, can_be_called)
        return self.objects[link.target]

    def describe(self, value: Any) -> list[Any]:
        """The parts by which the notebook's process knows a value that is not plain. Raises GraderFault if there are
        none."""
        link = link_of(value)
        if link is not None and link.home is self:
            self.refuse_stale(link)
            return ["yours", *link.target]
        if isinstance(value, Unsupported):
            raise CheckFailed("your code gave back a value of a type that does not fit", f"it is: {value.type_name}")
        if link is not None:
            value = link.home.lent_to_other(value)
        if link is not None and link.type_name not in ROUTINES:
            return ["object", self.lent.number_of(value), link.type_name, callable(value)]
        if callable(value) and not isinstance(value, type):
            return ["function", self.lent.number_of(value)]
        raise GraderFault(
            f"a value of type {type(value).__name__} cannot be passed to a notebook: docs/recipes.md says what crosses"
        )

    def request(self, message: Message, buffers: list[bytes]) -> Reply:
        if self.must_forget:
            message, self.must_forget = message | {"forget": True}, False
        reply = self.transport.request(message, buffers, self.lent.call)
        self.lent.raise_failure()
        return reply

    def lend(self, values: dict[str, Any]) -> None:
        """Let the notebook use these values by their names, in place of its own, until `restore`."""
        encoder = Encoder(self.describe)
        self.request({"op": "lend", "values": encoder.encode(values)}, encoder.buffers)
        self.names_lent = frozenset(values)

    def restore(self) -> None:
        self.names_lent = frozenset()
        self.request({"op": "restore"}, [])


class LentValues:
    """The functions and objects that a test has passed to a notebook, by number, and the notebook's calls of them."""

    def __init__(self, connection: NotebookConnection) -> None:
        self.connection = connection
        self.values: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.failure: BaseException | None = None
        self.depth = 0

    def number_of(self, value: Any) -> int:
        """The number by which the notebook's process names a function or an object that it is lent."""
        if id(value) not in self.numbers:
            if len(self.values) >= MAX_CALL_BACKS:
                raise CheckFailed("functions and objects are passed in without end")
            self.numbers[id(value)] = len(self.values)
            self.values.append(value)
        return self.numbers[id(value)]

    def has(self, number: Any) -> TypeGuard[int]:
        return type(number) is int and 0 <= number < len(self.values)

    def call(self, message: Message, buffers: list[bytes]) -> Reply:
        """Run one of the test's own functions. A failure in it is kept and raised again on this side."""
        self.depth += 1
        try:
            if self.depth > MAX_CALL_BACK_DEPTH:
                raise CheckFailed("functions that were passed in call each other without end")
            result = self.function(message)(
                *self.arguments(message, buffers, "args", list),
                **self.arguments(message, buffers, "kwargs", dict),
            )
            encoder = Encoder(self.connection.describe)
            return {"op": "return", "value": encoder.encode(result)}, encoder.buffers
        except BaseException as error:
            self.failure = self.failure or failure_of(error)
            return {"op": "error"}, []
        finally:
            self.depth -= 1

    def raise_failure(self) -> None:
        """Raise what failed in a function of the test, when the request that called it back is done."""
        if self.failure is not None and self.depth == 0:
            failure, self.failure = self.failure, None
            raise failure

    def function(self, message: Message) -> Callable[..., Any]:
        """The function that is called back, or that uses the object that was lent."""
        number = message.get("function", message.get("object"))
        if not self.has(number):
            raise CheckFailed("a function was called that was not passed in")
        value = self.values[number]
        link = link_of(value)
        if "object" in message and link is not None:
            return lambda operation="", *args, **kwargs: operate_for_other(link, operation, args, kwargs)
        if "object" in message or (link is not None and link.type_name not in ROUTINES):
            raise CheckFailed("a function was called that was not passed in")
        return cast("Callable[..., Any]", value)

    def arguments(self, message: Message, buffers: list[bytes], key: str, kind: type) -> Any:
        try:
            decoder = Decoder(buffers, lambda kind, rest: self.connection.resolve(kind, rest, "an argument"))
            value = decoder.decode(message.get(key))
        except ValueRefused:
            raise CheckFailed("a function that was passed in got arguments that cannot be read") from None
        if type(value) is not kind or (isinstance(value, dict) and any(type(k) is not str for k in value)):
            raise CheckFailed("a function that was passed in got arguments that cannot be read")
        return value


def failure_of(error: BaseException) -> BaseException:
    """The exception to raise for a failure in one of the test's own functions."""
    if isinstance(error, GraderFault) and isinstance(error.__cause__, StudentError):
        return CheckFailed("a function that was passed in failed on what your code gave it", repr(error))
    if isinstance(error, (AssertionError, StudentError)) or not isinstance(error, Exception):
        return error
    return CheckFailed("a function that was passed in failed on what your code gave it", repr(error))
