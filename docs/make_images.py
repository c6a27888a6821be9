"""Makes the pictures of the documentation: `python docs/make_images.py [NAME…]`, in the project's environment.

Needs Chromium. `demo` is the terminal of `make demo`, `feedback`, `report` and `formgrader` are of that class;
every other name is an assignment, solved, run and opened in JupyterLab.
"""

from __future__ import annotations

import atexit
import io
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.sign import NotebookNotary
from nbgrader import utils
from nbgrader.api import Gradebook
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright
from rich.console import Console
from rich.text import Text

from autograder.checking.cell import is_check_cell
from autograder.course.course import Course
from autograder.course.entries import read_entries
from autograder.demo import as_handed_in, make_demo

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
MARKER = re.compile("### (BEGIN|END)")
WIDTH, HEIGHT = 1120, 1080
COLUMNS, WIDEST_LINE = 100, 118
# The lines of a table meet only in letters a little larger than rich makes them.
TERMINAL_STYLE = "body { margin: 0 } text { font-size: 21px } [clip-path] { clip-path: none }"

# The check cell of each picture, and how many pixels stand above its table: a figure follows below.
TABLES = {
    "knn": ("predict_labels_checks", 180),
    "gradient_descent": ("sgd_checks", 60),
    "softmax": ("likelihood_checks", 300),
    "xor": ("forward_checks", 200),
    "two_layer_net": ("softplus_checks", 260),
    "deep_net": ("init_layers_checks", 30),
}
# The written answer that is shown in formgrader, and what its grader says. Formgrader's formulas need a network.
FORMGRADER = ("The first template is the mean", "4", "Good. Why does the ring get thinner?")
MISTAKE = ("softmax", "The loss is summed")
# Of the demo class: the command, the page, what is at the picture's top, and its height.
PAGES = {
    "feedback": ("feedback", "feedback/emmy/softmax/softmax.html", "section.answer:has(+ section .wrong)", 760),
    "report": ("report", "reports/softmax.html", "h1", 800),
}

SETTINGS = {
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": '{"windowingMode": "none"}',
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": '{"fetchNews": "false"}',
}
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars"
)


def main(names: list[str]) -> None:
    """Make the pictures of `names`, or all of them."""
    for name in names or ["demo", "feedback", "report", "formgrader", "mistake", *TABLES]:
        if name == "demo":
            picture = demo()
        elif name in PAGES:
            picture = page_picture(*PAGES[name])
        elif name == "formgrader":
            picture = formgrader_picture()
        elif name == "mistake":
            picture = notebook_picture(*with_mistake(*MISTAKE), above=330, height=760)
        else:
            picture = notebook_picture(name, student_notebook(name), *TABLES[name])
        save(picture, IMAGES / f"{name}.png")


def save(picture: bytes, path: Path) -> None:
    """Write a PNG with at most 128 colours, which is small and looks the same."""
    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    path.parent.mkdir(exist_ok=True)
    image.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1000} kB")


def demo() -> bytes:
    """What `make demo` prints, as a picture of a terminal; only the path of a temporary folder is left out."""
    folder, said = demo_course()
    said = said.replace(f"{folder}/", "")
    console = Console(record=True, width=WIDEST_LINE, file=io.StringIO())
    console.print(Text("$ make demo"))
    console.print(Text.from_ansi(said))
    with browser() as page:
        page.set_content(f"<style>{TERMINAL_STYLE}</style>{console.export_svg(title='make demo')}")
        box = page.locator("svg").get_attribute("viewBox").split()
        page.set_viewport_size({"width": WIDTH, "height": round(WIDTH * float(box[3]) / float(box[2]))})
        time.sleep(2)
        return page.screenshot()


