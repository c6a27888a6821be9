"""nbgrader's own steps of a release, as the course has configured them: from an instructor's notebook to the one that
nbgrader saves in its database, and to the one that students get. The data that nbgrader passes from step to step is its
own business; it is made up and read here alone, and tests/course/test_release_steps.py compares it with that of
nbgrader's own commands."""

from __future__ import annotations

import copy
import shlex
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.nbgraderformat import SchemaTooOldError
from nbgrader.preprocessors import SaveCells
from traitlets.utils.importstring import import_item

from autograder.course.cell_metadata import refuse_wrong_cells
from autograder.course.course import Course
from autograder.errors import AutograderError

__all__ = ["Names", "configured", "names_in", "prepared", "released", "resources_of"]

SAVE = SaveCells.__name__


def prepared(source: NotebookNode, path: Path, course: Course) -> NotebookNode:
    """The source notebook at `path` as nbgrader saves it in its database: autotests made, locked, solutions cleared,
    checksums set. Raises AutograderError if a step fails."""
    return after(source, path, course, saved_only=True)


def released(source: NotebookNode, path: Path, course: Course) -> NotebookNode:
    """The source notebook at `path` as students get it. Raises AutograderError if a step fails."""
    return after(source, path, course, saved_only=False)


def after(source: NotebookNode, path: Path, course: Course, *, saved_only: bool) -> NotebookNode:
    """The notebook after nbgrader's steps, or after those before it is saved."""
    refuse_wrong_cells(source, path)
    steps = configured(course)
    steps = steps[: [step.__name__ for step in steps].index(SAVE)] if saved_only else steps
    notebook = copy.deepcopy(source)
    resources = resources_of(path, course)
    with chdir(course.root):  # where nbgrader looks for the course's autotests.yml
        for step in steps:
            if step.__name__ == SAVE or getattr(step, "only_for_students", False):
                continue
            try:
                notebook, resources = step(config=course.config).preprocess(notebook, resources)
            except Exception as error:
                if isinstance(error, SchemaTooOldError):
                    older = f"{path} has cells in an older format of nbgrader's"
                    raise AutograderError(f"{older}: run `nbgrader update {shlex.quote(str(path))}` once.") from None
                why = str(error).strip() or f"{type(error).__name__}, see what nbgrader says above"
                raise AutograderError(f"{path}: nbgrader's step {step.__name__} fails: {why}") from None
    return notebook


def resources_of(path: Path, course: Course) -> dict[str, Any]:
    """The resources that nbgrader's steps get for the source notebook at `path`."""
    about = {"notebook": path.stem, "assignment": path.parent.name, "student": ".", "db_url": course.db_url}
    return {"metadata": {"path": str(path.parent), "name": path.stem}, "nbgrader": about}


class Names(NamedTuple):
    """Which notebook of nbgrader's a step is given, and whose."""

    assignment: str
    student: str
    notebook: str


def names_in(resources: dict[str, Any]) -> Names:
    """What nbgrader's own commands pass to a step beside the notebook."""
    return Names(*(resources["nbgrader"][key] for key in Names._fields))


def configured(course: Course) -> list[Any]:
    """The classes of the steps. Raises AutograderError for a step that cannot be had, and if none of them saves."""
    steps = GenerateAssignment(coursedir=course.directory, config=course.config).preprocessors
    try:
        found = [import_item(step) if isinstance(step, str) else step for step in steps]
    except ImportError as error:
        raise AutograderError(f"{course.config_file}: c.GenerateAssignment.preprocessors: {error}.") from None
    if SAVE not in [getattr(step, "__name__", "") for step in found]:
        raise AutograderError(f"{course.config_file}: c.GenerateAssignment.preprocessors has no {SAVE}: put it back.")
    return found
