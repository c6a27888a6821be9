"""The PDF of a graded notebook: points, total and comments on its first page."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from pdf_reading import needs_poppler, pages, text
from small_course import NAME

from autograder.course.course import Course
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.groups import keep_groups
from autograder.publishing.pdf.batch import export_many
from autograder.submission.submitted_modules import module_cells

pytestmark = [pytest.mark.slow, needs_poppler]


def by_hand(course: Course) -> None:
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.find_grade("why", NAME, NAME, "ada").manual_score = 2.5
        gradebook.find_comment("why", NAME, NAME, "ada").manual_comment = "Say *which* key, $k_1$. " + "More. " * 200
        gradebook.find_submission_notebook(NAME, NAME, "ada").late_submission_penalty = 1.25
        gradebook.db.commit()


def export(course: Course, *students: str, **options: object) -> dict[str, Path]:
    folders = [course.path("submitted", student, NAME) for student in students]
    done = export_many(folders, course.root / "pdfs", course=course.root, **options)  # type: ignore[arg-type]
    assert not [result.error for result in done if result.error]
    return {student: result.output for student, result in zip(students, done, strict=True)}


def test_the_first_page_has_points_total_and_comments(graded: Course) -> None:
    """Whoever gets the PDF back would have to look up their points elsewhere."""
    by_hand(graded)
    files = export(graded, "ada", "bob")
    first = " ".join(pages(files["ada"])[0].split())
    for line in ("1 mean 3 of 3", "3 why 2.5 of 3", "Sum 7.5 of 8", "Late −1.25", "Total 6.25 of 8", "Say which key"):
        assert line in first, line
    assert "to be graded" not in first
    other = " ".join(pages(files["bob"])[0].split())
    for line in ("1 mean 1 of 3", "3 why – of 3", "Total 3 of 8", "One part is still to be graded by hand"):
        assert line in other, line


def test_every_page_names_the_group_unless_it_is_anonymous(graded: Course) -> None:
    """Whoever reads a PDF would take the work of a group for one student's."""
    with open_gradebook(graded) as gradebook:
        keep_groups(gradebook.db, NAME, ["ada"], {"ada": "team 7"})
    assert all("ada · group team 7" in " ".join(page.split()) for page in pages(export(graded, "ada")["ada"]))
    assert "team 7" not in text(export(graded, "ada", anonymous=True)["ada"])


def test_check_cells_show_how_their_checks_ended_and_not_their_source(graded: Course) -> None:
    """Pages of tests would hide the answers."""
    told = text(export(graded, "bob")["bob"])
    assert "Right on random numbers." in told
    assert "def test_two_numbers" not in told
    assert "assert double(2)" in told, "an ordinary test cell shows nothing but its source"


def test_the_fixed_layout_keeps_its_pages_whatever_is_said(graded: Course) -> None:
    """A long comment would move the questions of one student, which Gradescope looks for on fixed pages."""
    by_hand(graded)
    source = graded.source(NAME) / f"{NAME}.ipynb"
    files = export(graded, "ada", "bob", layout="fixed", release=source)
    found = {
        student: [n for n, page in enumerate(pages(file)) if "Question 3" in page] for student, file in files.items()
    }
    assert found["ada"] == found["bob"] != []
    assert "Say which key" in " ".join(text(files["ada"]).split())


def test_a_notebook_that_no_gradebook_knows_has_no_points(graded: Course) -> None:
    """The PDF must come out even so."""
    (graded.root / "gradebook.db").unlink()
    first = " ".join(pages(export(graded, "ada")["ada"])[0].split())
    assert "1 mean 3 " in first
    assert "Total" not in first


def test_a_module_that_the_graded_notebook_shows_is_not_shown_twice(graded: Course) -> None:
    """Modules that students complete stand behind the graded notebook, and changed .py files follow every notebook."""
    code = "def only_once():\n    pass\n"
    for name, content in (("shown.py", code), ("other.py", "def another():\n    pass\n")):
        (graded.path("submitted", "ada", NAME) / name).write_text(content, encoding="utf-8")
    path = graded.path("autograded", "ada", NAME) / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += module_cells({"shown.py": code.encode()}, {"shown.py": b""})
    nbformat.write(notebook, path)
    told = text(export(graded, "ada")["ada"])
    assert told.count("def only_once") == 1
    assert told.count("def another") == 1


@pytest.mark.parametrize("inside", ["submitted/mallory", "downloads"], ids=["of the course", "elsewhere"])
def test_no_configuration_is_run_that_was_handed_in(
    graded: Course, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hands in a folder that looks like a course, with graded work in it, would run code as the teacher."""
    course = graded.root.parent / inside if inside == "downloads" else graded.root / inside / NAME
    for step in ("submitted", "autograded"):
        shutil.copytree(graded.path(step, "ada", NAME), course / step / "ada" / NAME)
    (course / "nbgrader_config.py").write_text(f"open({str(graded.root / 'ran')!r}, 'w')\n")
    monkeypatch.chdir(graded.root)
    (done,) = export_many([course / "submitted" / "ada" / NAME], graded.root / "pdfs")
    assert not done.error
    assert done.submission.graded
    assert not (graded.root / "ran").exists()


def test_the_course_that_is_meant_is_asked(graded: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points would be missing where the command is run as the docs say."""
    monkeypatch.chdir(graded.root / "submitted")
    (done,) = export_many([graded.path("submitted", "ada", NAME)], graded.root / "pdfs")
    assert "Total" in text(done.output)
