# ruff: noqa: E501
"""Notebooks that try to run code, read files, reach the network, or stop the export."""

import base64
import json
import os
import socket
import struct
import threading
import time
import zlib

import pytest
import typst
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pdf_notebooks import code, display, encoded, markdown, notebook, picture, raw, stream
from pdf_reading import draw, needs_poppler, notices, text, typeset_alone

from autograder.publishing.doctree.nodes import AsWritten, Formula, Listing, Paragraph, Picture, Run
from autograder.publishing.doctree.pandoc import Pandoc
from autograder.publishing.doctree.parsed_notebook import from_json
from autograder.publishing.doctree.svg import named_in, safe_svg
from autograder.publishing.pdf.document import Document, PageHeader, Section
from autograder.publishing.pdf.export import notebook_pdf
from autograder.publishing.pdf.typstmath import is_safe

pytestmark = needs_poppler

SECRET = "THE-SECRET-OF-ANOTHER"


@pytest.fixture
def course(tmp_path):
    """A student's folder, with a secret beside it and links to the secret within."""
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "secret.png").write_bytes(picture())
    folder = tmp_path / "alice"
    folder.mkdir()
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


CODE = [
    '#read("document.json")',
    '#panic("ran")',
    "```{=typst}\n#panic(\"ran\")\n```",
    '`#panic("ran")`{=typst}',
    '[x]{typst:text:fill=`#panic("ran")`}',
    '::: {typst:inset="#panic(\\"ran\\")"}\nx\n:::',
    '<span typst:text:fill="panic(1)">x</span>',
    '![x](p.png){typst:width="#panic(1)"}',
    '*[#panic("ran")]* _]#panic("ran")[_ **#panic("ran")**',
    "# Heading #panic(\"ran\") <label>",
    "| a | b |\n|---|---|\n| #panic(1) | `#panic(2)` |",
    '[#panic("ran")](https://example.org/#panic(1))',
    "```typst\n#panic(1)\n```",
    "@label <label> $ #panic(1) $",
    '$"#panic(1)"$ $\\text{"#panic(1)}$ $\\text{\\#panic(1)}$ $\\operatorname{std.read}(x)$',
    "$\\text{a}$#panic(1)$b$",
    "$x$<label> #label(\"question-1\") <question-1>",
    "// comment\n/* comment */ #include \"/etc/passwd\"",
    '#import "@preview/cetz:0.3.4"',
    "\\#panic(1) \\u{23}panic(1)",
]  # fmt: skip


@pytest.mark.parametrize("source", CODE)
def test_typst_code_is_only_text(tmp_path, source):
    """It is shown, not run: a panic that ran would leave the plain-text fallback's notice."""
    for cell in (markdown(source), code(source), raw(source), code("x", stream(source))):
        pdf, document = draw(tmp_path, cell)
        assert not any(notice.serious for notice in document.notices)
        assert "panicked" not in notices(document)
        assert len(text(pdf).split()) > 3


@pytest.mark.parametrize(
    "typst_code",
    [
        '#read("x")', 'std.read("x")', "a#b", "x // y", "/* x */", "$x$", "`x`", "@x", "x <label>", 'read("x")',
        'sys.inputs("x")', 'eval("x")', '"a"#b', '"\\""#read("x")', '\\"#read("x")\\"', "\\\\#x", 'image("x")', "x_std.read(y)",
        '#h(1em)#read("x")', "#scale(x: 120%, y: 120%)[#x]", 'plugin("x")', "frac.with(x)",
    ],
)  # fmt: skip
def test_a_formula_with_code_is_refused(typst_code):
    assert not is_safe(typst_code)


@pytest.mark.parametrize("typst_code", ["frac(a, b)", '"#read(\\"x\\")"', "a \\/ \\/ b", "x < y", "\\# x", "#h(0em)"])
def test_harmless_formulas_are_not_refused(typst_code):
    assert is_safe(typst_code)


@pytest.mark.parametrize(
    "address",
    [
        "link.png", "../secret.png", "../secret.txt", "link.txt", "/etc/passwd", "file:///etc/passwd", "%2e%2e/secret.png",
        "..\\secret.png", "~/x.png", "a\0b.png", ".", "", "/dev/zero", "document.json", "page.typ", "picture-0.png",
    ],
)  # fmt: skip
def test_no_file_outside_of_the_folder_is_read(course, tmp_path, address):
    cells = [markdown(f"![a]({address})"), markdown(f'<img src="{address}" alt="a">')]
    pdf, document = draw(tmp_path, *cells, images=course)
    assert document.files == {}
    assert SECRET not in text(pdf)


