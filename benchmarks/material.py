"""The classes that are graded, in the form that each grader wants: the same students with the same answers.

light     three tiny questions with a visible and a hidden test each; every second student gets one wrong.
softmax   the assignment of this repository; each student has the answer key with one answer replaced by an entry of
          mistakes.md or alternatives.md. Stock nbgrader and otter-grader cannot run its checks: there they are one
          assertion each, that the answer is defined, so the others do less than autograder does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.course.entries import Entry, read_entries

__all__ = ["CLASSES", "ROOT", "expected_scores", "write_nbgrader", "write_otter", "write_ours"]

ROOT = Path(__file__).parents[1]
NAME = "work"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}

OURS = """\
c = get_config()
c.CourseDirectory.course_id = "benchmark"
c.Autograde.sanitize_preprocessors = ["autograder.grading.preprocessors.Restore"]
c.Autograde.autograde_preprocessors = ["autograder.grading.preprocessors.Grade"]
"""
STOCK = 'c = get_config()\nc.CourseDirectory.course_id = "benchmark"\nc.ExecutePreprocessor.timeout = 60\n'


@dataclass(frozen=True)
class Question:
    """A function to write, its solution, a wrong one, and two calls that are compared with `equal`."""

    name: str
    solution: str
    wrong: str
    visible: str
    hidden: str


LIGHT = (
    Question("mean", "return np.sum(a) / len(a)", "return np.sum(a)", "mean(np.array([1.0, 3.0]))", "mean(np.ones(7))"),
    Question("double", "return 2 * a", "return a", "double(21)", "double(np.arange(4))"),
    Question("largest", "return max(a)", "return a[0]", "largest([1, 5, 2])", "largest([-3, -1])"),
)
ANSWERS = {
    "mean(np.array([1.0, 3.0]))": "2.0",
    "mean(np.ones(7))": "1.0",
    "double(21)": "42",
    "double(np.arange(4))": "np.array([0, 2, 4, 6])",
    "largest([1, 5, 2])": "5",
    "largest([-3, -1])": "-1",
}
POINTS = 2


def cell(grade_id: str, source: str, **about: Any) -> NotebookNode:
    """A code cell of nbgrader's; what is not said in `about` is off."""
    flags = {"grade": False, "solution": False, "locked": False, "task": False} | about
    return nbformat.v4.new_code_cell(
        source, metadata={"nbgrader": {"schema_version": 3, "grade_id": grade_id, **flags}}
    )


def notebook(cells: list[NotebookNode]) -> NotebookNode:
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    for number, inside in enumerate(book.cells):
        inside["id"] = f"cell-{number}"
    return book


def function(question: Question, body: str) -> str:
    return f"def {question.name}(a):\n    {body}"


def our_test(question: Question) -> str:
    """The question's tests as a check cell."""
    called = question.hidden.removeprefix(question.name)
    return f'''\
%%check
def test_{question.name}(student):
    """An example."""
    assert_close(student.{question.visible}, {ANSWERS[question.visible]})

### BEGIN HIDDEN TESTS
def test_{question.name}_like_the_answer_key(student, reference):
    """Another example."""
    assert_close(student.{question.name}{called}, reference.{question.name}{called})
### END HIDDEN TESTS'''


def stock_test(question: Question) -> str:
    """The question's tests as an ordinary test cell."""
    visible, hidden = (f"assert np.allclose({call}, {ANSWERS[call]})" for call in (question.visible, question.hidden))
    return f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"


def light_source(test: Callable[[Question], str]) -> NotebookNode:
    """The instructor's notebook of the light class."""
    cells = [cell("setup", "import numpy as np", locked=True)]
    for question in LIGHT:
        solution = f"### BEGIN SOLUTION\n    {question.solution}\n    ### END SOLUTION"
        cells.append(cell(question.name, function(question, solution), solution=True))
        cells.append(cell(f"{question.name}_checks", test(question), grade=True, locked=True, points=POINTS))
    return notebook(cells)


