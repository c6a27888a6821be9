"""Any Jupyter client can start a confined kernel through the provisioner, over TCP and over IPC."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from autograder.sandbox.provisioner import SandboxProvisioner

pytestmark = pytest.mark.slow

SPEC = {
    "argv": [],
    "display_name": "Confined",
    "language": "python",
    "metadata": {"kernel_provisioner": {"provisioner_name": "autograder-sandbox"}},
}


@pytest.fixture(params=["tcp", "ipc"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KernelManager]:
    """A kernel that a client has started as it would start any other."""
    folder = tmp_path / "kernels" / "confined"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(SPEC))
    specs = KernelSpecManager(kernel_dirs=[str(folder.parent)])
    manager = KernelManager(kernel_name="confined", kernel_spec_manager=specs, transport=request.param)
    manager.connection_file = str(tmp_path / "connection.json")
    manager.start_kernel()
    yield manager
    manager.shutdown_kernel(now=True)


def connect(manager: KernelManager) -> BlockingKernelClient:
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    return client


def run(client: BlockingKernelClient, code: str) -> tuple[str, str]:
    """What a cell printed, and the status of its reply."""
    printed: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        printed.append(message["content"].get("text", ""))

    reply = client.execute_interactive(code, timeout=30, output_hook=hear)
    return "".join(printed), reply["content"]["status"]


def test_it_lives_as_any_kernel_does(manager: KernelManager) -> None:
    """A client could start a confined kernel, but not interrupt, restart or end it."""
    client = connect(manager)
    assert run(client, f"import os; x = 20; print(x + 1, os.path.exists({__file__!r}))") == ("21 False\n", "ok")
    client.execute("import time; print('begun'); time.sleep(60)", stop_on_error=False)
    while client.get_iopub_msg(timeout=20)["content"].get("text") != "begun\n":
        pass
    manager.interrupt_kernel()
    assert client.get_shell_msg(timeout=20)["content"]["ename"] == "KeyboardInterrupt"
    assert run(client, "print(x)") == ("20\n", "ok")

    client.stop_channels()
    manager.restart_kernel(now=True)
    client = connect(manager)
    assert run(client, "print(x)")[1] == "error"

    process = manager.provisioner.process
    client.shutdown()
    manager.finish_shutdown()
    assert not manager.is_alive()
    assert not process.alive
    client.stop_channels()


SOCKETS = """
import os, socket
for number in os.listdir("/proc/self/fd"):
    try:
        print(socket.socket(fileno=os.dup(int(number))).family.name)
    except OSError:
        pass
"""


def test_no_socket_of_this_machine_s_network_is_handed_in(manager: KernelManager) -> None:
    """Disconnected and connected anew, it would be a way out of a sandbox without a network."""
    client = connect(manager)
    printed, status = run(client, SOCKETS)
    assert (set(printed.split()), status) == ({"AF_UNIX"}, "ok")
    client.stop_channels()


def test_its_processes_together_have_a_limit_of_memory(manager: KernelManager) -> None:
    """Sixty-four processes, each within its limit, would take the memory of the server that runs them."""
    client = connect(manager)
    client.execute(
        "import os, time\nfor _ in range(40):\n    if not os.fork(): held = b'x' * (90 << 20); time.sleep(60)"
    )
    process, until = manager.provisioner.process, time.monotonic() + 60
    while process.alive and time.monotonic() < until:
        time.sleep(0.2)
    assert not process.alive
    client.stop_channels()


def test_a_kernel_that_takes_no_interrupt_holds_up_nobody() -> None:
    """It closes its control channel, and the Jupyter server would wait a second for each interrupt."""

    async def longest_pause(port: int) -> float:
        provisioner = SandboxProvisioner()
        provisioner.connection_info = {"key": b"k", "transport": "tcp", "ip": "127.0.0.1", "control_port": port}
        sent = asyncio.create_task(provisioner.send_signal(signal.SIGINT))
        longest, last = 0.0, time.monotonic()
        while not sent.done():
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        return longest

    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert asyncio.run(longest_pause(silent.getsockname()[1])) < 0.8
