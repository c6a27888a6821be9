"""Carries bytes between listening sockets of this machine and a kernel's own, so that none of the former is handed in.

A TCP socket keeps the network in which it was made, whoever holds it: a process without a network could disconnect a
listening one and connect it anew.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from functools import partial

__all__ = ["Relay"]

PIECE = 1 << 16


class Relay:
    """A thread that joins each connection to a listening socket with a new one to the Unix socket at a path, until it
    is closed. `joined` has the path for each socket, which is closed with the relay."""

    def __init__(self, joined: dict[socket.socket, str]) -> None:
        self.joined = joined
        self.loop = asyncio.new_event_loop()
        self.over = asyncio.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        servers = [await asyncio.start_server(partial(join, path), sock=sock) for sock, path in self.joined.items()]
        await self.over.wait()
        for server in servers:
            server.close()

    def close(self) -> None:
        with suppress(RuntimeError):  # closed already
            self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join()


async def join(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes both ways between two sockets until one is closed."""
    try:
        inner_reader, inner_writer = await asyncio.open_unix_connection(path)
    except OSError:
        writer.close()
        return
    await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))


async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Carry bytes one way; who does not read holds up who writes."""
    try:
        while piece := await source.read(PIECE):
            sink.write(piece)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()
