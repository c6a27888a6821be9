"""A class of made-up submissions to the softmax assignment: right, wrong, unfinished, broken and hostile."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.errors import AutograderError
from autograder.grading.assignment import load_assignment
from autograder.grading.course import CONFIG_FILE, Course
from autograder.grading.examples import mistakes_path, read_examples

__all__ = ["make_demo"]

NAME = "softmax"
MARK = ".autograder-demo"
MISTAKEN = ("softmax", "softmax_loss", "softmax_loss_and_grad")
SETTINGS = "\nc.Autograder.cell_seconds = 10\n"

Change = Callable[[NotebookNode], None]


def make_demo(course: Course, folder: Path) -> dict[str, str]:
    """Make a course of its own in `folder` from the softmax assignment of `course`; returns each student's story.

    Raises AutograderError if `folder` is something else than an earlier demo.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise AutograderError(f"{folder} is not an earlier demo, so nothing was written there: name another with -o.")
    source = course.source(NAME)
    if not (source / f"{NAME}.ipynb").is_file():
        raise AutograderError(f"The demo grades {NAME}, and there is no {source}: run it in a clone of the project.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    shutil.copytree(source, folder / "source" / NAME)
    released = course.path("release", ".", NAME)
    if released.is_dir():  # for PDFs with a fixed layout
        shutil.copytree(released, folder / "release" / NAME)
    known = mistakes_path(course.root, NAME)
    if known.is_file():  # so that they are named
        target = mistakes_path(folder, NAME)
        target.parent.mkdir(parents=True)
        shutil.copyfile(known, target)
    (folder / CONFIG_FILE).write_text((course.root / CONFIG_FILE).read_text(encoding="utf-8") + SETTINGS)
    return write_class(course, folder)


def write_class(course: Course, folder: Path) -> dict[str, str]:
    """Write every student's notebook; returns who did what."""
    solved = nbformat.read(course.source(NAME) / f"{NAME}.ipynb", as_version=4)
    stubs = {cell.grade_id: cell.source for cell in load_assignment(course, NAME).notebooks[0].cells}
    stories: dict[str, str] = {}
    for student, (story, change) in everybody(course, stubs).items():
        notebook = deepcopy(solved)
        change(notebook)
        target = folder / "submitted" / student / NAME / f"{NAME}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(notebook, target)
        stories[student] = story
    return stories


def everybody(course: Course, stubs: dict[str, str]) -> dict[str, tuple[str, Change]]:
    """The class: who they are, their story, and what makes their notebook differ from the answer key."""
    examples = course.root / "assignments" / NAME
    right = read_examples(examples / "alternatives.md")
    wrong = read_examples(examples / "mistakes.md")
    mistakes = [next(e for e in wrong if e.replaces == name) for name in MISTAKEN]
    class_: dict[str, tuple[str, Change]] = {
        "ada": ("everything right", lambda notebook: None),
        "alan": (f"right in an unusual way: {right[0].title}", replace(right[0].replaces, right[0].source)),
        "blaise": (f"a mistake: {mistakes[0].title}", replace(mistakes[0].replaces, mistakes[0].source)),
        "carl": (f"a mistake: {mistakes[1].title}", replace(mistakes[1].replaces, mistakes[1].source)),
        "emmy": (f"a mistake: {mistakes[2].title}", replace(mistakes[2].replaces, mistakes[2].source)),
        "frank": ("handed in the release, unsolved", lambda notebook: unsolve(notebook, stubs)),
        "grace": ("an answer that raises", replace("softmax", RAISES)),
        "hedy": ("a loop without an end", replace("predict", ENDLESS)),
        "isaac": ("asks for all the memory there is", prepend("softmax_loss", BOMB)),
        "john": ("ends the kernel", prepend("softmax_loss", EXIT)),
    }
    return class_ | {
        "kurt": ("a cheat: rewrites the check cells", rewrite_checks),
        "lofty": ("a cheat: breaks pytest, NumPy's testing and the kernel, and prints a score", cheat(PATCHES, stubs)),
        "mallory": ("a cheat: objects that say they equal everything", cheat(LIARS, stubs)),
    }


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


RAISES = "def softmax(a):\n    return a.exp() / a.exp().sum(1)"
ENDLESS = "def predict(W, b, X):\n    while True:\n        pass"
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
for name in ("likelihood scores softmax softmax_loss softmax_jacobian softmax_loss_and_grad predict "
             "square_loss hinge_loss smooth_labels kl_divergence").split():
    globals()[name] = Yes(0)"""
