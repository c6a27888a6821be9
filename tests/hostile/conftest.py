"""A small course that hostile students take, and what grades them: the real pipeline, with short limits.

Everything that a student must never see carries a canary, a text such as `cnry_KIND_123456`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course.assignment import Assignment
from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.grading.grader import Grader
from autograder.sandbox.limits import Limits
from autograder.submission.graded import GradedSubmission, Submission
from autograder.submission.reading import read_submission

NAME = "trust"
LIMITS = Limits(cell_seconds=2, notebook_seconds=60, memory_mb=768, output_kb=64, disk_mb=32, file_mb=16)
CONFIG = Path(__file__).parents[2] / "nbgrader_config.py"

SETUP = "import numpy as np"

DOUBLE = '''\
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return 2 * np.asarray(x)  # cnry_key_200001
    ### END SOLUTION'''

MEAN_LOSS = '''\
def mean_loss(a, y):
    """The mean of double((a - y)**2)."""
    ### BEGIN SOLUTION
    return np.mean(double((a - y) ** 2))  # cnry_key_200002
    ### END SOLUTION'''

TRAIN = '''\
def train(f, x):
    """Three steps of x - f(x) / 10."""
    ### BEGIN SOLUTION
    for _ in range(3):
        x = x - f(x) / 10  # cnry_key_200003
    return x
    ### END SOLUTION'''

DOUBLE_CHECKS = '''\
%%check
def test_two(student):
    """Twice two is four."""
    assert_close(student.double(2.0), 4.0)


def test_text_is_refused(student):
    """Text is refused."""
    student.double(np.zeros(2))
    with pytest.raises(TypeError):
        assert student.double("two") is None


### BEGIN HIDDEN TESTS
@points(2)
def test_cnry_test_300001(student, reference, rng):
    """Right for random numbers."""
    x = rng.normal(size=50)
    assert_close(student.double(x), reference.double(x))


def test_cnry_test_300002(student, private):
    """Right for numbers that nobody else has."""
    assert_close(student.double(np.loadtxt(private("inputs.csv"))), np.loadtxt(private("labels.csv")))


@points(2)
def test_cnry_test_300003(student):
    """No loop, and right."""
    with measure(student) as cost:
        result = student.double(np.arange(3000.0))
    assert_close(result, 2 * np.arange(3000.0))
    assert_that(cost.lines < 100, "there is a loop")
### END HIDDEN TESTS'''

LOSS_CHECKS = '''\
%%check
def test_loss(student):
    """Nothing lost where everything agrees."""
    assert_close(student.mean_loss(np.ones(3), np.ones(3)), 0.0)


### BEGIN HIDDEN TESTS
@points(2)
@given("double")
def test_cnry_test_300004(student, reference, rng):
    """Right for random numbers, given double."""
    a, y = rng.normal(size=6), rng.normal(size=6)
    assert_close(student.mean_loss(a, y), reference.mean_loss(a, y))


def test_cnry_test_300005(student, reference, rng):
    """Right for random numbers, and changes nothing."""
    a, y = rng.normal(size=6), rng.normal(size=6)
    assert_close(student.mean_loss(a, y), reference.mean_loss(a, y))
    assert_unchanged(student)
### END HIDDEN TESTS'''

TRAIN_CHECKS = '''\
%%check
def test_no_slope(student):
    """No slope, no step."""
    assert_close(student.train(lambda x: 0 * x, np.ones(3)), np.ones(3))


### BEGIN HIDDEN TESTS
@points(2)
def test_cnry_test_300006(student, reference, rng):
    """Right for a random start, with a function that looks at what it is given."""
    start = rng.normal(size=3)
    calls = []

    def slope(x):
        assert x.shape == (3,), "cnry_test_300007"
        calls.append(x)
        return x

    assert_close(student.train(slope, start), reference.train(lambda x: x, start))
    assert len(calls) == 3


def test_cnry_test_300008(student, rng):
    """The function is asked where one is, not where one was."""
    asked = []

    def slope(x):
        asked.append(x)
        return x

    student.train(slope, rng.normal(size=3))
    assert_close(asked[2], 0.81 * asked[0])
### END HIDDEN TESTS'''

PLAIN_TEST = """\
assert double(3) == 6
### BEGIN HIDDEN TESTS
assert double(4) == 8
### END HIDDEN TESTS"""

