"""nbgrader's sockets: with these in `nbgrader_config.py`, `nbgrader generate_feedback` writes the pages that
`autograder feedback` writes, and nothing of a student's acts in formgrader's pages."""

from __future__ import annotations

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
from autograder.publishing.doctree.cell_reader import CellReader
from autograder.publishing.doctree.nodes import as_data
from autograder.publishing.doctree.parsed_notebook import ParsedNotebook, from_json
from autograder.publishing.feedback.mathml import PageContext
from autograder.publishing.feedback.student_page import feedback_page, secret_regions
from autograder.publishing.pages import render
from autograder.publishing.results import read_results

__all__ = ["FeedbackExporter", "HarmlessOutputs", "harmless_markdown"]


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
        names, folder = resources["nbgrader"], resources["metadata"].get("path")
        # nbgrader has gone to the course's folder before it converts anything.
        course = Course(Path.cwd(), self.config.copy())
        (mine,) = read_results(course, names["assignment"], names["student"]).students
        result = next(result for result in mine.results if result.notebook == names["notebook"])
        notebook = from_json(nb, Path(folder) if folder else None)
        return feedback_page(notebook, result, secret_regions(self.config)), resources


class HarmlessOutputs(Preprocessor):  # type: ignore[misc]
    """What cells showed, as HTML that does nothing; for `c.HTMLExporter.preprocessors`, which formgrader uses."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Each code cell's outputs become one, written anew, and each raw cell a code cell that showed its text."""
        notebook = from_json(nb)
        # The Markdown is read now too, all at once, and remembered for `harmless_markdown`.
        context, reader = reading(notebook.cells, notebook)
        for node, cell in zip(nb.cells, notebook.cells, strict=True):
            if node.cell_type == "markdown":
                continue
            blocks = reader.nodes(replace(cell, source="") if node.cell_type == "code" else cell)
            shown = render("part.html.j2", context.pictures.files, nodes=as_data(blocks))
            if node.cell_type != "code":
                # nbconvert takes the text of a raw cell for HTML, and lets it have names and classes of the page's own.
                node.update(cell_type="code", metadata={}, source="", execution_count=None)
            node.outputs = [new_output("display_data", data={"text/html": shown})] if blocks else []
        return nb, resources


@pass_context
def harmless_markdown(template: TemplateContext, source: str) -> str:
    """Markdown as HTML that does nothing; for `c.HTMLExporter.filters["markdown2html"]`, which formgrader uses."""
    cell = template.get("cell") or {}
    node = {"cell_type": "markdown", "source": source, "attachments": cell.get("attachments")}
    notebook = from_json({"cells": [node]})
    context, reader = reading(notebook.cells, notebook)
    return render("part.html.j2", context.pictures.files, nodes=as_data(reader.nodes(notebook.cells[0])))


def reading(cells: Any, notebook: ParsedNotebook) -> tuple[PageContext, CellReader]:
    """A reader of cells for a grader, who sees mark schemes too; without a folder to read pictures from."""
    context = PageContext()
    return context, CellReader(cells, context, notebook.language, regions=())
