"""Gradescope's export of a programming assignment: a folder for each submission, and submission_metadata.yml beside
them, which says of each whose it is and when it was made. It is written by Ruby and holds, among much else, what
students' code has printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import yaml

from autograder.collecting.found import Download, FoundSubmission, below, only_folder, stray
from autograder.collecting.people import Person
from autograder.errors import AutograderError
from autograder.submission.archive import Item

__all__ = ["METADATA", "GradescopeExport"]

METADATA = "submission_metadata.yml"
# Of the loaders this is the one that only ever makes text, lists and dictionaries: a number stays as it is written,
# and Ruby's tags mean nothing.
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class GradescopeExport:
    """The reader of an export."""

    def recognises(self, download: Download) -> bool:
        return metadata_of(download.items) is not None

    def read(self, download: Download) -> Iterator[FoundSubmission]:
        metadata = metadata_of(download.items)
        return gradescope_submissions(download.items, metadata) if metadata else iter(())


def metadata_of(items: list[Item]) -> Item | None:
    """The export's metadata: at the top or in the only folder there. A student's file of this name lies deeper."""
    places = (METADATA, f"{only_folder(items)}/{METADATA}")
    return next((item for item in items if item.path in places), None)


def gradescope_submissions(items: list[Item], metadata: Item) -> Iterator[FoundSubmission]:
    """The submissions of an export; one of a group counts for each of its students. Raises AutograderError if the
    metadata cannot be read."""
    top = metadata.path.rpartition("/")[0]
    entries = read_metadata(metadata)
    inside = below(items, top)
    for key, entry in entries.items():
        origin = f"{top}/{key}" if top else key
        files = below((item for _, item in inside), origin) or [
            (path, item) for path, item in inside if path == key and "/" not in key
        ]
        named = entry.get("submitters")
        submitters = [one for one in named if isinstance(one, dict)] if isinstance(named, list) else []
        problem = "" if files else f"there is no {key} in the export"
        for submitter in submitters:
            yield FoundSubmission(origin, person_of(submitter), files, when(entry), problem=problem)
        if not submitters:
            yield FoundSubmission(origin, problem=f"{METADATA} names no student for it")
    known = set(entries) | {METADATA}
    lost = [item for path, item in inside if path.partition("/")[0] not in known]
    yield from stray(lost, f"{METADATA} does not say whose it is")
    yield from stray([item for item in items if not item.path.startswith(top)], "it lies beside the export")


def read_metadata(metadata: Item) -> dict[str, dict[str, Any]]:
    """The metadata of each submission, by the name of its folder."""
    text = metadata.read().decode("utf-8", errors="replace")
    entries: dict[str, dict[str, Any]] = {}
    try:
        # Ruby ends the document behind an output that ends with empty lines, and goes on without starting another.
        for document in yaml.load_all(re.sub(r"(?m)^\.\.\.$", "---", text), Loader=LOADER):
            for key, entry in (document or {}).items():
                if key in entries:
                    raise AutograderError(f"{metadata.path} has two entries for {key}: export it again.")
                entries[key] = {name.lstrip(":"): value for name, value in entry.items()}
    except (yaml.YAMLError, AttributeError, TypeError, RecursionError) as error:
        raise AutograderError(f"{metadata.path} cannot be read: {' '.join(str(error).split())[:200]}.") from None
    return entries


def person_of(submitter: dict[str, str]) -> Person:
    """A submitter. Of a name, what follows the last blank is taken for the last name."""
    known = {name.lstrip(":"): value.strip() for name, value in submitter.items() if isinstance(value, str)}
    name = known.get("name", "")
    first, _, last = name.rpartition(" ")
    return Person(known.get("sid", ""), known.get("email", ""), name, first.strip(), last)


def when(entry: dict[str, Any]) -> datetime | None:
    """When a submission was made, from a time as Ruby writes it: 2026-09-30 23:59:01.123456789 Z."""
    try:
        time = datetime.fromisoformat(re.sub(r"\s+(?=Z|[+-]\d)", "", entry.get("created_at") or ""))
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).replace(tzinfo=None)
    except (TypeError, ValueError, OverflowError):
        return None
