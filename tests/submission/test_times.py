"""Times as people write them: read where they can mean one thing only, told where not."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from autograder.gradebook.write_results import submission_time
from autograder.submission.incidents import IncidentKind
from autograder.submission.times import parse_time, read_timestamp
from autograder.text import in_column_of, in_zone

READ = {
    "2026-10-01 23:59 UTC": datetime(2026, 10, 1, 23, 59),
    "2026-10-01 23:59": datetime(2026, 10, 1, 23, 59),
    "2026-10-01T23:59:01Z": datetime(2026, 10, 1, 23, 59, 1),
    "\ufeff2026-10-01 23:59:01.123456789 Z\r\n": datetime(2026, 10, 1, 23, 59, 1, 123456),
    "2026-10-01T23:59:00-0700": datetime(2026, 10, 2, 6, 59),
    "2026-10-01 23:59:00 -07:00": datetime(2026, 10, 2, 6, 59),
    "2026-10-01 23:59 America/Los_Angeles": datetime(2026, 10, 2, 6, 59),
    "2026-12-01 23:59 America/Los_Angeles": datetime(2026, 12, 2, 7, 59),
    "2026-10-01 23:59 Europe/Berlin": datetime(2026, 10, 1, 21, 59),
    "2016-01-30-15-30-10": datetime(2016, 1, 30, 15, 30, 10),
}
GUESSES = [
    "2026-10-01 23:59 PDT",
    "2026-10-01 11:00 PM",
    "11:00 PM 2026-10-01",
    "01.10.2026 23:59",
    "10/01/2026 23:59",
    "2026-10-01",
    "2026-13-01 10:00 UTC",
    "2026-10-01 25:00 UTC",
    "2026-10-01 23:59 +25:00",
    "2026-10-01 23:59 Nowhere/Land",
    "2026-10-01 23:59 ../../etc/passwd",
    "2026-11-01 01:30 America/Los_Angeles",
    "2026-03-08 02:30 America/Los_Angeles",
    "0001-01-01 00:00 +14:00",
    "yesterday",
]


@pytest.mark.parametrize("text", READ)
def test_times_that_are_understood(text: str) -> None:
    """Somebody would be seven hours late, or not, by how a time is written."""
    assert parse_time(text) == READ[text]


@pytest.mark.parametrize("text", GUESSES)
def test_times_that_nobody_guesses(tmp_path: Path, text: str) -> None:
    """A guess costs a student points, or gives them days, and nobody would know."""
    (tmp_path / "timestamp.txt").write_text(text)
    at, (incident,) = submission_time(tmp_path)
    assert at is None
    assert incident.kind is IncidentKind.UNTIMED
    assert incident.text.startswith(f"timestamp.txt does not say when this was handed in: {text!r} is not a time")
    assert incident.text.endswith("America/Los_Angeles, and grade again")


def test_a_time_without_a_zone_is_in_the_zone_of_whoever_asks() -> None:
    """What somebody types in local time would be seven hours off."""
    there = ZoneInfo("America/Los_Angeles")
    assert parse_time("2026-10-01 23:59", there) == datetime(2026, 10, 2, 6, 59)
    assert parse_time("2026-10-01 23:59 UTC", there) == datetime(2026, 10, 1, 23, 59)


SHOWN = {
    (datetime(2026, 10, 2, 6, 59), "America/Los_Angeles"): "2026-10-01 23:59 America/Los_Angeles",
    (datetime(2026, 11, 1, 7, 59), "America/Los_Angeles"): "2026-11-01 00:59 America/Los_Angeles",
    (datetime(2026, 11, 1, 8, 30), "America/Los_Angeles"): "2026-11-01 01:30-07:00",
    (datetime(2026, 11, 1, 9, 30), "America/Los_Angeles"): "2026-11-01 01:30-08:00",
    (datetime(2026, 11, 1, 10, 0), "America/Los_Angeles"): "2026-11-01 02:00 America/Los_Angeles",
    (datetime(2026, 3, 29, 1, 0), "Europe/Berlin"): "2026-03-29 03:00 Europe/Berlin",
    (datetime(2026, 10, 1, 23, 59, 59, 7), "Europe/Berlin"): "2026-10-02 01:59:59 Europe/Berlin",
    (datetime(9999, 12, 31, 23, 59), "Europe/Berlin"): "9999-12-31 23:59 UTC",
}


@pytest.mark.parametrize(("at", "zone"), SHOWN)
def test_a_time_is_shown_with_its_zone(at: datetime, zone: str) -> None:
    """People read a time as their own clock's."""
    assert in_zone(at, ZoneInfo(zone)) == SHOWN[at, zone]
    assert in_column_of(ZoneInfo(zone), at) == SHOWN[at, zone].replace(f" {zone}", "")
    assert in_zone(at, UTC) == f"{at:%Y-%m-%d %H:%M}{':59' * (at.second == 59)} UTC"


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"])
@pytest.mark.parametrize("month", [3, 4, 10, 11])
def test_a_time_that_is_shown_can_be_typed_again(zone: str, month: int) -> None:
    """The hour that clocks show twice when summer time ends would be another one."""
    for number in range(31 * 24 * 4):
        at = datetime(2026, month, 1) + timedelta(minutes=15 * number)
        assert parse_time(in_zone(at, ZoneInfo(zone))) == at


def test_a_submission_without_a_time_has_none(tmp_path: Path) -> None:
    """A source that knows no times would make every submission an incident."""
    assert read_timestamp(tmp_path) is None
    (tmp_path / "timestamp.txt").write_text("\ufeff\n", encoding="utf-8")
    assert read_timestamp(tmp_path) is None
    assert submission_time(tmp_path / "nobody") == (None, [])


def test_a_timestamp_is_a_small_text_file(tmp_path: Path) -> None:
    """A pipe would be waited for without end, a link followed, and a large file read."""
    os.mkfifo(tmp_path / "timestamp.txt")
    assert read_timestamp(tmp_path) is None
    (tmp_path / "timestamp.txt").unlink()
    for content in (b"\xff\xfe2\x000\x00", b"2026-10-01 23:59 UTC" + b" " * 2000):
        (tmp_path / "timestamp.txt").write_bytes(content)
        with pytest.raises(ValueError, match="does not say when"):
            read_timestamp(tmp_path)
