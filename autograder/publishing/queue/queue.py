"""The answers that wait for a person, question by question."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook.groups import notice_given
from autograder.gradebook.waiting import QueuedAnswer, State, read_answers
from autograder.publishing.class_results import graded_assignment
from autograder.text import in_points

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Part", "QuestionQueue", "answers_waiting", "queue_of", "queue_table", "read_queue"]

Part = tuple[int, int]  # the first of three parts is (1, 3)


@dataclass(frozen=True)
class QuestionQueue:
    """A question that a person grades: how many answers wait, are graded, and are as they were released."""

    question: str
    max_score: float
    waiting: int
    graded: int
    empty: int

    def data(self) -> dict[str, Any]:
        return asdict(self)


def read_queue(course: Course, name: str) -> list[QueuedAnswer]:
    """The answers to all questions of an assignment that a person grades; what was given since the last command is
    noticed first. Raises AutograderError if the gradebook does not know the assignment."""
    with graded_assignment(course, name) as session:
        notice_given(course, session, name)
        return read_answers(session, name)


def queue_of(answers: list[QueuedAnswer]) -> list[QuestionQueue]:
    """The questions by name."""
    counts: dict[str, Counter[State]] = {}
    points = {answer.question: answer.max_score for answer in answers}
    for answer in answers:
        counts.setdefault(answer.question, Counter())[answer.state] += 1
    states = (State.WAITS, State.GRADED, State.EMPTY)
    return [QuestionQueue(name, points[name], *(counts[name][state] for state in states)) for name in sorted(counts)]


def answers_waiting(answers: list[QueuedAnswer], question: str, part: Part) -> list[QueuedAnswer]:
    """The answers to one question that wait, or a part of them: the same answers, however many are graded meanwhile.
    Raises AutograderError for a question that no person grades."""
    if question not in (known := sorted({answer.question for answer in answers})):
        raise AutograderError(
            f"No question {question!r} is graded by hand. Questions: {', '.join(known) or 'none was answered yet'}."
        )
    number, parts = part
    waiting = (answer for answer in answers if answer.question == question and answer.state is State.WAITS)
    return [answer for answer in waiting if int(answer.key[1:], 16) % parts == number - 1]


def queue_table(name: str, questions: list[QuestionQueue]) -> Table:
    """A table for the terminal."""
    from rich.table import Table
    from rich.text import Text

    waiting = sum(question.waiting for question in questions)
    table = Table(title=f"{name}: {waiting} answer{'s' * (waiting != 1)} to grade by hand", title_justify="left")
    table.add_column("question")
    for column in ("points", "to grade", "graded", "no answer"):
        table.add_column(column, justify="right")
    for one in questions:
        numbers = (str(count or "") for count in (one.waiting, one.graded, one.empty))
        table.add_row(Text(one.question), in_points(one.max_score), *numbers)
    return table
