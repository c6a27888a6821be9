"""A Jupyter kernel provisioner: any Jupyter client can start a confined kernel, over TCP or IPC.

The client's ports are joined with Unix sockets that are handed in: the kernel itself has no network. A kernel spec
asks for it with
`"metadata": {"kernel_provisioner": {"provisioner_name": "autograder-sandbox"}}`.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import Any

import zmq
from jupyter_client.provisioning import KernelProvisionerBase
from jupyter_client.session import Session

from autograder.sandbox.base import Sandbox, SandboxProcess
from autograder.sandbox.levels import open_sandbox
from autograder.sandbox.limits import MB, Limits
from autograder.sandbox.memory_watchdog import MemoryWatchdog
from autograder.sandbox.messages import Sockets
from autograder.sandbox.relay import Relay

__all__ = ["SandboxProvisioner"]

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")


class SandboxProvisioner(KernelProvisionerBase):  # type: ignore[misc]
    """Starts IPython kernels in a sandbox of their own, with the default limits."""

    sandbox: Sandbox | None = None
    process: SandboxProcess | None = None
    sockets: Sockets | None = None
    relay: Relay | None = None
    watchdog: MemoryWatchdog | None = None

    @property
    def has_process(self) -> bool:
        return self.process is not None

    async def poll(self) -> int | None:
        return None if self.process is not None and self.process.alive else 0

    async def wait(self) -> int | None:
        while await self.poll() is None:
            await asyncio.sleep(0.05)
        await self.cleanup()
        return 0

    async def send_signal(self, signum: int) -> None:
        """Interrupt the kernel by a message, since signals do not enter the sandbox; any other signal kills it."""
        if signum == signal.SIGINT:
            # A kernel that does not answer would hold up the server's event loop, and everybody in it.
            await asyncio.to_thread(interrupt, self.connection_info)
        elif signum != 0:
            await self.kill()

    async def kill(self, restart: bool = False) -> None:
        if self.process is not None:
            self.process.kill()

    async def terminate(self, restart: bool = False) -> None:
        await self.kill(restart)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        manager = self.parent
        manager.transport_encryption = "disabled"
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        return await super().pre_launch(cmd=[], **kwargs)  # type: ignore[no-any-return]

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        try:
            await self._launch(Limits())
        except BaseException:
            await self.cleanup()
            raise
        return dict(self.connection_info)

    async def _launch(self, limits: Limits) -> None:
        info = self.connection_info
        self.sockets = Sockets(CHANNELS)
        self.relay = Relay({listen(info, int(info[f"{name}_port"])): self.sockets.path(name) for name in CHANNELS})
        self.sandbox = open_sandbox(limits)
        key = info["key"].decode() if isinstance(info["key"], bytes) else str(info["key"])
        job = {"kind": "kernel", "key": key, "files": []}
        serve, unused = socket.socketpair()
        with serve, unused:
            sockets = {name: sock.fileno() for name, sock in (*self.sockets.listening.items(), ("serve", serve))}
            process = self.process = await asyncio.to_thread(self.sandbox.spawn, job, [], sockets)
        first = process.pid if self.sandbox.reusable else self.sandbox.process.pid
        self.watchdog = MemoryWatchdog(lambda reason: process.kill(), first, limits.memory_mb * MB)

    async def cleanup(self, restart: bool = False) -> None:
        for held in (self.watchdog, self.process, self.sandbox, self.relay, self.sockets):
            if held is not None:
                held.close()
        self.process = self.sandbox = self.sockets = self.relay = self.watchdog = None


def listen(info: dict[str, Any], port: int) -> socket.socket:
    """A listening socket where the client will look for it."""
    if info["transport"] == "ipc":
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(f"{info['ip']}-{port}")
    else:
        listening = socket.socket(socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((info["ip"], port))
    listening.listen()
    return listening


def interrupt(info: dict[str, Any]) -> None:
    """Ask the kernel over its control channel to interrupt its running cell."""
    key = info["key"] if isinstance(info["key"], bytes) else str(info["key"]).encode()
    separator = "-" if info["transport"] == "ipc" else ":"
    with zmq.Context() as context, context.socket(zmq.DEALER) as control:
        control.linger = 1000
        control.connect(f"{info['transport']}://{info['ip']}{separator}{info['control_port']}")
        Session(key=key).send(control, "interrupt_request", {})
