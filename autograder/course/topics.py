"""Topics of questions: a grade cell with the tag `topic:gradients` is about gradients, in whatever assignment."""

from __future__ import annotations

from nbformat import NotebookNode
from nbgrader import utils

from autograder.course.course import Course
from autograder.course.source_notebooks import source_notebook

__all__ = ["Question", "read_topics", "topics_of"]

TAG = "topic:"
Question = tuple[str, str, str]  # assignment, notebook, grade id


def topics_of(cell: NotebookNode) -> list[str]:
    """The topics of a cell, each once; an empty text for a tag that names none."""
    tags = cell.metadata.get("tags", [])
    return list(dict.fromkeys(tag.removeprefix(TAG).strip() for tag in tags if tag.startswith(TAG)))


def read_topics(course: Course, name: str) -> dict[Question, list[str]]:
    """The topics of the questions of an assignment that have some, as its source has them today. Raises AutograderError
    for a notebook that cannot be read."""
    return {
        (name, path.stem, cell.metadata.nbgrader.grade_id): topics
        for path in sorted(course.source(name).glob("*.ipynb"))
        for cell in source_notebook(path).cells
        if (utils.is_grade(cell) or utils.is_task(cell)) and (topics := list(filter(None, topics_of(cell))))
    }
