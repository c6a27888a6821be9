"""What a student downloads and waits for, up to the first check: `python benchmarks/install.py`.

Needs PyPI and Chromium. For Linux everything is done: a fresh environment, `pip install`, a kernel, an assignment down
to its first check cell. For Windows and macOS uv chooses the wheels that pip would take; their sizes are added up.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which

import nbformat
from nbgrader.preprocessors import ClearHiddenTests
from playwright.sync_api import expect, sync_playwright

from autograder.authoring.site import make_site
from autograder.checking.cell import is_check_cell
from autograder.course.course import Course
from autograder.distribution import build_wheel

ROOT = Path(__file__).parents[1]
ASSIGNMENT = "knn"  # the first one of the course
UV = Path(sysconfig.get_path("scripts"), "uv")
PLATFORMS = {"Linux": "linux", "Windows": "windows", "macOS": "macos"}
PYTHON = "3.12"
# Runs cells in a kernel and prints the seconds from the kernel's start to the last cell's output.
RUN = """\
import json, sys, time
from jupyter_client.manager import run_kernel
started = time.monotonic()
with run_kernel() as client:
    for cell in json.load(open(sys.argv[1], encoding="utf-8")):
        outputs = []
        client.execute_interactive(cell, output_hook=outputs.append, timeout=300)
    assert "visible checks hold" in str([message["content"] for message in outputs])
    print(time.monotonic() - started)
"""


def main() -> None:
    """Print the tables of docs/students.md."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build_wheel(ROOT, folder)
        print(f"| to download, Python {PYTHON} |", " | ".join(PLATFORMS), "|\n| --- | --- | --- | --- |")
        ways = {
            "the wheel": [wheel],
            "the wheel and JupyterLab": [wheel, "jupyterlab"],
            "… for PDFs": [f"{wheel}[pdf]"],
        }
        for what, wanted in ways.items():
            sizes = [f"{download(folder, platform, *wanted):.0f} MB" for platform in PLATFORMS.values()]
            print(f"| {what} |", " | ".join(sizes), "|")
        print("\n| on this machine | seconds | MB |\n| --- | --- | --- |")
        for what, seconds, megabytes in measured(folder, wheel):
            print(f"| {what} | {seconds:.0f} | {f'{megabytes:.0f}' if megabytes else ''} |", flush=True)


def download(folder: Path, platform: str, *wanted: object) -> float:
    """Megabytes of the wheels that a platform takes, each in its largest form."""
    asked, answer = folder / "wanted.txt", folder / f"pylock.{platform}.toml"
    asked.write_text("\n".join(map(str, wanted)))
    command = [UV, "pip", "compile", "-q", "--python-platform", platform, "--python-version", PYTHON]
    subprocess.run([*command, "--format", "pylock.toml", "-o", answer, asked], check=True)
    packages = tomllib.loads(answer.read_text())["packages"]
    wheels = [package["wheels"] for package in packages if "wheels" in package]
    return sum(max(wheel.get("size", 0) for wheel in choice) for choice in wheels) / 1e6


def measured(folder: Path, wheel: Path) -> Iterator[tuple[str, float, float]]:
    """Each step of the ways to a first check: what it is, its seconds, and megabytes on disk or sent."""
    python = folder / "course" / "bin" / "python"
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", folder / "course"], check=True)
    install = [python, "-m", "pip", "install", "-q", "--no-cache-dir", "jupyterlab", wheel]
    subprocess.run(install, check=True)
    yield "laptop: environment, wheel and JupyterLab", time.monotonic() - started, size(folder / "course")
    cells = folder / "cells.json"
    cells.write_text(json.dumps(up_to_first_check()))
    for what in ("laptop: the first check, the first time", "hub, and every time after: the first check"):
        said = subprocess.run([python, "-c", RUN, cells], check=True, capture_output=True, text=True, cwd=folder)
        yield what, float(said.stdout.split()[-1]), 0
    started = time.monotonic()
    subprocess.run([*install[:-1], f"{wheel}[pdf]"], check=True)
    yield "laptop: with what PDFs need", time.monotonic() - started, size(folder / "course")
    site = folder / "site"
    started = time.monotonic()
    make_site(Course(ROOT), [], site, wheel)
    yield "site: made, with all assignments", time.monotonic() - started, size(site)
    yield "site: the notebook is shown", *shown_in_browser(site)


def size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def up_to_first_check() -> list[str]:
    """The code of the solved assignment down to its first check cell, as a student has it."""
    solved = nbformat.read(ROOT / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    notebook, _ = ClearHiddenTests().preprocess(solved, {})
    codes = [cell.source for cell in notebook.cells if cell.cell_type == "code" and "nbgrader" in cell.metadata]
    return codes[: next(i for i, code in enumerate(codes) if is_check_cell(code)) + 1]


def shown_in_browser(site: Path) -> tuple[float, float]:
    """Seconds until the notebook of a site is on the screen, and the megabytes that its server sent until then."""
    sent = 0
    with served(site) as address, sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"]).new_page()

        def count(name: str) -> None:
            nonlocal sent
            sent += (site / name).stat().st_size if (site / name).is_file() else 0

        page.on("request", lambda request: count(request.url.removeprefix(address).split("?")[0]))
        started = time.monotonic()
        page.goto(f"{address}lab/index.html?path={ASSIGNMENT}/{ASSIGNMENT}.ipynb")
        expect(page.locator(".jp-NotebookPanel .jp-MarkdownOutput h1").first).to_be_visible(timeout=300_000)
        return time.monotonic() - started, sent / 1e6


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of a folder on a web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


if __name__ == "__main__":
    main()
