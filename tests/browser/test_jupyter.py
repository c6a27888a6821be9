"""JupyterLab and formgrader with what this package puts into them, used as people use them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import small_course
from conftest import Watched, jupyter
from nbgrader.api import Gradebook
from nbgrader.preprocessors import ClearHiddenTests
from playwright.sync_api import expect
from small_course import NAME
from test_hostile_pages import ADDRESSES, HANDLERS, SEEN, hostile

from autograder.grading.course import Course

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WAIT = 90_000


def test_a_student_sees_in_jupyterlab_which_checks_hold(watched: Callable[..., Watched], tmp_path: Path) -> None:
    """Check cells are there to be run in JupyterLab; a table that it does not show would help nobody."""
    book, _ = ClearHiddenTests().preprocess(small_course.submission(mean="def mean(a):\n    return 2 * np.mean(a)"), {})
    book.cells.insert(0, nbformat.v4.new_code_cell("%load_ext autograder"))
    work = tmp_path / "work"
    small_course.write(work / f"{NAME}.ipynb", book)
    with jupyter(work, tmp_path / "private") as address:
        lab = watched(address("").split("?")[0])
        lab.page.goto(address(f"doc/tree/{NAME}.ipynb"))
        expect(lab.page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=WAIT)
        lab.page.get_by_role("menuitem", name="Run", exact=True).click()
        lab.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        table = lab.page.locator(".jp-OutputArea table")
        expect(table).to_have_count(1, timeout=WAIT)
        expect(table.locator("caption")).to_contain_text("0 of 1")
        row = table.locator("tr")
        expect(row).to_contain_text("✗")
        expect(row).to_contain_text("The mean of 1 and 3 is 2.")
        expect(row).to_contain_text("2 times")


def formgrader_course(course: Course) -> str:
    """Configure the course as this project's own is; returns the id of a submitted notebook of ada's."""
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8").replace("deep_learning", "small_course")
    (course.root / "nbgrader_config.py").write_text(config)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        return str(gradebook.find_submission_notebook(NAME, NAME, "ada").id)


def test_a_grader_sees_in_formgrader_what_a_student_did(
    watched: Callable[..., Watched], graded: Course, tmp_path: Path
) -> None:
    """Who grades by hand sees checks and answers there, and what a hostile student wrote must not act as the grader."""
    submission = formgrader_course(graded)
    hostile(graded)
    with jupyter(graded.root, tmp_path / "private") as address:
        home = address("").split("?")[0]
        page = watched(home)
        page.page.goto(address(f"formgrader/submissions/{submission}/?index=0"))
        expect(page.page.locator("#notebook table").first).to_contain_text("The mean of 1 and 3 is 2.", timeout=WAIT)
        expect(page.page.locator("input.score")).to_have_count(3)
        page.page.wait_for_timeout(1_000)
        assert page.page.evaluate("window.pwned") is None
        assert "pwned" not in page.page.title()
        assert [request for request in page.requests if "mathjax" not in request] == []
        notebook = "document.querySelector('#notebook').querySelectorAll('*')"
        harmless = ("#", "https://", "http://", "mailto:", "data:image/png", "data:image/svg+xml")
        addresses = page.page.evaluate(ADDRESSES.replace("document.querySelectorAll('*')", notebook))
        assert [address for address in addresses if not address.startswith(harmless)] == []
        assert page.page.evaluate(HANDLERS.replace("document.querySelectorAll('*')", notebook)) == []
        assert not page.page.evaluate(SEEN, "input.score")["covered"]
        page.page.screenshot(path=str(tmp_path / "formgrader.png"))