SOURCE: list[tuple[str, str, dict[str, Any]]] = [
    ("setup", SETUP, {"locked": True}),
    ("double", DOUBLE, {"solution": True}),
    ("double_checks", DOUBLE_CHECKS, {"grade": True, "locked": True, "points": 7}),
    ("mean_loss", MEAN_LOSS, {"solution": True}),
    ("mean_loss_checks", LOSS_CHECKS, {"grade": True, "locked": True, "points": 4}),
    ("train", TRAIN, {"solution": True}),
    ("train_checks", TRAIN_CHECKS, {"grade": True, "locked": True, "points": 4}),
    ("plain_test", PLAIN_TEST, {"grade": True, "locked": True, "points": 1}),
]
HIDDEN = re.compile(r"\n*### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", re.DOTALL)
CHECK_CELLS = ("double_checks", "mean_loss_checks", "train_checks")


def graded_cell(cell: NotebookNode, grade_id: str, flags: dict[str, Any]) -> NotebookNode:
    fixed = {"schema_version": 3, "grade_id": grade_id, "grade": False, "solution": False, "locked": False}
    cell.metadata["nbgrader"] = fixed | {"task": False} | flags
    cell["id"] = grade_id.replace("_", "-")
    return cell


def source_notebook() -> NotebookNode:
    cells = [graded_cell(new_code_cell(text), name, flags) for name, text, flags in SOURCE]
    written = new_markdown_cell("### BEGIN SOLUTION\nBecause. cnry_key_200004\n### END SOLUTION")
    cells.append(graded_cell(written, "why", {"grade": True, "solution": True, "points": 2}))
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": spec})


@dataclass
class Trial:
    """How a hostile submission ended: the result, and its score in the check cells."""

    graded: GradedSubmission

    @property
    def scores(self) -> dict[str, float | None]:
        return {g.grade_id: g.score for n in self.graded.notebooks for g in n.grades}

    @property
    def checks(self) -> float:
        """Points in all the check cells; NaN if a check could not be graded."""
        scores = [self.scores[name] for name in CHECK_CELLS]
        return sum(float("nan") if score is None else score for score in scores)

    @property
    def notebook(self) -> NotebookNode:
        return nbformat.reads(self.graded.notebooks[0].text, as_version=4)

    @property
    def shown(self) -> str:
        """All outputs of the graded notebook, as text."""
        return "\n".join(json.dumps(c.outputs) for c in self.notebook.cells if c.cell_type == "code")

    @property
    def messages(self) -> dict[str, str]:
        """What the student is told of each check."""
        return {v.name: v.message for n in self.graded.notebooks for g in n.grades for v in g.verdicts}

    @property
    def kinds(self) -> set[str]:
        return {incident.kind.name for incident in self.graded.incidents}

    def printed(self) -> str:
        """What the notebook's own cells printed."""
        outputs = [o for c in self.notebook.cells if c.cell_type == "code" for o in c.outputs]
        return "".join(o.text for o in outputs if o.output_type == "stream")


