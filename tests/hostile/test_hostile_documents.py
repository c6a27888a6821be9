"""Notebooks that are small to hand in and endless to draw: pages and PDFs come out all the same, in time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from hostile_sources import BOMBS
from pdf_notebooks import code, display, notebook
from small_course import NAME
from ways import ends_its_process, for_ever, ill, plain, without_end
from worst_notebooks import WORST, Cells, named_often, svg, used, worst

from autograder.course.course import Course
from autograder.publishing.doctree.cell_reader import CellReader, PlainReader
from autograder.publishing.doctree.highlighting import highlighted
from autograder.publishing.doctree.nodes import as_data
from autograder.publishing.doctree.parsed_notebook import from_json
from autograder.publishing.feedback.mathml import PageContext
from autograder.publishing.page_limits import first_that_works
from autograder.publishing.pages import render
from autograder.publishing.report.similar import tokens

# What 40 characters take for ever, these may take: seconds of processor, so that a busy machine fails no test.
SECONDS = 20


@pytest.fixture
def clock() -> Iterator[None]:
    begun = time.process_time()
    yield
    assert time.process_time() - begun < SECONDS


def drawn(cells: Cells) -> tuple[str, PageContext]:
    """The cells as part of a page, and what was noticed."""
    context, parsed = PageContext(), from_json(notebook(*cells)).cells
    reader = CellReader(parsed, context, "python")
    nodes = [node for cell in parsed for node in reader.nodes(cell)]
    return render("part.html.j2", context.pictures.files, nodes=as_data(nodes)), context


def told(context: PageContext) -> str:
    return " ".join(map(str, context.notices))


@pytest.mark.parametrize("name", [name for name in WORST if name.startswith("lexer")])
def test_a_language_that_is_not_known_to_be_harmless_is_not_coloured(clock: None, name: str) -> None:
    """Forty characters in a language with an exponential lexer would stop the feedback of a class."""
    page, _ = drawn(worst(name))
    assert "<span style" not in page


@pytest.mark.parametrize("language", ["python", "bash", "json"])
@pytest.mark.parametrize("text", [" \n" * 25_000, " " * 50_000, "\n" * 50_000, "'" * 50_000, "\\" * 50_000])
def test_the_lexers_that_are_used_take_no_longer_for_what_is_made_to_exhaust_them(
    clock: None, language: str, text: str
) -> None:
    """Python's own is quadratic in blanks."""
    assert highlighted(f"x{text}y", language).plain.replace(" ", "") == f"x{text}y".replace(" ", "")


def test_layout_costs_the_report_nothing(clock: None) -> None:
    """It compares answers, and one of blanks would stop it."""
    assert list(tokens("a =" + " \n" * 40_000 + "b\n\n\n  c")) == ["name", "=", "name", "name"]


def test_code_is_coloured_as_before() -> None:
    """A page without colours would be within every limit."""
    page, _ = drawn([code("%%check\ndef f(x):\n    return 1")])
    assert page.count("<span style") >= 3


def test_a_picture_that_is_named_often_is_decoded_once_and_shown_so_often_as_a_page_holds(clock: None) -> None:
    """A small notebook would be a page of gigabytes."""
    page, context = drawn(named_often(300, 600))
    shown = page.count("<img")
    assert len(context.pictures.files) == 1
    assert 50 < shown < 300 or len(page) < 60_000_000
    assert len(page) < 100_000_000
    page, context = drawn(named_often(20, 600))
    assert page.count("<img") == 20
    assert "too many" not in told(context)


def test_the_pixels_of_a_notebook_are_counted(clock: None) -> None:
    """Forty pictures of a few kilobytes would take minutes and gigabytes."""
    page, context = drawn(worst("huge pictures"))
    assert page.count("<img") == 6
    assert "images too many or too large" in told(context)


@pytest.mark.parametrize("name", ["uses", "clips"])
def test_shapes_that_draw_each_other_are_counted_as_often_as_they_are_drawn(clock: None, name: str) -> None:
    """A drawing of a megabyte would have four hundred million shapes."""
    page, context = drawn(worst(name))
    assert "<img" not in page
    assert "image too large" in told(context)


