"""Students' own modules: `.py` files of an assignment with a solution in them, which students complete and hand in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbgrader.preprocessors import ClearSolutions

from autograder.checking.regions import SOLUTION, slips
from autograder.course.course import Course
from autograder.course.release_steps import configured
from autograder.errors import AutograderError
from autograder.files import write_atomic
from autograder.text import decoded

__all__ = ["answer_modules", "released_module", "write_released"]

RECORD_STEP = "AddRecords"  # the step of nbgrader's release that takes solutions out of modules


def answer_modules(files: Mapping[str, bytes], course: Course, assignment: str) -> dict[str, bytes]:
    """Those of an assignment's files that are modules with a solution. Raises AutograderError if nbgrader's own
    commands would hand the solution out, or would grade it in the place of a student's."""
    found = {name: data for name, data in files.items() if name.endswith(".py") and SOLUTION.begin.encode() in data}
    for name, data in found.items():
        for slip in slips(decoded(data), [SOLUTION]):
            raise AutograderError(f"{course.source(assignment) / name}, line {slip.line}: {slip.text}.")
    if missing := found.keys() - course.own_files(assignment):
        raise AutograderError(
            f"{', '.join(sorted(missing))} of {assignment} has a solution, so students complete it: add the line "
            f"c.Autograde.exclude_overwriting = {{{assignment!r}: {sorted(found)}}} to {course.config_file}."
        )
    if found and RECORD_STEP not in [step.__name__ for step in configured(course)]:
        raise AutograderError(
            f"nbgrader would release the solution in {', '.join(sorted(found))} of {assignment}: add the line "
            "c.GenerateAssignment.preprocessors.append('autograder.authoring.record_step.AddRecords') to "
            f"{course.config_file}."
        )
    return found


def released_module(data: bytes, course: Course) -> bytes:
    """A module as students get it: nbgrader's step clears it as it clears a cell."""
    flags = {"schema_version": 3, "grade_id": "module", "solution": True, "grade": False, "locked": False}
    cell = nbformat.v4.new_code_cell(decoded(data), metadata={"nbgrader": flags | {"task": False}})
    notebook, _ = ClearSolutions(config=course.config).preprocess(nbformat.v4.new_notebook(cells=[cell]), {})
    return str(notebook.cells[0].source).encode()


def write_released(folder: Path, files: Mapping[str, bytes], modules: Mapping[str, bytes]) -> None:
    """Put the modules of a release in `folder` in their places, without the solutions that nbgrader has copied."""
    for name in modules:
        write_atomic(folder / name, files[name])
