"""Times as people and learning systems write them: read if they can mean one thing only, never guessed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from autograder.submission.reading import SubmissionRefused, read_regular

__all__ = ["TIMESTAMP", "parse_time", "read_timestamp"]

TIMESTAMP = "timestamp.txt"
MOST = 1000  # bytes of it

HOW_TO_WRITE = "write it as 2026-10-01 23:59 UTC, 2026-10-01T23:59-07:00 or 2026-10-01 23:59 America/Los_Angeles"
TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[T _-]\s*(?P<hour>\d\d)[:-](?P<minute>\d\d)(?:[:-](?P<second>\d\d)(?P<part>[.,]\d+)?)?"
    r"\s*(?P<zone>Z|[+-]\d\d(?::?\d\d)?|[A-Za-z][\w+-]*(?:/[\w+-]+)*)?"
)


def parse_time(text: str, zone: tzinfo = UTC) -> datetime:
    """A time in UTC without a zone. It is written as in ISO 8601, with an offset or the name of a zone (UTC, GMT,
    Europe/Berlin); without either it is in `zone`. Raises ValueError for anything else, such as PDT, which names no
    zone, or 01.10.2026, which may be in January, and for a time that clocks show twice or never, since they change."""
    found = TIME.fullmatch(text.strip().removeprefix("\N{BYTE ORDER MARK}").strip())
    if found is None:
        raise ValueError(f"{text.strip()[:60]!r} is not a time that can be read in one way only: {HOW_TO_WRITE}")
    clock = f"{found['hour']}:{found['minute']}:{found['second'] or '00'}{found['part'] or ''}"
    try:
        zone = zone_of(found["zone"]) if found["zone"] else zone
        local = datetime.fromisoformat(f"{found['date']} {clock}").replace(tzinfo=zone)
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            raise ValueError(f"clocks change then, and show it twice or never in {zone}")
        return local.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text.strip()[:60]!r} is not a time ({error}): {HOW_TO_WRITE}") from None


def zone_of(name: str) -> tzinfo:
    """The zone of an offset or a name. Raises ValueError for one that nobody knows."""
    if name in ("Z", "UTC", "GMT"):
        return UTC
    if name[0] in "+-":
        offset = datetime.fromisoformat(f"2000-01-01T00:00{name}").tzinfo
        assert offset is not None
        return offset
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name}") from None


def read_timestamp(folder: Path) -> datetime | None:
    """When the submission in `folder` was handed in, as `timestamp.txt` says; None without that file or with an empty
    one. Raises ValueError, with a sentence for a person, for a time that cannot be read."""
    try:
        content = read_regular(folder / TIMESTAMP, MOST)
        text = (content or b"").decode("utf-8-sig").strip()
        return parse_time(text) if text else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, OSError, SubmissionRefused) as error:
        why = "it is no text" if isinstance(error, UnicodeError) else error
        raise ValueError(f"{TIMESTAMP} does not say when this was handed in: {why}") from None
