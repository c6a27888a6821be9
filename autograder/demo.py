"""A class of made-up submissions to an assignment: right, wrong, unfinished, broken and hostile."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.authoring.new import new_assignment
from autograder.authoring.new_course import start_course
from autograder.checking.regions import lines
from autograder.course.course import CONFIG_FILE, Course
from autograder.course.entries import ALTERNATIVES, MISTAKES, Entry, read_entries
from autograder.course.source_notebooks import load_assignment
from autograder.errors import AutograderError

__all__ = ["NAME", "as_handed_in", "make_demo"]

NAME = "forecast"  # the assignment that a demo without a course grades
MARK = ".autograder-demo"
MARK_SCHEME = r"(?m)^(?:\*\*|# )Mark scheme"
SETTINGS = "\nc.Autograder.cell_seconds = 10\n"

Change = Callable[[NotebookNode], None]


def make_demo(folder: Path, course: Course | None = None, name: str = NAME) -> dict[str, str]:
    """Make a course of its own in `folder`, from the assignment `name` of `course` or a small one that is made for it;
    returns each student's story.

    Raises AutograderError if `folder` is something else than an earlier demo, or if `course` has no such assignment.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise AutograderError(f"{folder} is not an earlier demo, so nothing was written there: name another with -o.")
    if course is not None and not (course.source(name) / f"{name}.ipynb").is_file():
        raise AutograderError(f"There is no assignment {name} in {course.root} to make a demo of.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    if course is None:
        start_course(folder)
        new_assignment(folder, name)
    else:
        copy_assignment(course, name, folder)
    with (folder / CONFIG_FILE).open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    return write_class(Course(folder), name)


def copy_assignment(course: Course, name: str, folder: Path) -> None:
    """Copy an assignment and the course's settings; its release too, for PDFs with a fixed layout."""
    shutil.copyfile(course.root / CONFIG_FILE, folder / CONFIG_FILE)
    for found in (course.root / "assignments" / name, course.source(name), course.path("release", ".", name)):
        if found.is_dir():
            shutil.copytree(found, folder / found.relative_to(course.root))


def write_class(course: Course, name: str) -> dict[str, str]:
    """Write every student's notebook; returns who did what."""
    solved = as_handed_in(nbformat.read(course.source(name) / f"{name}.ipynb", as_version=4))
    stories: dict[str, str] = {}
    for student, (story, change) in everybody(course, name, solved).items():
        notebook = deepcopy(solved)
        change(notebook)
        target = course.path("submitted", student, name) / f"{name}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(notebook, target)
        stories[student] = story
    return stories


def as_handed_in(solved: NotebookNode) -> NotebookNode:
    """The answer key as a student would write it: answers for a person have no markers, and no mark scheme."""
    for cell in solved.cells:
        flags = cell.metadata.get("nbgrader", {})
        if flags.get("solution") and flags.get("grade"):
            answer = "\n".join(line.text for line in lines(cell.source) if line.inside and not line.marker)
            cell.source = re.split(MARK_SCHEME, answer)[0].strip()
    return solved


def everybody(course: Course, name: str, solved: NotebookNode) -> dict[str, tuple[str, Change]]:
    """The class: who they are, their story, and what makes their notebook differ from the answer key."""
    cells = load_assignment(course, name).notebooks[0].cells
    stubs = {cell.grade_id: cell.source for cell in cells}
    answers = [cell.grade_id for cell in cells if not cell.locked and cell.cell_type == "code"]
    functions = {answer: names for answer in answers if (names := functions_in(cell_of(solved, answer).source))}
    first, *_, last = functions
    folder = course.root / "assignments" / name
    right, wrong = (read_entries(folder / document) for document in (ALTERNATIVES, MISTAKES))
    class_: dict[str, tuple[str, Change]] = {"ada": ("everything right", lambda notebook: None)}
    for student, entry in zip(["alan"], right, strict=False):
        class_[student] = f"right in an unusual way: {entry.title}", replace(entry.replaces, entry.source)
    for student, entry in zip(["blaise", "carl", "emmy"], one_of_each(wrong), strict=False):
        class_[student] = f"a mistake: {entry.title}", replace(entry.replaces, entry.source)
    return class_ | {
        "frank": ("handed in the release, unsolved", lambda notebook: unsolve(notebook, stubs)),
        "grace": ("an answer that raises", replace(first, definitions(functions[first], RAISES))),
        "hedy": ("a loop without an end", replace(last, definitions(functions[last], ENDLESS))),
        "isaac": ("asks for all the memory there is", prepend(first, BOMB)),
        "john": ("ends the kernel", prepend(first, EXIT)),
        "kurt": ("a cheat: rewrites the check cells", rewrite_checks),
        "lofty": ("a cheat: breaks pytest, NumPy's testing and the kernel, and prints a score", cheat(PATCHES, stubs)),
        "mallory": (
            "a cheat: objects that say they equal everything",
            cheat(LIARS.format(names=[name for names in functions.values() for name in names]), stubs),
        ),
    }


def functions_in(source: str) -> list[str]:
    """The names of the functions that a cell defines; none if it is not plain Python."""
    try:
        return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    except SyntaxError:
        return []


def one_of_each(mistakes: list[Entry]) -> list[Entry]:
    """The first mistake in each answer, in order; then the others."""
    first = list({mistake.replaces: mistake for mistake in reversed(mistakes)}.values())[::-1]
    return [*first, *(mistake for mistake in mistakes if mistake not in first)]


def definitions(names: list[str], body: str) -> str:
    """Code that defines functions of these names."""
    return "\n\n".join(f"def {name}(*args, **kwargs):\n{body}" for name in names)


def cell_of(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def replace(grade_id: str, source: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        cell_of(notebook, grade_id).source = source

    return change


def prepend(grade_id: str, source: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        cell = cell_of(notebook, grade_id)
        cell.source = f"{source}\n{cell.source}"

    return change


def unsolve(notebook: NotebookNode, stubs: dict[str, str]) -> None:
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = stubs[cell.metadata["nbgrader"]["grade_id"]]


def rewrite_checks(notebook: NotebookNode) -> None:
    """Every check made trivial, its flags flipped and its points raised, and every answer left out."""
    for cell in notebook.cells:
        flags = cell.metadata.get("nbgrader", {})
        if flags.get("grade") and not flags.get("solution"):
            cell.source = "%%check\ndef test_nothing(student):\n    pass"
            flags.update(solution=True, locked=False, points=100)
            cell.metadata["tags"] = ["skip-execution"]
        elif flags.get("solution"):
            cell.source = "pass"


def cheat(source: str, stubs: dict[str, str]) -> Change:
    """An unsolved notebook with code that cheats before anything else."""

    def change(notebook: NotebookNode) -> None:
        unsolve(notebook, stubs)
        notebook.cells.insert(2, nbformat.v4.new_code_cell(source))

    return change


RAISES = "    return args[0].exp()"
ENDLESS = "    while True:\n        pass"
BOMB = "everything = bytearray(2**44)"
EXIT = "import os\nos._exit(0)"

PATCHES = """\
import builtins, sys, numpy.testing, pytest
from IPython import get_ipython
builtins.AssertionError = type("AssertionError", (Exception,), {})
numpy.testing.assert_allclose = lambda *a, **k: None
pytest.main = lambda *a, **k: 0
shell = get_ipython()
shell.input_transformers_cleanup.append(lambda lines: ["100.0\\n"])
shell.run_cell = lambda *a, **k: None
for n in range(3, 60):
    try:
        import os
        os.write(n, b'{"op": "return", "value": 1}')
    except OSError:
        pass
print("score: 100 / 100")"""

LIARS = """\
class Yes(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __array__(self, *a, **k):
        import numpy as np
        return np.zeros(())
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __sub__(self, other): return Yes(0)
    __rsub__ = __abs__ = __le__ = __lt__ = lambda self, *a: True
for name in {names}:
    globals()[name] = Yes(0)"""
