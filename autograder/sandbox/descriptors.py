"""File descriptors sent from one process to another over a Unix socket."""

from __future__ import annotations

import array
import socket

__all__ = ["SERVE_DESCRIPTOR", "receive_descriptors", "send_descriptors"]

MOST = 16
SERVE_DESCRIPTOR = 1000


def send_descriptors(sock: socket.socket, descriptors: list[int]) -> None:
    """Send up to 16 descriptors, carried by one byte."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    sock.sendmsg([b"F"], rights)


def receive_descriptors(sock: socket.socket) -> list[int]:
    """The descriptors that come with one byte. Raises EOFError when the other side has closed."""
    size = array.array("i").itemsize
    data, ancillary, _, _ = sock.recvmsg(1, socket.CMSG_LEN(MOST * size))
    if not data:
        raise EOFError
    descriptors = array.array("i")
    for level, kind, body in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(body[: len(body) // size * size])
    return list(descriptors)
