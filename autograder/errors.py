"""The errors that people meet: one sentence each, saying what, where and what to do."""

from __future__ import annotations

__all__ = ["AutograderError"]


class AutograderError(Exception):
    """Wrong use or bad input; the command line prints the text and exits with 2."""
