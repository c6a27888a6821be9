"""What must come of a trial of validation, and what is wrong if something else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.authoring.structure import Problem, place
from autograder.authoring.trials import Tried, Variant
from autograder.authoring.variants import is_check
from autograder.checking.cell import is_check_cell
from autograder.checking.outcomes import Verdict
from autograder.course.entries import Entry
from autograder.grading.course_errors import remedy
from autograder.submission.cell_grades import ordinary
from autograder.text import in_points

__all__ = ["Trial", "judge_mistake", "judge_right", "judge_unsolved", "raised_problems", "trial_problems"]


@dataclass(frozen=True)
class Trial:
    """One notebook to grade for validation, and what must come of it with every seed. Only errors in `may_raise` may
    be shown (None: any); ordinary test cells must give all their points if it is `solved`, or none if it is not."""

    name: str
    variant: Variant
    judge: Callable[[Trial, list[Verdict]], Iterator[Problem]]
    entry: Entry | None = None
    may_raise: frozenset[str] | None = frozenset()
    solved: bool | None = None


def trial_problems(trial: Trial, outcome: Tried | BaseException) -> list[Problem]:
    """What is wrong with how a trial ended."""
    if isinstance(outcome, BaseException):
        return [Problem(trial.name, str(outcome) or type(outcome).__name__)]
    notebook, rounds, faults = outcome
    problems = [Problem(trial.name, fault) for fault in faults] or verdict_problems(trial, rounds)
    return [*problems, *raised_problems(trial, notebook), *ordinary_problems(trial, notebook)]


def verdict_problems(trial: Trial, rounds: list[list[Verdict]]) -> list[Problem]:
    """What is wrong with the verdicts of all rounds, each problem once."""
    return list(dict.fromkeys(problem for verdicts in rounds for problem in trial.judge(trial, verdicts)))


def raised_problems(trial: Trial, notebook: NotebookNode) -> Iterator[Problem]:
    """Errors that cells show and may not. Ordinary test cells are judged by their points."""
    for number, name, text in errors(notebook):
        if trial.may_raise is not None and name not in trial.may_raise and not is_check(notebook.cells[number - 1]):
            allowed = f" (only {', '.join(trial.may_raise)} may be raised)" if trial.may_raise else ""
            mend = remedy(f"{name}: {text}")
            yield Problem(trial.name, f"cell {number} raises {name}: {text}{allowed}{mend and '. '}{mend}")


def ordinary_problems(trial: Trial, notebook: NotebookNode) -> Iterator[Problem]:
    """Ordinary test cells that fail with the answers or do not give all their points, or that give any without them.
    The first error before the first test that fails may be its cause, and is told, too."""
    error_of = {number: f"{name}: {text}".split("\n")[0].rstrip(": ") for number, name, text in errors(notebook)}
    failed = False
    for number, cell in enumerate(notebook.cells, start=1):
        if trial.solved is None or not is_check(cell) or cell.cell_type != "code" or is_check_cell(cell.source):
            continue
        grade = ordinary(cell)
        got = f"{in_points(grade.score or 0.0)} of {in_points(grade.max_score)} points"
        if trial.solved and (grade.score != grade.max_score or number in error_of):
            first = min(error_of, default=number)
            if not failed and first < number:
                yield Problem(
                    trial.name,
                    f"{place(first, notebook.cells[first - 1])} raises {error_of[first]}, which may be why tests fail",
                )
            failed = True
            reason = error_of.get(number) or why_not_all(cell, grade.score)
            yield Problem(trial.name, f"{place(number, cell)} gives {got}, but the answers are right: {reason}")
        if not trial.solved and grade.score:
            yield Problem(trial.name, f"{place(number, cell)} gives {got} without an answer")


def why_not_all(cell: NotebookNode, score: float | None) -> str:
    """Why a test cell without an error does not give all its points."""
    if any(output.output_type == "stream" and output.name == "stderr" for output in cell.outputs):
        return "it writes to stderr, for which nbgrader gives no points"
    return "it shows a number that cannot be its score" if score is None else "it shows this score"


def judge_right(trial: Trial, verdicts: list[Verdict]) -> Iterator[Problem]:
    """Right code gets full marks."""
    for verdict in verdicts:
        if not (verdict.passed or verdict.void):
            yield Problem(trial.name, f"loses {verdict.name}, but is right: {verdict.detail or verdict.message}")


def judge_unsolved(trial: Trial, verdicts: list[Verdict]) -> Iterator[Problem]:
    """The release scores nothing."""
    for verdict in verdicts:
        if verdict.passed:
            yield Problem(trial.name, f"passes {verdict.name} without an answer")


def judge_mistake(trial: Trial, verdicts: list[Verdict]) -> Iterator[Problem]:
    """A mistake loses exactly what its entry says, but for void checks, and its student is told what it says."""
    assert trial.entry is not None
    void = {v.name for v in verdicts if v.void}
    lost, expected = {v.name for v in verdicts if not v.passed} - void, set(trial.entry.loses) - void
    if not trial.entry.says:
        yield Problem(trial.name, "tells its student nothing: write :says:")
    if not lost and not trial.entry.loses:
        yield Problem(trial.name, "loses no check, so that nobody is told: mend a check, or move it to alternatives.md")
    if expected - lost:
        yield Problem(trial.name, f"passes {', '.join(sorted(expected - lost))}, which it should lose")
    if lost - expected:
        yield Problem(trial.name, f"loses {', '.join(sorted(lost - expected))} too, which it does not name")
    texts = [f"{v.description} {v.message}" for v in verdicts if v.name in lost]
    if lost and trial.entry.says and not any(trial.entry.says.lower() in text.lower() for text in texts):
        yield Problem(trial.name, f"its student is not told {trial.entry.says!r}, but: {' | '.join(texts)}")


def errors(notebook: NotebookNode) -> Iterator[tuple[int, str, str]]:
    """Number, name and text of every error that a cell shows."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                yield number, output.ename, output.evalue
