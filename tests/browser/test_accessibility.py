"""What students and instructors read, as axe and the rules for contrast see it: WCAG 2.1 AA, in light and in dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nbformat
import pytest
from nbgrader.api import Gradebook
from pdf_gallery import gallery
from playwright.sync_api import Browser, Page
from small_course import NAME

from autograder.checking.outcomes import Outcome, Verdict
from autograder.checking.table import html_table
from autograder.course.course import Course
from autograder.gradebook.last_shown import REPORT
from autograder.publishing.feedback.writing import write_feedback
from autograder.publishing.news import read_news
from autograder.publishing.report.class_page import report_page, term_page
from autograder.publishing.report.classes import read_class
from autograder.publishing.report.term import read_term

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
LEAST_CONTRAST = 4.5

# The text of an element's parts, each with its contrast: its colour, with every opacity above it, on what lies below.
CONTRASTS = """root => {
  const channels = colour => {
    const found = colour.match(/[\\d.]+/g).map(Number);
    return found.length === 3 ? [...found, 1] : found;
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const luminance = colour => {
    const linear = colour.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const background = element => {
    if (!element) return [255, 255, 255];
    return over(channels(getComputedStyle(element).backgroundColor), background(element.parentElement));
  };
  const opacity = element => element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || getComputedStyle(element).visibility !== 'visible' || !element.getClientRects().length) continue;
    const drawn = element.closest('svg') ? 'fill' : 'color';
    const below = background(element), ink = channels(getComputedStyle(element)[drawn]);
    ink[3] *= opacity(element);
    const [dark, light] = [luminance(below), luminance(over(ink, below))].sort((a, b) => a - b);
    found.push([text, (light + 0.05) / (dark + 0.05)]);
  }
  return found;
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own."""
    made = browser.new_page(viewport={"width": 1000, "height": 900})
    yield made
    made.close()


def violations(page: Page, selector: str = "html") -> list[str]:
    """What axe finds in a part of a page: the rule, the element, and why."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    run = "([selector, tags]) => axe.run(selector, {runOnly: tags})"
    found = page.evaluate(run, [selector, STANDARD])["violations"]
    return [f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe is not installed: npm install axe-core")

VERDICTS = [Verdict(outcome, f"Ended: {outcome}.", 1, False, outcome, message="Look here.") for outcome in Outcome]
VERDICTS.append(Verdict("hidden", "A hidden one.", 1, True, Outcome.NOT_RUN, void="It was wrong."))


# Background and text of JupyterLab's two themes, VS Code's dark one and Colab's.
THEMES = [("#fff", "#212121"), ("#111", "#fff"), ("#1e1e1e", "#d4d4d4"), ("#383838", "#d5d5d5")]


@pytest.mark.parametrize("theme", THEMES)
def test_the_table_of_a_check_cell_can_be_read_in_every_theme(page: Page, theme: tuple[str, str]) -> None:
    """Green on black, or grey on grey, would tell a student nothing."""
    background, ink = theme
    table = html_table(VERDICTS, "1 of 6 visible checks hold", "2 more when graded: numbers near ±1000; ties.")
    page.set_content(f'<body style="background: {background}; color: {ink}">{table}</body>')
    found = page.evaluate(f"({CONTRASTS})(document.body)")
    assert len(found) > 3 * len(VERDICTS)
    assert [(text, contrast) for text, contrast in found if contrast < LEAST_CONTRAST] == []
    for word in ("✓ holds", "✗ fails", "? not graded", "– not run", "– void"):
        assert word in [text for text, _ in found]


@needs_axe
def test_axe_finds_nothing_in_the_table_of_a_check_cell(page: Page) -> None:
    """A screen reader would read cells without saying to which check they belong."""
    page.set_content(html_table(VERDICTS, "1 of 6 visible checks hold"))
    assert violations(page, "table") == []
    rows = page.get_by_role("rowheader").all_inner_texts()
    assert rows == [verdict.description + " (hidden)" * verdict.hidden for verdict in VERDICTS]


@dataclass
class Pages:
    """Feedback and reports of a class; one of its students handed in everything that a notebook may hold."""

    feedback: Path
    report: Path
    term: Path


@pytest.fixture(scope="module")
def pages(graded_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Pages:
    root = tmp_path_factory.mktemp("accessible") / "course"
    shutil.copytree(graded_once, root)
    course = Course(root)
    notebook = course.path("autograded", "bob", NAME) / f"{NAME}.ipynb"
    book = nbformat.read(notebook, as_version=4)
    book.cells += nbformat.from_dict(gallery()).cells
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
    nbformat.write(book, notebook)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.find_comment("why", NAME, NAME, "bob").manual_comment = "Read **this** again."
        gradebook.db.commit()
    write_feedback(course, NAME, ["bob"])
    read_news(course, NAME).keep([REPORT])
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.find_grade("test_mean", NAME, NAME, "bob").extra_credit = 0.5
        gradebook.db.commit()
    write_feedback(course, NAME, ["bob"])
    report, term = root / "report.html", root / "index.html"
    numbers = read_class(course, NAME, read_news(course, NAME).for_reader(REPORT))
    report.write_text(report_page(numbers, course, report), encoding="utf-8")
    term.write_text(term_page(read_term(course), term), encoding="utf-8")
    feedback = course.path("feedback", "bob", NAME) / f"{NAME}.html"
    for path, told in ((feedback, "Changed since you last saw it"), (report, "Scores that changed"), (term, "behind")):
        assert told in path.read_text(encoding="utf-8")
    return Pages(feedback, report, term)


def opened(page: Page, path: Path, scheme: Literal["light", "dark"]) -> None:
    """A page as a reader has it who prefers a scheme, with everything unfolded."""
    page.emulate_media(color_scheme=scheme)
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["feedback", "report", "term"])
def test_axe_finds_nothing(page: Page, pages: Pages, name: str, scheme: Literal["light", "dark"]) -> None:
    """Who uses a keyboard, a screen reader or large letters could not read what was made for them."""
    opened(page, getattr(pages, name), scheme)
    for width in (1000, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["feedback", "report", "term"])
def test_every_text_has_contrast(page: Page, pages: Pages, name: str, scheme: Literal["light", "dark"]) -> None:
    """Code, tracebacks and plots have colours of their own, which were chosen for one of the two."""
    opened(page, getattr(pages, name), scheme)
    found = page.evaluate(f"({CONTRASTS})(document.body)")
    assert len(found) > 40
    assert [(text, contrast) for text, contrast in found if contrast < LEAST_CONTRAST] == []


def test_a_page_of_feedback_fits_a_narrow_window(page: Page, pages: Pages) -> None:
    """Enlarged four times, a page would have to be read line by line from side to side."""
    page.set_viewport_size({"width": 320, "height": 800})
    opened(page, pages.feedback, "light")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
