"""An IPython kernel on sockets that were bound outside, so that no path to them exists where student code runs.

Both classes override private methods of ipykernel: tests/sandbox/test_contracts.py says when they have changed.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import zmq
from ipykernel.compiler import XCachingCompiler
from ipykernel.heartbeat import Heartbeat
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQInteractiveShell
from traitlets.config import Config

from autograder.kernel_side.cell_figures import keep_cell_figures
from autograder.sandbox.descriptors import SERVE_DESCRIPTOR
from autograder.sandbox.inside.shell_lines import run_without_terminals

__all__ = ["prepare", "run_kernel"]


class InheritedHeartbeat(Heartbeat):  # type: ignore[misc]
    """Beats on an inherited socket."""

    descriptor = -1

    def _bind_socket(self) -> None:
        self.socket.setsockopt(zmq.USE_FD, self.descriptor)
        self._try_bind_socket()


class InheritedKernelApp(IPKernelApp):  # type: ignore[misc]
    """Serves Jupyter's channels on inherited listening sockets, by name: shell, iopub, stdin, control, hb."""

    descriptors: dict[str, int]
    ports = ("shell", "iopub", "stdin", "control", "hb")

    def parse_command_line(self, argv: Any = None) -> None:
        """There is none."""

    def load_config_file(self, suppress_errors: bool | None = None) -> None:
        """There is none: before the notebook runs, the student's folder holds no configuration."""

    def init_connection_file(self) -> None:
        self.transport, self.ip = "ipc", "inherited"
        for port, name in enumerate(self.ports, start=1):
            setattr(self, f"{name}_port", port)

    def write_connection_file(self, **kwargs: Any) -> None:
        """There is none: the client made the connection."""

    def _bind_socket(self, socket: Any, port: int) -> int:
        socket.setsockopt(zmq.USE_FD, self.descriptors[self.ports[port - 1]])
        return int(self._try_bind_socket(socket, port))

    def init_heartbeat(self) -> None:
        if "hb" not in self.descriptors:
            return
        self.heartbeat = InheritedHeartbeat(zmq.Context(), (self.transport, self.ip, self.hb_port))
        self.heartbeat.descriptor = self.descriptors["hb"]
        self.heartbeat.start()

    def init_kernel(self) -> None:
        super().init_kernel()
        self.kernel.shell.kernel = self.kernel  # the shell was there before


def prepare() -> InheritedKernelApp:
    """Make the application and the shell, which need no sockets yet, unless they exist. The zygote makes them once for
    all its children, which saves them a quarter of their start."""
    config = Config()
    config.HistoryManager.enabled = False
    config.IPKernelApp.log_level = 50
    ZMQInteractiveShell.instance(config=config, compiler_class=XCachingCompiler)
    app: InheritedKernelApp = InheritedKernelApp.instance(config=config)
    return app


def run_kernel(descriptors: dict[str, int], key: str) -> None:
    """Run the kernel until it is told to stop. `descriptors` also has `serve`, the socket for check cells."""
    os.dup2(descriptors["serve"], SERVE_DESCRIPTOR)
    os.close(descriptors["serve"])
    app = prepare()
    app.descriptors = descriptors
    app.session.key = key.encode()
    app.initialize([])
    if "matplotlib.pyplot" in sys.modules:
        # A notebook's own import does this, but here it was imported before there was a kernel to show figures.
        app.shell.enable_matplotlib("inline")
    keep_cell_figures(app.shell)
    run_without_terminals(app.shell)
    sys.path.append(os.getcwd())  # last, so that a file of the student's takes the place of no installed module
    app.start()
