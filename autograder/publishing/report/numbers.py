"""Counts over a class, as plain data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autograder.checking.outcomes import Outcome
from autograder.publishing.class_results import CellResult, CheckResult, NotebookResult

__all__ = [
    "WEAK_STUDENT",
    "CheckNumbers",
    "CommonMistake",
    "CountedSubmission",
    "Points",
    "QuestionNumbers",
    "cause_without_details",
    "check_numbers",
    "points_so_far",
    "question_numbers",
    "summary",
]

WEAK_STUDENT = 0.4  # of the points: whoever has less needs help
# With fewer, a coefficient says more about chance than about the check.
ENOUGH = 8
KINDS = 3
MAX_KIND = 160
NUMBER = re.compile(r"(?<![\w])-?\d[\d.,]*(?:e[-+]?\d+)?(?!\w)")
NOT_DEFINED = re.compile(r"raised NameError: name '(\w+)' is not defined")
UNNAMED = "wrong, and no cause is named"
# Messages of a check whose question was not answered, and of one that names no cause. An answer that had to be stopped,
# or that ended the kernel, is an answer: it is wrong.
NO_ANSWER = ("Not done yet:", "There is no ")
NO_CAUSE = (UNNAMED, "The values are wrong")


@dataclass(frozen=True)
class CountedSubmission:
    """A student's submission as the report counts it: the results of its notebooks. `wanted` are the names that the
    answers should define."""

    student: str
    results: list[NotebookResult]
    wanted: frozenset[str] = frozenset()

    @property
    def refused(self) -> bool:
        """Whether nothing of it could be read."""
        return bool(self.results) and all(result.refused for result in self.results)

    @property
    def checked(self) -> float:
        """The points for checks alone, which everybody has who was graded."""
        checks = (check for _, cell, _ in self.cells() for check in cell.checks)
        return sum(check.points for check in checks if check.passed)

    def cells(self) -> Iterable[tuple[str, CellResult, bool]]:
        """The grade cells by name, with the notebook before it where there are several, and whether it was answered."""
        for result in self.results:
            prefix = f"{result.notebook}/" if len(self.results) > 1 else ""
            for name, cell in result.cells.items():
                answered = any(map(self.answers, cell.checks)) if cell.checks else name not in result.silent
                yield prefix + name, cell, answered and not result.refused

    def answers(self, check: CheckResult) -> bool:
        """Whether a check has seen an answer: its question was answered, and no code of the course's failed because an
        answer was missing."""
        missing = NOT_DEFINED.search(check.detail) if check.outcome is Outcome.RAISED else None
        return is_answered(check) and (missing is None or missing[1] not in self.wanted)


@dataclass(frozen=True)
class CommonMistake:
    """A known mistake, or else a message without its numbers, that `count` students have in common."""

    text: str
    count: int


@dataclass(frozen=True)
class CheckNumbers:
    """How a check did: `passed` of `of` students who answered; `ungraded` are those whose check could not be graded.

    `discrimination` is the correlation between passing it and the points for all other checks (the point-biserial
    coefficient, −1 to 1), None where there are too few students or all did the same.
    """

    question: str
    name: str
    description: str
    hidden: bool
    passed: int
    of: int
    ungraded: int
    discrimination: float | None
    mistakes: list[CommonMistake] = field(default_factory=list)

    @property
    def is_reversed(self) -> bool:
        """Whether the weak pass it and the strong do not, by more than chance makes it look (about 1 in 40)."""
        return self.discrimination is not None and self.discrimination < -2 / self.of**0.5


@dataclass(frozen=True)
class QuestionNumbers:
    """How a grade cell did: the mean of those who answered and are graded, in points and as a share of all that can
    be had, how many did not answer, how many wait for a person, and the most common mistake."""

    name: str
    max_score: float
    mean: float | None
    share: float | None
    unanswered: int
    waiting: int
    mistake: CommonMistake | None


def summary(values: Sequence[float]) -> dict[str, float]:
    """Mean, smallest, quartiles and largest."""
    if not values:
        return {}
    names = ("lowest", "lower quartile", "median", "upper quartile", "highest")
    numbers = dict(zip(names, np.percentile(values, [0, 25, 50, 75, 100]), strict=True))
    return {name: round(float(number), 4) for name, number in ({"mean": np.mean(values)} | numbers).items()}


@dataclass(frozen=True)
class Points:
    """The points, out of `max_score`, of every student whose grading is complete. Cells that are still to be graded for
    most students are left out for everybody (`open_cells`). Students who wait for another cell (`waiting`), or whose
    submission could not be read (`refused`), are left out."""

    scores: dict[str, float]
    max_score: float
    open_cells: list[str]
    waiting: list[str]
    refused: list[str]


def points_so_far(submissions: Sequence[CountedSubmission]) -> Points:
    """The class's points, without any zero that nobody gave."""
    read = [submission for submission in submissions if not submission.refused]
    cells = {submission.student: {name: cell for name, cell, _ in submission.cells()} for submission in read}
    waits = Counter(name for of_student in cells.values() for name, cell in of_student.items() if cell.score is None)
    still_open = [name for name, count in waits.items() if count > len(read) / 2]
    scores: dict[str, float] = {}
    for submission in read:
        given = [cell.score for name, cell in cells[submission.student].items() if name not in still_open]
        if None not in given:
            penalty = sum(result.late_penalty for result in submission.results)
            scores[submission.student] = max(0.0, sum(score for score in given if score is not None) - penalty)
    every = {name: cell.max_score for of_student in cells.values() for name, cell in of_student.items()}
    return Points(
        scores,
        sum(points for name, points in every.items() if name not in still_open),
        still_open,
        [submission.student for submission in read if submission.student not in scores],
        [submission.student for submission in submissions if submission.refused],
    )