@cache
def demo_course() -> tuple[Path, str]:
    """A folder with the graded demo class in `demo-course`, and what grading it printed."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder, autograder(folder, "--course", str(ROOT), "demo", "softmax", "-o", "demo-course")


def autograder(folder: Path, *arguments: str) -> str:
    """What a command prints."""
    environment = os.environ | {"COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "autograder.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=False).stdout.decode()


def page_picture(command: str, path: str, top: str, height: int) -> bytes:
    """A page that `command` makes of the demo class, from the element `top` on."""
    course = demo_course()[0] / "demo-course"
    for name in dict.fromkeys(("feedback", command)):  # the report links to feedback
        autograder(course, name, "softmax")
    with browser() as page:
        page.set_viewport_size({"width": 960, "height": height})
        page.goto((course / path).as_uri())
        page.locator(top).first.evaluate("element => { element.scrollIntoView(); window.scrollBy(0, -20); }")
        return page.screenshot()


def formgrader_picture() -> bytes:
    """A written answer of the demo class in formgrader, while it is graded."""
    text, points, comment = FORMGRADER
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder, "work")
        make_demo(course, Course(ROOT), "softmax")
        nbformat.write(student_notebook("softmax"), course / "submitted" / "ada" / "softmax" / "softmax.ipynb")
        autograder(course, "grade", "softmax", "--student", "ada")
        with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
            submission = gradebook.find_submission_notebook("softmax", "softmax", "ada").id
        with lab(Path(folder)) as url, browser() as page:
            page.set_viewport_size({"width": WIDTH, "height": 760})
            # The page waits for its formulas' home otherwise.
            page.route(lambda address: "//127.0.0.1" not in address, lambda route: route.abort())
            page.goto(re.sub("doc/tree/.*[?]", f"formgrader/submissions/{submission}/?index=0&", url), timeout=90_000)
            answer = page.locator(".nbgrader_cell").filter(has_text=text)
            answer.wait_for(timeout=90_000)
            time.sleep(5)
            answer.locator("input.score").fill(points)
            answer.locator("textarea.comment").fill(comment)
            answer.evaluate("element => { element.scrollIntoView(); window.scrollBy(0, -330); }")
            time.sleep(2)
            return page.screenshot()


def student_notebook(name: str) -> NotebookNode:
    """The released assignment as a student has it who has solved all of it. Its check cells are folded."""
    notebook = nbformat.read(ROOT / "release" / name / f"{name}.ipynb", as_version=4)
    source = as_handed_in(nbformat.read(ROOT / "source" / name / f"{name}.ipynb", as_version=4))
    answers = {c.metadata.nbgrader.grade_id: c.source for c in source.cells if utils.is_solution(c)}
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            lines = answers[grade_id].split("\n")
            cell.source = "\n".join(line for line in lines if not MARKER.match(line.strip()))
        if is_check_cell(cell.source):
            cell.metadata["jupyter"] = {"source_hidden": True}
    return notebook


def with_mistake(name: str, title: str) -> tuple[str, NotebookNode, str]:
    """An assignment with an answer of mistakes.md in it, up to the check cell of that answer."""
    notebook = student_notebook(name)
    entry = next(e for e in read_entries(ROOT / "assignments" / name / "mistakes.md") if e.title == title)
    index = cell_index(notebook, entry.replaces)
    notebook.cells[index].source = entry.source
    notebook.cells = notebook.cells[: index + 2]
    return name, notebook, f"{entry.replaces}_checks"


def cell_index(notebook: NotebookNode, grade_id: str) -> int:
    found = (i for i, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)
    return next(found)


def notebook_picture(name: str, notebook: NotebookNode, check: str, above: int, height: int = HEIGHT) -> bytes:
    """The notebook, run and opened in JupyterLab, where the table of the cell `check` is."""
    index = cell_index(notebook, check)
    with tempfile.TemporaryDirectory() as folder:
        for child in ("work", "data"):
            Path(folder, child).mkdir()
        # nbclient can sleep through the end of a cell with a slider, and looks again when the time is over.
        NotebookClient(notebook, timeout=60, resources={"metadata": {"path": folder}}).execute()
        NotebookNotary(data_dir=str(Path(folder, "data"))).sign(notebook)
        nbformat.write(notebook, Path(folder, "work", f"{name}.ipynb"))
        with lab(Path(folder)) as url, browser() as page:
            page.set_viewport_size({"width": WIDTH, "height": height})
            page.goto(url.format(path=f"{name}.ipynb"))
            expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(notebook.cells), timeout=60_000)
            time.sleep(8)
            scroll(page, index, above)
            return page.screenshot()


def scroll(page: Page, index: int, above: int) -> None:
    """Bring a cell's output to `above` pixels below the top, again and again until no formula above it moves it."""
    for _ in range(20):
        moved = page.evaluate(SCROLL, [index, above])
        time.sleep(2)
        if moved < 2:
            return
    raise SystemExit("The notebook does not come to rest.")


SCROLL = """([index, above]) => {
  const panel = document.querySelector('.jp-WindowedPanel-outer');
  const output = document.querySelectorAll('.jp-Notebook .jp-Cell')[index].querySelector('.jp-Cell-outputWrapper');
  const before = panel.scrollTop;
  panel.scrollBy(0, output.getBoundingClientRect().top - panel.getBoundingClientRect().top - above);
  return Math.abs(panel.scrollTop - before);
}"""


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """JupyterLab on `folder`/work; gives an address in which {path} stands for a notebook."""
    for name, text in SETTINGS.items():
        target = folder / "settings" / name
        target.parent.mkdir(parents=True)
        target.write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder / 'work'}"]
    environment = os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    environment["JUPYTER_DATA_DIR"] = str(folder / "data")
    with open(folder / "lab.log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder / "work")
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/doc/tree/{{path}}?token={token}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def browser() -> Iterator[Page]:
    """A page of a headless Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS.split())
        yield chromium.new_page()
        chromium.close()


if __name__ == "__main__":
    main(sys.argv[1:])
