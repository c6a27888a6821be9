"""Looks at an assignment without running it: markers, check cells, names, points."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from nbformat import NotebookNode
from nbgrader import utils

from autograder.checking.bindings import bindings_of
from autograder.checking.cell import Check, CheckCell, CheckCellError, is_check_cell
from autograder.checking.import_analysis import module_paths, named_modules
from autograder.checking.regions import HIDDEN_TESTS, MARK_SCHEME, REGIONS, SOLUTION, Region, slips
from autograder.course.topics import topics_of

__all__ = ["Problem", "place", "structure_problems"]


@dataclass(frozen=True)
class Problem:
    """Something that keeps an assignment from being released: where, and what to do about it."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


def structure_problems(notebooks: Mapping[Path, NotebookNode]) -> Iterator[Problem]:
    """Every authoring mistake in the source notebooks of an assignment, which are given by their paths."""
    tests: dict[str, str] = {}
    for path, notebook in notebooks.items():
        for problem in notebook_problems(notebook, path, tests):
            several = len(notebooks) > 1 and problem.where != path.name
            yield replace(problem, where=f"{path.name}, {problem.where}") if several else problem


def notebook_problems(notebook: NotebookNode, path: Path, tests: dict[str, str]) -> Iterator[Problem]:
    """The problems of one notebook; `tests` collects the names of tests that are taken, with their cells."""
    if "forbidden" in notebook.metadata.get("autograder", {}):
        text = "modules that answers may not use are named in the setup cell: %forbid MODULE…"
        yield Problem(path.name, text)
    checked: list[str] = []
    has_checks = any(cell.cell_type == "code" and is_check_cell(cell.source) for cell in notebook.cells)
    for number, cell in enumerate(notebook.cells, start=1):
        where = place(number, cell)
        found = chain(marker_problems(cell), forbid_problems(cell), topic_problems(cell))
        yield from (Problem(where, text) for text in found)
        if cell.cell_type == "code" and is_check_cell(cell.source):
            yield from (Problem(where, text) for text in check_problems(cell, tests, checked))
        if cell.cell_type == "code" and utils.is_locked(cell) and not utils.is_grade(cell):
            checked += imported_from(cell.source, path.parent)
        if utils.is_solution(cell) and not utils.is_grade(cell):
            checked += defined(cell.source) or [str(cell.metadata.nbgrader.grade_id)]
            if has_checks and not SOLUTION.opens(cell.source):
                yield Problem(where, "the answer is not between ### BEGIN SOLUTION and ### END SOLUTION")
    yield from lending_problems(notebook)


def lending_problems(notebook: NotebookNode) -> Iterator[Problem]:
    """Lent answers that this check cell or a later one calls as the student's: the student could keep a lent one."""
    cells = [
        (place(number, cell), CheckCell(cell.source))
        for number, cell in enumerate(notebook.cells, start=1)
        if cell.cell_type == "code" and is_check_cell(cell.source)
    ]
    try:
        checks = [(where, check.tests(), check.called().names) for where, check in cells]
    except CheckCellError:
        return
    for index, (where, tests, _) in enumerate(checks):
        for test, name in [(lending, name) for lending in tests for name in lending.given]:
            users = [later for later, _, names in checks[index:] if name in names]
            if users:
                which = "this cell" if users[0] == where else users[0]
                yield Problem(where, f"line {test.line}: {test.name} lends {name}, which {which} checks")


def defined(source: str) -> list[str]:
    """The functions and classes that an answer cell defines: its own and, say, its derivative."""
    return re.findall(r"^(?:def|class) (\w+)", source, re.MULTILINE)


def imported_from(source: str, folder: Path) -> list[str]:
    """The names that a cell imports from modules in `folder`."""
    imported = [
        (name, binding.imported) for name, meanings in bindings_of(source) for binding in meanings if binding.imported
    ]
    return [
        name
        for name, used in imported
        if any((folder / path).is_file() for path in module_paths(used.rpartition(".")[0]))
    ]


def place(number: int, cell: NotebookNode) -> str:
    """A cell as its author finds it: number from 1, and grade id if it has one."""
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
    return f"cell {number}" + (f" ({grade_id})" if grade_id else "")


def marker_problems(cell: NotebookNode) -> Iterator[str]:
    """Markers that are nested, unopened, unclosed, or in a cell where they mean nothing."""
    yield from (slip.text for slip in slips(cell.source))
    for region in REGIONS:
        if region.opens(cell.source) or region.end in cell.source:
            yield from misplaced(cell, region)


def misplaced(cell: NotebookNode, region: Region) -> Iterator[str]:
    """A region in a cell whose nbgrader flags keep it in the release."""
    if region is SOLUTION and not utils.is_solution(cell):
        yield "a solution in a cell that is not marked as one would be released to students"
    if region is HIDDEN_TESTS and not (utils.is_grade(cell) and not utils.is_solution(cell)):
        yield "hidden tests in a cell that is not a grade cell would be released to students"
    replaced_whole = utils.is_solution(cell) and not SOLUTION.opens(cell.source)
    if region is MARK_SCHEME and not (utils.is_task(cell) or replaced_whole):
        yield "nbgrader keeps a mark scheme here in the release: write it inside the solution instead"


def forbid_problems(cell: NotebookNode) -> Iterator[str]:
    """A `%forbid` line that grading would not obey."""
    named = named_modules(cell.source) if cell.cell_type == "code" else []
    if named and not utils.is_locked(cell):
        yield "%forbid is obeyed in locked cells only, such as the setup cell"
    for name in named:
        if not all(part.isidentifier() for part in name.split(".")):
            yield f"%forbid takes modules by name, with spaces between them, and {name!r} is none"


def topic_problems(cell: NotebookNode) -> Iterator[str]:
    """A tag that the report on the term cannot use."""
    topics = topics_of(cell)
    if "" in topics:
        yield "the tag topic: names no topic: write it behind the colon, as in topic:gradients"
    if topics and not (utils.is_grade(cell) or utils.is_task(cell)):
        yield "a topic is the tag of a cell with points, such as a check cell: here it would count nowhere"


def check_problems(cell: NotebookNode, tests: dict[str, str], answers: list[str]) -> Iterator[str]:
    """The problems of a check cell; `tests` collects the names that are taken, `answers` are the earlier answers."""
    if not (utils.is_grade(cell) and utils.is_locked(cell)):
        yield "a %%check cell must be a grade cell, locked, with points"
        return
    check = CheckCell(cell.source)
    try:
        found = check.tests()
    except CheckCellError as error:
        yield str(error)
        return
    if not found:
        yield "there is no test in this check cell: define a function test_…"
    elif not sum(test.weight for test in found) > 0:
        yield "no test in this check cell weighs anything, so its points would be for nothing"
    for line in check.revealing_lines():
        advice = "hide the test, or leave `right` and `reasons` out"
        yield f"line {line}: students read here which options are right: {advice}"
    for test in found:
        if test.name in tests:
            yield f"line {test.line}: {test.name} is the name of a test in {tests[test.name]} too: take another"
        tests[test.name] = str(cell.metadata.nbgrader.grade_id)
        if test.hidden and test.line not in check.hidden_lines():
            yield f"line {test.line}: {test.name} is hidden only in part: put all of it between the markers"
        yield from test_problems(test, answers)


def test_problems(test: Check, answers: list[str]) -> Iterator[str]:
    """The problems of a single test."""
    if test.weight < 0:
        yield f"line {test.line}: {test.name} weighs less than nothing: @points takes a number from 0 up"
    for name in test.given:
        if name not in answers:
            yield f"line {test.line}: {test.name} lends {name}, which is not an earlier answer"
