"""What the pages of an exported notebook show, read back from real PDFs."""

import io
import re

import numpy as np
import pytest
from pdf_gallery import gallery
from pdf_notebooks import code, display, encoded, error, homework, markdown, notebook, picture, raw, stream
from pdf_reading import draw, draw_json, needs_poppler, notices, page_of, pages, picture_of, text
from PIL import Image
from traitlets.config import Config

from autograder.checking.cell import RECORD
from autograder.publishing.doctree.macros import Macros
from autograder.publishing.doctree.parsed_notebook import MARKERS, Unreadable, from_json
from autograder.publishing.feedback.student_page import secret_regions
from autograder.publishing.pdf.document import PageHeader, build_plain
from autograder.publishing.pdf.export import notebook_pdf

pytestmark = needs_poppler


def test_text_comes_in_the_order_of_the_notebook(tmp_path):
    pdf, _ = draw(tmp_path, *homework())
    words = text(pdf)
    order = [
        "What you will do",
        "def linear",
        "LINEAR-CHECKED",
        "def quadratic",
        "WRITTEN-ANSWER",
        "CLOSING-WORDS",
    ]
    assert [words.index(word) for word in order] == sorted(words.index(word) for word in order)


def test_each_question_starts_on_a_page_of_its_own(tmp_path):
    pdf, _ = draw(tmp_path, *homework())
    assert [page_of(pdf, word) for word in ("def linear", "def quadratic", "WRITTEN-ANSWER", "CLOSING")] == [
        3,
        4,
        5,
        6,
    ]
    assert "Introduction to quadratic" in pages(pdf)[3]


def test_the_first_page_names_the_page_of_each_question(tmp_path):
    pdf, _ = draw(tmp_path, *homework())
    rows = [line.split() for line in pages(pdf)[0].splitlines()]
    questions = [row for row in rows if row and row[0] in ("1", "2", "3")]
    assert questions == [["1", "linear", "4", "3"], ["2", "quadratic", "6", "4"], ["3", "why", "2.5", "5"]]


def test_every_page_has_assignment_student_and_page(tmp_path):
    pdf, _ = draw(tmp_path, *homework())
    for number, page in enumerate(pages(pdf), 1):
        assert "homework · alice" in page
        assert f"Page {number} of 6" in page


def test_wrong_latex_is_shown_as_written_and_told(tmp_path):
    pdf, document = draw(tmp_path, markdown("fine"), markdown(r"See $\frac{1}{2$ and $x^2$."))
    assert r"$\frac{1}{2$" in text(pdf)
    assert "cell 2: LaTeX not understood" in notices(document)


FORMULAS = r"""
\frac{a}{b}
\begin{aligned}a&=b\\c&=d\end{aligned}
\begin{pmatrix}1&2\\3&4\end{pmatrix}
\begin{cases}1&x>0\\0&\text{else}\end{cases}
a \\ b
\sum_{i=1}^n x_i \odot y \cap z
\|x\|_2^2
\underset{(m,h)}{Z} = \underset{(d)}{X}
\bigl( x \bigr) \Bigl[ y \Bigr]
x % comment
x \tag{3}
\operatorname*{arg\,max}_x
\boxed{x}
\hat{y}^{(i)}
x\!y\;z
\label{eq} x
1 < 2 > 0
""".strip().split("\n")


@pytest.mark.parametrize("tex", FORMULAS)
def test_formulas_of_homework_are_drawn(tmp_path, tex):
    _, document = draw(tmp_path, markdown(f"$${tex}$$"))
    assert document.notices == []


def test_macros_hold_for_later_cells(tmp_path):
    first = markdown(r"$\newcommand{\half}[1]{\frac{#1}{2}} \def\R{\mathbb{R}} \R$")
    _, document = draw(tmp_path, first, markdown(r"$$\half{x} \in \R^n$$"))
    assert document.notices == []


