"""Serves the names of the student's notebook to the process that holds the tests.

Nothing here is trusted: student code shares this process and may replace any of it. All it can reach
that way are the arguments of its own functions.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import socket
import warnings
from collections.abc import Callable
from typing import Any

from autograder.kernel_side.cell_figures import drawn_since, not_kept
from autograder.kernel_side.cost import Meter
from autograder.kernel_side.object_table import OPERATIONS, LentObject, ObjectTable, lent_object, type_name
from autograder.kernel_side.observation import observing
from autograder.kernel_side.parts import dissected
from autograder.kernel_side.student_lines import exception_text, student_lines, warned
from autograder.kernel_side.values import Decoder, Encoder, Unsupported, ValueRefused
from autograder.kernel_side.wire import Channel, Message

__all__ = ["CallBackFailed", "Reply", "Server", "defining_cell", "is_python", "serve", "serve_over"]

Reply = tuple[Message, list[bytes]]


class CallBackFailed(Exception):
    """A function of the test failed on its own side; no more is said about it here."""


class Server:
    """Serves `namespace`; `call_back(message, buffers)` asks the other side to run one of its functions.

    A target is a list: the number of an object or None for the notebook itself, and names of attributes below it.
    """

    def __init__(self, namespace: dict[str, Any], call_back: Callable[[Message, list[bytes]], Reply]) -> None:
        self.namespace = namespace
        self.call_back = call_back
        self.lent: dict[str, Any] = {}
        self.table = ObjectTable()

    def handle(self, message: Message, buffers: list[bytes]) -> Reply:
        """The reply to one message: `get`, `call`, `operate`, `evaluate`, `drawn`, `lend` or `restore`."""
        if message.get("forget"):
            self.table.clear()
        with not_kept():
            reply, received = self._reply(message, buffers)
        return reply | {"id": message.get("id")}, received

    def _reply(self, message: Message, buffers: list[bytes]) -> Reply:
        op = message["op"]
        if op in ("get", "call") and self._is_missing(message["target"]):
            text = defining_cell(message["target"][1], self.namespace)
            return {"op": "missing", "unfinished": is_unfinished(text), "failed": text != ""}, []
        if op == "get":
            return self._get(message["target"])
        if op == "call":
            return self._run(lambda: self._find(message["target"]), message, buffers)
        if op == "operate":
            return self._run(lambda: OPERATIONS[message["operation"]], message, buffers)
        if op == "evaluate":
            return self._run(lambda: self._evaluation(message["source"]), message, buffers)
        if op == "drawn":
            return self._drawn(message["since"])
        if op == "lend":
            self._lend(Decoder(buffers, self._resolve, in_notebook=True).decode(message["values"]))
        if op == "restore":
            self._restore()
        return {"op": "done"}, []

    def _lend(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            self.lent[name] = self.namespace.get(name, MISSING)
            self.namespace[name] = value

    def _restore(self) -> None:
        for name, value in self.lent.items():
            if value is MISSING:
                self.namespace.pop(name, None)
            else:
                self.namespace[name] = value
        self.lent = {}

    def _is_missing(self, target: list[Any]) -> bool:
        return target[0] is None and target[1] not in self.namespace

    def _find(self, target: list[Any]) -> Any:
        """The object that a target names. Raises whatever reading an attribute raises."""
        root, *names = target
        value = self.namespace[names.pop(0)] if root is None else self.table.objects[root]
        for name in names:
            value = getattr(value, name)
        return value

    def _evaluation(self, source: str) -> Callable[..., Any]:
        code = compile(source, "<check>", "eval")
        return lambda **names: eval(code, {**self.namespace, **names})

    def _get(self, target: list[Any]) -> Reply:
        """The value of a name or attribute. A function or method is only named as one, and called by its target."""
        try:
            value = self._find(target)
            if inspect.isroutine(value) or (target[0] is None and len(target) == 2 and callable(value)):
                return {"op": "function", "type": "type" if isinstance(value, type) else type_name(value)}, []
        except BaseException as error:
            return raised(error), []
        return self._encoded("value", value, {})

    def _drawn(self, since: int) -> Reply:
        """The figures that a cell of the notebook has left."""
        try:
            figures = drawn_since(since)
        except BaseException as error:
            return raised(error), []
        return self._encoded("value", figures, {})

    def _run(self, find: Callable[[], Callable[..., Any]], message: Message, buffers: list[bytes]) -> Reply:
        """Call the result of `find` with the arguments of `message`, and reply with its value or exception."""
        try:
            decoder = Decoder(buffers, self._resolve, in_notebook=True)
            args, kwargs = decoder.decode(message["args"]), decoder.decode(message["kwargs"])
        except BaseException as error:
            return raised(error), []
        reply: Message = {}
        with warnings.catch_warnings(record=True) as caught, Meter(message.get("measure", False)) as meter:
            warnings.simplefilter("always")
            try:
                with observing(message.get("observe", [])) as observed:
                    result = find()(*args, **kwargs)
            except BaseException as error:
                reply = raised(error)
        reply["warnings"] = list(map(warned, caught[:100]))
        reply["cost"] = meter.cost
        reply["changed"] = changed_arrays(message, buffers, args, kwargs)
        return (reply, []) if "op" in reply else self._encoded("return", result, reply, observed)

    def _encoded(self, op: str, value: Any, reply: Message, observed: dict[str, Any] | None = None) -> Reply:
        encoder = Encoder(self._reference)
        try:
            reply |= {"op": op, "value": encoder.encode(value)}
            return reply | ({"observed": encoder.encode(observed)} if observed else {}), encoder.buffers
        except ValueRefused as error:
            return reply | {"op": "refused", "why": str(error)}, []
        except BaseException as error:
            return reply | raised(error), []

    def _reference(self, value: Any) -> list[Any]:
        if isinstance(value, LentObject):
            return ["yours", value.__number__]
        if isinstance(value, Unsupported):
            return ["unsupported", value.type_name]
        return ["object", self.table.number_of(value), type_name(value), callable(value)]

    def _resolve(self, kind: str, rest: list[Any]) -> Any:
        if kind == "yours":
            return self._find(rest)
        if kind == "function":
            return self._stub({"function": rest[0]})
        number, name, can_be_called = rest
        return lent_object(number, name, can_be_called, self._stub({"object": number}))

    def _stub(self, what: Message) -> Callable[..., Any]:
        def function(*args: Any, **kwargs: Any) -> Any:
            encoder = Encoder(self._reference)
            message = {"op": "callback"} | what
            message |= {"args": encoder.encode(list(args)), "kwargs": encoder.encode(kwargs)}
            reply, buffers = self.call_back(message, encoder.buffers)
            if reply["op"] != "return":
                raise CallBackFailed("the function that was passed in failed")
            return Decoder(buffers, self._resolve, in_notebook=True).decode(reply["value"])

        return function


MISSING = object()
PLAIN = (bool, int, float, complex, str, list, tuple, dict, set, type(None))


def raised(error: BaseException) -> Message:
    """The reply of something that raised `error`."""
    kind, text = type(error).__name__, exception_text(error)
    return {"op": "raise", "type": kind, "text": text, "frames": student_lines(error)}


def defining_cell(name: str, namespace: dict[str, Any]) -> str:
    """The last cell that was run to define `name`, as a function, a class or a variable; empty if there is none. If
    there is no `name` all the same, the cell ended with an error."""
    cells = namespace.get("In")
    found = re.compile(rf"^((class|def|async def) {re.escape(name)}\b|{re.escape(name)} *=)", re.MULTILINE)
    texts = [cell for cell in cells if type(cell) is str and found.search(cell)] if type(cells) is list else []
    return texts[-1] if texts else ""


def is_unfinished(text: str) -> bool:
    """Whether a cell may have ended with the NotImplementedError of an answer that is still to be written."""
    return is_python(text) and "raise NotImplementedError" in text


def is_python(text: str) -> bool:
    """Whether a cell that was run could be compiled."""
    with warnings.catch_warnings(action="ignore"):  # they were shown when the cell was run
        try:
            compile(text, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def changed_arrays(message: Message, buffers: list[bytes], args: Any, kwargs: Any) -> list[str]:
    """The arguments that the call changed, as text such as `argument 1` or `params['W1']`."""
    came = Decoder(buffers, lambda kind, rest: len)
    before_args, before_kwargs = came.decode(message["args"]), came.decode(message["kwargs"])
    places = [(f"argument {i + 1}", b, a) for i, (b, a) in enumerate(zip(before_args, args, strict=False))]
    places += [(f"argument {name}", before_kwargs[name], kwargs.get(name)) for name in before_kwargs]
    return [where for place in places for where in differing(*place)][:20]


def differing(where: str, before: Any, after: Any) -> list[str]:
    """The places below `where` whose content differs between `before` and `after`. What cannot be compared differs:
    the student's code may have put an object there that has no shape, or whose methods raise anything."""
    try:
        return differing_parts(where, before, after)
    except Exception:
        return [where]


