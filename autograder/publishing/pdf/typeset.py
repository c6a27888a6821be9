"""Typst, given a folder with nothing in it but what we wrote."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typst

__all__ = ["Typesetter", "typesetter"]

PAGE = Path(__file__).with_name("page.typ")
# The same bytes for the same notebook: a PDF says when it was made, so it always says this.
TIMESTAMP = 946_684_800
# All from packages, none of the system's: the same bytes on every machine. matplotlib's have many symbols, and a last
# resort for every other character.
FONTS = ("matplotlib.mpl-data.fonts.ttf", "manimgx_fonts")
WIDE_FONTS = "manimgx_fonts_cjk"


class Typesetter:
    """One document's folder and Typst's compiler for it."""

    def __init__(self, folder: Path, files: dict[str, bytes]) -> None:
        self.folder = folder
        shutil.copyfile(PAGE, folder / "page.typ")
        for name, content in files.items():
            (folder / name).write_bytes(content)

    def pdf(self, data: dict[str, Any], *, accessible: bool = False) -> bytes:
        """Compile to PDF, as PDF/UA-1 if `accessible`. Raises typst.TypstError if something cannot be drawn, or not as
        PDF/UA-1."""
        compiled = self._compiler(data).compile(
            format="pdf", timestamp=TIMESTAMP, pdf_standards="ua-1" if accessible else None
        )
        assert isinstance(compiled, bytes)
        return compiled

    def places(self, data: dict[str, Any]) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
        """On which page each section starts, and each of its blocks ends."""
        compiler = self._compiler(data)
        start, end = (json.loads(compiler.query(mark, field="value")) for mark in ("<start>", "<end>"))
        return start, end

    def _compiler(self, data: dict[str, Any]) -> typst.Compiler:
        text = json.dumps(data, ensure_ascii=False)
        (self.folder / "document.json").write_bytes(text.encode("utf-8", "replace"))
        return typst.Compiler(
            self.folder / "page.typ",
            root=self.folder,
            font_paths=load_fonts(any(character >= "\u2e80" for character in text)),
            ignore_system_fonts=True,
            # Empty folders: there is no package that a document could ask for.
            package_path=self.folder / "none",
            package_cache_path=self.folder / "none",
        )


@cache
def load_fonts(wide: bool) -> typst.Fonts:
    """The fonts of a document; `wide` adds those for writing beyond the alphabets, a large file that few need."""
    names = [*FONTS, *([WIDE_FONTS] if wide else [])]
    return typst.Fonts(include_system_fonts=False, font_paths=[str(package_folder(name)) for name in names])


def package_folder(package: str) -> Path:
    """The folder of a package that holds files only."""
    top, *inside = package.split(".")
    found = find_spec(top)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent.joinpath(*inside)


@contextmanager
def typesetter(files: dict[str, bytes]) -> Iterator[Typesetter]:
    """A typesetter in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="pdf-") as folder:
        # Typst refuses to read through a link, and the temporary folder may lie behind one.
        yield Typesetter(Path(folder).resolve(), files)
