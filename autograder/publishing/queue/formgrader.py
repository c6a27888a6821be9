"""nbgrader's socket for the mark scheme and comments beside an answer in formgrader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.coursedir import CourseDirectory

from autograder.course.comment_bank import BankComment, comments_on, read_bank
from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.publishing.doctree.parsed_notebook import ParsedCell
from autograder.publishing.queue.mark_schemes import read_mark_schemes
from autograder.text import in_points

__all__ = ["MarkSchemes"]

HEAD = "*Answer key and mark scheme (for graders only)*"
COMMENTS = "*Comments to copy, with their keys*"


class MarkSchemes(Preprocessor):  # type: ignore[misc]
    """Puts the answer key with its mark scheme, and the comments of comments.md, below each answer that a person
    grades; for `c.HTMLExporter.preprocessors`, before HarmlessOutputs."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook with more cells, if formgrader shows it: its resources say of which assignment it is."""
        if assignment := resources.get("assignment_id"):
            try:
                beside = cells_beside(self.course(), assignment, resources["notebook_id"])
            except AutograderError as error:
                nb.cells.insert(0, new_markdown_cell(str(error)))
            else:
                nb.cells = [new for cell in nb.cells for new in (cell, *beside.get(grade_id(cell), ()))]
        return nb, resources

    def course(self) -> Course:
        """The course that formgrader shows, from the configuration that it has read. Looking for one above the notebook
        could run a student's."""
        return Course(Path(CourseDirectory(config=self.config).root), self.config.copy())


def grade_id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def cells_beside(course: Course, assignment: str, notebook: str) -> dict[str, list[NotebookNode]]:
    """The cells below each question of a notebook. Raises AutograderError for a comments.md that is amiss."""
    schemes = read_mark_schemes(course, assignment)
    bank = read_bank(course, assignment, {question for _, question in schemes})
    return {
        question: list(cells_of(scheme, comments_on(bank, question)))
        for (name, question), scheme in schemes.items()
        if name == notebook
    }


def cells_of(scheme: ParsedCell, comments: list[BankComment]) -> Iterator[NotebookNode]:
    if scheme.kind == "code":
        yield new_markdown_cell(HEAD)
        yield new_code_cell(scheme.source)
    else:
        yield new_markdown_cell(f"{HEAD}\n\n{scheme.source}")
    if comments:
        yield new_markdown_cell("\n".join([COMMENTS, "", *map(line_of, comments)]))


def line_of(comment: BankComment) -> str:
    points = f" {in_points(comment.points)}" if comment.points else ""
    return f"- `{comment.key}`{points}: {comment.text}"