@pytest.mark.parametrize(
    ("definition", "used", "same"),
    [
        (r"\newcommand{\E}[2][]{\mathbb{E}_{#1}[#2]}", r"\E{x}", r"\mathbb{E}_{}[x]"),
        (r"\newcommand{\E}[2][p]{\mathbb{E}_{#1}[#2]}", r"\E[q]{x} \E{y}", r"\mathbb{E}_{q}[x] \mathbb{E}_{p}[y]"),
        (r"\newcommand\R{\mathbb{R}}", r"\R x", r"\mathbb{R} x"),
        (r"\renewcommand{\phi}{\varphi}", r"\phi", r"\varphi"),
        (r"\DeclareMathOperator{\argmin}{arg\,min}", r"\argmin_x", r"\operatorname{arg\,min}_x"),
        (r"\DeclareMathOperator*\argmax{arg\,max}", r"\argmax_x", r"\operatorname*{arg\,max}_x"),
        (r"\let\eps\varepsilon", r"\eps", r"\varepsilon"),
        (r"\let\eps=\varepsilon", r"\eps_1", r"\varepsilon_1"),
        (r"\def\a{x}\let\b\a\def\a{y}", r"\b\a", "x y"),
    ],
)
def test_macros_of_every_make_are_expanded(definition, used, same):
    """A formula that Jupyter shows would be on paper as it was written."""
    macros = Macros()
    assert macros.expand(definition) == ""
    assert macros.expand(used).replace(" ", "") == same.replace(" ", "")


def test_a_pasted_screenshot_is_a_picture_however_long_its_address(tmp_path):
    """Colab keeps it in the text; the answer beside it would be base64 over fourteen pages."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    address = f"data:image/png;base64,{encoded(out.getvalue())}"
    assert len(address) > 100_000
    for source in (
        f"![shot]({address})",
        f'<img src="{address}" alt="shot">',
        f"![shot][image1]\n\n[image1]: <{address}>",
    ):
        pdf, document = draw(tmp_path, markdown(f"My *answer*.\n\n{source}\n\nThe end."))
        assert len(pages(pdf)) == 1
        assert "My answer." in text(pdf)
        assert len(document.files) == 1
        assert document.notices == [], source


def test_attachments_with_blanks_in_their_names_are_found(tmp_path):
    attached = {"a b.png": {"image/png": encoded(picture())}}
    for source in ("![x](attachment:a%20b.png)", "![x](<attachment:a b.png>)"):
        assert draw(tmp_path, markdown(source, attachments=attached))[1].notices == []


FIGURE = {"data": [{"x": list(range(3_000)), "y": list(range(3_000))}], "layout": {}}


@pytest.mark.parametrize(
    ("bundle", "line"),
    [
        ({"application/vnd.plotly.v1+json": FIGURE}, "<plotly figure>"),
        ({"application/vnd.plotly.v1+json": FIGURE, "text/plain": f"Figure({FIGURE})"}, "<plotly figure>"),
        ({"text/html": f"<div><script>Plotly.newPlot({FIGURE}); plotly</script></div>"}, "<plotly figure>"),
        ({"application/vnd.vegalite.v5+json": FIGURE, "text/plain": "alt.Chart(...)"}, "alt.Chart(...)"),
        ({"text/html": f"<div id='v'></div><script>vegaEmbed({FIGURE})</script>"}, "<Altair figure>"),
    ],
)
def test_an_interactive_figure_is_one_line_or_its_picture(tmp_path, bundle, line):
    """A plot would be pages of numbers."""
    output = {"output_type": "display_data", "metadata": {}, "data": bundle}
    pdf, document = draw(tmp_path, code("fig", output))
    assert line in text(pdf)
    assert len(pages(pdf)) == 1
    assert len(text(pdf)) < 1_000
    assert "figure without a picture" in notices(document)
    with_picture = {**output, "data": {**bundle, "image/png": encoded(picture())}}
    assert draw(tmp_path, code("fig", with_picture))[1].notices == []


def test_a_widget_is_one_sentence(tmp_path):
    """Its text form is a piece of Python's representation, and means nothing to a reader."""
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "interactive(children=(Float"}
    pdf, _ = draw(tmp_path, code("interact(f)", {"output_type": "display_data", "metadata": {}, "data": data}))
    assert "Here is a widget" in text(pdf)
    assert "children" not in text(pdf)


