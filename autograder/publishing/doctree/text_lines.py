"""Plain and coloured text as lines of runs that fit the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from rich.cells import cell_len, get_character_cell_size
from rich.style import Style
from rich.text import Text

from autograder.publishing.colours import LIGHT, readable_on
from autograder.publishing.doctree.nodes import Run

__all__ = ["COLUMNS", "breakable", "clean", "from_terminal", "lines_of", "numbered_lines_of", "shortened"]

COLUMNS = 88
CONTINUED = "↪ "
KEPT_LINES = 60
KEPT_CHARACTERS = 60_000

CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
SURROGATES = re.compile("[\ud800-\udfff]")
# They reorder what is printed, so that a reader sees other code than what ran.
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
LONG_WORD = re.compile(r"\S{50}")
BACKSPACED = re.compile(r"[^\n\x08]\x08")
# rich knows "\x1b[…m"; cursor movements and window titles are dropped before it sees them.
TERMINAL = re.compile(r"\x1b(?:\[[0-9;?]*[A-LN-ln-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()][0-9A-B])")


def clean(text: str) -> str:
    """Replace characters that no font can show, and those that would change the order of text."""
    text = text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = SURROGATES.sub("\ufffd", CONTROLS.sub("\ufffd", text))
    return BIDI.sub(lambda found: f"‹U+{ord(found[0]):04X}›", text)


def breakable(text: str) -> str:
    """Let a word that is longer than a line end at the line's end, rather than at the paper's."""
    return LONG_WORD.sub("\\g<0>\u200b", text)


def from_terminal(text: str) -> Text:
    """Terminal output as a person saw it: colours kept, backspaces and carriage returns obeyed."""
    if "\x08" in text:
        for _ in range(200):
            text, changed = BACKSPACED.subn("", text)
            if not changed:
                break
    text = clean(TERMINAL.sub("", text).replace("\x1b[K", ""))
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n")]
    decoded = Text("\n").join(decode(line) for line in lines)
    decoded.expand_tabs(8)
    return decoded


def decode(line: str) -> Text:
    return Text.from_ansi(line) if "\x1b" in line else Text(line)


def shortened(text: str) -> tuple[str, str]:
    """Cut the middle out of a long text, before anything costly is done with it. Returns the text and a note of how
    much was cut, empty if nothing was."""
    lines = text.splitlines(keepends=True)
    if len(lines) <= KEPT_LINES and len(text) <= KEPT_CHARACTERS:
        return text, ""
    head = "".join(lines[: KEPT_LINES * 2 // 3])[: KEPT_CHARACTERS // 2]
    tail = "".join(lines[-KEPT_LINES // 3 :])[-KEPT_CHARACTERS // 4 :] if len(lines) > 1 else ""
    if len(head) + len(tail) >= len(text):
        return text, ""
    cut = len(text) - len(head) - len(tail)
    missing = text.count("\n") - head.count("\n") - tail.count("\n")
    note = f"… {missing:,} lines ({cut:,} characters) are not shown …"
    return head.removesuffix("\n") + f"\n{note}\n" + tail, note


def lines_of(text: Text, columns: int = COLUMNS) -> tuple[tuple[Run, ...], ...]:
    """Split a text into lines of runs no wider than `columns`, continued lines marked."""
    return tuple(runs for line in text.split("\n", allow_blank=True) for runs in wrapped(line, columns))


def numbered_lines_of(text: Text) -> tuple[tuple[Run, ...], ...]:
    """As `lines_of`, each line with its number; continued lines have none."""
    lines = []
    for number, line in enumerate(text.split("\n", allow_blank=True), 1):
        for part, runs in enumerate(wrapped(line, COLUMNS - 5)):
            lines.append((Run("     " if part else f"{number:4} ", mark=True), *runs))
    return tuple(lines)


def wrapped(line: Text, columns: int) -> Iterator[tuple[Run, ...]]:
    line.rstrip()
    is_long = max(len(line.plain), cell_len(line.plain)) > columns
    parts = line.divide(find_breaks(line.plain, columns)) if is_long else [line]
    for index, part in enumerate(parts):
        mark = [Run(CONTINUED, mark=True)] if index else []
        yield (*mark, *runs_of(part))


def find_breaks(plain: str, columns: int) -> list[int]:
    """Where a text goes on in the next line: behind the last blank in the second half of a line, or within a word."""
    breaks, width, room = list[int](), 0, columns
    blank: tuple[int, int] | None = None  # the place behind it, and the width up to there
    for index, character in enumerate(plain):
        # A character without a width of its own (a combining mark) still counts: a thousand
        # of them on one letter must not be one line.
        size = max(1, get_character_cell_size(character))
        if width + size > room:
            place, kept = blank or (index, width)
            breaks.append(place)
            width, room, blank = width - kept, columns - len(CONTINUED), None
        width += size
        if character == " " and width > room / 2:
            blank = index + 1, width
    return breaks


def runs_of(part: Text) -> list[Run]:
    plain = part.plain
    edges = sorted({0, len(plain)} | {edge for span in part.spans for edge in (span.start, span.end)})
    runs = []
    for start, end in pairwise(edge for edge in edges if edge <= len(plain)):
        styles = [span.style for span in part.spans if span.start <= start and end <= span.end]
        known = [style for style in [part.style, *styles] if isinstance(style, Style)]
        runs.append(styled_run(plain[start:end], Style.combine([Style.null(), *known])))
    return runs


def styled_run(text: str, style: Style) -> Run:
    colour = style.bgcolor if style.reverse else style.color
    fill = "" if colour is None or colour.is_default else readable_on(LIGHT, colour.get_truecolor().hex)
    return Run(text, bool(style.bold), bool(style.italic), bool(style.underline), fill)
