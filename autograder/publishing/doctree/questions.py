"""The questions of an assignment, found by nbgrader's grade ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from autograder.publishing.doctree.parsed_notebook import ParsedCell

__all__ = ["NotebookPart", "Question", "arrange", "questions_of"]

HEADING = re.compile(r"#{1,6}\s+(?P<text>\S.*)")
FENCE = re.compile(r"\s*(```|~~~)")
WORTH = re.compile(r"\s*\([^()]*\bpoints?\b[^()]*\)\s*$")
MOST_READ, LONGEST_HEADING = 200, 80


@dataclass(frozen=True)
class Question:
    """One question: the grade ids of its answers and checks, and its points. `heading` is the notebook's own name of
    it, empty where the notebook does not number its questions: two numbers for one would confuse."""

    grade_ids: tuple[str, ...]
    title: str
    points: float
    heading: str = ""

    @property
    def name(self) -> str:
        """The name that people use."""
        return self.heading or self.title


@dataclass(frozen=True)
class NotebookPart:
    """Cells that stay together: a question, or (question None) what comes before or after them."""

    cells: tuple[ParsedCell, ...]
    question: Question | None = None


def questions_of(cells: Sequence[ParsedCell]) -> list[Question]:
    """The questions in order. A question starts at an answer; the checks that follow belong to it."""
    members: list[list[ParsedCell]] = []
    headings: list[str] = []
    closed, heading = True, ""
    seen: set[str] = set()
    for cell in cells:
        if cell.kind == "markdown" and not cell.is_graded:
            heading = heading_of(cell.source) or heading
        # A copied cell keeps its grade id, and belongs to the question of the first.
        if not (cell.is_answer or cell.is_graded) or cell.grade_id in ("", *seen):
            continue
        seen.add(cell.grade_id)
        # Answers without a check between them (a function and its derivative) are one question.
        if not members or (cell.is_answer and closed):
            members.append([])
            headings.append(heading)
            heading = ""
        members[-1].append(cell)
        closed = cell.is_graded
    questions = [make_question(cells) for cells in members]
    if not any(letter.isdigit() for heading in headings for letter in heading):
        return questions
    pairs = zip(questions, headings, strict=True)
    return [replace(question, heading=heading or question.title) for question, heading in pairs]


def heading_of(source: str) -> str:
    """The last heading of a text, without its remark on points; empty if it has none."""
    found, in_code = "", False
    for line in source.split("\n"):
        in_code ^= bool(FENCE.match(line))
        match = None if in_code else HEADING.fullmatch(line[:MOST_READ].rstrip("# "))
        found = match["text"] if match else found
    return re.sub(r"[`*$]", "", WORTH.sub("", found)).strip()[:LONGEST_HEADING]


def make_question(cells: list[ParsedCell]) -> Question:
    answers = [cell.grade_id for cell in cells if cell.is_answer] or [cells[0].grade_id]
    ids = tuple(cell.grade_id for cell in cells)
    return Question(ids, ", ".join(answers), sum(cell.points for cell in cells))


def arrange(cells: Sequence[ParsedCell], questions: Sequence[Question]) -> list[NotebookPart]:
    """A notebook's cells, question by question in the given order.

    Prose introduces the next question of its notebook. What comes before the heading of the
    first question, and after the last question, are parts of their own.
    """
    if not questions:
        return [NotebookPart(tuple(cells))]
    owners = owners_of(cells, questions)
    first = next((at for at, owner in enumerate(owners) if owner is not None), None)
    last = max((at for at, owner in enumerate(owners) if owner is not None), default=-1)
    start = len(cells) if first is None else start_of_first(cells, first)
    following = next_owner(owners)
    members: list[list[ParsedCell]] = [[] for _ in questions]
    for at in range(start, last + 1):
        members[following[at]].append(cells[at])
    parts = [NotebookPart(tuple(cells[:start]))]
    parts += [
        NotebookPart(tuple(of_question), question) for of_question, question in zip(members, questions, strict=True)
    ]
    parts.append(NotebookPart(tuple(cells[max(start, last + 1) :])))
    return [part for part in parts if part.cells or part.question]


def owners_of(cells: Iterable[ParsedCell], questions: Sequence[Question]) -> list[int | None]:
    known = {grade_id: number for number, question in enumerate(questions) for grade_id in question.grade_ids}
    return [known.get(cell.grade_id) if cell.grade_id else None for cell in cells]


def next_owner(owners: Sequence[int | None]) -> list[int]:
    following, current = [], 0
    for owner in reversed(owners):
        current = current if owner is None else owner
        following.append(current)
    return following[::-1]


def start_of_first(cells: Sequence[ParsedCell], first: int) -> int:
    headings = [at for at in range(first) if cells[at].kind == "markdown" and cells[at].source.lstrip().startswith("#")]
    return headings[-1] if headings else first
