"""Whether an assignment may be released: its checks tell right from wrong, and nothing secret would go out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, dropwhile
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils
from sqlalchemy import select

from autograder.authoring.notebooks import notebook_from_text
from autograder.authoring.records import stale_records
from autograder.authoring.structure import Problem, place, structure_problems
from autograder.authoring.trials import Trials, Tried, Variant
from autograder.checking.cell import is_check_cell
from autograder.checking.outcomes import GraderFault, Verdict
from autograder.checking.regions import lines
from autograder.course.affected import affected_checks, with_answer
from autograder.course.assignment import Assignment, Template
from autograder.course.comment_bank import read_bank
from autograder.course.course import Course
from autograder.course.entries import ALTERNATIVES, MISTAKES, Entry, read_entries
from autograder.course.made_from_text import text_path
from autograder.course.source_notebooks import load_assignment, plot_cells, source_notebook
from autograder.gradebook import tables
from autograder.gradebook.due_dates import time_is_over
from autograder.gradebook.gradebook import open_gradebook
from autograder.grading.course_errors import KEY_FAILS, remedy
from autograder.grading.preconditions import checked_limits, refuse_without_points
from autograder.submission.cell_grades import ordinary
from autograder.submission.sanitize import restore
from autograder.text import in_points
from autograder.workers import Pool, Workers

__all__ = ["answers", "only_needed", "validate", "with_replaced"]

UNSOLVED = frozenset({"NotImplementedError"})


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


def validate(
    course: Course,
    name: str,
    *,
    seeds: int,
    released: bool = True,
    on_start: Callable[[int], None] = lambda total: None,
    on_done: Callable[[str], None] = lambda what: None,
    on_note: Callable[[str], None] = lambda line: None,
) -> list[Problem]:
    """Every problem of the assignment `name`; none means that it may be released. `released` asks that a release that
    is there is up to date; once students are done with it, that is only a note for `on_note`. Raises AutograderError if
    there is no such assignment, and for a document beside the text that cannot be read."""
    paths = sorted(course.source(name).glob("*.ipynb"))
    sources = {path: source_notebook(path) for path in paths}
    problems = [*text_problems(course, name, sources), *structure_problems(sources)]
    if problems:
        return problems
    assignment = load_assignment(course, name)
    refuse_without_points(assignment)
    read_bank(course, name, questions_by_hand(assignment))
    for template, source in zip(assignment.notebooks, sources.values(), strict=True):
        problems += release_problems(source, template)
    problems += module_problems(assignment)
    if released:
        stale = list(stale_release(course, name, assignment))
        if stale and students_are_done(course, name):
            enough = f"For the others `autograder grade {name}` is enough."
            for problem in stale:
                on_note(f"Note: {problem} for those who still work on it. {enough}")
        else:
            problems += stale
    trials = list(all_trials(course.root / "assignments" / name, list(sources.values()), assignment, problems))
    on_start(len(trials))
    secrets = [f"validation {number}".encode() for number in range(seeds)]
    work = Trials(assignment, secrets, checked_limits(course))
    with Workers(min(course.settings.jobs or os.cpu_count() or 1, len(trials)), work) as workers:
        problems_of: dict[str, list[Problem]] = {trial.name: [] for trial in trials}
        for trial, trial_problems in run_trials(workers, trials):
            problems_of[trial.name] += trial_problems
            on_done(trial.name)
    return list(key_failure_once([*problems, *chain.from_iterable(problems_of.values())]))


def key_failure_once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems, with a failure of the answer key, which every trial meets, for the first of them only."""
    told: set[str] = set()
    for problem in problems:
        if problem.text not in told:
            yield problem
        if problem.text.startswith(KEY_FAILS):
            told.add(problem.text)


def questions_by_hand(assignment: Assignment) -> list[str]:
    """The grade ids of the answers that a person grades."""
    cells = [cell for template in assignment.notebooks for cell in template.cells]
    return [cell.grade_id for cell in cells if cell.graded and cell.nbgrader.get("solution")]


def text_problems(course: Course, name: str, sources: Mapping[Path, NotebookNode]) -> Iterator[Problem]:
    """The text and the notebook made from it must say the same, and no other notebook may be beside it."""
    text, path = text_path(course.root, name), course.source(name) / f"{name}.ipynb"
    if not text.is_file() or not sources:
        return
    yield from (
        Problem(str(other), f"{text.name} makes one notebook: move this one away") for other in sources if other != path
    )
    if path not in sources or contents(notebook_from_text(text)) != contents(sources[path]):
        yield Problem(
            str(path.relative_to(course.root)),
            f"is not what {text.relative_to(course.root)} says: "
            f"run `autograder make {name}` (with --text, if the notebook was edited)",
        )


