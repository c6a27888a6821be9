"""Notebooks that somebody else wrote as nodes: plain data of which a page or a PDF is drawn, and nothing that acts."""
