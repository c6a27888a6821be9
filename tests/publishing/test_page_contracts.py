"""What pages and PDFs rely on although their dependencies do not promise it. When a test fails after an upgrade, its
message says which dependency has changed and what here depends on it."""

from __future__ import annotations

import unicodedata
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typst
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbformat import v4
from traitlets.config import Config

from autograder.publishing.doctree import pandoc
from autograder.publishing.doctree.nodes import Formula
from autograder.publishing.doctree.pandoc import Pandoc
from autograder.publishing.feedback.mathml import PageContext
from autograder.publishing.pdf.exporter import TypstPDFExporter
from autograder.publishing.pdf.typeset import FONTS, WIDE_FONTS, package_folder
from autograder.publishing.pdf.typstmath import CALLS, NAMES


def test_pypandoc_has_its_pandoc_where_we_look() -> None:
    """Every page would wait for a search of the machine, and might be made by a pandoc of another version."""
    assert Path(pandoc.executable()).parts[-3:] == ("pypandoc", "files", "pandoc"), (
        f"pypandoc_binary {version('pypandoc_binary')} has no pandoc in pypandoc/files: see pandoc.executable"
    )


FORMULAS = {
    r"\sqrt{x}": "sqrt(x)",
    r"x^2 \label{eq}": "x^2",
    r"\notacommand{x}": None,
}


@pytest.mark.parametrize("tex", FORMULAS)
def test_pandoc_writes_a_formula_between_dollars(tex: str) -> None:
    """Every formula of every PDF would be shown as it was written."""
    assert Pandoc().formula(tex, display=True) == FORMULAS[tex], (
        f"pypandoc_binary {version('pypandoc_binary')} has a pandoc that writes {tex} for Typst in another way: "
        "see Pandoc.formula"
    )


def test_pandoc_writes_mathml_as_one_element() -> None:
    """Every formula in feedback would be shown as it was written."""
    drawn = Pandoc().mathml(r"\frac{a}{b}", display=False)
    assert drawn is not None, (
        f"pypandoc_binary {version('pypandoc_binary')} has a pandoc that writes MathML in another way: "
        "see Pandoc.mathml"
    )
    assert "<mfrac>" in drawn


@pytest.mark.parametrize(
    "accent",
    [
        "acute",
        "bar",
        "breve",
        "check",
        "ddot",
        "dot",
        "grave",
        "hat",
        "mathring",
        "tilde",
        "vec",
        "widehat",
        "widetilde",
    ],
)
def test_accents_in_feedback_are_above_their_letters(accent: str) -> None:
    """Chromium without a font for formulas draws combining characters beside the letter."""
    formula = PageContext().formula(rf"\{accent} y", "", display=False)
    assert isinstance(formula, Formula)
    assert "</mi><mo accent" in formula.drawn
    assert not any(map(unicodedata.combining, formula.drawn))


def compiled(text: str, folder: Path) -> bytes:
    path = folder / "main.typ"
    path.write_text(text, encoding="utf-8")
    return bytes(typst.Compiler(path, root=folder).compile(format="pdf"))


def test_typst_knows_the_names_that_formulas_are_given(tmp_path: Path) -> None:
    """Typst renames symbols from version to version, and each formula with such a name would be shown as written."""
    own = {"grave("}  # pandoc's name, which never reaches Typst
    wanted = {name for name in CALLS if "." not in name} | {name for old, name in NAMES.items() if old not in own}
    unknown = set()
    for name in wanted:
        try:
            compiled(f"$ {name} $", tmp_path)
        except typst.TypstError:
            unknown.add(name)
    assert not unknown, f"typst {version('typst')} does not know {sorted(unknown)}: see pdf/typstmath.py"


def test_typst_s_errors_say_what_is_wrong(tmp_path: Path) -> None:
    """A notice would say that a PDF is not accessible, and not why."""
    with pytest.raises(typst.TypstError) as refused:
        compiled("#no-such-name", tmp_path)
    assert "no-such-name" in refused.value.message, (
        f"typst {version('typst')} has no TypstError.message that says what is wrong: see pdf/render.py"
    )


@pytest.mark.parametrize("package", [*FONTS, WIDE_FONTS])
def test_fonts_lie_in_their_packages(package: str) -> None:
    """Typst passes over a folder that is not there, and every PDF would have another font, or none."""
    assert any(package_folder(package).rglob("*.[ot]t[fc]")), (
        f"{package.partition('.')[0]} has no fonts in {package} any more: see pdf/typeset.py"
    )


def test_nbconvert_tells_a_filter_which_cell_it_is_at() -> None:
    """Formgrader would draw Markdown twice, and pictures that are attached not at all."""
    seen: list[tuple[str, bool]] = []

    @pass_context
    def asked(template: Any, source: str) -> str:
        seen.append((template.get("cell", {}).get("source", ""), "mine" in template.get("resources", {})))
        return ""

    exporter = HTMLExporter(config=Config(HTMLExporter={"filters": {"markdown2html": asked}}))
    exporter.from_notebook_node(v4.new_notebook(cells=[v4.new_markdown_cell("# Hello")]), {"mine": 1})
    assert seen == [("# Hello", True)], (
        f"nbconvert {version('nbconvert')} no longer draws Markdown by the filter markdown2html with `cell` and "
        "`resources` in its context: see harmless_markdown"
    )


def test_nbconvert_tells_an_exporter_where_the_notebook_is(tmp_path: Path) -> None:
    """Pictures beside the notebook would be missing from the export menu's PDF, and its title would be "notebook"."""
    told: list[dict[str, Any]] = []

    class Looking(TypstPDFExporter):  # type: ignore[misc]
        def from_notebook_node(
            self, nb: Any, resources: dict[str, Any] | None = None, **kwargs: Any
        ) -> tuple[bytes, dict[str, Any]]:
            told.append(dict((resources or {}).get("metadata", {})))
            return b"", {}

    path = tmp_path / "homework.ipynb"
    path.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', encoding="utf-8")
    Looking().from_filename(str(path))
    assert (told[0].get("name"), told[0].get("path")) == ("homework", str(tmp_path)), (
        f"nbconvert {version('nbconvert')} no longer says name and path in resources['metadata']: see pdf/exporter.py"
    )
