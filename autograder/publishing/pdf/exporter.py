"""PDF in JupyterLab's export menu and for `jupyter nbconvert --to PDF_without_LaTeX`.

JupyterLab's menu shows the name that pyproject.toml gives it, in which Jupyter's server takes no blanks.
nbconvert loads this module for every export, to whatever format, so that it may need nothing but nbconvert.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from traitlets import Enum, default
from traitlets.config import Application

from autograder.distribution import extras_explained
from autograder.errors import AutograderError

__all__ = ["TypstPDFExporter"]


class TypstPDFExporter(Exporter):  # type: ignore[misc]
    """Notebook to PDF by pandoc and Typst: no LaTeX, no browser."""

    export_from_notebook = "PDF without LaTeX"
    output_mimetype = "application/pdf"

    paper = Enum(["letter", "a4"], "letter", help="Size of the paper.").tag(config=True)

    @default("file_extension")  # type: ignore[untyped-decorator]
    def _file_extension_default(self) -> str:
        return ".pdf"

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[bytes, dict[str, Any]]:
        """The PDF of a notebook, and nbconvert's resources. Without the extra [pdf] it raises AutograderError, which
        JupyterLab shows, and ends `jupyter nbconvert`, which would show a traceback."""
        try:
            with extras_explained("PDF without LaTeX"):
                from autograder.publishing.doctree.parsed_notebook import from_json
                from autograder.publishing.pdf.document import PageHeader
                from autograder.publishing.pdf.export import notebook_pdf
        except AutograderError as error:
            from nbconvert.nbconvertapp import NbConvertApp

            if not (Application.initialized() and isinstance(Application.instance(), NbConvertApp)):
                raise
            self.log.error("%s", error)
            raise SystemExit(2) from None

        nb, resources = super().from_notebook_node(nb, resources, **kwargs)
        metadata = resources.get("metadata") or {}
        folder = Path(metadata["path"] or ".") if "path" in metadata else None
        header = PageHeader(str(metadata.get("name") or "notebook"), paper=self.paper)
        document, pdf = notebook_pdf(from_json(nb, folder), header)
        for notice in document.notices:
            self.log.warning("%s", notice)
        return pdf, resources
