"""Cells to nodes, with one pandoc process for the whole notebook."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.text import Text

from autograder.publishing.doctree.context import Context
from autograder.publishing.doctree.highlighting import highlighted
from autograder.publishing.doctree.macros import Macros
from autograder.publishing.doctree.markdown import Reader, listing
from autograder.publishing.doctree.math_placeholders import Formulas
from autograder.publishing.doctree.nodes import Node
from autograder.publishing.doctree.output_nodes import output_items, output_nodes, raw_nodes
from autograder.publishing.doctree.pandoc import Item
from autograder.publishing.doctree.parsed_notebook import MARKERS, ParsedCell, Regions, for_student
from autograder.publishing.doctree.text_lines import shortened

__all__ = ["CellReader"]

MAX_MARKDOWN = 60_000
MAX_CODE_LINES = 4_000


class CellReader:
    """Makes the nodes of cells; asks pandoc for everything at once beforehand.

    What stands between ``regions`` in cells of the course's is left out: a page may go back to students.
    """

    def __init__(
        self, cells: Iterable[ParsedCell], context: Context, language: str, regions: Regions = MARKERS
    ) -> None:
        self.context = context
        self.language = language
        self.regions = regions
        self._formulas: dict[str, Formulas] = {}
        self._markdown: dict[str, str] = {}
        context.pandoc.convert(item for cell in cells for item in self._items(for_student(cell, regions)))
        # Formulas are expanded once more while nodes are made, from the start and in order.
        context.macros = Macros()

    def _items(self, cell: ParsedCell) -> Iterator[Item]:
        if cell.kind == "markdown":
            yield from self._markdown_items(cell.source)
        if cell.kind == "code":
            yield from output_items(cell, self.context)

    def _markdown_items(self, source: str) -> Iterator[Item]:
        if len(source) > MAX_MARKDOWN:
            return
        formulas = self._formulas[source] = Formulas()
        self._markdown[source] = formulas.hide(source)
        yield "markdown", self._markdown[source]
        for formula in formulas.found:
            yield from self.context.formula_items(self.context.macros.expand(formula.tex), formula.display)

    def nodes(self, cell: ParsedCell) -> list[Node]:
        """The nodes of one cell."""
        self.context.cell = cell.number
        cell = for_student(cell, self.regions)
        match cell.kind:
            case "markdown":
                return self._markdown_nodes(cell.source, cell)
            case "code":
                return self._code_nodes(cell)
            case "raw":
                return raw_nodes(cell)
        self.context.say(f"a cell of unknown type is shown as text ({cell.kind[:40]!r})")
        return raw_nodes(cell)

    def _markdown_nodes(self, source: str, cell: ParsedCell) -> list[Node]:
        if source not in self._markdown:
            self.context.pandoc.convert(self._markdown_items(source))
        blocks = self.context.pandoc.blocks("markdown", self._markdown[source]) if source in self._markdown else None
        if blocks is None:
            return [self.context.written(shortened(source)[0], "Markdown not understood", block=True)]
        return list(Reader(self.context, self._formulas[source], cell.attachments).blocks(blocks))

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
