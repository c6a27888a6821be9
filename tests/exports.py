"""Exports as Gradescope and Canvas make them, for tests."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

Content = str | bytes | NotebookNode


def as_bytes(content: Content) -> bytes:
    if isinstance(content, NotebookNode):
        return nbformat.writes(content).encode()
    return content.encode() if isinstance(content, str) else content


def zipped(path: Path, files: dict[str, Content] | list[tuple[str | zipfile.ZipInfo, Content]]) -> Path:
    """A zip of `files`; with a list, several may have one name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, as_bytes(content), zipfile.ZIP_DEFLATED)
    return path


def member(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    """An entry of a zip with a kind of file of its own; its name is not tidied."""
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    info.create_system, info.external_attr = 3, mode << 16
    return info


def metadata(*records: dict[str, Any]) -> str:
    """submission_metadata.yml as Gradescope writes it: Ruby's symbols, times to the nanosecond, and much else."""
    lines = ["---"]
    for record in records:
        lines += [f"{record['key']}:", "  :submitters:" + ("" if record["people"] else " []")]
        for name, sid, email in record["people"]:
            lines += [f"  - :name: {name}", f"    :sid: '{sid}'", f"    :email: {email}"]
        lines += [f"  :created_at: {record['at']}", "  :score: 2.0", "  :status: !ruby/symbol processed"]
        lines += ["  :results:", "    tests:", "    - name: a check", "      output: 'It''s printed", "", "'"]
        lines += ["    output: |+", "      ended by empty lines", "", "  :history: []", "..."]
    return "\n".join(lines) + "\n"


def gradescope(
    path: Path, people: dict[str, tuple[str, str, dict[str, Content]]], top: str = "assignment_7_export/"
) -> Path:
    """A Gradescope export: for each email the whole name, the time, and the files."""
    top, records, files = "assignment_7_export/", [], {}
    for number, (email, (name, at, handed_in)) in enumerate(people.items(), 101):
        key = f"submission_{number}"
        records.append({"key": key, "people": [(name, f"00{number}", email)], "at": at})
        files |= {f"{top}{key}/{file}": content for file, content in handed_in.items()}
    return zipped(path, {f"{top}submission_metadata.yml": metadata(*records)} | files)
