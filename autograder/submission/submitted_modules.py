"""Students' own modules in a submission: where the notebook finds them, and how they are shown."""

from __future__ import annotations

import codecs
import io
import tokenize
from collections.abc import Mapping
from pathlib import PurePosixPath

import nbformat
from nbformat import NotebookNode

from autograder.submission.incidents import Incident, IncidentKind
from autograder.text import decoded, printable, storable

__all__ = ["COMPILED", "is_rival", "module_cells", "with_modules"]

MOST_SHOWN = 200_000
COMPILED = (".pyc", ".so", ".pyd")
ENCODINGS = ("utf-8", "ascii", "iso8859-", "cp125")  # ASCII is the same in all of them


def with_modules(own: dict[str, bytes], modules: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[Incident]]:
    """The files that a student has handed in, with each module where the notebook looks for it, and incidents on those
    that lay elsewhere or are missing. Files that Python would import in a module's place are left out: another text
    would run than the one that is read and shown."""
    files, incidents = dict(own), list[Incident]()
    for rival, name in [(other, name) for other in own for name in modules if is_rival(other, name)]:
        del files[rival]
        text = f"{printable(rival)} was left out: Python would import it in the place of {name}"
        incidents.append(Incident(IncidentKind.UNSURE, text))
    for name in modules.keys() - own.keys():
        same = [other for other in own if PurePosixPath(other).name == PurePosixPath(name).name]
        if len(same) == 1 and same[0] not in modules:
            files[name] = own[same[0]]
            incidents.append(Incident(IncidentKind.FOUND, f"{name} was found as {printable(same[0])}"))
        else:
            text = f"{name} was not handed in: what it defines counts as not done until it is"
            incidents.append(Incident(IncidentKind.MISSING, text))
    for name in sorted(modules.keys() & files.keys()):
        if encoding := other_encoding(files[name]):
            text = f"{name} is written in {encoding}: read it so, since it may hold other code than what is shown"
            incidents.append(Incident(IncidentKind.UNSURE, text))
    return files, incidents


def is_rival(name: str, module: str) -> bool:
    """Whether a file is a package, or compiled code, of the name of a module beside it."""
    stem = module.removesuffix(".py")
    return name.startswith(f"{stem}/__init__.") or (name.startswith(f"{stem}.") and name.endswith(COMPILED))


def other_encoding(data: bytes) -> str:
    """The encoding that a module declares, if its code may be a comment where it is read as UTF-8."""
    try:
        name = codecs.lookup(tokenize.detect_encoding(io.BytesIO(data).readline)[0]).name
    except SyntaxError:  # nor does Python read it
        return ""
    return "" if name.startswith(ENCODINGS) else name


def module_cells(files: Mapping[str, bytes], modules: Mapping[str, bytes]) -> list[NotebookNode]:
    """Cells that show a student's modules behind the graded notebook, where feedback, PDF and formgrader find them."""
    cells = []
    for number, name in enumerate(sorted(modules.keys() & files.keys())):
        text = storable(decoded(files[name]))
        text = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}\n# …"
        cells.append(nbformat.v4.new_markdown_cell(f"## The module {name}", id=f"module-{number}"))
        cells.append(nbformat.v4.new_code_cell(text, id=f"module-{number}-text"))
    return cells
