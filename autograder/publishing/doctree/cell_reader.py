"""Cells to nodes, with one pandoc process for the whole notebook."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.text import Text

from autograder.publishing.doctree.context import Context
from autograder.publishing.doctree.highlighting import highlighted
from autograder.publishing.doctree.macros import Macros
from autograder.publishing.doctree.markdown import MarkdownReader, listing
from autograder.publishing.doctree.math_placeholders import Formulas
from autograder.publishing.doctree.nodes import AsWritten, ListingKind, Node, weight
from autograder.publishing.doctree.output_nodes import MAX_OUTPUTS, output_items, output_nodes, printed_text, raw_nodes
from autograder.publishing.doctree.pandoc import Item
from autograder.publishing.doctree.parsed_notebook import MARKERS, ParsedCell, Regions, for_student
from autograder.publishing.doctree.text_lines import clean, shortened

__all__ = ["CellReader", "PlainReader"]

MAX_MARKDOWN = 60_000
FOLD = re.compile(r"\s{0,3}<details>\s*<summary>(?P<summary>.*)</summary>\s*")
DATA_ADDRESS = re.compile(r"data:image/[a-z+.-]+;base64,(?P<data>[A-Za-z0-9+/=]{100,})")
MAX_CODE_LINES = 4_000
# Of a whole document: a student's long day is a tenth of it.
MAX_WEIGHT = 250_000
PLAIN_CHARACTERS = 2_000_000


class CellReader:
    """Makes the nodes of cells; asks pandoc for everything at once beforehand.

    In the course's cells, what stands between `regions` is left out: a page may go back to students.
    """

    def __init__(
        self, cells: Iterable[ParsedCell], context: Context, language: str, regions: Regions = MARKERS
    ) -> None:
        self.context = context
        self.language = language
        self.regions = regions
        self.room = MAX_WEIGHT
        self._inline: dict[str, dict[str, str]] = {}
        self._formulas: dict[str, Formulas] = {}
        self._markdown: dict[str, str] = {}
        context.pandoc.convert(item for cell in cells for item in self._items(self._shown(cell)))
        # Formulas are expanded once more while nodes are made, from the start and in order.
        context.macros = Macros()

    def _shown(self, cell: ParsedCell) -> ParsedCell:
        """A cell without regions that are not for students and, in prose, without text that is folded away."""
        cell = for_student(cell, self.regions)
        is_prose = cell.kind == "markdown" and not cell.is_answer
        return replace(cell, source=folded(cell.source)) if is_prose else cell

    def _items(self, cell: ParsedCell) -> Iterator[Item]:
        if cell.kind == "markdown":
            yield from self._markdown_items(cell.source)
        if cell.kind == "code":
            yield from output_items(cell, self.context)

    def _markdown_items(self, source: str) -> Iterator[Item]:
        source = self._without_data(source)
        if len(source) > MAX_MARKDOWN:
            return
        formulas = self._formulas[source] = Formulas()
        self._markdown[source] = formulas.hide(source)
        yield "markdown", self._markdown[source]
        for formula in formulas.found:
            yield from self.context.formula_items(self.context.macros.expand(formula.tex), formula.display)

    def nodes(self, cell: ParsedCell) -> list[Node]:
        """The nodes of one cell; one line only, when the document is longer than can be drawn."""
        self.context.cell = cell.number
        cell = self._shown(cell)
        nodes = self._nodes(cell) if self.room > 0 else []
        self.room -= weight(nodes)
        if self.room > 0:
            return nodes
        self.context.say("the notebook is too long to be shown whole: from here on look into the file", serious=True)
        return [AsWritten(cell.source[:200], "too long to be shown", block=True)]

    def _nodes(self, cell: ParsedCell) -> list[Node]:
        match cell.kind:
            case "markdown":
                return self._markdown_nodes(cell.source, cell)
            case "code":
                return self._code_nodes(cell)
            case "raw":
                return raw_nodes(cell)
        self.context.say(f"a cell of unknown type is shown as text ({cell.kind[:40]!r})")
        return raw_nodes(cell)

    def _without_data(self, source: str) -> str:
        """A text whose `data:` addresses of pictures are attachments: a pasted screenshot is not part of its length."""

        def attach(found: re.Match[str]) -> str:
            name = f"inline-{hashlib.sha256(found[0].encode()).hexdigest()[:16]}"
            self._inline[name] = {"image": found["data"]}
            return f"attachment:{name}"

        return DATA_ADDRESS.sub(attach, source)

    def _markdown_nodes(self, source: str, cell: ParsedCell) -> list[Node]:
        source = self._without_data(source)
        if source not in self._markdown:
            self.context.pandoc.convert(self._markdown_items(source))
        blocks = self.context.pandoc.blocks("markdown", self._markdown[source]) if source in self._markdown else None
        if blocks is None:
            return [self.context.written(shortened(source)[0], "Markdown not understood", block=True)]
        pictures = {**cell.attachments, **self._inline}
        return list(MarkdownReader(self.context, self._formulas[source], pictures).blocks(blocks))

    def _code_nodes(self, cell: ParsedCell) -> list[Node]:
        nodes: list[Node] = []
        outputs = output_nodes(cell, self.context, lambda text: self._markdown_nodes(text, cell))
        if cell.source.strip():
            code = listing(self._source(cell.source.strip("\n")), "code")
            prompt = "" if cell.count is None else f"[{cell.count}]"
            # Code stays on the page of what it printed or drew.
            nodes.append(replace(code, prompt=prompt, sticky=bool(outputs)))
        return nodes + outputs

    def _source(self, source: str) -> Text:
        lines = source.split("\n")
        if len(lines) > MAX_CODE_LINES:
            self.context.say(f"only the first {MAX_CODE_LINES:,} of {len(lines):,} lines of code are shown")
            source = "\n".join([*lines[:MAX_CODE_LINES], f"… {len(lines) - MAX_CODE_LINES:,} more lines …"])
        return highlighted(source, self.language)


def folded(source: str) -> str:
    """Markdown as Jupyter first shows it: of each `<details>` its summary, which must stand on the same line."""
    shown: list[str] = []
    is_folded = False
    for line in source.split("\n"):
        if is_folded:
            is_folded = line.strip() != "</details>"
        elif found := FOLD.fullmatch(line):
            shown.append(f"▸ {found['summary']}")
            is_folded = True
        else:
            shown.append(line)
    # What is never closed might be all the rest of the text.
    return source if is_folded else "\n".join(shown)


class PlainReader:
    """The sources and printed text of cells and nothing else: the last resort."""

    def __init__(self, regions: Regions = MARKERS) -> None:
        self.regions = regions
        self.room = PLAIN_CHARACTERS

    def nodes(self, cell: ParsedCell) -> list[Node]:
        """The nodes of one cell; none when the document has as much text as can be shown."""
        cell = for_student(cell, self.regions)
        sources: list[tuple[ListingKind, str]] = [("code", cell.source)]
        sources += [("output", printed_text(output)) for output in cell.outputs[:MAX_OUTPUTS]]
        return [listing(Text(self._cut(text)), kind) for kind, text in sources if text.strip() and self.room > 0]

    def _cut(self, text: str) -> str:
        short = clean(shortened(text)[0])[: self.room]
        self.room -= len(short)
        return short
