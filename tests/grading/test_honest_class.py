"""A class of everything that instructors report of such tools: each honest answer is found, or waits for a person."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import nbgrader
import pytest
import small_course
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from small_course import NAME, Run, autograder, cell, cells_by_id

from autograder.course.course import Course
from autograder.course.release_steps import released
from autograder.course.source_notebooks import source_notebook

pytestmark = [pytest.mark.slow, pytest.mark.long]

AUTOTESTS = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide" / "autotests.yml"
SETUP = "import numpy as np\nfrom tools import offset\nshift = int(open('data/sub/shift.txt').read())"
SQUARE = "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION"
MEAN_OF = "def mean_of(a):\n    return sum(a) / len(a)\n"
USES = "assert square(2) + offset() + shift == 10"
CONFIG = """\
c.Autograder.cell_seconds = 10
c.Autograder.packages = ["numpy"]
c.Autograder.due_dates = {"small": "2026-10-01 23:59 America/Los_Angeles"}
"""
ANSWERS = {
    "mean": "def mean(a):\n    return np.mean(a)",
    "double": "def double(x):\n    return x + x",
    "square": "def square(x):\n    return x**2",
    "why": "Because it is so.",
}
POINTS = {"test_mean": 3.0, "test_double": 2.0, "autotest": 2.0, "uses": 1.0}
FULL, NOTHING = 8.0, 0.0
DOT = "data:image/png;base64,"
DOT += "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def source() -> NotebookNode:
    """The small assignment with what belongs to ordinary courses: a module, a notebook that is run, data, autotests."""
    book = small_course.source_notebook()
    cells_by_id(book)["setup"].source = SETUP
    book.cells += [
        cell("square", SQUARE, solution=True),
        cell("autotest", "### AUTOTEST square(3); square(0.5)", grade=True, locked=True, points=2),
        cell("uses", USES, grade=True, locked=True, points=1),
    ]
    return book


def make_course(root: Path) -> Course:
    course = small_course.make_course(root, CONFIG, [])
    folder = course.source(NAME)
    small_course.write(folder / f"{NAME}.ipynb", source())
    small_course.write(folder / "base.ipynb", small_course.notebook([new_code_cell(MEAN_OF)]))
    (folder / "tools.py").write_text("def offset():\n    return 2\n")
    (folder / "data" / "sub").mkdir(parents=True)
    (folder / "data" / "sub" / "shift.txt").write_text("4")
    (root / "autotests.yml").write_text(AUTOTESTS.read_text(encoding="utf-8"))
    return course


Files = Mapping[str, NotebookNode | str | bytes]


@dataclass
class Case:
    """What a student hands in, made from the notebook as it was released; what must come of it."""

    hand_in: Callable[[NotebookNode], Files]
    points: float = FULL
    kinds: set[str] = field(default_factory=set)
    answered: bool = True  # whether the written answer is there


def solve(book: NotebookNode, **answers: str) -> NotebookNode:
    book = copy.deepcopy(book)
    for name, text in (ANSWERS | answers).items():
        cells_by_id(book)[name].source = text
    return book


def nameless(book: NotebookNode, *names: str) -> NotebookNode:
    """The notebook without nbgrader's metadata, of all cells or of those that are named."""
    for one in book.cells:
        if not names or one.metadata.get("nbgrader", {}).get("grade_id") in names:
            one.metadata = NotebookNode()
    return book


def with_cells(book: NotebookNode, *cells: NotebookNode, after: str = "") -> NotebookNode:
    ids = [one.metadata.get("nbgrader", {}).get("grade_id") for one in book.cells]
    at = ids.index(after) + 1 if after else len(ids)
    book.cells[at:at] = cells
    return book


def in_r(book: NotebookNode) -> NotebookNode:
    book.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}
    return book


def zipped(files: Files) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, as_bytes(content))
    return data.getvalue()


def as_bytes(content: NotebookNode | str | bytes) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else str(nbformat.writes(content))).encode()


