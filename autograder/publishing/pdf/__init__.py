"""Notebook to PDF by pandoc and Typst: no LaTeX, no browser, and a PDF whatever the notebook holds."""
