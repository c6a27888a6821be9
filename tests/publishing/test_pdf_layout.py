"""The fixed layout, and the order of questions by the release."""

import copy

import pytest
from pdf_notebooks import code, homework, markdown, notebook, stream
from pdf_reading import needs_poppler, notices, pages, typeset_alone

from autograder.publishing.doctree.parsed_notebook import from_json
from autograder.publishing.pdf.document import PageHeader, build
from autograder.publishing.pdf.fixed import allotments, fix
from autograder.publishing.pdf.render import typeset
from autograder.publishing.pdf.typeset import typesetter

pytestmark = needs_poppler
HEADING = PageHeader("homework", "alice")


def fixed(path, cells, release):
    """The pages of a submission in the fixed layout, and its document."""
    released = from_json(notebook(*release))
    document = build(from_json(notebook(*cells)), HEADING, release=released, remarks=["A remark."])
    with typesetter(document.files) as setter:
        fix(document, allotments(released, PageHeader("", "")), setter)
        path.write_bytes(typeset(document, setter))
    return pages(path), document


def starts(shown):
    """The page of each question's first heading, from 1."""
    titles = [f"Question {number} · " for number in (1, 2, 3)]
    return [
        next(n for n, page in enumerate(shown, 1) if title in page and "(continued)" not in page) for title in titles
    ]


@pytest.mark.parametrize("answer_lines", [0, 5, 60, 100, 110, 120, 130, 300])
def test_questions_start_on_the_same_pages_for_everybody(tmp_path, answer_lines):
    shown, _ = fixed(tmp_path / "a.pdf", homework(answer_lines=answer_lines), homework())
    assert starts(shown) == [4, 6, 8]
    for number in range(answer_lines):
        assert any(f"step_{number} = x" in page for page in shown), "nothing is cut off"


def test_what_does_not_fit_goes_on_in_an_appendix_that_the_question_names(tmp_path):
    shown, document = fixed(tmp_path / "a.pdf", homework(answer_lines=300), homework())
    appendix = next(n for n, page in enumerate(shown, 1) if "Question 1 · linear (continued)" in page)
    assert f"continues on page {appendix}" in shown[3]
    assert "continues from page 4" in shown[appendix - 1]
    assert appendix > 9
    assert "question 1 is longer than its pages" in notices(document)
    assert any("LINEAR-CHECKED" in page for page in shown[appendix - 1 :])
    assert f"4, {appendix}" in shown[0]


def test_long_prose_outputs_and_introductions_do_not_move_questions(tmp_path):
    cells = homework()
    cells.insert(1, markdown("word " * 6000))
    cells.insert(1, code("x", stream("y\n" * 200)))
    cells[-1]["source"] += "\n\nword" * 300
    shown, _ = fixed(tmp_path / "a.pdf", cells, homework())
    assert starts(shown) == [4, 6, 8]
    assert any("A remark." in page for page in shown[8:])


def test_a_missing_question_has_its_pages_and_is_reported(tmp_path):
    cells = homework()
    shown, document = fixed(tmp_path / "a.pdf", [cells[0], cells[7], cells[8]], homework())
    assert starts(shown) == [4, 6, 8]
    assert "no cells for this question" in shown[3]
    assert "the cells of question 1 (linear) are missing" in notices(document)


def test_questions_come_in_the_order_of_the_release(tmp_path):
    first, setup, *questions = homework()
    moved = [first, setup, *questions[3:6], *questions[:3], *questions[6:]]
    document = build(from_json(notebook(*moved)), HEADING, release=from_json(notebook(*homework())))
    assert [section.title for section in document.sections if section.number] == [
        "linear",
        "quadratic",
        "why",
    ]
    (tmp_path / "a.pdf").write_bytes(typeset_alone(document))
    shown = pages(tmp_path / "a.pdf")
    assert "def linear" in shown[2]
    assert "def quadratic" in shown[3]


def test_copied_and_unknown_cells_stay_in_the_pdf(tmp_path):
    cells = homework()
    twin = copy.deepcopy(cells[3])
    twin["source"] = "TWIN = 1"
    stranger = copy.deepcopy(cells[3])
    stranger["metadata"]["nbgrader"]["grade_id"] = "stranger"
    stranger["source"] = "STRANGER = 1"
    cells[5:5] = [twin, stranger]
    document = build(from_json(notebook(*cells)), HEADING, release=from_json(notebook(*homework())))
    (tmp_path / "a.pdf").write_bytes(typeset_alone(document))
    shown = pages(tmp_path / "a.pdf")
    assert "TWIN" in shown[2]
    assert any("STRANGER" in page for page in shown)
    assert sum("Question 1 · " in page for page in shown) == 1


def test_an_answer_and_its_derivative_are_one_question():
    cells = homework()
    derivative = copy.deepcopy(cells[3])
    derivative["metadata"]["nbgrader"]["grade_id"] = "linear_grad"
    cells.insert(4, derivative)
    document = build(from_json(notebook(*cells)), HEADING)
    assert document.sections[1].title == "linear, linear_grad"
    assert document.sections[1].points == "4 points"