def differing_parts(where: str, before: Any, after: Any) -> list[str]:
    """The same, as far as it can be found out. Raises whatever methods of `after` raise."""
    if isinstance(before, dict) and isinstance(after, dict):
        pairs = [(f"{where}[{key!r}]", before[key], after.get(key)) for key in before]
        return [w for pair in pairs for w in differing(*pair)] + ([where] if len(after) != len(before) else [])
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        pairs = [(f"{where}[{i}]", *both) for i, both in enumerate(zip(before, after, strict=False))]
        return [w for pair in pairs for w in differing(*pair)] + ([where] if len(after) != len(before) else [])
    if dissected(before) is not None:
        return [] if as_text(before) == as_text(after) else [where]
    if hasattr(before, "tobytes"):
        same = hasattr(after, "tobytes") and before.shape == after.shape and before.tobytes() == after.tobytes()
        return [] if same else [where]
    if isinstance(before, PLAIN):
        same = type(after) is type(before) and bool(after == before or before != before)
        return [] if same else [where]
    return []


def as_text(value: Any) -> tuple[str, list[bytes]]:
    """A value as it crosses, for comparison; nothing for one that does not."""
    encoder = Encoder()
    try:
        return json.dumps(encoder.encode(value)), encoder.buffers
    except Exception:
        return "", []


def serve(fd: int, namespace: dict[str, Any]) -> None:
    """Serve `namespace` over the socket `fd` until told to stop; runs in the student's kernel for one check cell."""
    channel = Channel(socket.socket(fileno=fd))
    try:
        serve_over(channel, namespace)
    finally:
        channel.sock.detach()


def serve_over(channel: Channel, namespace: dict[str, Any]) -> None:
    """Serve `namespace` over `channel` until told to stop."""

    def call_back(message: Message, buffers: list[bytes]) -> Reply:
        channel.send(message, buffers)
        while True:
            reply, received = channel.receive()
            if reply["op"] in ("return", "error"):
                return reply, received
            channel.send(*server.handle(reply, received))

    server = Server(namespace, call_back)
    while True:
        message, buffers = channel.receive()
        if message["op"] == "stop":
            return
        channel.send(*server.handle(message, buffers))
