"""Feedback for a class: a page for every notebook of everybody who was graded, in nbgrader's place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import AutograderError
from autograder.files import write_atomic
from autograder.grading.course import Course
from autograder.publishing.doctree.parsed_notebook import ParsedNotebook, Regions, Unreadable, read
from autograder.publishing.feedback.student_page import digest_of, feedback_page, secret_regions
from autograder.publishing.results import Result, read_results

__all__ = ["Written", "write_feedback"]

# nbgrader's release_feedback knows by these whose feedback it is.
KEPT = ("timestamp.txt", "submission_secret.txt")
HEAD = 2_000


@dataclass
class Written:
    """Whose pages were written, whose were right already, who has not been graded, and where points are missing."""

    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    not_graded: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


def write_feedback(
    course: Course,
    name: str,
    students: Iterable[str] = (),
    *,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[str], None] = lambda student: None,
) -> Written:
    """Write feedback on `name` for `students`, or for all. Raises AutograderError for somebody who is not there."""
    regions, done = secret_regions(course.config), Written()
    graded = {student.student: student.results for student in read_results(course, name).students}
    submitted = course.students(name)
    wanted = sorted(set(students) or {*graded, *submitted})
    for student in wanted:
        if student not in graded and student not in submitted:
            raise AutograderError(f"{student} has submitted nothing for {name}, so there is no feedback to write.")
    on_start(len(wanted))
    for student in wanted:
        if student in graded:
            write_one(course, name, graded[student], regions, done)
        else:
            done.not_graded.append(student)
        on_done(student)
    return done


def write_one(course: Course, name: str, results: list[Result], regions: Regions, done: Written) -> None:
    """Write the pages of one submission, unless they are there and right."""
    student = results[0].student
    source, target = course.path("autograded", student, name), course.path("feedback", student, name)
    pages = dict(changed(source, target, results, regions))
    for file in KEPT:
        with suppress(OSError):
            pages[target / file] = (source / file).read_bytes()
    for path, content in pages.items():
        write_atomic(path, content)
    (done.written if any(path.suffix == ".html" for path in pages) else done.unchanged).append(student)
    if any(cell.score is None for result in results for cell in result.cells.values()):
        done.waiting.append(student)


def changed(source: Path, target: Path, results: list[Result], regions: Regions) -> Iterator[tuple[Path, bytes]]:
    """The pages that are not there yet, or not as they are now."""
    for result in results:
        try:
            notebook = read(source / f"{result.notebook}.ipynb")
        except (OSError, Unreadable):
            notebook = ParsedNotebook(())  # nothing was handed in that could be read: the page says so
        path = target / f"{result.notebook}.html"
        if digest_of(notebook, result, regions) not in head(path):
            yield path, feedback_page(notebook, result, regions).encode()


def head(path: Path) -> str:
    """The beginning of a page, where its digest stands."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(HEAD)
    except OSError:
        return ""
