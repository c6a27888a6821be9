"""Whether an assignment may be released: its checks tell right from wrong, and nothing secret would go out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from sqlalchemy import select

from autograder.authoring.judging import Trial, judge_mistake, judge_right, judge_unsolved, trial_problems
from autograder.authoring.notebooks import notebook_from_text
from autograder.authoring.records import stale_records
from autograder.authoring.structure import Problem, structure_problems
from autograder.authoring.trials import Trials, Tried, Variant
from autograder.authoring.variants import answers, only_needed, unsolved_notebook, with_replaced
from autograder.checking.outcomes import GraderFault
from autograder.checking.regions import lines
from autograder.course.assignment import Assignment, Template
from autograder.course.comment_bank import read_bank
from autograder.course.course import Course
from autograder.course.entries import ALTERNATIVES, MISTAKES, Entry, read_entries
from autograder.course.made_from_text import text_path
from autograder.course.source_notebooks import load_assignment, source_notebook
from autograder.gradebook import tables
from autograder.gradebook.due_dates import time_is_over
from autograder.gradebook.gradebook import open_gradebook
from autograder.grading.course_errors import KEY_FAILS
from autograder.grading.preconditions import checked_limits, refuse_without_points
from autograder.submission.sanitize import restore
from autograder.workers import Pool, Workers

__all__ = ["validate"]

UNSOLVED = frozenset({"NotImplementedError"})


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
        for trial, wrong in run_trials(workers, trials):
            problems_of[trial.name] += wrong
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


def run_trials(workers: Pool[Variant, Tried], trials: list[Trial]) -> Iterator[tuple[Trial, list[Problem]]]:
    """Each trial with what was wrong with it, as they end."""
    trial_of = {id(trial.variant): trial for trial in trials}
    for variant, outcome in workers.results(trial.variant for trial in trials):
        trial = trial_of[id(variant)]
        yield trial, trial_problems(trial, outcome)
