"""Frames over a Unix socket: a length-prefixed JSON message followed by raw buffers, all of them capped."""

from __future__ import annotations

import json
import socket
import struct
import time
from itertools import accumulate, pairwise
from typing import Any, Protocol

__all__ = ["MAX_BYTES", "MAX_NODES", "Channel", "Frames", "Message", "NotAFrame", "WireError"]

HEADER = struct.Struct("!4sII")
MAGIC = b"AGR1"
MAX_NODES = 200_000  # of the values in a frame
MAX_BYTES = 256 * 2**20
MAX_JSON = 12 * 2**20
MAX_BUFFERS = MAX_NODES
SMALL = 2**20  # so much is sent, or read, at once: each part for itself would wake the other side

Message = dict[str, Any]


class WireError(Exception):
    """The other side closed, sent garbage, or sent more than a frame may hold."""


class NotAFrame(WireError):
    """The other side sent no frame of this program's; the message says what it sent."""


class Frames(Protocol):
    """A channel to a server, or a stand-in for one."""

    def send(self, message: Message, buffers: list[bytes], deadline: float | None = None) -> None: ...

    def receive(self, deadline: float | None = None) -> tuple[Message, list[bytes]]: ...


class Channel:
    """Sends and receives frames; every wait ends at a deadline (`time.monotonic` seconds, None = no end)."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def send(self, message: Message, buffers: list[bytes], deadline: float | None = None) -> None:
        """Send one frame. Raises TimeoutError when the other side does not read, WireError when it is gone."""
        body = json.dumps(message).encode()
        head = HEADER.pack(MAGIC, len(body), len(buffers))
        sizes = struct.pack(f"!{len(buffers)}Q", *map(len, buffers))
        parts = [head + sizes + body, *buffers]
        if sum(map(len, parts)) <= SMALL:
            parts = [b"".join(parts)]
        try:
            for part in parts:
                self._set_timeout(deadline)
                self.sock.sendall(part)
        except TimeoutError:
            raise
        except OSError as error:
            raise WireError("the connection is closed") from error

    def receive(self, deadline: float | None = None) -> tuple[Message, list[bytes]]:
        """One frame. Raises TimeoutError at the deadline, WireError for anything that is not a frame of ours."""
        magic, length, count = HEADER.unpack(self._read(HEADER.size, deadline))
        if magic != MAGIC or length > MAX_JSON or count > MAX_BUFFERS:
            raise NotAFrame("a frame that is not one of ours")
        body = self._read(8 * count + length, deadline)
        sizes = struct.unpack_from(f"!{count}Q", body)
        if sum(sizes) > MAX_BYTES:
            raise NotAFrame(f"a frame of more than {MAX_BYTES // 2**20} MB")
        try:
            message = json.loads(bytes(body[8 * count :]))
        except (ValueError, RecursionError) as error:
            raise NotAFrame("a frame that is not JSON") from error
        if type(message) is not dict:
            raise NotAFrame("a frame that is not a message")
        if sum(sizes) > SMALL:
            return message, [bytes(self._read(size, deadline)) for size in sizes]
        data, ends = bytes(self._read(sum(sizes), deadline)), [0, *accumulate(sizes)]
        return message, [data[start:end] for start, end in pairwise(ends)]

    def _read(self, size: int, deadline: float | None) -> bytearray:
        data = bytearray()
        while len(data) < size:
            self._set_timeout(deadline)
            try:
                chunk = self.sock.recv(min(size - len(data), 2**20))
            except TimeoutError:
                raise
            except OSError as error:
                raise WireError("the connection is closed") from error
            if not chunk:
                raise WireError("the connection is closed")
            data += chunk
        return data

    def _set_timeout(self, deadline: float | None) -> None:
        if deadline is None:
            self.sock.settimeout(None)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)
