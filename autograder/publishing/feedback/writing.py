"""Feedback for a class: a page for every notebook of everybody who was graded, in nbgrader's place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.files import write_atomic
from autograder.publishing.class_results import NotebookResult, read_results
from autograder.publishing.feedback.student_page import PLAIN_MARK, PageJob, made_pages, secret_regions
from autograder.publishing.news import read_news

__all__ = ["FeedbackRun", "write_feedback"]

# nbgrader's release_feedback knows by these whose feedback it is.
KEPT = ("timestamp.txt", "submission_secret.txt")
HEAD = 2_000


@dataclass
class FeedbackRun:
    """Whose pages were written, whose were right already, who has not been graded, where points are missing, and whose
    notebook could not be drawn, so that the page has its text only."""

    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    not_graded: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)


def write_feedback(
    course: Course,
    name: str,
    students: Iterable[str] = (),
    *,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[str], None] = lambda student: None,
) -> FeedbackRun:
    """Write feedback on `name` for `students`, or for all. Raises AutograderError for somebody who is not there."""
    done, news = FeedbackRun(), read_news(course, name)
    results = {
        student: [replace(result, changed=news.for_reader((student, result.notebook))) for result in notebooks]
        for student, notebooks in results_for(course, name, students).items()
    }
    on_start(len(results))
    pages: dict[str, list[PageJob]] = {}
    for student, notebooks in results.items():
        if not notebooks:
            done.not_graded.append(student)
        elif changed := list(changed_pages(course, name, student, notebooks)):
            done.written.append(student)
            pages[student] = changed
        else:
            done.unchanged.append(student)
        if any(cell.score is None for result in notebooks for cell in result.cells.values()):
            done.waiting.append(student)
        copy_kept(course, name, student)
        if student not in pages:
            on_done(student)
    for student in write_pages(pages, done.plain):
        on_done(student)
    news.keep((student, result.notebook) for student, notebooks in results.items() for result in notebooks)
    return done


def results_for(course: Course, name: str, students: Iterable[str]) -> dict[str, list[NotebookResult]]:
    """The results of each student's notebooks; none for a student who has not been graded, or whose graded notebook is
    gone, as after `nbgrader autograde` has failed."""
    graded = {student.student: student.results for student in read_results(course, name).students}
    submitted = course.students(name)
    wanted = sorted(set(students) or {*graded, *submitted})
    for student in wanted:
        if student not in graded and student not in submitted:
            raise AutograderError(f"{student} has submitted nothing for {name}, so there is no feedback to write.")
    with_notebook = {student for student in wanted if course.path("autograded", student, name).is_dir()}
    return {student: graded.get(student, []) if student in with_notebook else [] for student in wanted}


def changed_pages(course: Course, name: str, student: str, results: list[NotebookResult]) -> Iterator[PageJob]:
    """The pages that are not there yet, or not as they are now."""
    regions = secret_regions(course.config)
    source, target = course.path("autograded", student, name), course.path("feedback", student, name)
    for result in results:
        notebook, page = source / f"{result.notebook}.ipynb", target / f"{result.notebook}.html"
        job = PageJob(notebook, page, result, regions, course.secret)
        if job.digest not in head(job.target):
            yield job


def write_pages(pages: Mapping[str, list[PageJob]], plain: list[str]) -> Iterator[str]:
    """Write the pages, and say whose are all there; `plain` gets those whose notebook could not be drawn."""
    left = {student: len(jobs) for student, jobs in pages.items()}
    for job, page in made_pages([job for jobs in pages.values() for job in jobs]):
        student = job.result.student
        write_atomic(job.target, page)
        if PLAIN_MARK in page and student not in plain:
            plain.append(student)
        left[student] -= 1
        if not left[student]:
            yield student


def copy_kept(course: Course, name: str, student: str) -> None:
    for file in KEPT:
        with suppress(OSError):
            content = (course.path("autograded", student, name) / file).read_bytes()
            write_atomic(course.path("feedback", student, name) / file, content)


def head(path: Path) -> str:
    """The beginning of a page, where its digest stands."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(HEAD)
    except OSError:
        return ""
