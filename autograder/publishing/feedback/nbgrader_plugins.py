"""nbgrader's sockets: with these in `nbgrader_config.py`, `nbgrader generate_feedback` writes the pages that
`autograder feedback` writes, and nothing of a student's acts in formgrader's pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context as TemplateContext
from nbconvert.exporters import Exporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import default

from autograder.course.course import Course
from autograder.course.release_steps import names_in
from autograder.publishing.class_results import read_results
from autograder.publishing.doctree.cell_reader import CellReader, PlainReader
from autograder.publishing.doctree.nodes import as_data
from autograder.publishing.doctree.parsed_notebook import ParsedCell, from_json
from autograder.publishing.feedback.mathml import PageContext
from autograder.publishing.feedback.student_page import PageJob, made_pages, secret_regions
from autograder.publishing.news import read_news
from autograder.publishing.page_limits import first_that_works
from autograder.publishing.pages import render

__all__ = ["FeedbackExporter", "HarmlessOutputs", "harmless_code", "harmless_markdown"]

Drawn = tuple[str, str]  # the HTML of a cell's source and of its outputs

SHOWN = "autograder_shown"
NAMES = ("student", "first_name", "last_name")
MOST = 20_000_000  # letters of a page: nbconvert parses it once more, in the server's own process
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
        names, metadata = names_in(resources), resources["metadata"]
        # nbgrader has gone to the course's folder before it converts anything.
        course = Course(Path.cwd(), self.config.copy())
        news, reader = read_news(course, names.assignment), (names.student, names.notebook)
        (student,) = read_results(course, names.assignment, names.student).students
        result = next(result for result in student.results if result.notebook == names.notebook)
        result = replace(result, changed=news.for_reader(reader))
        notebook = Path(metadata["path"]) / f"{metadata['name']}.ipynb"
        (_, page), *_ = made_pages([PageJob(notebook, Path(), result, secret_regions(self.config), course.secret)])
        news.keep([reader])
        return page.decode(), resources


class HarmlessOutputs(Preprocessor):  # type: ignore[misc]
    """Turns cells' outputs into HTML that does nothing; for `c.HTMLExporter.preprocessors`, which formgrader uses."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Each code cell's outputs become one, written anew, and each raw cell a code cell that showed its text. The
        HTML of Markdown and of code is kept for the filters below. Formgrader's page takes a student's name for
        HTML."""
        shown = drawn_apart(nb)
        resources[SHOWN] = {}
        for name in filter(lambda name: isinstance(resources.get(name), str), NAMES):
            resources[name] = escape(resources[name])
        for node, (source, outputs) in zip(nb.cells, shown, strict=True):
            if node.cell_type not in ("code", "markdown"):
                # nbconvert takes the text of a raw cell for HTML, and lets it have names and classes of the page's own.
                node.update(cell_type="code", metadata={}, source="", execution_count=None)
            resources[SHOWN][key_of(node)] = source
            if node.cell_type == "code":
                node.outputs = [new_output("display_data", data={"text/html": outputs})] if outputs else []
        return nb, resources


@pass_context
def harmless_markdown(template: TemplateContext, source: str) -> str:
    """Markdown as HTML that does nothing; for `c.HTMLExporter.filters["markdown2html"]`, which formgrader uses."""
    return harmless(template, NotebookNode(template.get("cell") or {}, cell_type="markdown", source=source))


@pass_context
def harmless_code(template: TemplateContext, source: str, metadata: object = None) -> str:
    """Code in colours, within the limits that pages have; for `c.HTMLExporter.filters["highlight_code"]`, which
    formgrader uses."""
    return harmless(template, NotebookNode(cell_type="code", source=source, outputs=[]))


def harmless(template: TemplateContext, node: NotebookNode) -> str:
    """The HTML of a cell's source, from `HarmlessOutputs` if it has made it."""
    known: str | None = (template.get("resources") or {}).get(SHOWN, {}).get(key_of(node))
    return known if known is not None else drawn_apart(NotebookNode(cells=[node]))[0][0]


def key_of(node: NotebookNode) -> tuple[str, str, str]:
    attachments = node.get("attachments") if node.cell_type == "markdown" else None
    return node.cell_type, node.source, json.dumps(attachments, sort_keys=True)


def drawn_apart(nb: NotebookNode) -> list[Drawn]:
    """The HTML of each cell, made within limits; text only, if need be."""
    ((_, shown),) = first_that_works((drawn_cells, plain_cells), [nb], 1)
    notice = render("part.html.j2", {}, nodes=[TOO_MUCH])
    return shown or [(notice, "")] * len(nb.cells)


def drawn_cells(nb: NotebookNode) -> list[Drawn]:
    notebook = from_json(nb)
    context = PageContext()  # without a folder to read pictures from
    reader = CellReader(notebook.cells, context, notebook.language, regions=())  # a grader sees mark schemes too
    drawn = as_html(notebook.cells, reader, context.pictures.files)
    if sum(len(source) + len(outputs) for source, outputs in drawn) > MOST:
        raise ValueError("the page is too long")
    return drawn


def plain_cells(nb: NotebookNode) -> list[Drawn]:
    return as_html(from_json(nb).cells, PlainReader(regions=()), {})


def as_html(
    cells: Iterable[ParsedCell], reader: CellReader | PlainReader, pictures: Mapping[str, bytes]
) -> list[Drawn]:
    """The source and the outputs of each cell; a raw cell has outputs only."""

    def html(cell: ParsedCell) -> str:
        nodes = reader.nodes(cell)
        return render("part.html.j2", pictures, nodes=as_data(nodes)) if nodes else ""

    parts = [
        (cell, replace(cell, source="")) if cell.kind in ("code", "markdown") else (replace(cell, source=""), cell)
        for cell in cells
    ]
    return [(html(replace(source, outputs=())), html(outputs)) for source, outputs in parts]
