"""Notebook to PDF by pandoc and Typst: no LaTeX, no browser, and a PDF whatever the notebook holds."""

from autograder.publishing.pdf.batch import export_many
from autograder.publishing.pdf.errors import Notice, PdfError
from autograder.publishing.pdf.export import Exported

__all__ = ["Exported", "Notice", "PdfError", "export_many"]