def test_a_pipe_in_the_folder_is_not_waited_for(course, tmp_path):
    os.mkfifo(course / "pipe.png")
    _, document = draw(tmp_path, markdown("![a](pipe.png)"), images=course)
    assert "image missing" in notices(document)


@pytest.fixture
def listener():
    """A server on this machine that remembers whether anybody called."""
    server = socket.create_server(("127.0.0.1", 0))
    calls: list[object] = []

    def accept() -> None:
        while True:
            try:
                calls.append(server.accept()[1])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/x.png", calls
    server.close()


def test_nothing_is_fetched(tmp_path, listener):
    address, calls = listener
    html = f'<table><tr><td><img src="{address}"></td></tr></table><iframe src="{address}"></iframe>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{address}" width="9" height="9"/></svg>'
    cells = [
        markdown(f"![a]({address}) <img src='{address}'>\n\n<iframe src='{address}'></iframe>\n\n{html}"),
        code("x", display(text_html=html, text_plain="y"), display(image_svg=svg)),
        code("y", display(text_html=f"<table background='{address}'><tr><td>z</td></tr></table>")),
        code("z", display(text_markdown=f"![a]({address})")),
    ]
    _, document = draw(tmp_path, *cells)
    assert calls == []
    assert "image not fetched" in notices(document)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "vbscript:x"])
def test_links_lead_only_to_the_web(tmp_path, address):
    pdf, _ = draw(tmp_path, markdown(f"[text]({address}) <a href='{address}'>x</a>"))
    assert b"/URI" not in pdf.read_bytes()
    assert "text" in text(pdf)


def svg(body: str, root: str = 'width="90" height="90"') -> str:
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"<svg {namespaces} {root}>{body}</svg>"


BOMB = "".join(
    f'<g id="g{n}">' + f'<use xlink:href="#g{n - 1}"/>' * 10 + "</g>" if n else '<rect id="g0" width="1" height="1"/>'
    for n in range(12)
)


@pytest.mark.parametrize(
    "source",
    [
        svg('<image href="../secret.png" width="9" height="9"/>'),
        svg('<image xlink:href="file:///etc/passwd" width="9" height="9"/>'),
        svg("<script>alert(1)</script><foreignObject><p>x</p></foreignObject>"),
        svg("<style>@import url(http://127.0.0.1/x.css);</style><rect style='fill:url(http://127.0.0.1/x)'/>"),
        svg(
            "<style>rect {fill: image-set('http://127.0.0.1/x' 1x)}</style><rect fill=\"src( 'http://127.0.0.1/x')\"/>"
        ),
        svg(BOMB + '<use xlink:href="#g11"/>'),
        svg("<g>" * 5000 + "</g>" * 5000),
        svg("<rect/>", 'width="1e30" height="-1"'),
        '<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>' + svg("<text>&b;</text>"),
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + svg("<text>&x;</text>"),
        "<svg",
        "<svg></svg><svg>",
    ],
)
def test_svg_brings_nothing_with_it(course, tmp_path, source):
    pdf, document = draw(tmp_path, code("plot", display(image_svg=source, text_plain="P")), images=course)
    assert "root:" not in text(pdf)
    for content in document.files.values():
        assert b"127.0.0.1" not in content
        assert b"secret" not in content
        assert b"script" not in content
        assert content.count(b"use ") < 30, "shapes that use shapes that use shapes"


@pytest.mark.parametrize(
    "style",
    [
        "mask-image: image-set('#a' 1x, 'https://example.org/x' 2x)",
        "mask-image: -webkit-Image-Set(url(#a) 1x, 'x.png' 2x)",
        "mask-image: image-set(/**/'https://example.org/x' 1x)",
        "mask-image: cross-fade(url(#a), /**/'x.png')",
        "mask-image: src(/**/'x.png')",
        "mask-image: image(ltr '//example.org/x')",
    ],
)
def test_no_style_of_an_svg_names_an_address(style: str) -> None:
    """A page would tell another server who reads it, and when."""
    data = svg(f'<style>rect {{{style}}}</style><rect style="{style}" fill="url(#a)"/>').encode()
    content = safe_svg(data, lambda embedded: ("png", embedded), 100)[0]
    assert b'<rect fill="url(#a)"' in content
    assert b"mask" not in content


