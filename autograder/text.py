"""Text that somebody else wrote, made fit to be stored and to be shown."""

from __future__ import annotations

from unicodedata import category

__all__ = ["printable", "storable"]

JOINERS = "\u200c\u200d"  # of letters and emoji that are written together


def storable(text: str) -> str:
    """`text` without what no file or database takes: half characters, which JSON and exceptions may hold."""
    return text.encode(errors="replace").decode()


def printable(text: str) -> str:
    """`text` on one line as it may be shown: without what is no text, or what a terminal would obey."""
    return "".join("\N{REPLACEMENT CHARACTER}" if is_control(letter) else letter for letter in text)


def is_control(letter: str) -> bool:
    """Whether a character is none that one sees: a control character, half of a pair, a change of direction."""
    return category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") and letter not in JOINERS
