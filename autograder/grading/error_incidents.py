"""Incidents that show in the errors of student code. They are recorded and never cost points.

Only errors that are shown or cross the border are seen: code that catches its errors is stopped all the same, and
leaves no incident.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from autograder.submission.incidents import Incident, IncidentKind

__all__ = ["incidents_from_calls", "incidents_from_outputs"]

NETWORK = ("gaierror", "ConnectionRefusedError", "URLError", "ConnectionError", "NewConnectionError")
# The errors of the two sandbox levels: network unreachable, address family not supported.
UNREACHABLE = re.compile(r"\[Errno (101|95|97)\]")
REFUSED = "[Errno 13] Permission denied"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
READ_ONLY = re.compile(r"\[Errno 30\] ")
# A file that is there but not theirs. The system refuses to read some of /proc and /sys in any case.
NOT_THEIRS = re.compile(r"\[Errno 13\] [^:]*: '/(?!proc/|sys/)")

TEXTS = {
    IncidentKind.MEMORY: "asked for more memory than there is",
    IncidentKind.NETWORK: "tried to reach the network",
    IncidentKind.OUTSIDE: "tried to write outside its own folders",
}


def kind_of(name: str, text: str, traceback: str = "") -> IncidentKind | None:
    """The kind of incident that an exception of this name and text is."""
    if name.endswith("MemoryError"):  # NumPy has one of its own, whose name is private
        return IncidentKind.MEMORY
    if name in NETWORK or UNREACHABLE.search(text) or (text == REFUSED and "connect(" in traceback):
        return IncidentKind.NETWORK
    if name in ("OSError", "PermissionError") and (READ_ONLY.match(text) or NOT_THEIRS.match(text)):
        return IncidentKind.OUTSIDE
    return None


def incidents_from_outputs(outputs: Iterable[Any], where: str) -> Iterator[Incident]:
    """Incidents that show in a cell's errors."""
    for output in outputs:
        if output.output_type == "error":
            kind = kind_of(output.ename, output.evalue, COLOURS.sub("", "".join(output.traceback)))
            if kind is not None:
                detail = f": {output.evalue[:200]}" if kind is IncidentKind.OUTSIDE else ""
                yield Incident(kind, f"this cell {TEXTS[kind]}{detail}", where)


def incidents_from_calls(raised: Iterable[tuple[str, str, str]], where: str) -> Iterator[Incident]:
    """Incidents that show in what calls from a check raised: function, type and text. The text is not shown: it may
    hold what a hidden check had passed."""
    found = {(kind, function) for function, name, text in raised if (kind := kind_of(name, text)) is not None}
    for kind, function in sorted(found):
        yield Incident(kind, f"{function} {TEXTS[kind]}", where)