def contents(notebook: NotebookNode) -> list[tuple[str, str, Any]]:
    return [(cell.cell_type, cell.source, cell.metadata.get("nbgrader")) for cell in notebook.cells]


def release_problems(source: NotebookNode, template: Template) -> Iterator[Problem]:
    """Lines of solutions, hidden tests and mark schemes must not be in the release, wherever they came from."""
    released = {cell.grade_id: cell.source for cell in template.release if cell.grade_id}
    for number, cell in enumerate(source.cells, start=1):
        text = released.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""), "")
        secret, public = split_lines(cell.source)
        for line in sorted(secret - public):
            if line in text.split("\n"):
                yield Problem(f"cell {number}", f"the release still holds this line: {line.strip()!r}")
        if any(line.marker for line in lines(text)):
            yield Problem(f"cell {number}", "the release still holds a marker")


def module_problems(assignment: Assignment) -> Iterator[Problem]:
    """Lines of a module's solution must not be in the module that students get."""
    for name, data in assignment.modules.items():
        secret, public = split_lines(data.decode(errors="replace"))
        released = assignment.files[name].decode(errors="replace").split("\n")
        for line in sorted((secret - public) & set(released)):
            yield Problem(name, f"the release still holds this line: {line.strip()!r}")


def stale_release(course: Course, name: str, assignment: Assignment) -> Iterator[Problem]:
    """A release whose check cells compare with another version of the answer key. What is wrong with an answer key that
    does not run, its own trial says."""
    for template in assignment.notebooks:
        path = course.path("release", ".", name) / f"{template.name}.ipynb"
        if not path.is_file():
            continue
        try:
            stale = sorted(stale_records(source_notebook(path), template, assignment, checked_limits(course)))
        except GraderFault:
            continue
        if stale:
            where = str(path.relative_to(course.root)) if path.is_relative_to(course.root) else str(path)
            text = f"the recorded answers are not today's ({', '.join(stale)}): run `autograder release {name}`"
            yield Problem(where, text)


def students_are_done(course: Course, name: str) -> bool:
    """Whether everybody's time for the assignment is over; without a due date, whether somebody was graded."""
    if course.gradebook_file and not course.gradebook_file.is_file():
        return False  # opening it would make one
    with open_gradebook(course) as gradebook:
        until = time_is_over(gradebook.db, name)
        if until is not None:
            return until < datetime.now(UTC).replace(tzinfo=None)
        graded = select(tables.graded.c.student).where(tables.graded.c.assignment == name).limit(1)
        return gradebook.db.execute(graded).first() is not None


def split_lines(source: str) -> tuple[set[str], set[str]]:
    """The lines inside marked regions that say something, and the lines outside of them."""
    secret: set[str] = set()
    public: set[str] = set()
    for line in lines(source):
        (secret if line.inside and not line.marker and line.text.strip() else public).add(line.text)
    return secret, public


def all_trials(
    folder: Path, sources: Sequence[NotebookNode], assignment: Assignment, problems: list[Problem]
) -> Iterator[Trial]:
    """The answers and the release in full, then every alternative and mistake with just what the checks need."""
    pairs = list(zip(assignment.notebooks, sources, strict=True))
    for template, source in pairs:
        yield from whole_trials(template, source, assignment)
    bare = [(template, only_needed(source)) for template, source in pairs if template.has_checks]
    for document, judge in ((ALTERNATIVES, judge_right), (MISTAKES, judge_mistake)):
        for entry in read_entries(folder / document):
            where, answer = f"{document}, {entry.title!r}", entry.replaces
            matching = [(t, notebook) for t, notebook in bare if answer in {*answers(notebook), *assignment.modules}]
            if not matching:
                problems.append(
                    Problem(where, f"replaces {answer}, which is not an answer cell of a notebook with check cells")
                )
            for template, notebook in matching:
                variant = with_replaced(notebook, template, answer, entry.source)
                yield Trial(where, variant, judge, in_notebook(entry, template, assignment), None)


def whole_trials(template: Template, source: NotebookNode, assignment: Assignment) -> Iterator[Trial]:
    """A notebook as its author has solved it, and as it is released. Without check cells, as in a course of nbgrader's,
    other cells than the tests may show any error."""
    where = f"{template.name}.ipynb, " if len(assignment.notebooks) > 1 else ""
    key = Variant(template.name, restore(deepcopy(source), template))
    files = {name: assignment.files[name] for name in assignment.modules} | assignment.released_notebooks(template)
    stubs = Variant(template.name, restore(unsolved_notebook(source, template), template), files)
    nothing, unfinished = (frozenset[str](), UNSOLVED) if template.has_checks else (None, None)
    yield Trial(f"{where}the answer key", key, judge_right, may_raise=nothing, solved=True)
    yield Trial(f"{where}the release", stubs, judge_unsolved, may_raise=unfinished, solved=False)