def question_numbers(submissions: Sequence[CountedSubmission]) -> list[QuestionNumbers]:
    """The grade cells of an assignment, in its order."""
    cells: dict[str, list[tuple[CellResult, bool]]] = {}
    for submission in submissions:
        for name, cell, answered in submission.cells():
            cells.setdefault(name, []).append((cell, answered))
    return [one_question(name, of_question) for name, of_question in cells.items()]


def one_question(name: str, cells: list[tuple[CellResult, bool]]) -> QuestionNumbers:
    max_score = cells[0][0].max_score
    answers = [cell for cell, answered in cells if answered]
    scores = [cell.score for cell in answers if cell.score is not None]
    mean = float(np.mean(scores)) if scores else None
    share = mean / max_score if mean is not None and max_score else None
    # Each student once, however many checks of the cell have the same message.
    causes = Counter(kind for cell in answers for kind in {kind_of(check) for check in cell.checks if is_lost(check)})
    named = [CommonMistake(text, count) for text, count in causes.most_common() if not text.startswith(NO_CAUSE)]
    silent, waiting = len(cells) - len(answers), len(answers) - len(scores)
    return QuestionNumbers(name, max_score, mean, share, silent, waiting, named[0] if named else None)


def check_numbers(submissions: Sequence[CountedSubmission]) -> list[CheckNumbers]:
    """The checks of an assignment, in its order."""
    results: dict[tuple[str, str], list[tuple[CountedSubmission, CheckResult]]] = {}
    for submission in submissions:
        for cell_name, cell, _ in submission.cells():
            for check in filter(has_verdict, cell.checks):
                results.setdefault((cell_name, check.name), []).append((submission, check))
    return [one_check(question, name, of_check) for (question, name), of_check in results.items()]


def one_check(question: str, name: str, results: list[tuple[CountedSubmission, CheckResult]]) -> CheckNumbers:
    graded = [
        (submission, check)
        for submission, check in results
        if check.outcome is not Outcome.UNGRADED and submission.answers(check)
    ]
    passed = np.array([check.passed for _, check in graded], dtype=float)
    other_points = [submission.checked - check.points * check.passed for submission, check in graded]
    causes = Counter(kind_of(check) for _, check in graded if is_lost(check))
    first = results[0][1]
    return CheckNumbers(
        question,
        name,
        first.description,
        first.hidden,
        int(passed.sum()),
        len(graded),
        sum(check.outcome is Outcome.UNGRADED for _, check in results),
        correlation(passed, np.array(other_points)),
        [CommonMistake(text, count) for text, count in causes.most_common(KINDS)],
    )


def correlation(passed: np.ndarray, rest: np.ndarray) -> float | None:
    """The point-biserial coefficient, which is Pearson's where one variable is 0 or 1."""
    if len(passed) < ENOUGH or passed.std() < 1e-12 or rest.std() < 1e-12:
        return None
    return round(float(np.corrcoef(passed, rest)[0, 1]), 4)


def has_verdict(check: CheckResult) -> bool:
    """Whether a check counts: it is not void, neither now nor before it could run."""
    return not check.void and check.outcome is not Outcome.NOT_RUN


def is_answered(check: CheckResult) -> bool:
    return not check.message.startswith(NO_ANSWER) and has_verdict(check)


def is_lost(check: CheckResult) -> bool:
    return check.outcome in (Outcome.WRONG, Outcome.RAISED) and is_answered(check)


def kind_of(check: CheckResult) -> str:
    """The kind of failure that students have in common: a known mistake by its title, or the first sentence of a
    message without its numbers."""
    if check.mistake:
        return check.mistake[:MAX_KIND]
    sentence = re.split(r"(?<=[.!?])\s| — ", check.message.strip(), maxsplit=1)[0]
    return NUMBER.sub("…", sentence)[:MAX_KIND] or UNNAMED


def cause_without_details(check: CheckResult, question: str) -> str:
    """The cause that a lost check names, without its numbers and the name of the `question`, so that it can be found
    in another assignment; empty if none is named."""
    if not is_lost(check):
        return ""
    sentence = kind_of(replace(check, mistake=""))
    return "" if sentence.startswith(NO_CAUSE) else re.sub(rf"\b{re.escape(question)}\b", "…", sentence)
