"""Marked regions of a cell: the lines from a BEGIN to its END marker, which nbgrader takes out of a release.

A line with the marker's words is a marker, whatever stands around them. This is the only parser of markers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["HIDDEN_TESTS", "MARK_SCHEME", "REGIONS", "SOLUTION", "Line", "MarkerSlip", "Region", "lines", "slips"]


class Region(NamedTuple):
    """The words that open and close a region."""

    begin: str
    end: str

    @property
    def name(self) -> str:
        return self.begin.removeprefix("BEGIN ")

    def opens(self, source: str) -> bool:
        """Whether the region begins anywhere in `source`."""
        return self.begin in source


SOLUTION = Region("BEGIN SOLUTION", "END SOLUTION")
HIDDEN_TESTS = Region("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
MARK_SCHEME = Region("BEGIN MARK SCHEME", "END MARK SCHEME")
REGIONS = (SOLUTION, HIDDEN_TESTS, MARK_SCHEME)


@dataclass(frozen=True)
class Line:
    """A line of a cell, numbered from 1; `inside` says that a region is open, `marker` that the line opens or closes
    one."""

    number: int
    text: str
    inside: bool
    marker: bool


class MarkerSlip(NamedTuple):
    """A marker that is nested, unopened or never closed: the line (0: the end of the cell) and what to do."""

    line: int
    text: str


def lines(source: str, regions: Collection[tuple[str, str]] = REGIONS) -> Iterator[Line]:
    """The lines of a cell. A region that is never closed goes to the end of the cell."""
    is_open = set[str]()
    for number, text in enumerate(source.split("\n"), start=1):
        opened = {begin for begin, _ in regions if begin in text}
        closed = {begin for begin, end in regions if end in text}
        is_open |= opened
        yield Line(number, text, bool(is_open), bool(opened | closed))
        is_open -= closed - opened


def slips(source: str, regions: Collection[Region] = REGIONS) -> Iterator[MarkerSlip]:
    """Every marker of a cell that does not fit the ones before it."""
    is_open: Region | None = None
    for number, text in enumerate(source.split("\n"), start=1):
        for region in regions:
            if region.begin in text:
                if is_open is not None:
                    yield MarkerSlip(number, f"{region.name} begins inside {is_open.name}: close that first")
                is_open = region
            elif region.end in text:
                if region != is_open:
                    yield MarkerSlip(number, f"### {region.end} without its ### {region.begin}")
                is_open = None
    if is_open is not None:
        yield MarkerSlip(0, f"{is_open.name} is never closed: add ### {is_open.end}")