def in_notebook(entry: Entry, template: Template, assignment: Assignment) -> Entry:
    """An entry without the tests that are in other notebooks of the assignment."""
    elsewhere = {
        test.name
        for other in assignment.others(template)
        for cell in other.cells
        if cell.is_check
        for test in cell.check.tests()
    }
    return replace(entry, loses=tuple(test for test in entry.loses if test not in elsewhere))


def with_replaced(bare: NotebookNode, template: Template, answer: str, source: str) -> Variant:
    """The notebook to try with another source of an answer cell, and the checks that can see it, or of a module."""
    if answer.endswith(".py"):
        return Variant(template.name, restore(bare, template), {answer: source.encode()})
    changed = with_affected_checks(restore(bare, template), answer, source)
    changed.cells = from_answer(changed.cells, answer)
    return Variant(template.name, changed, start=answer if changed.cells else "")


def answers(notebook: NotebookNode) -> set[str]:
    """The grade ids of the cells that students answer in code and that checks look at."""
    return {
        cell.metadata.nbgrader.grade_id
        for cell in notebook.cells
        if cell.cell_type == "code" and utils.is_solution(cell) and not utils.is_grade(cell)
    }


def unsolved_notebook(source: NotebookNode, template: Template) -> NotebookNode:
    """The notebook with every answer as it is released."""
    stubs = {cell.grade_id: cell.source for cell in template.cells}
    notebook = deepcopy(source)
    for cell in notebook.cells:
        if utils.is_solution(cell):
            cell.source = stubs[cell.metadata.nbgrader.grade_id]
    return notebook


def only_needed(source: NotebookNode) -> NotebookNode:
    """The notebook without demonstrations and answers that are graded by hand, but for plots that checks look at."""
    notebook, plots = deepcopy(source), plot_cells(source)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code" and "nbgrader" in cell.metadata]
    for cell in notebook.cells:
        if utils.is_solution(cell) and utils.is_grade(cell) and cell.metadata.nbgrader.grade_id not in plots:
            cell.source = ""
    return notebook


def with_affected_checks(notebook: NotebookNode, answer: str, source: str) -> NotebookNode:
    """The notebook with another source of an answer, and with no other checks than those that can see it, as far as the
    last of them. The others find what they find in the answer key; to run them for each of many entries would take
    several times as long."""
    wanted = affected_checks(notebook, answer, source)
    changed = with_answer(notebook, answer, source)
    cells = [cell for cell in changed.cells if not is_check(cell) or cell.metadata.nbgrader.grade_id in wanted]
    while cells and not is_check(cells[-1]):
        cells.pop()
    return NotebookNode(changed, cells=cells)


def from_answer(cells: list[NotebookNode], answer: str) -> list[NotebookNode]:
    """The cells from an answer on: none, if no check is behind it."""
    return list(dropwhile(lambda cell: cell.metadata.nbgrader.grade_id != answer, cells))


def is_check(cell: NotebookNode) -> bool:
    """Whether this is a test cell, ours or nbgrader's."""
    return bool(utils.is_grade(cell) and utils.is_locked(cell))


def run_trials(workers: Pool[Variant, Tried], trials: list[Trial]) -> Iterator[tuple[Trial, list[Problem]]]:
    """Each trial with what was wrong with it, as they end."""
    trial_of = {id(trial.variant): trial for trial in trials}
    for variant, outcome in workers.results(trial.variant for trial in trials):
        trial = trial_of[id(variant)]
        if isinstance(outcome, BaseException):
            yield trial, [Problem(trial.name, str(outcome) or type(outcome).__name__)]
            continue
        notebook, rounds, faults = outcome
        problems = [Problem(trial.name, fault) for fault in faults] or verdict_problems(trial, rounds)
        yield trial, [*problems, *raised_problems(trial, notebook), *ordinary_problems(trial, notebook)]


def verdict_problems(trial: Trial, rounds: list[list[Verdict]]) -> list[Problem]:
    """What is wrong with the verdicts of the first round, and of any other round that found something else."""
    problems_of_rounds = [list(trial.judge(trial, verdicts)) for verdicts in rounds]
    return list({str(problem): problem for problems in problems_of_rounds for problem in problems}.values())


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
