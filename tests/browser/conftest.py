"""A real Chromium without a window, and a page of it that notices everything it does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

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
