"""Students' own modules in a submission: where the notebook finds them, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

import nbformat
from nbformat import NotebookNode

from autograder.grading.incidents import Incident, IncidentKind
from autograder.text import printable, storable

__all__ = ["module_cells", "text_of", "with_modules"]

MOST_SHOWN = 200_000


def with_modules(own: dict[str, bytes], modules: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[Incident]]:
    """The files that a student has handed in, with each module where the notebook looks for it, and what is to be said
    of those that lay elsewhere or are missing."""
    files, incidents = dict(own), []
    for name in modules.keys() - own.keys():
        same = [other for other in own if PurePosixPath(other).name == PurePosixPath(name).name]
        if len(same) == 1 and same[0] not in modules:
            files[name] = own[same[0]]
            incidents.append(Incident(IncidentKind.FOUND, f"{name} was found as {printable(same[0])}"))
        else:
            text = f"{name} was not handed in: what it defines counts as not done until it is"
            incidents.append(Incident(IncidentKind.MISSING, text))
    return files, incidents


def module_cells(files: Mapping[str, bytes], modules: Mapping[str, bytes]) -> list[NotebookNode]:
    """Cells that show a student's modules behind the graded notebook, where feedback, PDF and formgrader find them."""
    cells = []
    for number, name in enumerate(sorted(modules.keys() & files.keys())):
        text = storable(text_of(files[name]))
        text = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}\n# …"
        cells.append(nbformat.v4.new_markdown_cell(f"## The module {name}", id=f"module-{number}"))
        cells.append(nbformat.v4.new_code_cell(text, id=f"module-{number}-text"))
    return cells


def text_of(data: bytes) -> str:
    return data.decode("utf-8", errors="replace").replace("\r\n", "\n")
