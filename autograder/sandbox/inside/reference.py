"""The answer key in a process of its own: it runs the notebook's answers once, and forks a fresh copy for every check.

Its control channel asks it to `run` a cell, or to `snapshot` the present state: a copy then waits on a socket of its
own, and forks once more for each socket that it receives.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from autograder.kernel_side.cell_figures import keep_cell_figures
from autograder.kernel_side.serve import serve_over
from autograder.kernel_side.wire import Channel, Message
from autograder.sandbox.descriptors import receive_descriptors
from autograder.sandbox.fonts import take_fonts
from autograder.sandbox.inside.shell_lines import run_without_terminals

__all__ = ["run_reference"]

# A copy gets this much more time, so that the side that asked is the first to notice that it took too long.
MARGIN = 0.5
GRACE = 1.0  # seconds between the interrupt and the end of the process


class CopyChannel(Channel):
    """The channel of a copy. It obeys `run` itself: run a cell, such as a known mistake's, before it is asked.

    Work of more than `seconds` on one message is interrupted, and the process ended if that does not help; waiting does
    not count.
    """

    def __init__(self, sock: socket.socket, seconds: float, shell: Any) -> None:
        super().__init__(sock)
        self.seconds, self.shell = seconds, shell

    def receive(self, deadline: float | None = None) -> tuple[Message, list[bytes]]:
        while True:
            signal.setitimer(signal.ITIMER_REAL, 0)
            message, buffers = super().receive(deadline)
            if message["op"] == "run":
                self.seconds = min(self.seconds, message["seconds"] + MARGIN)
            signal.signal(signal.SIGALRM, interrupt_once)
            signal.setitimer(signal.ITIMER_REAL, self.seconds, GRACE)
            if message["op"] != "run":
                return message, buffers
            error, count = run_cell(self.shell, message["source"])
            self.send({"op": "done", "id": message["id"], "error": error, "count": count}, [])


def interrupt_once(number: int, frame: Any) -> None:
    """Interrupt what runs. The next signal ends the process."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    raise KeyboardInterrupt


class Shell(InteractiveShell):  # type: ignore[misc]
    """IPython without windows."""

    def enable_gui(self, gui: Any = None) -> None:
        """`%matplotlib` asks for this."""


def run_reference(channel: Channel, seconds: float) -> None:
    """Obey the control channel until it closes. One call of a copy may take `seconds`, since a student's values can
    make it endless."""
    take_fonts()
    config = Config()
    config.HistoryManager.enabled = False
    shell = Shell.instance(config=config)
    keep_cell_figures(shell)
    run_without_terminals(shell)
    sys.path.append(os.getcwd())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, _ = channel.receive()
        if message["op"] == "run":
            channel.send({"error": run_cell(shell, message["source"])[0]}, [])
        elif message["op"] == "snapshot":
            (descriptor,) = receive_descriptors(channel.sock)
            if os.fork() == 0:
                hand_out(socket.socket(fileno=descriptor), shell, seconds + MARGIN)
            os.close(descriptor)
            channel.send({}, [])


def run_cell(shell: Any, source: str) -> tuple[str, int | None]:
    """Run one cell; returns the traceback if it raises, else nothing, and its execution count if it was run."""
    result = shell.run_cell(source, store_history=True)
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")  # as a notebook does: the next cell draws a figure of its own
    error = result.error_before_exec or result.error_in_exec
    return "" if error is None else "".join(traceback.format_exception(error)), result.execution_count


def hand_out(requests: socket.socket, shell: Any, seconds: float) -> None:
    """Fork a server for every socket that arrives; end when no more can come."""
    try:
        while True:
            (descriptor,) = receive_descriptors(requests)
            if os.fork() == 0:
                requests.close()
                serve_over(CopyChannel(socket.socket(fileno=descriptor), seconds, shell), shell.user_ns)
                os._exit(0)
            os.close(descriptor)
    finally:
        os._exit(0)