FOLDED = "Before.\n\n<details><summary>Hint 1: a nudge</summary>\n\nINSIDE $x^2$\n\n</details>\n\nAfter."


def test_hints_stay_folded_away_and_answers_do_not(tmp_path):
    """As Jupyter first shows them; but who folds an answer has written it nevertheless."""
    pdf, document = draw(tmp_path, markdown(FOLDED))
    assert re.search(r"Before\.\s+▸ Hint 1: a nudge\s+After\.", text(pdf))
    assert "INSIDE" not in text(pdf)
    assert document.notices == []
    answer = markdown(FOLDED, metadata={"nbgrader": {"grade_id": "why", "solution": True, "grade": True, "points": 2}})
    assert "INSIDE" in text(draw(tmp_path, answer)[0])


@pytest.mark.parametrize(
    "source",
    [
        FOLDED.replace("</details>", ""),
        FOLDED.replace("<details>", "<details open>"),
    ],
)
def test_what_is_not_plainly_folded_is_shown(tmp_path, source):
    """A fold that is never closed would take the rest of the text with it."""
    assert re.search(r"INSIDE.*After", text(draw(tmp_path, markdown(source))[0]), re.DOTALL)


def test_nested_fractions_keep_their_meaning(tmp_path):
    _, document = draw(tmp_path, markdown(r"$\frac{a}{\frac{b}{c}}$"))
    formula = document.sections[0].blocks[0].content[0].drawn
    assert formula.replace(" ", "") == "frac(a,frac(b,c))"


def test_plots_have_ink(tmp_path):
    pdf, document = draw(tmp_path, code("plot()", display(image_png=encoded(picture(size=(640, 480))))))
    red, _, blue = np.asarray(picture_of(pdf, 1)).astype(int).transpose(2, 0, 1)
    assert np.sum((blue > 150) & (red < 100)) > 50
    assert document.notices == []


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (stream("on stdout\n"), "on stdout"),
        (stream("on stderr\n", "stderr"), "on stderr"),
        (error("ValueError", "bad", "\x1b[0;31mTraceback-line\x1b[0m", "ValueError: bad"), "Traceback-line"),
        (error("ValueError", "no traceback kept"), "ValueError: no traceback kept"),
        (display(text_plain="plain text"), "plain text"),
        (
            {**display(text_plain="a result"), "output_type": "execute_result", "execution_count": 1},
            "a result",
        ),
        (display(text_html="<table><tr><th>head</th></tr><tr><td>body</td></tr></table>"), "body"),
        (display(text_html="<script>x()</script>", text_plain="instead"), "instead"),
        (display(text_latex="$$x$$", text_plain="y"), "𝑥"),
        (display(text_latex=r"\wrong{", text_plain="y"), r"\wrong{"),
        (display(text_markdown="*from markdown*"), "from markdown"),
        (
            {"output_type": "display_data", "metadata": {}, "data": {"application/json": {"key": [1]}}},
            '"key"',
        ),
        (
            {"output_type": "display_data", "metadata": {}, "data": {"application/x-own": "own data"}},
            "own data",
        ),
        (display(image_png="bm90IGFuIGltYWdl", text_plain="<Figure>"), "<Figure>"),
        (display(image_jpeg="%%%", text_plain="<Photo>"), "<Photo>"),
    ],
)
def test_every_type_of_output_is_shown(tmp_path, output, shown):
    pdf, _ = draw(tmp_path, code("show()", output))
    assert shown in text(pdf)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_every_type_of_picture_has_ink(tmp_path, kind):
    data = display(**{f"image_{kind.lower()}": encoded(picture(kind))})
    pdf, document = draw(tmp_path, code("plot()", data))
    assert np.asarray(picture_of(pdf, 1).crop((30, 60, 300, 200))).min() < 100
    assert document.notices == []


