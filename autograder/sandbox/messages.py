"""Jupyter messages to and from an untrusted kernel: every wait ends, every size has a limit, and a message that is not
well formed and signed is dropped."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

import zmq
from jupyter_client.session import Session

from autograder.kernel_side.wire import Message
from autograder.text import has_more_parts

__all__ = ["Messages", "Sockets"]

SEND_SECONDS = 3.0
MAX_MESSAGE = 64 * 2**20
MAX_HEAD = 2**16
MAX_PARTS = 100_000
QUEUE = 50


class Sockets:
    """Listening Unix sockets that the kernel gets as descriptors, by the channel's name: it never sees their paths."""

    def __init__(self, names: Iterable[str] = ("shell", "iopub", "stdin", "control")) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="kernel-")
        self.listening = {name: self._listen(name) for name in names}

    def path(self, name: str) -> str:
        return os.path.join(self.folder.name, name)

    def _listen(self, name: str) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.path(name))
        listening.listen()
        return listening

    def close(self) -> None:
        for listening in self.listening.values():
            listening.close()
        self.folder.cleanup()


class Messages:
    """Our end of a kernel's channels. `suspect` is called with what no IPython kernel sends by itself; a message whose
    content is larger than `most` bytes, or has too many parts, comes as `oversized` and without its content."""

    def __init__(self, sockets: Sockets, suspect: Callable[[str], None], most: int) -> None:
        self.suspect, self.most = suspect, most
        self.key = secrets.token_hex(32)
        self.session = Session(key=self.key.encode(), username="grader")
        self.context = zmq.Context()
        self.context.setsockopt(zmq.LINGER, 0)
        self.context.setsockopt(zmq.SNDTIMEO, int(1000 * SEND_SECONDS))
        self.context.setsockopt(zmq.RECONNECT_IVL, -1)
        self.context.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        self.context.setsockopt(zmq.RCVHWM, QUEUE)
        kinds = {"shell": zmq.DEALER, "control": zmq.DEALER, "iopub": zmq.SUB}
        self.channels = {name: self._connect(kind, sockets.path(name)) for name, kind in kinds.items()}
        self.channels["iopub"].subscribe(b"")

    def _connect(self, kind: int, path: str) -> Any:
        connected = self.context.socket(kind)
        connected.connect(f"ipc://{path}")
        return connected

    def send(self, channel: str, kind: str, content: Message) -> str:
        """Send a request on shell or control, and return its id; empty if the kernel has broken its connections."""
        try:
            return str(self.session.send(self.channels[channel], kind, content)["header"]["msg_id"])
        except zmq.Again:
            return ""

    def receive(self, pidfd: int, deadline: float) -> tuple[list[tuple[str, Message]], bool]:
        """Messages from shell and iopub, each with its channel's name, and whether the process `pidfd` has ended. Waits
        for the first until `deadline`."""
        watched = {name: self.channels[name] for name in ("shell", "iopub")}
        poller = zmq.Poller()
        for source in (*watched.values(), pidfd):
            poller.register(source, zmq.POLLIN)
        ready = dict(poller.poll(max(0, int(1000 * (deadline - time.monotonic())))))
        came = [(name, self._message(sock)) for name, sock in watched.items() if sock in ready]
        return [(name, message) for name, message in came if message is not None], pidfd in ready

    def _message(self, sock: Any) -> Message | None:
        """One message if it is well formed and signed, else None."""
        try:
            _, frames = self.session.feed_identities(sock.recv_multipart(zmq.NOBLOCK))
            message = self._read(frames)
            well_formed = type(message["parent_header"]) is dict and type(message["content"]) is dict
            if well_formed and type(message["msg_type"]) is str:
                return message
        except zmq.Again:
            return None
        except Exception:
            pass
        self.suspect("a message came in the kernel's name that it had not signed, or that was malformed")
        return None

    def _read(self, frames: list[bytes]) -> Message:
        """The message in `frames`. Parsed, JSON can take a hundred times as much memory. Raises whatever it raises."""
        *heads, content = frames[1:5]
        if any(len(head) > MAX_HEAD for head in heads):
            raise ValueError("the head of a message is too large")
        if len(content) <= self.most and not has_more_parts(content, MAX_PARTS):
            message: Message = self.session.deserialize(frames)
            return message | {"oversized": 0}
        message = self.session.deserialize(frames, content=False)
        return message | {"content": {}, "oversized": len(content)}

    def close(self) -> None:
        self.context.destroy(linger=0)
