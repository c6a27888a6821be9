"""Feedback, report and formgrader, opened in a real browser with what a hostile student wrote in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import small_course
from conftest import Watched
from nbgrader.api import Gradebook
from small_course import NAME
from vectors import HTML, JS, MARKDOWN, code_cells, markdown_cells

from autograder.course.course import Course
from autograder.publishing.feedback.writing import write_feedback
from autograder.publishing.report.class_page import report_page
from autograder.publishing.report.classes import read_class

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Object of type <Submitted")]

# Where an element is, how wide, how it looks, and whether something lies over it.
SEEN = """selector => {
  const found = document.querySelector(selector);
  found.scrollIntoView({block: 'center'});
  const box = found.getBoundingClientRect(), style = getComputedStyle(found);
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height, 30) / 2);
  return {x: box.x, width: box.width, font: style.fontSize, colour: style.color, shown: style.visibility,
          covered: !found.contains(top)};
}"""
ADDRESSES = """
const names = ['href', 'src', 'action', 'data', 'poster', 'ping', 'srcset', 'background'];
[...document.querySelectorAll('*')].flatMap(e => names.map(name => e.getAttribute(name))).filter(a => a !== null)
"""
HANDLERS = (
    "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(name => name.startsWith('on'))"
)
HARMLESS = ("#", "https://", "http://", "mailto:", "data:image/png", "data:image/jpeg", "data:image/svg+xml")
ACTIVE = (
    "script, iframe, object, embed, base, form, input, button, svg, video, audio, link, dialog, style ~ style, "
    "meta[http-equiv=refresh]"
)


def hostile(course: Course, student: str = "ada") -> None:
    """Put everything hostile into a student's graded notebook, the gradebook's texts and a grader's comment."""
    path = course.path("autograded", student, NAME) / f"{NAME}.ipynb"
    book = nbformat.read(path, as_version=4)
    answers = small_course.cells_by_id(book)
    answers["why"].source = "\n\n".join(MARKDOWN[:60])
    answers["mean"].source = f"'</pre></section>{HTML[0]}'"
    book.cells[-1:-1] = [*markdown_cells(), *code_cells()]
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
    nbformat.write(book, path)
    with sqlite3.connect(course.root / "gradebook.db") as database:
        evil = "".join(HTML[:20])
        database.execute("UPDATE autograder_check SET message = ?, description = ?", (evil, evil))
        database.execute("UPDATE autograder_incident SET text = ?", (evil,))
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.find_comment("why", NAME, NAME, student).manual_comment = "\n\n".join(HTML)
        gradebook.db.commit()


def open_and_use(watched: Watched, page: Path) -> None:
    """Open a page, and do what a reader does without thinking: move, scroll, press keys, open what is folded."""
    watched.page.goto(page.as_uri())
    watched.page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    for way in (400, 4_000, 40_000):
        watched.page.mouse.move(300, 300 + way % 97)
        watched.page.mouse.wheel(0, way)
    watched.page.keyboard.press("Tab")
    watched.page.wait_for_timeout(300)


def assert_inert(watched: Watched, may_have: str = "none-such", may_name: str = "#") -> None:
    """Nothing ran, nothing left, and the page has nothing that could, were it not for its policy."""
    page = watched.page
    assert page.evaluate("window.pwned") is None
    assert page.title() != "pwned"
    assert watched.said == []  # nor has the policy had to refuse anything
    assert watched.requests == []
    active = f"[...document.querySelectorAll({ACTIVE!r})].filter(e => !e.matches({may_have!r}))"
    assert page.evaluate(f"{active}.map(e => e.outerHTML.slice(0, 200))") == []
    assert page.evaluate(HANDLERS) == []
    addresses = page.evaluate(ADDRESSES)
    assert addresses
    assert [address for address in addresses if not address.startswith((*HARMLESS, may_name))] == []


def test_the_vectors_act_where_nothing_stops_them(watched: Callable[[], Watched], tmp_path: Path) -> None:
    """If they did nothing by themselves, the tests below would see nothing either."""
    page = tmp_path / "raw.html"
    page.write_text(
        "<!DOCTYPE html><title>raw</title><h1>Title</h1>" + "\n".join(h for h in HTML if "http-equiv" not in h),
        encoding="utf-8",
    )
    raw = watched()
    open_and_use(raw, page)
    assert raw.page.evaluate("window.pwned") == 1
    assert raw.page.title() == "pwned"
    assert len(raw.requests) > 10
    seen = raw.page.evaluate(SEEN, "h1")
    assert seen["covered"] or seen["shown"] == "hidden"


def test_nothing_of_a_student_acts_in_feedback(watched: Callable[[], Watched], graded: Course) -> None:
    """A student's notebook could act in the instructor's browser, show other points, or tell who reads it."""
    write_feedback(graded, NAME, ["ada"])
    plain, page = graded.root / "plain.html", graded.path("feedback", "ada", NAME) / f"{NAME}.html"
    page.rename(plain)
    hostile(graded)
    write_feedback(graded, NAME, ["ada"])
    before, after = watched(), watched()
    before.page.goto(plain.as_uri())
    open_and_use(after, page)
    assert_inert(after)
    for neighbour in ("h1", ".summary thead", ".checks thead", "section:last-of-type .label"):
        assert after.page.evaluate(SEEN, neighbour) == before.page.evaluate(SEEN, neighbour)
        assert not after.page.evaluate(SEEN, neighbour)["covered"]
    assert JS in after.page.content().replace("&gt;", ">")  # it is all there, as text
    # The policy holds without the first wall too, but for going to another page, which no policy can forbid.
    past_the_wall = "".join(html for html in HTML if "http-equiv" not in html)
    after.page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", past_the_wall)
    after.page.wait_for_timeout(300)
    assert after.page.evaluate("window.pwned") is None
    assert after.requests == []


def test_nothing_of_a_student_acts_in_the_report(watched: Callable[[], Watched], graded: Course) -> None:
    """The page on the class shows names, messages and incidents of everybody to the one who may change grades."""
    hostile(graded)
    with Gradebook(graded.db_url, graded.course_id) as gradebook:
        gradebook.add_student(f'<img src=x onerror="{JS}">')
        gradebook.add_submission(NAME, f'<img src=x onerror="{JS}">')
    write_feedback(graded, NAME, ["ada"])
    page = graded.root / "report.html"
    page.write_text(report_page(read_class(graded, NAME), graded, page), encoding="utf-8")
    report = watched()
    open_and_use(report, page)
    assert_inert(report, may_have="svg, figure svg style", may_name="feedback/ada/small/")
    for neighbour in ("h1", ".advice h2", "main > h2:last-of-type"):
        assert not report.page.evaluate(SEEN, neighbour)["covered"]
    assert report.page.evaluate(SEEN, "h1")["width"] > 800
