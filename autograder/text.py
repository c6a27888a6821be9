"""Text that somebody else wrote, made fit to be stored and to be shown."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from unicodedata import category

__all__ = [
    "decoded",
    "first_of",
    "has_more_parts",
    "in_column_of",
    "in_percent",
    "in_points",
    "in_zone",
    "legible",
    "printable",
    "storable",
]

PARTS = (b",", b"[", b"{")  # each begins a value of JSON, or a key and its value
JOINERS = "\u200c\u200d"  # of letters and emoji that are written together
MOST_NAMES = 10
REPLACED = "\N{REPLACEMENT CHARACTER}"


def in_points(value: float) -> str:
    """A number of points, for people: at most two decimals, none that say nothing, and a minus sign below zero."""
    return f"{round(value, 2) + 0.0:.10g}".replace("-", "−")


def in_percent(share: float) -> str:
    """A share as whole percent, 0.3 as 30 %."""
    return f"{share * 100:.0f} %"


def in_zone(at: datetime, zone: tzinfo) -> str:
    """A time in UTC as clocks in `zone` show it, with the name of the zone: 2026-10-01 23:59 Europe/Berlin. A time that
    they show twice, when summer time ends, has its offset instead. `parse_time` reads both."""
    try:
        local = at.replace(tzinfo=UTC).astimezone(zone)
    except OverflowError:  # the last day of the year 9999, as a due date that never comes
        return in_zone(at, UTC)
    precision = "seconds" if local.second else "minutes"
    if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
        return local.isoformat(" ", precision)
    return f"{local.replace(tzinfo=None).isoformat(' ', precision)} {zone}"


def in_column_of(zone: tzinfo, at: datetime) -> str:
    """`at` as `in_zone` has it, but for the name of the zone, which stands in the heading of the column."""
    return in_zone(at, zone).removesuffix(f" {zone}")


def first_of(students: list[str]) -> str:
    """The students in a line, or the first of many and how many more there are."""
    more = f" and {len(students) - MOST_NAMES} more" if students[MOST_NAMES:] else ""
    return printable(f"{', '.join(students[:MOST_NAMES])}{more}")


def decoded(data: bytes) -> str:
    r"""The text of a file in UTF-8, with what is no UTF-8 replaced, and with \n at the ends of lines."""
    return data.decode("utf-8", errors="replace").replace("\r\n", "\n")


def storable(text: str) -> str:
    """`text` without half characters, which JSON and exceptions may hold and no file or database takes."""
    return text.encode(errors="replace").decode()


def printable(text: str) -> str:
    """`text` on one line, safe to show: without invisible characters and without codes that a terminal obeys."""
    return "".join(REPLACED if is_control(letter) else letter for letter in text)


def legible(text: str) -> str:
    """`text` with its lines and tabs, and otherwise as `printable`: fit for a database, a terminal and a page."""
    kept = text.replace("\r\n", "\n")
    return "".join(REPLACED if letter not in "\n\t" and is_control(letter) else letter for letter in kept)


def is_control(letter: str) -> bool:
    """Whether a character is invisible: a control character, half of a pair, a change of direction."""
    return category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") and letter not in JOINERS


def has_more_parts(json_text: bytes, most: int) -> bool:
    """Whether JSON may have more than `most` values, without parsing it: a value of three bytes can take a hundred
    times as much once it is parsed."""
    if sum(map(json_text.count, PARTS)) < most and json_text.count(b'"') <= 2 * most:
        return False
    without_escapes = json_text.replace(b"\\\\", b"").replace(b'\\"', b"")
    if without_escapes.count(b'"') > 2 * most:
        return True
    outside_strings = without_escapes.split(b'"')[::2]
    return sum(piece.count(part) for piece in outside_strings for part in PARTS) >= most
