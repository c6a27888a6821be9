"""Many submissions at once, on all cores."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from autograder.errors import AutograderError
from autograder.publishing.page_limits import first_that_works
from autograder.publishing.pdf.document import Paper
from autograder.publishing.pdf.export import Exported, Layout, Options, export, export_plain, pages_of_questions
from autograder.publishing.pdf.fixed import ROOM
from autograder.publishing.pdf.gradebook_results import with_results
from autograder.publishing.pdf.inputs import ExportInput, find_all

__all__ = ["export_many"]

Job = tuple[ExportInput, Path, Options, str]


def export_many(
    notebooks: Sequence[Path],
    output: Path | None = None,
    *,
    layout: Layout = "flow",
    paper: Paper = "letter",
    jobs: int = 1,
    anonymous: bool = False,
    release: Path | None = None,
    course: Path | None = None,
    room: int = ROOM,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[Exported], None] = lambda result: None,
) -> list[Exported]:
    """Export notebooks (`.ipynb` files, or folders with one) to PDF: one result for each, in the order given. One of
    several that holds no notebook has an error.

    `output` is a PDF file for one notebook, or a folder; None is beside the notebook. The questions of the released
    notebook `release` give the order and, with layout "fixed", the pages: as many as there and `room` more for each
    question, for everybody the same. In a course's folders the release is found by itself.

    `on_start` is called with the number of notebooks when all that was asked for is there, `on_done` with each result
    as it is ready. Raises AutograderError if a path does not exist, the only one holds no notebook, the fixed layout
    has no release, or the place for the PDFs cannot be written to.
    """
    options = Options(layout, paper, room)
    submissions = with_results(find_all(notebooks, release, anonymous=anonymous), course)
    outputs = name_outputs(submissions, output, anonymous)
    prepared = {sub.release: prepare(sub.release, options) for sub in submissions if not sub.problem}
    if output is not None or len(outputs) == 1:
        check_writable(outputs[0].parent)
    work = [
        (submission, path, prepared.get(submission.release, options), name_on_pages(submission, anonymous))
        for submission, path in zip(submissions, outputs, strict=True)
    ]
    results: dict[int, Exported] = {}
    on_start(len(work))
    for index, result in run_all(work, max(1, jobs)):
        results[index] = result
        on_done(result)
    return [results[index] for index in range(len(work))]


def prepare(release: Path | None, options: Options) -> Options:
    return replace(options, allotted=pages_of_questions(release, options)) if options.layout == "fixed" else options


def check_writable(folder: Path) -> None:
    """Make sure of the place for the PDFs before any is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise AutograderError(
            f"No PDF can be written into {folder} ({error.strerror}): give another place with -o."
        ) from None


def name_on_pages(submission: ExportInput, anonymous: bool) -> str:
    """The student as the pages' header says it, with the group of a graded submission."""
    if anonymous:
        return "anonymous"
    group = submission.result.group if submission.result else ""
    return f"{submission.student} · group {group}" if group else submission.student


def name_outputs(submissions: Sequence[ExportInput], output: Path | None, anonymous: bool) -> list[Path]:
    """A file for each submission, no two the same."""
    if output is not None and output.suffix.lower() == ".pdf" and not output.is_dir():
        if len(submissions) > 1:
            raise AutograderError(f"{len(submissions)} notebooks do not go into one file: give a folder to -o.")
        return [output]
    names = anonymous_names(submissions) if anonymous else student_names(submissions)
    return [
        (output or submission.notebook.parent) / f"{name}.pdf"
        for submission, name in zip(submissions, names, strict=True)
    ]


def student_names(submissions: Sequence[ExportInput]) -> list[str]:
    several = len({submission.assignment for submission in submissions}) > 1
    names: list[str] = []
    for submission in submissions:
        parts = [submission.student, submission.assignment if several or not submission.student else ""]
        name = base = "-".join(filter(None, parts)).replace("/", "-") or "notebook"
        count = 2
        while name in names:
            name, count = f"{base}-{count}", count + 1
        names.append(name)
    return names


def anonymous_names(submissions: Sequence[ExportInput]) -> list[str]:
    """Numbers in an order that says nothing about names, and is the same each time."""
    digests = [hashlib.sha256(content(submission)).hexdigest() for submission in submissions]
    order = sorted(range(len(submissions)), key=lambda index: (digests[index], index))
    numbers = {index: number for number, index in enumerate(order, 1)}
    return [f"submission-{numbers[index]:03}" for index in range(len(submissions))]


def content(submission: ExportInput) -> bytes:
    try:
        return b"" if submission.problem else submission.notebook.read_bytes()
    except OSError:  # one that cannot be read is reported when its turn comes
        return b""


def run_all(work: Sequence[Job], jobs: int) -> Iterator[tuple[int, Exported]]:
    """Results as they come. A notebook that ends its process takes no other with it, and is drawn plainly."""
    for (index, job), result in first_that_works((try_export, try_export_plain), enumerate(work), jobs):
        yield index, result or Exported(job[0], job[1], error="drawing it crashed or took too long")


def try_export(numbered: tuple[int, Job]) -> Exported:
    return exported(export, numbered[1])


def try_export_plain(numbered: tuple[int, Job]) -> Exported:
    return exported(export_plain, numbered[1])


def exported(work: Callable[[ExportInput, Path, Options, str], Exported], job: Job) -> Exported:
    try:
        return work(*job)
    except Exception as error:
        return Exported(job[0], job[1], error=f"{type(error).__name__}: {error}")
