"""Reading PDFs back with poppler, as a grader's viewer would."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pdf_notebooks import Cell
from pdf_notebooks import notebook as of_cells
from PIL import Image

from autograder.publishing.doctree.parsed_notebook import from_json
from autograder.publishing.pdf.document import Document, PageHeader
from autograder.publishing.pdf.export import notebook_pdf
from autograder.publishing.pdf.render import typeset
from autograder.publishing.pdf.typeset import typesetter

needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None or shutil.which("pdftoppm") is None,
    reason="pdftotext and pdftoppm (poppler-utils) open the PDFs",
)


def draw(folder: Path, *cells: Cell, images: Path | None = None) -> tuple[Path, Document]:
    """The PDF of some cells, as a file in a folder, and the document it was made from."""
    return draw_json(folder, of_cells(*cells), images)


def draw_json(folder: Path, data: dict[str, Any], images: Path | None = None) -> tuple[Path, Document]:
    document, pdf = notebook_pdf(from_json(json.loads(json.dumps(data)), images), PageHeader("homework", "alice"))
    path = folder / "out.pdf"
    path.write_bytes(pdf)
    return path, document


def typeset_alone(document: Document) -> bytes:
    """The PDF of a document, with a typesetter of its own."""
    with typesetter(document.files) as setter:
        return typeset(document, setter)


def text(pdf: Path, page: int | None = None) -> str:
    """The text of a PDF, or of one of its pages (from 1)."""
    pages = [] if page is None else ["-f", str(page), "-l", str(page)]
    done = subprocess.run(["pdftotext", "-layout", *pages, str(pdf), "-"], capture_output=True, check=True)
    return done.stdout.decode()


def pages(pdf: Path) -> list[str]:
    """The text of each page."""
    return text(pdf).split("\f")[:-1]


def page_of(pdf: Path, phrase: str) -> int:
    """The first page with a phrase, from 1, the table of questions left out."""
    found = [number for number, page in enumerate(pages(pdf), 1) if phrase in page]
    assert found, f"{phrase!r} is on no page"
    return found[0]


def picture_of(pdf: Path, page: int) -> Image.Image:
    """A page as a picture."""
    stem = pdf.with_suffix("")
    options = ["-r", "40", "-png", "-singlefile", "-f", str(page), "-l", str(page)]
    subprocess.run(["pdftoppm", *options, str(pdf), str(stem)], check=True)
    return Image.open(stem.with_suffix(".png")).convert("RGB")


def notices(document: Document) -> str:
    """All that was told."""
    return "\n".join(map(str, document.notices))
