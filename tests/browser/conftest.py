"""A real Chromium without a window, and a page of it that notices everything it does."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip


@dataclass
class Watched:
    """A page, which requests it made that are not for a file or for `home`, and what it said or did."""

    page: Page
    home: str = ""
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(90_000)
        self.page.route("**/*", self._ask)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.page.on("popup", lambda popup: self.said.append(f"popup {popup.url}"))

    def _ask(self, route: Route) -> None:
        if route.request.url.startswith(("file://", "data:")) or (
            self.home and route.request.url.startswith(self.home)
        ):
            route.continue_()
        else:
            self.requests.append(route.request.url)
            route.abort()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: apt install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def watched(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Makes pages with a profile of their own."""
    contexts = []

    def make(home: str = "") -> Watched:
        contexts.append(browser.new_context(viewport={"width": 1000, "height": 900}))
        return Watched(contexts[-1].new_page(), home)

    yield make
    for context in contexts:
        context.close()


@contextmanager
def jupyter(course: Path, private: Path) -> Iterator[Callable[[str], str]]:
    """A Jupyter server in a course's folder, with settings of its own; gives the address of a path."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={course}"]
    folders = {f"JUPYTER_{name}_DIR": str(private / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    settings = {
        "JUPYTERLAB_SETTINGS_DIR": str(private / "lab"),
        "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
    }
    private.mkdir()
    with open(private / "log", "w") as log:
        server = subprocess.Popen(command, cwd=course, env=os.environ | folders | settings, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/api?token={token}", private / "log")
        yield lambda path: f"http://127.0.0.1:{port}/{path}{'&' if '?' in path else '?'}token={token}"
    finally:
        server.terminate()
        server.wait()


def wait_for(address: str, log: Path) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(address)
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
    pytest.fail(f"the Jupyter server does not start: {log.read_text()[-2000:]}")
