"""The site of `autograder site`, opened in Chromium."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from conftest import Watched
from playwright.sync_api import Browser, expect
from test_accessibility import needs_axe, violations

from autograder.authoring.site import make_site
from autograder.course.course import Course

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WAIT = 90_000
PYODIDE_WAIT = 300_000


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with one assignment of this project's, and one that is solved already."""
    root = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    shutil.copytree(ROOT / "release" / "xor", root / "release" / "xor")
    cells = ["%load_ext autograder", "def double(x):\n    return 2 * x"]
    cells += ['%%check\ndef test_double(student):\n    """A number is doubled."""\n    assert student.double(2) == 4']
    (root / "release" / "solved").mkdir()
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, root / "release" / "solved" / "solved.ipynb")
    assert make_site(Course(root), [], root / "site") == ["solved", "xor"]
    return root / "site"


@pytest.fixture(scope="module")
def home(site: Path) -> Iterator[str]:
    """The site's address on a web server that knows nothing of it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_student_finds_the_assignment_in_the_site(watched: Callable[..., Watched], home: str, site: Path) -> None:
    """A site that does not open, or is without its notebooks, would help nobody; docs/site.md promises 20 MB."""
    assert 18e6 < sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 22e6
    page = watched(home).page
    page.goto(f"{home}lab/index.html?path=xor/xor.ipynb")
    expect(page.locator(".jp-NotebookPanel .jp-MarkdownOutput h1").first).to_be_visible(timeout=WAIT)
    expect(page.locator(".jp-NotebookPanel")).to_contain_text("%pip install --quiet autograder-coursework")
    expect(page.locator(".jp-DirListing")).to_contain_text("xor.ipynb")
    expect(page.locator(".jp-NotebookPanel-toolbar")).to_contain_text("Python (Pyodide)", timeout=WAIT)
    expect(page.get_by_role("dialog")).to_have_count(0)


@needs_axe
def test_axe_finds_nothing_in_an_assignment_s_text(watched: Callable[..., Watched], home: str) -> None:
    """A picture without a description, or headings that jump, would keep students from an exercise."""
    page = watched(home).page
    page.goto(f"{home}lab/index.html?path=xor/xor.ipynb")
    texts = page.locator(".jp-NotebookPanel .jp-MarkdownOutput")
    expect(texts.first.locator("h1")).to_be_visible(timeout=WAIT)
    expect(texts.last.locator("h1, h2, h3, p").first).to_be_attached(timeout=WAIT)
    found = violations(page, ".jp-MarkdownOutput")
    # JupyterLab's own: wide formulas scroll, and a keyboard cannot.
    assert [problem for problem in found if not problem.startswith("scrollable-region-focusable")] == []


def test_the_package_comes_from_the_site_itself(site: Path) -> None:
    """The kernel would ask PyPI, where the package is not."""
    index = json.loads((site / "pypi" / "all.json").read_text(encoding="utf-8"))
    (release,) = index["autograder-coursework"]["releases"].values()
    wheel = (site / "pypi" / release[0]["url"]).resolve()
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == release[0]["digests"]["sha256"]


def test_checks_run_in_the_browser(browser: Browser, site: Path, home: str) -> None:
    """A student without any installation would see no check."""
    kernel = "extensions/@jupyterlite/pyodide-kernel-extension/static/schema/kernel.v0.schema.json"
    found = re.search(r"https://[^\"]*/full/", (site / kernel).read_text(encoding="utf-8"))
    assert found is not None
    try:
        urllib.request.urlopen(f"{found[0]}pyodide-lock.json", timeout=10)
    except OSError as error:
        pytest.skip(f"Pyodide's packages cannot be reached at {found[0]}: {error}")
    page = browser.new_page()
    page.goto(f"{home}lab/index.html?path=solved/solved.ipynb")
    expect(page.get_by_text(re.compile(r"Python.*\| Idle"))).to_be_visible(timeout=PYODIDE_WAIT)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    table = page.locator(".jp-OutputArea table")
    expect(table).to_have_count(1, timeout=PYODIDE_WAIT)
    expect(table.locator("caption")).to_contain_text("1 of 1")
    page.close()