@pytest.mark.parametrize(
    "body",
    [
        '<use id="b" href="#a"/>' + '<use href="#b"/>' * 20_000,
        '<clipPath id="b"><rect clip-path="url(#a)"/></clipPath>' + '<rect clip-path="url(#b)"/>' * 20_000,
        "<style>rect { clip-path: url(#a) }</style>" + "<rect/>" * 20_000,
        "<style>rect { clip-path: u\\72l(#a) }</style>" + "<rect/>" * 20_000,
    ],
    ids=["use", "clip", "style", "escape"],
)
def test_nothing_is_used_by_way_of_something_else(clock: None, body: str) -> None:
    """Two steps would not be counted."""
    many = '<clipPath id="a">' + '<rect width="1" height="1"/>' * 2_000 + "</clipPath>"
    _, context = drawn([code("p()", display(image_svg=svg(many + body), text_plain="p"))])
    shown = b"".join(context.pictures.files.values()).decode()
    assert shown.count("#a") * shown.count("#b") == 0
    assert "style" not in shown


def test_drawings_as_programs_make_them_are_shown() -> None:
    """Limits that no plot stays below would be no limits but walls."""
    gradient = '<linearGradient id="l"><stop offset="1"/></linearGradient><clipPath id="c"><rect width="9"/></clipPath>'
    plot = gradient + '<g id="m"><path d="M0 0L9 9" fill="url(#l)"/></g><g clip-path="url(#c)">'
    page, context = drawn([code("p()", display(image_svg=svg(plot + '<use href="#m" x="1"/>' * 10_000 + "</g>")))])
    assert "<img" in page
    assert context.notices == []
    (content,) = context.pictures.files.values()
    assert content.count(b"#m") == 10_000
    assert content.count(b"url(#c)") == content.count(b"url(#l)") == 1
    assert "<img" in drawn([code("p()", display(image_svg=used(100)))])[0]


def test_a_notebook_without_end_is_shown_as_far_as_a_page_goes(clock: None) -> None:
    """A page of a hundred megabytes opens in no browser."""
    page, context = drawn(worst("lines"))
    assert len(page) < 40_000_000
    assert any(notice.serious for notice in context.notices)


@pytest.mark.parametrize("way", [for_ever, without_end, ends_its_process, ill], ids=lambda way: way.__name__)
def test_what_breaks_its_limits_is_made_plainly(way: object) -> None:
    """One notebook would take the pages of the whole class with it."""
    made = dict(first_that_works((way, plain), ["a", "b"], 2, seconds=2, megabytes=1_000))  # type: ignore[arg-type]
    assert made == {"a": "plain a", "b": "plain b"}
    assert dict(first_that_works((way, way), ["a"], 1, seconds=1, megabytes=1_000)) == {"a": None}  # type: ignore[arg-type]


def test_plain_text_has_an_end_too() -> None:
    """What takes the place of a page that is too long would be as long."""
    reader = PlainReader()
    cells = from_json(notebook(*worst("raw"), *worst("lines"), *worst("outputs"))).cells
    lines = [node for cell in cells for node in reader.nodes(cell)]
    assert sum(len(run.text) for node in lines for line in node.lines for run in line) < 3_000_000  # type: ignore[attr-defined]


# Some of each kind, for a whole class; the kinds one by one are above.
CLASS = {
    "bob": ["lexer fancy", "blanks", "huge pictures", "magics"],
    "cyd": ["uses", "quotes", "a picture named often", "macros"],
    "dan": ["lexer ansys", "clips", "prints", "missing pictures", "deep HTML"],
}
# What a command may take for all six, in seconds of processor time of all its processes, and each of them in megabytes:
# a page may have 2,500.
MOST = {
    "grade": (120, 1_500),
    "feedback": (170, 2_700),
    "report": (60, 1_500),
    "pdf": (170, 2_700),
    "scores": (20, 500),
}


