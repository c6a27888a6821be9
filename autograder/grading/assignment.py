"""An assignment as grading needs it: plain data, derived from the instructor's notebook alone."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.warnings import MissingIDFieldWarning
from nbgrader import utils

from autograder.checking.cell import CheckCell, CheckCellError, is_check_cell
from autograder.checking.import_analysis import named_modules
from autograder.checking.outcomes import Mistake
from autograder.errors import AutograderError
from autograder.grading.affected import affected_checks, with_answer
from autograder.grading.answer_modules import answer_modules, released_module
from autograder.grading.course import Course
from autograder.grading.examples import Example, mistakes_path, read_examples
from autograder.grading.release_steps import prepared, released
from autograder.grading.source_files import data_files, private_files
from autograder.text import printable

__all__ = [
    "Assignment",
    "KeyCell",
    "ReleasedCell",
    "Template",
    "TemplateCell",
    "digest_of",
    "load_assignment",
    "other_language",
    "plot_cells",
    "prepared",
    "source_notebook",
]

LOOKS = "cell_figures("
PYTHON = {"name": "python3", "display_name": "Python 3", "language": "python"}


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

    @property
    def check(self) -> CheckCell:
        """The check cell that this is."""
        return CheckCell(self.source, self.voids)

    @property
    def digest(self) -> str:
        """A digest of the check cell and of the mistakes that it names: another one asks for its checks to be run
        again."""
        named = [[mistake.title, mistake.source, mistake.says] for mistake in self.mistakes]
        return digest_of([self.source, named] if named else self.source)

    @property
    def influence(self) -> list[Any]:
        """What other cells' grades may depend on in this one, beside its kind and place."""
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
    """What grading a submission needs to know. By relative name, `files` are the assignment's files as students get
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


def load_assignment(course: Course, name: str) -> Assignment:
    """The assignment `name` from the course's source folder. Raises AutograderError if there is none."""
    folder = course.source(name)
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        known = ", ".join(course.assignments()) or "none yet"
        raise AutograderError(f"There is no assignment {name!r}: no notebook in {folder}. Assignments here: {known}.")
    examples = read_examples(mistakes_path(course.root, name))
    files = dict(data_files(folder, course))
    modules = answer_modules(files, course, name)
    notebooks = tuple(template_of(path, course, examples, modules) for path in paths)
    files |= {module: released_module(data, course) for module, data in modules.items()}
    return Assignment(name, notebooks, files, private_files(folder, course), modules)


def source_notebook(path: Path) -> NotebookNode:
    """An instructor's notebook. Raises AutograderError if it cannot be read."""
    try:
        with warnings.catch_warnings():
            # Older notebooks have no ids, and nothing needs them.
            warnings.simplefilter("ignore", MissingIDFieldWarning)
            return nbformat.read(path, as_version=4)
    except Exception as error:
        why = str(error).strip().split("\n")[0]
        raise AutograderError(f"{path} cannot be read as a notebook: {why}.") from None


def template_of(path: Path, course: Course, examples: Sequence[Example], modules: Collection[str]) -> Template:
    """The template and the answer key of one source notebook; `examples` are the assignment's known mistakes, also of
    its `modules`."""
    source = source_notebook(path)
    if language := other_language(source.metadata):
        raise AutograderError(f"{path} is a notebook in {language}: only notebooks in Python can be graded.")
    known = mistakes_seen(source, examples, modules)
    nodes = [template_cell(node) for node in prepared(source, path, course).cells]
    cells = tuple(replace(cell, mistakes=known.get(cell.grade_id, ())) for cell in nodes if cell is not None)
    for cell in filter(lambda cell: cell.is_check, cells):
        try:
            cell.check.tests()
        except CheckCellError as error:
            raise AutograderError(f"{path}, {cell.grade_id}: {error}.") from None
    kernelspec = dict(source.metadata.get("kernelspec", PYTHON))
    release = tuple(map(released_cell, released(source, path, course).cells))
    solved = tuple(node.source for node in source.cells if node.cell_type == "code" and not utils.is_grade(node))
    return Template(path.stem, cells, tuple(answer_key(source)), kernelspec, release, solved)