@dataclass
class Classroom:
    """The course, and how to make and grade a student's notebook."""

    course: Course
    assignment: Assignment
    graders: dict[Limits, Grader] = field(default_factory=dict)

    def unsolved(self) -> NotebookNode:
        """The notebook as students get it."""
        cells = []
        for cell in self.assignment.notebooks[0].cells:
            make = new_code_cell if cell.cell_type == "code" else new_markdown_cell
            cells.append(graded_cell(make(HIDDEN.sub("", cell.source)), cell.grade_id, dict(cell.nbgrader)))
        return new_notebook(cells=cells)

    def answered(self, **answers: str) -> NotebookNode:
        """The notebook with these answers, by grade id."""
        notebook = self.unsolved()
        for cell in notebook.cells:
            cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
        return notebook

    def solved(self, **changed: str) -> NotebookNode:
        """The notebook with every answer right, but for those that are given here."""
        right = {name: text.replace("cnry_key_", "") for name, text, flags in SOURCE if flags.get("solution")}
        return self.answered(**right | changed)

    def cheat(self, first: str, last: str = "", **answers: str) -> NotebookNode:
        """A notebook with a cell `first` right after the set-up, one with `last` at its end, and these answers."""
        notebook = self.answered(**answers)
        notebook.cells.insert(1, new_code_cell(first))
        if last:
            notebook.cells.append(new_code_cell(last))
        return notebook

    def grade(
        self, notebook: NotebookNode | bytes, files: dict[str, bytes] | None = None, limits: Limits = LIMITS
    ) -> Trial:
        """Grade one submission as a worker does."""
        data = notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).encode(errors="surrogatepass")
        digest = hashlib.sha256(data).hexdigest()
        submission = Submission("mallory", {f"{NAME}.ipynb": data} | (files or {}), digest)
        return Trial(self.grader(limits).grade(submission))

    def grader(self, limits: Limits = LIMITS) -> Grader:
        """What grades here; it stays warm from test to test."""
        if limits not in self.graders:
            self.graders[limits] = Grader(self.assignment, limits, self.course.secret)
        return self.graders[limits]

    def close(self) -> None:
        """End all sandboxes and answer keys."""
        for grader in self.graders.values():
            grader.close()

    def hand_in(self, student: str, notebook: NotebookNode | bytes, files: dict[str, bytes] | None = None) -> Path:
        """Put a submission into the course's folder."""
        folder = self.course.path("submitted", student, NAME)
        folder.mkdir(parents=True)
        data = notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).encode(errors="surrogatepass")
        for name, content in {f"{NAME}.ipynb": data, **(files or {})}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    def read(self, student: str) -> Submission:
        return read_submission(student, self.course.path("submitted", student, NAME), 64)


def make_classroom(root: Path) -> Classroom:
    """A course of its own in `root`."""
    limits = "".join(f"c.Autograder.{name} = {value!r}\n" for name, value in LIMITS.as_dict().items())
    settings = f"\n{limits}c.Autograder.jobs = 2\n"
    (root / "nbgrader_config.py").write_text(CONFIG.read_text(encoding="utf-8") + settings)
    (root / "source" / NAME / "data").mkdir(parents=True)
    (root / "source" / NAME / "data" / "numbers.csv").write_text("1,2,3\n")
    (root / "source" / NAME / "private").mkdir()
    (root / "source" / NAME / "private" / "inputs.csv").write_text("# cnry_private_600001\n77345112.5\n-3\n")
    (root / "source" / NAME / "private" / "labels.csv").write_text("# cnry_private_600002\n154690225\n-6\n")
    nbformat.write(source_notebook(), root / "source" / NAME / f"{NAME}.ipynb")
    (root / "gradebook.secret").write_bytes(b"cnry_secret_500001" + bytes(14))
    course = Course(root)
    return Classroom(course, load_assignment(course, NAME))


@pytest.fixture(scope="session")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    """The course, and this process as a worker: its sandbox and answer key stay warm from test to test."""
    room = make_classroom(tmp_path_factory.mktemp("course"))
    yield room
    room.close()


@pytest.fixture
def limits() -> Limits:
    """The limits that submissions are graded with unless a test says otherwise."""
    return LIMITS


@pytest.fixture
def patient(limits: Limits) -> Limits:
    """The same with time enough to search everything."""
    return replace(limits, cell_seconds=40)


@pytest.fixture
def new_classroom(tmp_path: Path) -> Iterator[Classroom]:
    """A course of its own for one test, to be graded as a class."""
    room = make_classroom(tmp_path)
    yield room
    room.close()


@pytest.fixture(scope="session")
def unsolved(classroom: Classroom) -> Trial:
    """The notebook as it was released: what a cheat that gains nothing gets."""
    return classroom.grade(classroom.unsolved())


@pytest.fixture(scope="session")
def no_gain(classroom: Classroom, unsolved: Trial) -> Callable[..., Trial]:
    """Grade a cheat's notebook (or answers, by grade id), and see that it is graded and gets what it would get
    without the cheat."""

    def grade(notebook: NotebookNode | dict[str, str] | bytes, **more: Any) -> Trial:
        is_answers = type(notebook) is dict
        trial = classroom.grade(classroom.answered(**notebook) if is_answers else notebook, **more)
        assert trial.checks == unsolved.checks == 0
        assert "FAULT" not in trial.kinds
        assert "cnry_" not in trial.shown + json.dumps(list(trial.messages.values()))
        return trial

    return grade
