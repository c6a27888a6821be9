"""nbgrader's sockets: with these in `nbgrader_config.py`, `nbgrader generate_feedback` writes the pages that
`autograder feedback` writes, and nothing of a student's acts in formgrader's pages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context as TemplateContext
from nbconvert.exporters import Exporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import default

from autograder.grading.course import Course
from autograder.publishing.class_results import read_results
from autograder.publishing.doctree.cell_reader import CellReader, PlainReader
from autograder.publishing.doctree.nodes import as_data
from autograder.publishing.doctree.parsed_notebook import ParsedCell, from_json
from autograder.publishing.feedback.mathml import PageContext
from autograder.publishing.feedback.student_page import PageJob, made_pages, secret_regions
from autograder.publishing.page_limits import first_that_works
from autograder.publishing.pages import render

__all__ = ["FeedbackExporter", "HarmlessOutputs", "harmless_markdown"]

MARKDOWN = "autograder_markdown"
TOO_MUCH = "This notebook takes too much time or memory to be shown."


class FeedbackExporter(Exporter):  # type: ignore[misc]
    """A graded notebook as the page that its student reads; for `c.GenerateFeedback.exporter_class`."""

    output_mimetype = "text/html"

    @default("file_extension")  # type: ignore[untyped-decorator]
    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page, and nbconvert's resources, which must have nbgrader's names in them."""
        nb, resources = super().from_notebook_node(nb, resources, **kwargs)
        names, metadata = resources["nbgrader"], resources["metadata"]
        # nbgrader has gone to the course's folder before it converts anything.
        course = Course(Path.cwd(), self.config.copy())
        (mine,) = read_results(course, names["assignment"], names["student"]).students
        result = next(result for result in mine.results if result.notebook == names["notebook"])
        notebook = Path(metadata["path"]) / f"{metadata['name']}.ipynb"
        (_, page), *_ = made_pages([PageJob(notebook, Path(), result, secret_regions(self.config))])
        return page.decode(), resources


class HarmlessOutputs(Preprocessor):  # type: ignore[misc]
    """What cells showed, as HTML that does nothing; for `c.HTMLExporter.preprocessors`, which formgrader uses."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Each code cell's outputs become one, written anew, and each raw cell a code cell that showed its text. The
        HTML of Markdown cells is kept for `harmless_markdown`."""
        shown = drawn_apart(nb)
        resources[MARKDOWN] = {}
        for node, html in zip(nb.cells, shown, strict=True):
            if node.cell_type == "markdown":
                resources[MARKDOWN][key_of(node)] = html
                continue
            if node.cell_type != "code":
                # nbconvert takes the text of a raw cell for HTML, and lets it have names and classes of the page's own.
                node.update(cell_type="code", metadata={}, source="", execution_count=None)
            node.outputs = [new_output("display_data", data={"text/html": html})] if html else []
        return nb, resources


@pass_context
def harmless_markdown(template: TemplateContext, source: str) -> str:
    """Markdown as HTML that does nothing; for `c.HTMLExporter.filters["markdown2html"]`, which formgrader uses."""
    node = NotebookNode(template.get("cell") or {}, cell_type="markdown", source=source)
    known: str | None = (template.get("resources") or {}).get(MARKDOWN, {}).get(key_of(node))
    return known if known is not None else drawn_apart(NotebookNode(cells=[node]))[0]


def key_of(node: NotebookNode) -> tuple[str, str]:
    return node.source, json.dumps(node.get("attachments"), sort_keys=True)


def drawn_apart(nb: NotebookNode) -> list[str]:
    """The HTML of each cell (without the source of code), made within limits; text only, if need be."""
    ((_, shown),) = first_that_works((drawn_cells, plain_cells), [nb], 1)
    return shown or [render("part.html.j2", {}, nodes=[TOO_MUCH])] * len(nb.cells)


def drawn_cells(nb: NotebookNode) -> list[str]:
    notebook = from_json(nb)
    context = PageContext()  # without a folder to read pictures from
    reader = CellReader(notebook.cells, context, notebook.language, regions=())  # a grader sees mark schemes too
    trees = [reader.nodes(without_code(cell)) for cell in notebook.cells]
    return [render("part.html.j2", context.pictures.files, nodes=as_data(tree)) if tree else "" for tree in trees]


def plain_cells(nb: NotebookNode) -> list[str]:
    reader = PlainReader(regions=())
    trees = [reader.nodes(without_code(cell)) for cell in from_json(nb).cells]
    return [render("part.html.j2", {}, nodes=as_data(tree)) if tree else "" for tree in trees]


def without_code(cell: ParsedCell) -> ParsedCell:
    return replace(cell, source="") if cell.kind == "code" else cell