def under(name: str) -> Callable[[NotebookNode], Files]:
    return lambda book: {name: solve(book)}


def answer(**answers: str) -> Callable[[NotebookNode], Files]:
    return lambda book: {"small.ipynb": solve(book, **answers)}


MINE = "from my_mean import mean_of\ndef mean(a):\n    return mean_of(a)"
RUNS = "%run mine.ipynb\ndef mean(a):\n    return mean_of(a)"
SHELL = "!ls\n%pip install pandas\n!pip install pandas\ndef mean(a):\n    return np.mean(a)"
PRINTS = "def mean(a):\n    for _ in range(70):\n        print('x' * 2**20)\n    return np.mean(a)"
OTHER = new_notebook(cells=[new_code_cell("x = 1"), new_markdown_cell("Homework 3")])
FOUND, CHANGED, UNSURE = {"answer found elsewhere"}, {"changed the notebook"}, {"answer unsure"}

CLASS: dict[str, Case] = {
    "ada": Case(answer()),
    "module": Case(lambda b: {"small.ipynb": solve(b, mean=MINE), "my_mean.py": MEAN_OF}),
    "numpy_beside": Case(lambda b: {"small.ipynb": solve(b), "numpy.py": "raise RuntimeError()"}),
    "runs_a_notebook": Case(
        lambda b: {"small.ipynb": solve(b, mean=RUNS), "mine.ipynb": new_notebook(cells=[new_code_cell(MEAN_OF)])}
    ),
    "runs_the_course_s": Case(answer(mean=RUNS.replace("mine", "base"))),
    "shell": Case(answer(mean=SHELL)),
    "colab": Case(lambda b: {"small.ipynb": nameless(solve(b))}, kinds=FOUND),
    "one_name_lost": Case(lambda b: {"small.ipynb": nameless(solve(b), "mean")}, kinds=FOUND),
    "pasted_copy": Case(lambda b: {"small.ipynb": with_cells(solve(b), *copy.deepcopy(b.cells))}, kinds=FOUND),
    "below_its_place": Case(
        lambda b: {
            "small.ipynb": with_cells(
                solve(b, why=cells_by_id(b)["why"].source), new_markdown_cell("Because."), after="why"
            )
        },
        kinds=FOUND,
    ),
    "copy_1": Case(lambda b: {"small.ipynb": b, "small-Copy1.ipynb": solve(b)}, kinds=FOUND),
    "folder": Case(under("homework/1/small.ipynb")),
    "zip": Case(lambda b: {"all.zip": zipped({"hw/small.ipynb": solve(b), "hw/notes.txt": "x"})}),
    "capitals": Case(under("Small.IPYNB"), kinds=CHANGED),
    "as_text": Case(under("small.ipynb.txt"), kinds=CHANGED),
    "downloaded_twice": Case(under("small (1).ipynb"), kinds=CHANGED),
    "another_name": Case(under("my work.ipynb"), kinds=CHANGED),
    "screenshot": Case(answer(why=f"See ![here]({DOT})")),
    "in_time": Case(lambda b: {"small.ipynb": solve(b), "timestamp.txt": "\ufeff2026-10-01T23:58:00-0700\r\n"}),
    "late": Case(lambda b: {"small.ipynb": solve(b), "timestamp.txt": "2026-10-02 07:59 UTC"}),
    "when": Case(
        lambda b: {"small.ipynb": solve(b), "timestamp.txt": "2026-10-01 11:00 PM PDT"}, kinds={"time unknown"}
    ),
    "O'Brien": Case(answer()),
    "[x] (she)": Case(answer()),
    "unsolved": Case(lambda b: {"small.ipynb": b}, points=NOTHING, answered=False),
    "wrong": Case(answer(square="def square(x):\n    return 9 if x == 3 else x"), points=5.0),
    # Nothing more is heard of that kernel, so the tests that are no check cells are lost, which each of them says.
    "prints": Case(answer(mean=PRINTS), points=3.0, kinds={"output limit"}),
    "endless": Case(answer(mean="def mean(a):\n    while True: pass"), points=5.0, kinds={"time limit"}),
    "two_tries": Case(
        lambda b: {
            "small.ipynb": with_cells(
                solve(b, mean=cells_by_id(b)["mean"].source),
                new_code_cell("def mean(a):\n    return 0"),
                new_code_cell(ANSWERS["mean"]),
            )
        },
        kinds=UNSURE,
    ),
    "two_notebooks": Case(
        lambda b: {"small (1).ipynb": solve(b, mean="def mean(a): pass"), "small (2).ipynb": solve(b)},
        points=5.0,
        kinds=UNSURE,
    ),
    "another_homework": Case(lambda b: {"small.ipynb": OTHER}, points=NOTHING, kinds=UNSURE, answered=False),
    "in_r": Case(lambda b: {"small.ipynb": in_r(solve(b))}, points=NOTHING, kinds={"refused"}, answered=False),
    "half_saved": Case(lambda b: {"small.ipynb": '{"cells": ['}, points=NOTHING, kinds={"refused"}, answered=False),
    "only_a_pdf": Case(lambda b: {"small.pdf": "%PDF"}, points=NOTHING, kinds={"refused"}, answered=False),
}
WAITS = {"refused", "answer unsure", "time unknown"}  # docs/reference.md: the exit code is 1


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, int, str]:
    """The class, graded: the course, the exit code of `grade`, and what it said."""
    course = make_course(tmp_path_factory.mktemp("honest") / "course")
    path = course.source(NAME) / f"{NAME}.ipynb"
    unsolved = released(source_notebook(path), path, course)
    for student, case in CLASS.items():
        for name, content in case.hand_in(copy.deepcopy(unsolved)).items():
            file = course.path("submitted", student, NAME) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(as_bytes(content))
    done = autograder(course.root, "grade", NAME, timeout=900)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.add_student("absent")
    return course, done.returncode, done.stdout + done.stderr