@pytest.mark.slow
@pytest.mark.long
def test_a_class_of_the_worst_notebooks_takes_nothing_from_the_others(graded: Course) -> None:
    """Everybody would wait for one, or get another grade or page than without it."""
    honest = ["ada", "eve", "fay"]
    folders = [str(graded.path("submitted", student, NAME)) for student in [*honest, *CLASS]]
    commands = [["feedback", NAME], ["report", NAME], ["pdf", *folders, "-o", "pdfs"], ["scores", NAME, "--json"]]
    told = [limited_run(graded.root, command) for command in commands]
    before = {path: path.read_bytes() for path in outputs(graded.root)}
    assert len(before) >= 12
    scores = {score["student"]: score for score in json.loads(told[-1])}
    for (student, kinds), bomb in zip(CLASS.items(), ("prints", "displays", "threads"), strict=True):
        cells = [cell for kind in kinds for cell in worst(kind)]
        spoil(graded.path("submitted", student, NAME) / f"{NAME}.ipynb", [*cells, code(BOMBS[bomb])])
    limited_run(graded.root, ["grade", NAME])
    for student, kinds in CLASS.items():  # what a notebook shows is cut when it is graded, but nothing relies on that
        cells = [cell for kind in kinds for cell in worst(kind)]
        spoil(graded.path("autograded", student, NAME) / f"{NAME}.ipynb", cells)
    told = [limited_run(graded.root, command) for command in commands]
    after = {path: path.read_bytes() for path in outputs(graded.root)}
    assert after.keys() == before.keys()
    for path, content in before.items():
        if path.stem in honest or path.parent.parent.name in honest:
            assert after[path] == content, path
    again = {score["student"]: score for score in json.loads(told[-1])}
    assert {student: again[student] for student in honest} == {student: scores[student] for student in honest}
    assert again["bob"]["score"] == scores["bob"]["score"]
    assert "Not compared" not in (graded.root / "reports" / f"{NAME}.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_notebook_that_cannot_be_read_within_limits_is_not_compared(graded: Course) -> None:
    """Reading it for the report would take the memory of the machine, and nobody would have a report."""
    lists = b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [' + b"{}," * 40_000_000 + b"{}]}"
    graded.path("autograded", "cyd", NAME).joinpath(f"{NAME}.ipynb").write_bytes(lists)
    limited_run(graded.root, ["report", NAME], (120, 2_700))
    page = (graded.root / "reports" / f"{NAME}.html").read_text(encoding="utf-8")
    assert "Not compared, since their notebooks take too much time or memory to be read: cyd." in page


def outputs(root: Path) -> list[Path]:
    return sorted([*root.glob("feedback/*/*/*.html"), *root.glob("pdfs/*.pdf")])


def spoil(path: Path, cells: Cells) -> None:
    book = json.loads(path.read_text(encoding="utf-8"))
    book["cells"] += json.loads(json.dumps(cells))
    for number, cell in enumerate(book["cells"]):
        cell["id"] = f"c{number}"
    path.write_text(json.dumps(book), encoding="utf-8")
    nbformat.read(path, as_version=4)


LIMITED = """
import ctypes, os, resource, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # what a run leaves to itself becomes this process's, and is counted
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, file=sys.stderr)
sys.stdout.buffer.write(done.stdout)
"""


def limited_run(root: Path, command: list[str], most: tuple[int, int] | None = None) -> str:
    """Run a command and return what it printed; its processes may have had no more than is allowed."""
    line = [sys.executable, "-c", LIMITED, sys.executable, "-m", "autograder.cli", *command]
    done = subprocess.run(line, cwd=root, capture_output=True, text=True, check=True)
    code, spent, megabytes = done.stderr.strip().splitlines()[-1].split()
    assert int(code) in (0, 1), done.stderr
    seconds, size = most or MOST[command[0]]
    assert float(spent) < seconds, (command, spent)
    assert int(megabytes) < size, (command, megabytes)
    return done.stdout