def test_what_an_svg_names_is_found_in_a_moment() -> None:
    """An attribute of blanks took a minute of a page's time, and hours if there was no limit."""
    assert named_in(" #a ") == {"a"}
    assert named_in("#") == named_in("a #b") == named_in("") == set()
    assert named_in("url(#a) url( '#b')") == {"a", "b"}
    begun = time.process_time()
    assert len(named_in("#" + " " * 60_000 + "x")) == 1
    assert time.process_time() - begun < 1


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few kilobytes that says it has thousands of millions of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(10_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data", [bomb(), bomb(9_000, 4_000), picture()[:200], b"\x89PNG\r\n\x1a\n", b"GIF89a", b"%PDF-1.4", b"%!PS", b"", b"\0" * 99]
)  # fmt: skip
def test_pictures_that_are_none(tmp_path, data):
    pdf, document = draw(tmp_path, code("plot", display(image_png=encoded(data) or "=", text_plain="<Figure>")))
    assert "<Figure>" in text(pdf)
    assert document.files == {}


def test_a_table_with_millions_of_columns(tmp_path):
    html = '<table><tr><td colspan="9999999" rowspan="9999999">cell</td><td colspan="&#57;9999">x</td></tr></table>'
    pdf, _ = draw(tmp_path, code("x", display(text_html=html, text_plain="y")), markdown(html))
    assert "cell" in text(pdf)


@pytest.mark.parametrize(
    "source",
    [
        "> " * 400 + "deep", "- " * 300 + "deep", "*" * 5000 + "deep", "[" * 3000 + "deep", "deep" + "`" * 3000,
        "<div>" * 2000 + "deep", "deep $" + "x^{" * 60 + "x" + "}" * 60 + "$", "deep $" + "\\frac{1}{" * 400 + "x" + "}" * 400 + "$",
        "deep $" + "\\left(" * 500 + "x" + "\\right)" * 500 + "$", "deep $" + "\\sqrt" * 300 + "x$", "![" * 2000 + "deep",
        "deep $\\def\\a{\\b\\b}\\def\\b{\\c\\c}\\def\\c{\\a\\a}\\a$", "deep " + "$$" * 3001, "deep \\begin{a}" * 2000,
        "<!-- deep", "deep\n```\nunclosed", "deep\n\n[x]: <", "deep &#0; &#xD800; &#x1F600;", "deep " + "\u0301" * 3000,
        "deep" + "x" * 20_000, "deep " * 20_000,
    ],
    ids=range(21),
)  # fmt: skip
def test_markdown_made_to_exhaust(tmp_path, source):
    pdf, _ = draw(tmp_path, markdown(source), markdown("the next cell"))
    assert "the next cell" in text(pdf)
    if not source.startswith("<!--"):
        assert "deep" in "".join(text(pdf).replace("\u200b", "").split())


def test_a_formula_that_never_ends_takes_only_itself():
    pandoc = Pandoc(seconds=1.0)
    forever = "x^{" * 40 + "x" + "}" * 40
    pandoc.convert([("inline", "a"), ("inline", forever), ("inline", "b")])
    assert pandoc.formula("a", False) == "a"
    assert pandoc.formula(forever, False) is None
    assert pandoc.formula("b", False) == "b"


def test_one_cell_cannot_reach_into_another(tmp_path):
    cells = [
        markdown("<!-- open"),
        markdown("first"),
        markdown("```\nopen"),
        markdown("*second*"),
        markdown("[third]"),
    ]
    cells.append(markdown("[third]: https://example.org"))
    pdf, _ = draw(tmp_path, *cells)
    for word in ("first", "second", "[third]"):
        assert word in text(pdf)
    assert b"/URI" not in pdf.read_bytes()


def test_text_that_reads_backwards_is_unmasked(tmp_path):
    pdf, _ = draw(tmp_path, code("access = 'user\u202e \u2066# nobody\u2069'"))
    assert "‹U+202E›" in text(pdf)