def test_every_honest_answer_is_found_or_waits_for_a_person(graded: tuple[Course, int, str]) -> None:
    """The promise: never a silent zero, never silent full marks."""
    course, code, said = graded
    points = small_course.auto_scores(course.root)
    incidents = small_course.rows(course.root, small_course.INCIDENT_ROWS)
    got = {
        student: (
            sum(points.get((student, name)) or 0.0 for name in POINTS),
            {kind for who, kind, _ in incidents if who == student},
        )
        for student in CLASS
    }
    assert got == {student: (case.points, case.kinds) for student, case in CLASS.items()}, said
    assert "The course's own cell" not in said
    assert code == 1  # some wait for a person


def test_written_answers_wait_for_who_grades_them(graded: tuple[Course, int, str]) -> None:
    """A text that is not found would be a zero that nobody looks at."""
    rows = small_course.rows(graded[0].root, small_course.NBGRADER_ROWS)
    waiting = {student for student, _, name, *_, waits, _ in rows if name == "why" and waits}
    assert waiting >= {student for student, case in CLASS.items() if case.answered}


def test_only_what_is_documented_asks_for_a_person(graded: tuple[Course, int, str], run: Run) -> None:
    """Without those who wait, the next run must end with 0, or nobody would believe a 1."""
    course, _, _ = graded
    certain = [student for student, case in CLASS.items() if not case.kinds & WAITS]
    asked = [part for student in certain[:3] for part in ("--student", student)]
    code, _, complained = run("grade", NAME, "--regrade", *asked, here=course.root)
    assert code == 0, complained


def test_everybody_is_in_the_scores(graded: tuple[Course, int, str], run: Run) -> None:
    """Who handed in nothing, and who waits, would be missing or a zero."""
    course, _, said = graded
    assert "small is due 2026-10-02 06:59 UTC." in said
    assert "absent" in run("scores", NAME, here=course.root)[1]
    shown = json.loads(run("scores", NAME, "--json")[1])
    assert {entry["student"] for entry in shown} >= set(CLASS)
