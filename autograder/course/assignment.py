"""An assignment as grading needs it: plain data. Worker processes load this, and nothing that it is made with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import nbformat

from autograder.checking.cell import CheckCell, is_check_cell
from autograder.checking.import_analysis import named_modules
from autograder.checking.outcomes import Mistake
from autograder.text import printable

__all__ = [
    "Assignment",
    "KeyCell",
    "ReleasedCell",
    "Template",
    "TemplateCell",
    "digest_of",
    "other_language",
]


@dataclass(frozen=True)
class TemplateCell:
    """One nbgrader cell as it must be in every submission; a student's own text replaces `source` if not `locked`.

    `voids` are the tests of a check cell that are void by command, with the reason; `mistakes` are the known
    mistakes that it may see.
    """

    grade_id: str
    cell_type: str
    source: str
    locked: bool
    nbgrader: dict[str, Any]
    voids: dict[str, str] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()

    @property
    def graded(self) -> bool:
        return bool(self.nbgrader.get("grade"))

    @property
    def is_check(self) -> bool:
        """Whether this is a `%%check` cell that carries points."""
        return self.graded and self.locked and self.cell_type == "code" and is_check_cell(self.source)

    @cached_property
    def check(self) -> CheckCell:
        """The check cell that this is."""
        return CheckCell(self.source, self.voids)

    @property
    def digest(self) -> str:
        """A digest of the check cell and of the mistakes that it names: another one asks for its checks to be run
        again."""
        mistakes = [[mistake.title, mistake.source, mistake.says] for mistake in self.mistakes]
        return digest_of([self.source, mistakes] if mistakes else self.source)

    @property
    def influence(self) -> list[Any]:
        """The part of this cell that other cells' grades may depend on, beside its kind and place."""
        if self.is_check:
            return named_modules(self.source)
        return [self.source, self.locked, self.nbgrader.get("points") if self.graded and self.locked else None]


@dataclass(frozen=True)
class KeyCell:
    """A cell of the answer key: run it, or (a check cell) keep the state that it sees."""

    grade_id: str
    source: str
    is_check: bool


@dataclass(frozen=True)
class ReleasedCell:
    """A cell as students get it; `grade_id` is empty for one that nbgrader does not know."""

    grade_id: str
    cell_type: str
    source: str


@dataclass(frozen=True)
class Template:
    """One notebook of an assignment. `release` is all of it as students get it, and `solved` is its code without the
    tests, which another notebook's answer key may `%run`."""

    name: str
    cells: tuple[TemplateCell, ...]
    key: tuple[KeyCell, ...]
    kernelspec: dict[str, Any]
    release: tuple[ReleasedCell, ...] = ()
    solved: tuple[str, ...] = ()

    @property
    def has_points(self) -> bool:
        """Whether anything in it is graded: else nobody has to hand it in."""
        return any(cell.graded or cell.nbgrader.get("task") for cell in self.cells)

    @property
    def has_checks(self) -> bool:
        """Whether there is a `%%check` cell in it."""
        return any(cell.is_check for cell in self.cells)


@dataclass(frozen=True)
class Assignment:
    """All that grading needs of an assignment. By relative name, `files` are the assignment's files as students get
    them, `private` those that only its tests see, and `modules` those that students complete, with their solutions."""

    name: str
    notebooks: tuple[Template, ...]
    files: dict[str, bytes]
    private: dict[str, bytes] = field(default_factory=dict)
    modules: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """A digest of everything that every grade depends on: the code that runs before and beside the checks, the
        answer key, and the files. Prose, points and the checks themselves (each has its own) are not in it."""
        parts: list[Any] = [
            [
                notebook.name,
                [[cell.grade_id, cell.is_check, cell.influence] for cell in notebook.cells if cell.cell_type == "code"],
                [[cell.grade_id, "" if cell.is_check else cell.source] for cell in notebook.key],
            ]
            for notebook in self.notebooks
        ]
        if len(self.notebooks) > 1:  # one may run another
            parts += [notebook.solved for notebook in self.notebooks]
        parts += [digests(files) for files in (self.private, self.modules) if files]
        return digest_of([parts, digests(self.files)])

    def key_files(self, template: Template) -> dict[str, bytes]:
        """The files beside the answer key of a notebook: the data files, the modules and the other notebooks with
        their answers."""
        notebooks = {f"{other.name}.ipynb": code_notebook(other.solved) for other in self.others(template)}
        return notebooks | self.files | self.modules

    def released_notebooks(self, template: Template) -> dict[str, bytes]:
        """The code of the other notebooks as students get them, by file name."""
        return {
            f"{other.name}.ipynb": code_notebook(cell.source for cell in other.release if cell.cell_type == "code")
            for other in self.others(template)
        }

    def others(self, template: Template) -> list[Template]:
        return [other for other in self.notebooks if other.name != template.name]


def digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}


def digest_of(value: Any) -> str:
    """A digest of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def code_notebook(sources: Iterable[str]) -> bytes:
    """A notebook of these code cells."""
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    return str(nbformat.writes(nbformat.v4.new_notebook(cells=cells))).encode()


def other_language(metadata: Any) -> str:
    """The language of a notebook that says that it is not in Python; else empty."""
    about = metadata if isinstance(metadata, dict) else {}
    for part, key in (("kernelspec", "language"), ("language_info", "name")):
        language = about[part].get(key) if isinstance(about.get(part), dict) else None
        if isinstance(language, str) and language and "python" not in language.lower():
            return printable(language[:40])
    return ""
