"""What students call themselves, and what formgrader's own pages do with what they wrote."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import nbformat
import pytest
import small_course
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from nbgrader.server_extensions.formgrader import handlers
from small_course import NAME
from traitlets.config import Config, PyFileConfigLoader

from autograder.checking.cell import Check
from autograder.checking.explain import verdict_of
from autograder.checking.outcomes import CheckFailed, student_error
from autograder.collecting.collect import about
from autograder.collecting.people import Person
from autograder.course.source_notebooks import load_assignment
from autograder.publishing.csv_forms import harmless
from autograder.publishing.gradescope.results_json import Results
from autograder.publishing.report.class_page import link
from autograder.submission.incidents import Incident, IncidentKind

CONFIG = Path(__file__).parents[2] / "nbgrader_config.py"
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def formgrader() -> HTMLExporter:
    """The exporter of formgrader's pages, made as formgrader makes it."""
    config: Config = PyFileConfigLoader(str(CONFIG)).load_config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    return HTMLExporter(config=config)


def page_of(formgrader: HTMLExporter, notebook: nbformat.NotebookNode, **about: str) -> str:
    numbers = {"index": 0, "total": 1, "base_url": "/", "submission_id": "1", "notebook_path": "x"}
    page, _ = formgrader.from_notebook_node(notebook, resources={**numbers, **about})
    return str(page)


def test_a_student_s_name_does_not_act_in_formgrader(formgrader: HTMLExporter) -> None:
    """On Gradescope everybody chooses a name, and who looks at the notebook may change grades."""
    page = page_of(formgrader, new_notebook(), student="ada", last_name=f"Love{EVIL}", first_name="O'Hara & Co")
    assert "<img" not in page
    assert "Love&lt;img" in page
    assert "O'Hara &amp; Co" in page


def test_no_name_of_a_download_is_html_or_more_than_a_line() -> None:
    """nbgrader's pages of errors show names by means that no configuration reaches."""
    known = about(Person(first_name=f"Ada{EVIL}", last_name="Love\nlace\x1b[2J", email="a@b.c"))
    assert known["first_name"] == "Adaimg src=x onerror=alert(1)"
    assert known["last_name"] == "Love\N{REPLACEMENT CHARACTER}lace\N{REPLACEMENT CHARACTER}[2J"


@pytest.mark.slow
def test_formgrader_shows_code_that_no_lexer_would_finish(formgrader: HTMLExporter) -> None:
    """nbconvert colours code in the server's own process: one cell would stop it for everybody."""
    blanks = "x" + " \n" * 40_000 + "y"
    cells = [new_code_cell(blanks), new_code_cell("%%html\n" + blanks), new_code_cell("def f(x):\n    return 1")]
    outputs = [nbformat.v4.new_output("stream", text="what was printed")]
    cells += [new_code_cell("1", outputs=outputs), new_markdown_cell("*said*"), new_raw_cell("<b>raw</b>")]
    begun = time.process_time()
    page = page_of(formgrader, new_notebook(cells=cells))
    assert time.process_time() - begun < 20
    assert 'font-weight:600;">def</span>' in page
    for part in ("what was printed", "<em>said</em>", "&lt;b&gt;raw&lt;/b&gt;"):
        assert page.count(part) == 1


def test_the_report_leads_to_no_page_of_a_student_s_own(tmp_path: Path) -> None:
    """nbgrader copies what was handed in beside the feedback, and a page of a student's own can act."""
    course = small_course.make_course(tmp_path / "course", students=[])
    own, page = (course.path("feedback", "ada", NAME) / name for name in ("a.html", f"{NAME}.html"))
    small_course.write(own, EVIL)
    assert link(course, NAME, "ada", course.root / "report.html") == ""
    small_course.write(page, "feedback")
    assert link(course, NAME, "ada", course.root / "report.html") == f"feedback/ada/{NAME}/{NAME}.html"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "text", ["=1+1", " @x", "Ada;=1+1", "Ada\t=1+1", "Ada\n \n =1", "Ada;\t-1", "Ada; ＝1", 'Ada;"=1+1;b', 'Ada\t" =1']
)
def test_no_cell_of_a_csv_file_begins_as_a_formula(text: str, delimiter: str) -> None:
    """Where a comma is part of numbers, a spreadsheet takes semicolons for the ends of cells."""
    written = io.StringIO()
    csv.writer(written).writerow(["ada", harmless(text)])
    cells = [cell for line in written.getvalue().splitlines() for cell in next(csv.reader([line], delimiter=delimiter))]
    assert [cell for cell in cells if cell.strip().strip('"').strip()[:1] in ("=", "+", "-", "@", "＝")] == []


@pytest.mark.parametrize("text", ["\n", "\n ", '\n"', "\t \n"])
def test_a_cell_of_blank_lines_takes_no_minutes(text: str) -> None:
    """A comment of 100 kB would hold up the scores of the whole class."""
    start = time.process_time()
    harmless(text * 20_000)
    assert time.process_time() - start < 0.5


# A screen is cleared, a line is read backwards, a title is set; and what PostgreSQL takes in no text.
ACTS = "\x1b[2J\x9b2J\u202e\x07\r\x00"
CHECK = Check("test_f", "It is right.", 1.0, False, (), (), 1)
ENDINGS = [
    student_error("f", "ValueError", ACTS, [["f", 1, ACTS]]),
    student_error("f", ACTS, "", []),
    CheckFailed("the text is wrong", f"it is {ACTS}"),
    AssertionError(ACTS),
    ValueError(ACTS),
    pytest.fail.Exception(ACTS),
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_message_of_a_check_acts_where_it_is_shown(ending: BaseException) -> None:
    """It quotes what a student's code gave and said: in a terminal, a spreadsheet, on Gradescope."""
    found = verdict_of(CHECK, ending)
    assert is_harmless(found.message)
    assert is_harmless(found.detail)
    assert "\N{REPLACEMENT CHARACTER}" in found.detail


def is_harmless(text: str) -> bool:
    return not set(ACTS) - set("[2J") & set(text)


def test_no_incident_acts_where_it_is_shown() -> None:
    """It quotes errors and names of files."""
    assert is_harmless(Incident(IncidentKind.OUTSIDE, f"wrote to {ACTS}").text)
    assert Incident(IncidentKind.FAULT, "two\r\nlines\t").text == "two\nlines\t"


def test_gradescope_takes_nothing_for_html(tmp_path: Path) -> None:
    """A notebook's name stands above the tests, where Gradescope's default is a kind of HTML."""
    course = small_course.make_course(tmp_path / "course", students=[])
    Results(load_assignment(course, NAME), "hidden", tmp_path / "results.json").write(f"named {EVIL}")
    document = json.loads((tmp_path / "results.json").read_bytes())
    assert document["output_format"] == document["test_output_format"] == document["test_name_format"] == "text"


@pytest.mark.slow
def test_no_folder_s_name_acts_in_a_terminal(tmp_path: Path, run: small_course.Run) -> None:
    """Not every way into submitted/ looks at names."""
    course = small_course.make_course(tmp_path / "course", students=[])
    small_course.submit(course.root, "ada\x1b[2J", "no notebook")
    commands = (["grade", NAME], ["scores", NAME, "--csv", "a.csv"], ["grade", NAME, "--student", "b\x1b"])
    said = "".join("".join(run(*command, here=course.root)[1:]) for command in commands)
    assert "ada\N{REPLACEMENT CHARACTER}[2J" in said
    assert is_harmless((said + (course.root / "a.csv").read_text(encoding="utf-8")).replace("\r", ""))