def test_what_typst_refuses_is_shown_as_written():
    """Whatever gets past all checks: the page has it as text, and the others are drawn."""
    bad = Formula("unknownsymbol", "x", "$bad$")
    good = Paragraph(("before ", bad, " after"))
    broken = Picture("none.png", 3, "described")
    document = Document(PageHeader("a"), [Section((good, Paragraph(("whole",)), broken))])
    assert typeset_alone(document).startswith(b"%PDF")
    mended, whole, described = document.sections[0].blocks
    assert mended == Paragraph(("before ", AsWritten("$bad$", "LaTeX not understood"), " after"))
    assert whole == Paragraph(("whole",))
    assert described == Listing("markdown", ((Run("described"),),))
    with pytest.raises(typst.TypstError):
        typst.compile(b"#panic(1)")


STRANGE = [
    {"cell_type": "code", "source": 3, "outputs": {"a": 1}, "metadata": None},
    {"cell_type": "code", "source": ["a", 1, None, "b"], "outputs": [None, 1, {}, {"output_type": 7}], "metadata": {"nbgrader": []}},
    {"cell_type": "markdown", "source": "x", "attachments": {"a.png": "y"}, "metadata": {"nbgrader": {"grade_id": {}, "points": "NaN", "grade": 1, "solution": 1}}},
    {"cell_type": "unheard-of", "source": "shown anyway"},
    {"source": "no type"},
    "not a cell",
    {"cell_type": "code", "source": "", "outputs": [{"output_type": "display_data", "data": {"image/png": ["a", "b"], "text/plain": {}}, "metadata": {"image/png": {"width": "wide"}}}]},
    {"cell_type": "code", "source": "\ud800 lone", "outputs": [{"output_type": "stream", "text": ["\udfff", 1]}, {"output_type": "error", "traceback": "no list", "ename": 1}]},
]  # fmt: skip


def test_cells_of_a_strange_make(tmp_path):
    data = json.loads(json.dumps({"cells": STRANGE, "metadata": {"language_info": "x", "kernelspec": 3}}))
    document, pdf = notebook_pdf(from_json(data), PageHeader("strange \ud800", "al\nice"))
    path = tmp_path / "out.pdf"
    path.write_bytes(pdf)
    assert "shown anyway" in text(path)
    assert not any(notice.serious for notice in document.notices)


ANY_TEXT = st.text(max_size=120) | st.lists(
    st.sampled_from(
        ["$", "$$", "#", "\\", "`", "```", "*", "_", "<", ">", "[", "]", "(", ")", "{", "}", "|", "\n", "\n\n", "- ", "> ", "# ", "1. ",
         "\\frac", "\\begin{align}", "\\end{align}", "&", "\\\\", "^", "x", '"', "//", "<b>", "</b>", "<table>", "<td>", "![", "](", ":",
         "\x1b[31m", "\r", "\x08", "\u202e", "😀", "中", "\ud800", "@", "~", "%", "\\def\\a{", "\t", "\0", "---", "[^1]", "[^1]: "]
    ), max_size=40).map("".join)  # fmt: skip
ANY_CELL = st.one_of(
    ANY_TEXT.map(markdown),
    ANY_TEXT.map(raw),
    st.builds(lambda source, out: code(source, stream(out)), ANY_TEXT, ANY_TEXT),
    st.builds(
        lambda html, latex: code("x", display(text_html="<table>" + html, text_plain="y"), display(text_latex=latex)),
        ANY_TEXT,
        ANY_TEXT,
    ),
    st.binary(max_size=60).map(
        lambda data: code("x", display(image_png=base64.b64encode(data).decode(), image_svg="<svg " + str(data)))
    ),
    ANY_TEXT.map(
        lambda name: markdown(
            "x", metadata={"nbgrader": {"grade_id": name, "solution": True, "grade": True, "points": 1}}
        )
    ),
)


@pytest.mark.slow
@settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ANY_CELL, max_size=6), ANY_TEXT)
def test_any_text_anywhere_gives_a_pdf(cells, student):
    document, pdf = notebook_pdf(from_json(notebook(*cells)), PageHeader("any", student))
    assert pdf.startswith(b"%PDF")
    assert not any(notice.serious for notice in document.notices), document.notices