def test_local_and_attached_pictures_are_found(tmp_path):
    (tmp_path / "a b.png").write_bytes(picture())
    attached = {"c.png": {"image/png": encoded(picture(size=(30, 30)))}}
    source = "![local](a%20b.png) ![attached](attachment:c.png)"
    _, document = draw(tmp_path, markdown(source, attachments=attached), images=tmp_path)
    assert document.notices == []
    assert len(document.files) == 2


def test_long_lines_are_continued_and_nothing_is_lost(tmp_path):
    line = "".join(f"{number:04}" for number in range(200))
    pdf, _ = draw(tmp_path, code(f"x = '{line}'"))
    shown = text(pdf)
    assert "↪" in shown
    assert line in "".join(part.strip().removeprefix("↪ ") for part in shown.splitlines())


def test_long_output_is_shortened_and_says_by_how_much(tmp_path):
    pdf, document = draw(tmp_path, code("p()", stream("".join(f"line-{number}\n" for number in range(5000)))))
    assert "line-0\n" in text(pdf)
    assert "line-4999" in text(pdf)
    assert "4,940 lines" in text(pdf)
    assert "cell 1: long output shortened: 4,940 lines" in notices(document)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", ["x", "y\n", "\x1b[31mz\x1b[0m "])
def test_fifty_megabytes_of_output_give_a_pdf(tmp_path, chunk):
    pdf, _ = draw(tmp_path, code("p()", stream(chunk * (50_000_000 // len(chunk)))))
    assert "are not shown" in text(pdf)


TERMINAL = "\x1b[31mred\x1b[0m\n10%\r100%\nab\b\bcd\n\x1b]0;title\x07end\n"


def test_terminal_colours_and_overwritten_lines(tmp_path):
    pdf, _ = draw(tmp_path, code("p()", stream(TERMINAL)))
    shown = text(pdf)
    assert "100%" in shown
    assert " 10%" not in shown
    assert "cd" in shown
    assert "title" not in shown
    red, green, _ = np.asarray(picture_of(pdf, 1)).astype(int).transpose(2, 0, 1)
    assert np.any(red - green > 60)


def test_wide_characters_and_emoji_are_text(tmp_path):
    pdf, _ = draw(tmp_path, markdown("face 😀 party 🎉 wide 中文"), code("s = '中文 🎉'"))
    for character in "😀🎉中文":
        assert character in text(pdf)


def test_raw_cells_and_empty_notebooks(tmp_path):
    pdf, _ = draw(tmp_path, raw("raw  kept"))
    assert "raw kept" in " ".join(text(pdf).split())
    pdf, document = draw(tmp_path)
    assert len(pages(pdf)) == 1
    assert document.notices == []


def test_raw_html_that_a_page_can_show_is_shown(tmp_path):
    html = "<b>bold</b> H<sub>2</sub>O<br>next\n\n<table><tr><td>cell-text</td></tr></table>\n\n<!-- hidden -->"
    pdf, document = draw(tmp_path, markdown(html))
    assert "cell-text" in text(pdf)
    assert "<" not in text(pdf)
    assert document.notices == []


def test_other_html_is_shown_as_written(tmp_path):
    pdf, document = draw(
        tmp_path, markdown("<marquee>moving</marquee>\n\n<iframe src='file:///etc/hostname'></iframe>")
    )
    assert "<marquee>" in text(pdf)
    assert "<iframe src='file:///etc/hostname'>" in text(pdf)
    assert "HTML not shown" in notices(document)


def test_hidden_tests_do_not_leave(tmp_path):
    cells = homework()
    cells[4]["source"] += "\n### BEGIN HIDDEN TESTS\nSECRET = 1\n### END HIDDEN TESTS\nafter = 2"
    pdf, _ = draw(tmp_path, *cells)
    assert "SECRET" not in text(pdf)
    assert "after = 2" in text(pdf)
    error = {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["----> 2 SECRET = 1"]}
    cells[4] = {**cells[4], "outputs": [error]}
    pdf, _ = draw(tmp_path, *cells)
    assert "SECRET" not in text(pdf)
    assert "left out, since it has hidden tests" in text(pdf)
    cells[4]["source"] = cells[4]["source"].replace("### END HIDDEN TESTS", "")
    assert "SECRET" not in text(draw(tmp_path, *cells)[0])


def test_the_record_of_a_check_cell_is_left_out(tmp_path):
    """It is for `%%check` only: a line of a thousand letters in a PDF is read by nobody."""
    cells = homework()
    cells[4]["source"] += "\nafter = 2\n" + RECORD + "eJyr"
    cells[4]["outputs"] = [{"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["shown all the same"]}]
    shown = text(draw(tmp_path, *cells)[0])
    assert "eJyr" not in shown
    assert "after = 2" in shown
    assert "shown all the same" in shown


@pytest.mark.parametrize("marks", ["# {} HIDDEN TESTS", "### {} HIDDEN TESTS ###", "=== {} MARK SCHEME ==="])
@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_what_is_not_for_students_does_not_leave_in_any_cell_of_the_course(tmp_path, marks, kind):
    secret = "\n\n".join(["FIRST", marks.format("BEGIN"), "SECRET", marks.format("END"), "LAST"])
    cell = code(secret, stream("said\n")) if kind == "code" else markdown(secret)
    task = {"grade_id": "essay", "task": True, "grade": False, "solution": False, "locked": False, "points": 3}
    cells = [*homework(), {**cell, "metadata": {"nbgrader": task}}]
    plain = build_plain(from_json(notebook(*cells)), PageHeader("hw"))
    for shown in (text(draw(tmp_path, *cells)[0]), str(plain.sections)):
        assert "SECRET" not in shown
        assert "FIRST" in shown
        assert "LAST" in shown
    own = {**cell, "metadata": {}}
    assert "SECRET" in text(draw(tmp_path, *homework(), own)[0])  # a student's own text is never left out


def test_the_marks_are_those_that_nbgrader_takes_out_of_a_release():
    assert list(MARKERS) == list(secret_regions(Config()))


def test_accessible_when_the_notebook_allows_it(tmp_path):
    pdf, document = draw(tmp_path, *homework(), markdown("#### Level four after two"))
    assert b"pdfuaid" in pdf.read_bytes()
    assert document.notices == []
    (tmp_path / "p.png").write_bytes(picture())
    pdf, document = draw(tmp_path, markdown("![](p.png)"), images=tmp_path)
    assert b"pdfuaid" not in pdf.read_bytes()
    assert "not PDF/UA-1: an image has no description" in notices(document)


def test_the_same_notebook_gives_the_same_bytes():
    data = gallery()
    first, second = (notebook_pdf(from_json(data), PageHeader("gallery"))[1] for _ in range(2))
    assert first == second


def test_the_gallery_comes_out_whole(tmp_path):
    pdf, document = draw_json(tmp_path, gallery())
    shown = text(pdf)
    for phrase in ("Gallery of a notebook", "Softmax with a longer name", "line 999", "kept", "missing.png"):
        assert phrase in shown
    assert "cell 15: not an image" in notices(document)


@pytest.mark.parametrize("data", [None, [], {}, {"cells": 3}, {"worksheets": "x"}])
def test_what_is_no_notebook_is_refused(data):
    with pytest.raises(Unreadable):
        from_json(data)


def test_an_old_notebook_is_read(tmp_path):
    cell = {"cell_type": "code", "input": "x = 'old'", "outputs": [], "language": "python", "metadata": {}}
    sheet = {"cells": [cell], "metadata": {}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}
    assert from_json(old).cells[0].source == "x = 'old'"
