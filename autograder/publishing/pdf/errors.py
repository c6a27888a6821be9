"""What can be wrong with an export, said to the person who asked for it."""

__all__ = ["PdfError"]


class PdfError(Exception):
    """Wrong use or bad input, told in one sentence."""