def mistakes_seen(
    source: NotebookNode, examples: Sequence[Example], modules: Collection[str]
) -> dict[str, tuple[Mistake, ...]]:
    """The known mistakes that each check cell may see: of a module's mistakes, all."""
    checks = {grade_id_of(node) for node in source.cells if node.cell_type == "code" and is_graded_check(node)}
    answers = {node.metadata.nbgrader.grade_id for node in source.cells if utils.is_solution(node)}
    seen: dict[str, tuple[Mistake, ...]] = {}
    for example in examples:
        affected: set[str] = set()
        if example.replaces in answers:
            affected = affected_checks(with_answer(source, example.replaces, example.source), example.replaces)
        for check in checks if example.replaces in modules else affected:
            seen[check] = (*seen.get(check, ()), example.mistake)
    return seen


def other_language(metadata: Any) -> str:
    """The language of a notebook that says that it is not in Python; else empty."""
    about = metadata if isinstance(metadata, dict) else {}
    for part, key in (("kernelspec", "language"), ("language_info", "name")):
        told = about[part].get(key) if isinstance(about.get(part), dict) else None
        if isinstance(told, str) and told and "python" not in told.lower():
            return printable(told[:40])
    return ""


def released_cell(node: NotebookNode) -> ReleasedCell:
    grade_id = str(node.metadata.get("nbgrader", {}).get("grade_id", "")) if template_cell(node) else ""
    return ReleasedCell(grade_id, node.cell_type, node.source)


def template_cell(node: NotebookNode) -> TemplateCell | None:
    """The template of an nbgrader cell; None for a cell that nbgrader does not know."""
    if not (utils.is_grade(node) or utils.is_solution(node) or utils.is_locked(node) or utils.is_task(node)):
        return None
    metadata = json.loads(json.dumps(node.metadata.nbgrader))
    return TemplateCell(metadata["grade_id"], node.cell_type, node.source, utils.is_locked(node), metadata)


def answer_key(source: NotebookNode) -> Iterator[KeyCell]:
    """The cells that the answer key consists of: what is locked, the answers, and where the checks are.

    Demonstrations, answers that are graded by hand, ordinary test cells and what follows the last check are left out:
    no check may depend on them, but for a plot whose figure the check behind it looks at. So an ordinary nbgrader
    course, whose notebooks need not run through, has no key.
    """
    code = [node for node in source.cells if node.cell_type == "code"]
    plots = plot_cells(source)
    checks = [number for number, node in enumerate(code) if is_graded_check(node)]
    for node in code[: checks[-1] + 1 if checks else 0]:
        if is_graded_check(node):
            yield KeyCell(node.metadata.nbgrader.grade_id, node.source, True)
        elif grade_id_of(node) in plots or (
            not utils.is_grade(node) and (utils.is_solution(node) or utils.is_locked(node))
        ):
            yield KeyCell(node.metadata.nbgrader.grade_id, node.source, False)


def plot_cells(source: NotebookNode) -> set[str]:
    """The grade ids of the answers whose figures the check cell behind them looks at."""
    code = [node for node in source.cells if node.cell_type == "code"]
    pairs = pairwise(code)
    return {grade_id_of(a) for a, b in pairs if utils.is_solution(a) and is_graded_check(b) and LOOKS in b.source}


def grade_id_of(node: NotebookNode) -> str:
    return str(node.metadata.get("nbgrader", {}).get("grade_id", ""))


def is_graded_check(node: NotebookNode) -> bool:
    """Whether a cell of the source notebook is a `%%check` cell that carries points."""
    return bool(utils.is_grade(node) and not utils.is_solution(node) and is_check_cell(node.source))
