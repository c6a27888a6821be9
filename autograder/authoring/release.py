"""Makes the release that students get, with nbgrader's own generate_assignment."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from traitlets import TraitError

from autograder.authoring.install_cell import add_install_lines, check_address
from autograder.authoring.record_step import AddRecords
from autograder.authoring.records import add_records
from autograder.authoring.structure import place
from autograder.checking.outcomes import GraderFault
from autograder.checking.regions import slips
from autograder.course.answer_modules import write_released
from autograder.course.course import Course
from autograder.course.locking import course_lock
from autograder.course.source_files import refuse_private, remove_hidden, source_paths
from autograder.course.source_notebooks import load_assignment, source_notebook
from autograder.errors import AutograderError
from autograder.files import atomic_dir
from autograder.gradebook.gradebook import make_gradebook, refusals_explained
from autograder.grading.preconditions import checked_limits

__all__ = ["left_out", "release"]


def release(course: Course, name: str) -> None:
    """Write `release/NAME/` and record the assignment in the gradebook. Raises AutograderError for a misplaced marker,
    if nbgrader refuses, or if the release cannot be written; then the old release stays."""
    check_address(course.settings.wheel_url)
    for path in sorted(course.source(name).glob("*.ipynb")):
        refuse_misplaced_markers(path)
    target = course.path("release", ".", name)
    try:
        with course_lock(course.root), refusals_explained(course), TemporaryDirectory(prefix="release-") as scratch:
            make_gradebook(course)
            generated = generate(course, name, scratch)
            for notebook in generated.glob("*.ipynb"):
                add_install_lines(notebook, course.settings.wheel_url, course.settings.packages)
            record_answers(course, name, generated)
            with atomic_dir(target) as fresh:
                shutil.copytree(generated, fresh, dirs_exist_ok=True)
    except OSError as error:
        raise AutograderError(f"{target} cannot be written: {error.strerror or error}.") from None


def left_out(course: Course, name: str) -> list[str]:
    """Files of the source folder that a release lacks, perhaps against its author's will: nbgrader takes no notebook in
    a subfolder, and follows no link to a folder."""
    folder = course.source(name)
    nested = [path for path in source_paths(folder, course) if path.parent != folder and path.suffix == ".ipynb"]
    links = [path for path in source_paths(folder, course) if path.is_symlink() and path.is_dir()]
    return sorted(path.relative_to(folder).as_posix() for path in (*nested, *links))


def record_answers(course: Course, name: str, folder: Path) -> None:
    """Add the records of the answer key to the check cells in `folder`."""
    assignment, limits = load_assignment(course, name), checked_limits(course)
    remove_hidden(folder)
    refuse_private(folder, assignment.private)
    write_released(folder, assignment.files, assignment.modules)
    for template in assignment.notebooks:
        path = folder / f"{template.name}.ipynb"
        notebook = source_notebook(path)
        try:
            add_records(notebook, template, assignment, limits)
        except GraderFault as error:
            raise AutograderError(f"{path.name} could not be released: {error}") from None
        nbformat.write(notebook, path)


def is_ours(step: Any) -> bool:
    """Whether a step of nbgrader's is the one that records answers."""
    return step is AddRecords or step == f"{AddRecords.__module__}.{AddRecords.__name__}"


def refuse_misplaced_markers(path: Path) -> None:
    """Raise AutograderError for a marker that is nested, unopened or never closed, naming its cell."""
    for number, cell in enumerate(source_notebook(path).cells, start=1):
        for slip in slips(cell.source):
            raise AutograderError(f"{path}, {place(number, cell)}: {slip.text}.")


def generate(course: Course, name: str, folder: str) -> Path:
    """Have nbgrader write the release below `folder`, and return where. nbgrader first removes an earlier one."""
    directory = course.directory
    try:
        directory.assignment_id, directory.notebook_id = name, "*"
    except TraitError:
        raise AutograderError(f"{name} cannot be released: nbgrader takes no name of an assignment with a +.") from None
    before, directory.release_directory = directory.release_directory, folder
    converter = GenerateAssignment(coursedir=directory, config=course.config)
    converter.force = True
    # nbgrader would not pass on the sentence that says what cannot be recorded.
    converter.preprocessors = [step for step in converter.preprocessors if not is_ours(step)]
    converter.log.setLevel(logging.ERROR)
    try:
        converter.start()
        return course.path("release", ".", name)
    except NbGraderException as error:
        raise AutograderError(f"nbgrader could not release {name}: {str(error).rstrip('.')}.") from None
    finally:
        directory.release_directory = before
