"""What can be wrong with an export, said to the person who asked for it."""

from dataclasses import dataclass

__all__ = ["Notice", "PdfError"]


class PdfError(Exception):
    """Wrong use or bad input, told in one sentence."""


@dataclass(frozen=True)
class Notice:
    """Something that the PDF shows differently from the notebook, and where.

    ``cell`` counts from 1, as a person counts cells; None speaks of the whole notebook.
    A serious one is for a person to look at.
    """

    text: str
    cell: int | None = None
    serious: bool = False

    def __str__(self) -> str:
        return self.text if self.cell is None else f"cell {self.cell}: {self.text}"
