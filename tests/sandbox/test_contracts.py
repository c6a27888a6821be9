"""What the sandbox relies on although its dependencies do not promise it. When a test fails after an upgrade, its
message says which dependency has changed and what here depends on it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from ipykernel.compiler import XCachingCompiler
from ipykernel.heartbeat import Heartbeat
from ipykernel.kernelapp import IPKernelApp
from IPython.core.interactiveshell import InteractiveShell
from matplotlib import font_manager
from matplotlib.mathtext import MathTextParser

from autograder.grading.error_incidents import kind_of
from autograder.kernel_side.student_code import is_cell_file
from autograder.sandbox import fonts
from autograder.sandbox.inside.ipython_kernel import InheritedHeartbeat, InheritedKernelApp
from autograder.submission.incidents import IncidentKind


def test_ipykernel_binds_each_channel_by_its_port() -> None:
    """A kernel would serve one channel on the socket of another, or none at all."""
    bound: dict[int, int] = {}

    class App(IPKernelApp):  # type: ignore[misc]
        def _bind_socket(self, s: Any, port: int) -> int:
            bound[port] = s.type
            return port

        def init_crash_handler(self) -> None:
            pass

    app = App()
    for port, name in enumerate(InheritedKernelApp.ports, start=1):
        setattr(app, f"{name}_port", port)
    try:
        app.init_sockets()
    finally:
        app.close()
    names = [bound.get(port) for port, name in enumerate(InheritedKernelApp.ports, start=1) if name != "hb"]
    assert names in ([zmq.ROUTER, iopub, zmq.ROUTER, zmq.ROUTER] for iopub in (zmq.PUB, zmq.XPUB)), (
        f"ipykernel {version('ipykernel')} no longer binds shell, iopub, stdin and control by "
        "IPKernelApp._bind_socket(socket, port): autograder.sandbox.inside.ipython_kernel hands over sockets there"
    )


def test_ipykernel_s_heartbeat_binds_its_own_socket() -> None:
    """Jupyter would take a kernel of the provisioner for dead."""
    assert all(hasattr(Heartbeat, name) for name in ("_bind_socket", "_try_bind_socket")), (
        f"ipykernel {version('ipykernel')} has no Heartbeat._bind_socket or _try_bind_socket any more: "
        "autograder.sandbox.inside.ipython_kernel hands it the sandbox's socket there"
    )


@pytest.mark.parametrize("kind", [InheritedKernelApp, InheritedHeartbeat])
def test_ipykernel_still_has_what_is_overridden(kind: type) -> None:
    """What takes its place would never be called, and a kernel would look for files and sockets that are not there."""
    own = {name for name, value in vars(kind).items() if callable(value)}
    gone = sorted(name for name in own if not any(hasattr(base, name) for base in kind.__bases__))
    assert not gone, (
        f"ipykernel {version('ipykernel')} has no {', '.join(gone)} in {kind.__bases__[0].__name__} any more: "
        "autograder.sandbox.inside.ipython_kernel overrides it"
    )


def test_ipython_runs_shell_lines_by_the_method_that_is_replaced() -> None:
    """`!ls` would ask for a terminal, of which a sandbox has none, and end its cell."""
    shell = InteractiveShell(user_ns={})
    ran: list[str] = []
    shell.system = ran.append
    shell.run_cell("name = 'x'\n!echo {name}\n")
    told = f"IPython {version('ipython')} runs shell lines in another way: see autograder.sandbox.inside.shell_lines"
    assert ran == ["echo {name}"], told
    assert shell.var_expand(ran[0], depth=0) == "echo x", told


def test_ipykernel_names_the_files_of_cells_as_expected() -> None:
    """`measure` would count no lines, and messages would show no line of the student's."""
    name = XCachingCompiler().get_code_name("x = 1", "x = 1", 1)
    assert is_cell_file(name), (
        f"ipykernel {version('ipykernel')} names the file of a cell {name!r}: "
        "autograder.kernel_side.student_code does not know such names"
    )


def test_matplotlib_keeps_open_fonts_in_the_caches_that_are_cleared() -> None:
    """Every kernel would begin with descriptors that are closed under matplotlib, and die in the middle of a plot."""
    caches = (getattr(MathTextParser, "_parse_cached", None), getattr(font_manager, "_get_font", None))
    assert all(hasattr(cache, "cache_clear") for cache in caches), (
        f"matplotlib {version('matplotlib')} keeps its fonts elsewhere than in MathTextParser._parse_cached and "
        "font_manager._get_font: autograder.sandbox.inside.matplotlib_caches clears these"
    )


def test_matplotlib_writes_its_list_of_fonts_where_it_is_looked_for(tmp_path: Path) -> None:
    """Each sandbox would look through all fonts of the machine again, half a second for each."""
    fonts.make_list(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"fontlist-v{font_manager.FontManager.__version__}.json"], (
        f"matplotlib {version('matplotlib')} no longer keeps its list of fonts as {fonts.LIST} in MPLCONFIGDIR: "
        "autograder.sandbox.fonts copies it from there"
    )


ATTEMPTS: dict[str, tuple[str, Callable[[], object], IncidentKind]] = {
    "NumPy": ("an array too large", lambda: np.empty(1 << 58), IncidentKind.MEMORY),
    "Python": ("a list too large", lambda: [0] * (1 << 58), IncidentKind.MEMORY),
    "Python's socket": (
        "a name that cannot be found",
        lambda: socket.getaddrinfo("nothing.invalid", 80, type=socket.SOCK_STREAM),
        IncidentKind.NETWORK,
    ),
}


@pytest.mark.parametrize("dependency", ATTEMPTS)
def test_an_error_s_name_says_what_was_tried(dependency: str) -> None:
    """Incidents of its kind would vanish without a word."""
    what, attempt, kind = ATTEMPTS[dependency]
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it raises is looked at
        attempt()
    assert kind_of(type(raised.value).__name__, str(raised.value)) is kind, (
        f"{dependency} now raises {raised.value!r} for {what}: autograder.grading.error_incidents does not know it"
    )


def test_python_writes_an_error_s_number_before_its_text() -> None:
    """The incidents of the network and of writing outside are told by that number."""
    for number, kind in ((30, IncidentKind.OUTSIDE), (95, IncidentKind.NETWORK), (101, IncidentKind.NETWORK)):
        error = OSError(number, os.strerror(number), "/usr/x" if number == 30 else None)
        assert kind_of("OSError", str(error)) is kind, (
            f"Python writes error {number} as {str(error)!r}: autograder.grading.error_incidents does not know it"
        )
