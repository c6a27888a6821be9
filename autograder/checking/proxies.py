"""`student` and `reference`: proxies for a notebook whose functions are called across a process border.

Arguments and results are encoded whatever the transport (`transports`), so a check behaves alike when grading and in
a student's own notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from autograder.checking.import_analysis import ImportAnalysis
from autograder.checking.outcomes import (
    Call,
    CheckFailed,
    GraderFault,
    StudentError,
    student_error,
)
from autograder.checking.transports import Transport
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.values import Decoder, Encoder, ValueRefused
from autograder.kernel_side.wire import Message

__all__ = ["Cost", "NotebookProxy", "measure"]

MAX_CALL_BACK_DEPTH = 20
MAX_RAISED = 1_000


@dataclass
class Cost:
    """Filled when a `measure` block ends: lines of the student's code that ran, peak allocation in bytes."""

    lines: int = 0
    peak_bytes: int = 0


class NotebookProxy:
    """Gives access to the names that a notebook defines: functions to call, values to look at.

    They are attributes here, so the names of this class itself begin with an underscore.
    """

    def __init__(self, transport: Transport, imports: ImportAnalysis | None = None, *, trusted: bool = False) -> None:
        self._transport = transport
        self._imports = imports or ImportAnalysis()
        self._lent: frozenset[str] = frozenset()
        self._trusted = trusted
        self._calls: list[Call] = []
        self._raised: list[tuple[str, str, str]] = []
        self._measure = False
        self._functions: list[Callable[..., Any]] = []
        self._failure: BaseException | None = None
        self._depth = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse_forbidden(name)
        reply, buffers = self._request({"op": "get", "name": name}, [])
        if reply.get("op") == "value":
            return self._decode(reply, buffers, name)
        self._refuse_missing(reply, name)
        return FunctionProxy(self, name)

    def _refuse_forbidden(self, name: str) -> None:
        module = self._imports.forbidden_module(name, self._lent)
        if module:
            raise CheckFailed(f"answers may not use {module}, and {name} does")

    def _refuse_missing(self, reply: Message, name: str) -> None:
        if reply.get("op") == "missing":
            raise self._fault(f"there is no {name}: has the cell that defines it been run?")
        if reply.get("op") == "refused":
            raise self._fault(f"what {name} holds is too large or too deeply nested to be looked at")

    def _fault(self, cause: str) -> BaseException:
        return GraderFault(f"the answer key: {cause}") if self._trusted else CheckFailed(cause)

    def _decode(self, reply: Message, buffers: list[bytes], name: str) -> Any:
        try:
            return Decoder(buffers).decode(reply.get("value"))
        except ValueRefused as error:
            raise self._fault(f"what {name} gave back could not be read: {error}") from None

    def _encode(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Message, list[bytes]]:
        encoder = Encoder(self._function_id)
        return {"args": encoder.encode(list(args)), "kwargs": encoder.encode(kwargs)}, encoder.buffers

    def _function_id(self, function: Callable[..., Any]) -> int:
        self._functions.append(function)
        return len(self._functions) - 1

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        message, buffers = self._encode(args, kwargs)
        message |= {"op": "call", "name": name, "measure": self._measure}
        reply, buffers = self._request(message, buffers)
        self._refuse_missing(reply, name)
        self._calls.append(call_of(name, reply))
        if reply.get("op") == "raise":
            error = student_error(name, *raised_of(reply))
            if self._trusted:
                raise GraderFault(f"the answer key: {error}") from error
            self._raised = [*self._raised[:MAX_RAISED], (name, error.type_name, error.text)]
            raise error
        return self._decode(reply, buffers, name)

    def _request(self, message: Message, buffers: list[bytes]) -> Reply:
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
            encoder = Encoder()
            return {"op": "return", "value": encoder.encode(result)}, encoder.buffers
        except BaseException as error:
            self._failure = self._failure or self._failure_of(error)
            return {"op": "error"}, []
        finally:
            self._depth -= 1

    def _failure_of(self, error: BaseException) -> BaseException:
        if isinstance(error, GraderFault) and isinstance(error.__cause__, StudentError):
            return CheckFailed("a function that was passed in failed on what your code gave it", repr(error))
        if isinstance(error, (AssertionError, StudentError)) or not isinstance(error, Exception):
            return error
        return CheckFailed("a function that was passed in failed on what your code gave it", repr(error))

    def _called_back(self, message: Message) -> Callable[..., Any]:
        number = message.get("function")
        if type(number) is not int or not 0 <= number < len(self._functions):
            raise CheckFailed("a function was called that was not passed in")
        return self._functions[number]

    def _arguments(self, message: Message, buffers: list[bytes], key: str, kind: type) -> Any:
        try:
            value = Decoder(buffers).decode(message.get(key))
        except ValueRefused:
            raise CheckFailed("a function that was passed in got arguments that cannot be read") from None
        if type(value) is not kind or (isinstance(value, dict) and any(type(k) is not str for k in value)):
            raise CheckFailed("a function that was passed in got arguments that cannot be read")
        return value

    def _lend(self, functions: dict[str, Callable[..., Any]]) -> None:
        numbers = {name: self._function_id(function) for name, function in functions.items()}
        self._request({"op": "lend", "functions": numbers}, [])
        self._lent = frozenset(functions)

    def _restore(self) -> None:
        self._lent = frozenset()
        self._request({"op": "restore"}, [])

    def _forget(self) -> None:
        """Start a new test: what was called and passed before is no longer of interest."""
        self._calls, self._functions, self._failure = [], [], None


class FunctionProxy:
    """A function of the notebook; calling it crosses the border."""

    def __init__(self, notebook: NotebookProxy, name: str) -> None:
        self.notebook, self.name = notebook, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.notebook._call(self.name, args, kwargs)

    def __repr__(self) -> str:
        return f"<{self.name} of the notebook>"


@contextmanager
def measure(student: NotebookProxy) -> Iterator[Cost]:
    """Count lines and peak allocation of the calls in the block: `with measure(student) as cost: …`."""
    cost, first = Cost(), len(student._calls)
    student._measure = True
    try:
        yield cost
    finally:
        student._measure = False
        calls = student._calls[first:]
        cost.lines = sum(call.cost.get("lines", 0) for call in calls)
        cost.peak_bytes = max((call.cost.get("peak_bytes", 0) for call in calls), default=0)


def call_of(name: str, reply: Message) -> Call:
    """What the other side says the call left behind, as far as it has the right form."""
    cost = reply.get("cost")
    return Call(
        name,
        texts(reply.get("warnings")),
        texts(reply.get("changed")),
        {k: v for k, v in cost.items() if type(v) is int and v >= 0} if type(cost) is dict else {},
    )


def texts(value: Any) -> list[str]:
    """The short texts in `value`, if it is a list."""
    return [v[:200] for v in value[:100] if type(v) is str] if type(value) is list else []


def raised_of(reply: Message) -> tuple[str, str, list[list[Any]]]:
    """Type name, text and the student's frames of an exception, as far as they have the right form."""
    name, text, frames = reply.get("type"), reply.get("text"), reply.get("frames")
    good = [
        [frame[0][:100], frame[1], frame[2][:200]]
        for frame in (frames[:10] if isinstance(frames, list) else [])
        if type(frame) is list and [type(part) for part in frame] == [str, int, str]
    ]
    return (
        name[:100] if type(name) is str else "Exception",
        text[:2000] if type(text) is str else "",
        good,
    )
