"""Serves the names of the student's notebook to the process that holds the tests.

Nothing here is trusted: student code shares this process and may replace any of it. All it can reach
that way are the arguments of its own functions.
"""

from __future__ import annotations

import socket
import warnings
from collections.abc import Callable
from typing import Any

from autograder.kernel_side.cost import Meter
from autograder.kernel_side.student_lines import student_lines
from autograder.kernel_side.values import Decoder, Encoder, ValueRefused
from autograder.kernel_side.wire import Channel, Message

__all__ = ["CallBackFailed", "Reply", "Server", "serve", "serve_over"]

Reply = tuple[Message, list[bytes]]


class CallBackFailed(Exception):
    """A function of the test failed on its own side; no more is said about it here."""


class Server:
    """Serves `namespace`; `call_back(message, buffers)` asks the other side to run one of its functions."""

    def __init__(self, namespace: dict[str, Any], call_back: Callable[[Message, list[bytes]], Reply]) -> None:
        self.namespace = namespace
        self.call_back = call_back
        self.lent: dict[str, Any] = {}

    def handle(self, message: Message, buffers: list[bytes]) -> Reply:
        """The reply to one message: `get`, `call`, `lend` or `restore`."""
        reply, received = self._reply(message, buffers)
        return reply | {"id": message.get("id")}, received

    def _reply(self, message: Message, buffers: list[bytes]) -> Reply:
        if message["op"] == "call":
            return self._call(message, buffers)
        if message["op"] == "get":
            return self._get(message["name"])
        if message["op"] == "lend":
            for name, number in message["functions"].items():
                self.lent[name] = self.namespace.get(name, MISSING)
                self.namespace[name] = self._stub(number)
        if message["op"] == "restore":
            self._restore()
        return {"op": "done"}, []

    def _restore(self) -> None:
        for name, value in self.lent.items():
            if value is MISSING:
                self.namespace.pop(name, None)
            else:
                self.namespace[name] = value
        self.lent = {}

    def _get(self, name: str) -> Reply:
        if name not in self.namespace:
            return {"op": "missing"}, []
        value = self.namespace[name]
        if callable(value):
            return {"op": "function"}, []
        encoder = Encoder()
        try:
            return {"op": "value", "value": encoder.encode(value)}, encoder.buffers
        except ValueRefused as error:
            return {"op": "refused", "why": str(error)}, []

    def _call(self, message: Message, buffers: list[bytes]) -> Reply:
        if message["name"] not in self.namespace:
            return {"op": "missing"}, []
        decoder = Decoder(buffers, self._stub)
        args, kwargs = decoder.decode(message["args"]), decoder.decode(message["kwargs"])
        reply: Message = {}
        with warnings.catch_warnings(record=True) as caught, Meter(message.get("measure", False)) as meter:
            warnings.simplefilter("always")
            try:
                result = self.namespace[message["name"]](*args, **kwargs)
            except BaseException as error:
                reply = {"op": "raise", "type": type(error).__name__, "text": exception_text(error)}
                reply["frames"] = student_lines(error)
        reply["warnings"] = [warning.category.__name__ for warning in caught[:100]]
        reply["cost"] = meter.cost
        reply["changed"] = changed_arrays(message, buffers, args, kwargs)
        if "op" in reply:
            return reply, []
        encoder = Encoder()
        try:
            return reply | {"op": "return", "value": encoder.encode(result)}, encoder.buffers
        except ValueRefused as error:
            return reply | {"op": "refused", "why": str(error)}, []

    def _stub(self, number: int) -> Callable[..., Any]:
        def function(*args: Any, **kwargs: Any) -> Any:
            encoder = Encoder()
            message = {"op": "callback", "function": number}
            message |= {"args": encoder.encode(list(args)), "kwargs": encoder.encode(kwargs)}
            reply, buffers = self.call_back(message, encoder.buffers)
            if reply["op"] != "return":
                raise CallBackFailed("the function that was passed in failed")
            return Decoder(buffers).decode(reply["value"])

        return function


MISSING = object()
PLAIN = (bool, int, float, complex, str, list, tuple, dict, set, type(None))


def exception_text(error: BaseException) -> str:
    """The text of an exception; empty when its `__str__` fails."""
    try:
        return str(error)[:2000]
    except BaseException:
        return ""


def changed_arrays(message: Message, buffers: list[bytes], args: Any, kwargs: Any) -> list[str]:
    """The arguments that the call changed, as text such as `argument 1` or `params['W1']`."""
    came = Decoder(buffers, lambda number: len)
    before_args, before_kwargs = came.decode(message["args"]), came.decode(message["kwargs"])
    places = [(f"argument {i + 1}", b, a) for i, (b, a) in enumerate(zip(before_args, args, strict=False))]
    places += [(f"argument {name}", before_kwargs[name], kwargs.get(name)) for name in before_kwargs]
    return [where for place in places for where in differing(*place)][:20]


def differing(where: str, before: Any, after: Any) -> list[str]:
    """The places below `where` whose content differs between `before` and `after`."""
    if isinstance(before, dict) and isinstance(after, dict):
        pairs = [(f"{where}[{key!r}]", before[key], after.get(key)) for key in before]
        return [w for pair in pairs for w in differing(*pair)] + ([where] if len(after) != len(before) else [])
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        pairs = [(f"{where}[{i}]", *both) for i, both in enumerate(zip(before, after, strict=False))]
        return [w for pair in pairs for w in differing(*pair)] + ([where] if len(after) != len(before) else [])
    if hasattr(before, "tobytes"):
        same = hasattr(after, "tobytes") and before.shape == after.shape and before.tobytes() == after.tobytes()
        return [] if same else [where]
    if isinstance(before, PLAIN):
        same = type(after) is type(before) and bool(after == before or before != before)
        return [] if same else [where]
    return []


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
