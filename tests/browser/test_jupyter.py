"""JupyterLab and formgrader with what this package puts into them, used as people use them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
import small_course
from conftest import Watched, jupyter
from nbgrader.api import Gradebook
from nbgrader.preprocessors import ClearHiddenTests
from playwright.sync_api import expect
from small_course import NAME
from test_accessibility import CONTRASTS, LEAST_CONTRAST
from test_hostile_pages import ADDRESSES, HANDLERS, HARMLESS, SEEN, hostile

from autograder.course.course import Course

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WAIT = 90_000


@dataclass
class Server:
    """A running Jupyter server, its course, and the addresses of its paths."""

    course: Course
    address: Callable[[str], str]

    @property
    def home(self) -> str:
        return self.address("").split("?")[0]


@pytest.fixture(scope="module")
def server(graded_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Jupyter in a course that is configured as this project's own is, with a student's notebook to run."""
    folder = tmp_path_factory.mktemp("jupyter")
    shutil.copytree(graded_once, folder / "course")
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8").replace("deep_learning", "small_course")
    (folder / "course" / "nbgrader_config.py").write_text(config)
    course = Course(folder / "course")
    hostile(course)
    book, _ = ClearHiddenTests().preprocess(small_course.submission(mean="def mean(a):\n    return 2 * np.mean(a)"), {})
    book.cells.insert(0, nbformat.v4.new_code_cell("%load_ext autograder"))
    small_course.write(course.root / "mine.ipynb", book)
    with jupyter(course.root, folder / "private") as address:
        yield Server(course, address)


def test_a_student_sees_in_jupyterlab_which_checks_hold(watched: Callable[..., Watched], server: Server) -> None:
    """Check cells are there to be run in JupyterLab; a table that it does not show, or that its dark theme makes
    unreadable, would help nobody, and neither would a Validate that does not say what fails."""
    lab = watched(server.home).page
    lab.goto(server.address("doc/tree/mine.ipynb"))
    expect(lab.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=WAIT)
    lab.get_by_role("menuitem", name="Run", exact=True).click()
    lab.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    table = lab.locator(".jp-OutputArea table")
    expect(table).to_have_count(1, timeout=WAIT)
    expect(table.locator("caption")).to_contain_text("0 of 1")
    row = "✗ failsThe mean of 1 and 3 is 2.The values are wrong. Got 4, expected 2."
    expect(table.locator("tr")).to_contain_text(row)
    light = table.evaluate(CONTRASTS)
    lab.get_by_role("menuitem", name="Settings", exact=True).click()
    for item in ("Theme", "JupyterLab Dark"):
        lab.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()
    expect(lab.locator("body[data-jp-theme-name='JupyterLab Dark']")).to_be_attached(timeout=WAIT)
    dark = table.evaluate(CONTRASTS)
    assert len(light) == len(dark) == 4
    assert min(contrast for _, contrast in [*light, *dark]) >= LEAST_CONTRAST
    lab.get_by_role("button", name="Validate").click()
    expect(lab.get_by_role("dialog")).to_contain_text("✗ fails: The mean of 1 and 3 is 2.", timeout=WAIT)


def test_the_export_menu_makes_a_pdf(watched: Callable[..., Watched], server: Server) -> None:
    """The menu shows the exporter's name in pyproject.toml. Jupyter's server finds none whose name has a hyphen or a
    blank, though its menu shows it."""
    lab = watched(server.home).page
    with lab.expect_response("**/api/nbconvert*", timeout=WAIT):  # what the menu offers
        lab.goto(server.address("lab/tree/mine.ipynb"))
    expect(lab.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=WAIT)
    lab.get_by_role("menuitem", name="File", exact=True).click()
    lab.get_by_text("Save and Export Notebook As").click()
    with lab.context.expect_event("response", lambda response: "/nbconvert/PDF_" in response.url) as caught:
        lab.get_by_text("PDF_without_LaTeX", exact=True).click()
    assert caught.value.status == 200
    assert caught.value.headers["content-type"].startswith("application/pdf")


def test_a_grader_sees_in_formgrader_what_a_student_did(watched: Callable[..., Watched], server: Server) -> None:
    """Who grades by hand sees checks and answers there, and what a hostile student wrote must not act as the grader."""
    with Gradebook(server.course.db_url, server.course.course_id) as gradebook:
        submission = gradebook.find_submission_notebook(NAME, NAME, "ada").id
    grader = watched(server.home)
    page = grader.page
    page.goto(server.address(f"formgrader/submissions/{submission}/?index=0"))
    expect(page.locator("#notebook table").first).to_contain_text("The mean of 1 and 3 is 2.", timeout=WAIT)
    assert page.locator("#notebook td").first.evaluate("cell => getComputedStyle(cell).paddingRight") != "0px"
    expect(page.locator("input.score")).to_have_count(3)
    expect(page.locator("#notebook").last).to_contain_text("Because of the answer key.")
    page.wait_for_timeout(1_000)
    assert page.evaluate("window.pwned") is None
    assert "pwned" not in page.title()
    assert [request for request in grader.requests if "mathjax" not in request] == []
    notebook = "document.querySelector('#notebook').querySelectorAll('*')"
    addresses = page.evaluate(ADDRESSES.replace("document.querySelectorAll('*')", notebook))
    assert [address for address in addresses if not address.startswith(HARMLESS)] == []
    assert page.evaluate(HANDLERS.replace("document.querySelectorAll('*')", notebook)) == []
    assert page.evaluate("[...document.querySelectorAll('.imitated, #imitated')].map(e => e.outerHTML)") == []
    expect(page.locator("#notebook").last).to_contain_text('<div class="modal-backdrop in score" id="imitated">')
    assert not page.evaluate(SEEN, "input.score")["covered"]