def light_answers(number: int) -> dict[str, str]:
    """What student `number` writes: an odd one has one wrong answer."""
    wrong = LIGHT[number // 2 % len(LIGHT)] if number % 2 else None
    return {q.name: function(q, q.wrong if q is wrong else q.solution) for q in LIGHT}


@cache
def softmax_source() -> NotebookNode:
    return nbformat.read(ROOT / "source/softmax/softmax.ipynb", as_version=4)


def is_check(node: NotebookNode) -> bool:
    return bool(node.cell_type == "code" and node.source.startswith("%%check"))


def is_test(node: NotebookNode) -> bool:
    about = node.metadata.get("nbgrader", {})
    return bool(about.get("grade") and not about.get("solution"))


def is_answer(node: NotebookNode) -> bool:
    return bool(node.metadata.get("nbgrader", {}).get("solution"))


def copied(book: NotebookNode) -> NotebookNode:
    return nbformat.from_dict(nbformat.reads(nbformat.writes(book), as_version=4))


def softmax_stock_source() -> NotebookNode:
    """The softmax notebook for graders without check cells: of each check, that the answer is there."""
    book = copied(softmax_source())
    for before, node in itertools.pairwise(book.cells):
        if is_check(node):
            node.source = (
                f"assert {before.metadata.get('nbgrader', {}).get('grade_id', 'np')}" if is_answer(before) else ""
            )
    return book


# The thirty-eighth measures slopes where a formula is asked for: a minute and a half of one processor for it alone.
DIFFERENT = 30


@cache
def entries() -> list[Entry]:
    folder = ROOT / "assignments/softmax"
    return read_entries(folder / "mistakes.md") + read_entries(folder / "alternatives.md")


def softmax_answers(number: int) -> dict[str, str]:
    entry = entries()[number % DIFFERENT]
    return {entry.replaces: entry.source}


def submitted(source: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """A student's notebook: the source with these answers."""
    book = copied(source)
    for node in book.cells:
        grade_id = node.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            node.source = answers[grade_id]
    return book


@dataclass(frozen=True)
class Class:
    """A class: the instructor's notebook for autograder and for stock graders, and what each student answers."""

    ours: Callable[[], NotebookNode]
    stock: Callable[[], NotebookNode]
    answers: Callable[[int], dict[str, str]]


CLASSES = {
    "light": Class(lambda: light_source(our_test), lambda: light_source(stock_test), light_answers),
    "softmax": Class(softmax_source, softmax_stock_source, softmax_answers),
}


def students(size: int) -> Iterator[tuple[int, str]]:
    return ((number, f"s{number:05}") for number in range(size))


def expected_scores(size: int) -> dict[str, float]:
    """What every grader must find for the light class."""
    return {student: float(POINTS * (len(LIGHT) - number % 2)) for number, student in students(size)}


def write_course(
    folder: Path, config: str, source: NotebookNode, answers: Callable[[int], dict[str, str]], size: int
) -> None:
    """A course of nbgrader's with its submissions."""
    paths = {folder / "source" / NAME / f"{NAME}.ipynb": source}
    paths |= {
        folder / "submitted" / student / NAME / f"{NAME}.ipynb": submitted(source, answers(number))
        for number, student in students(size)
    }
    for path, book in paths.items():
        path.parent.mkdir(parents=True)
        nbformat.write(book, path)
    (folder / "nbgrader_config.py").write_text(config)


def write_ours(folder: Path, name: str, size: int) -> None:
    """The class for autograder."""
    write_course(folder, OURS, CLASSES[name].ours(), CLASSES[name].answers, size)


def write_nbgrader(folder: Path, name: str, size: int) -> None:
    """The class for stock nbgrader."""
    write_course(folder, STOCK, CLASSES[name].stock(), CLASSES[name].answers, size)


def write_otter(folder: Path, name: str, size: int) -> None:
    """The class for otter-grader: a notebook for each student, and an autograder.zip as `otter generate` makes it."""
    source = CLASSES[name].stock()
    tests = {}
    for node in filter(is_test, source.cells):
        tests[node.metadata.nbgrader.grade_id] = otter_test(node.metadata.nbgrader.grade_id, node.source)
    bare = notebook([node for node in source.cells if not is_test(node)])
    folder.mkdir(parents=True)
    for number, student in students(size):
        path = folder / student / f"{NAME}.ipynb"
        path.parent.mkdir()
        nbformat.write(submitted(bare, CLASSES[name].answers(number)), path)
    (folder / "tests").mkdir()
    for grade_id, text in tests.items():
        (folder / "tests" / f"{grade_id}.py").write_text(text)


def otter_test(grade_id: str, source: str) -> str:
    """A test file of otter's: one test case for each assertion of a stock test cell."""
    lines = [line for line in source.split("\n") if line.startswith("assert ")]
    cases = "".join(
        f"@test_case(points={POINTS / len(lines):g}, hidden={bool(number)})\n"
        f"def test_{number}(env):\n    exec({line!r}, dict(env))\n\n"
        for number, line in enumerate(lines)
    )
    return f"OK_FORMAT = False\nname = {grade_id!r}\n\nfrom otter.test_files import test_case\n\n{cases}"
