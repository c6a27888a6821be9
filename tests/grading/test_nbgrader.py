"""With nbgrader itself: an ordinary course gets nbgrader's own scores, and every way of grading gives the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import nbgrader as nbgrader_package
import pytest
import small_course
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from small_course import NAME, cell, cells_by_id, notebook, rows

from autograder.course.course import Course
from autograder.course.locking import course_lock
from autograder.grading.class_run import grade_class

pytestmark = [pytest.mark.slow, pytest.mark.long]

AUTOTESTS = Path(nbgrader_package.__file__).parent / "docs" / "source" / "user_guide" / "autotests.yml"
STOCK = "c = get_config()\nc.CourseDirectory.course_id = 'stock'\n"
TEST = {"grade": True, "locked": True}
ANSWER = {"solution": True}
BY_HAND = {"grade": True, "solution": True}


def one() -> NotebookNode:
    """Test cells in every form that nbgrader's documentation names."""
    return notebook(
        [
            cell("square", "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION", **ANSWER),
            cell("visible", "assert square(2) == 4", points=1, **TEST),
            cell("hidden", "### BEGIN HIDDEN TESTS\nassert square(-3) == 9\n### END HIDDEN TESTS", points=2, **TEST),
            cell("partial", "(square(2) == 4) * 1.0 + (square(0.5) == 0.25) * 0.5", points=2, **TEST),
            cell("stderr", "import sys\nif square(3) != 9:\n    print('no', file=sys.stderr)", points=1, **TEST),
            cell("warning", "import warnings\nsquare(1) == 1 or warnings.warn('no')", points=1, **TEST),
            cell("a_string", "'a string'", points=1, **TEST),
            cell("autotest", "### AUTOTEST square(3); square(0.5)", points=2, **TEST),
            cell("helper", "from helper import expected\nassert square(5) == expected(5)", points=1, **TEST),
            cell("run", "%run base.ipynb\nassert twice(square(2)) == 8", points=1, **TEST),
            cell("data", "assert square(6) == int(open('data/sub/numbers.txt').read())", points=1, **TEST),
        ]
    )


def base() -> NotebookNode:
    """A notebook that another one runs, and that nobody has to hand in."""
    return notebook([nbformat.v4.new_code_cell("def twice(x):\n    return 2 * x")])


def two() -> NotebookNode:
    """What people grade: text, code, a task; and a test that needs an answer."""
    return notebook(
        [
            cell("text", "The answer.", "markdown", points=3, **BY_HAND),
            cell("code", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION", points=2, **BY_HAND),
            cell("x_is_set", "assert x == 1", points=1, **TEST),
            cell("task", "Draw something.", "markdown", task=True, locked=True, points=4),
        ]
    )


def handed_in(student: str) -> dict[str, NotebookNode]:
    """What each student submits."""
    answers = {
        "ana": {"square": "def square(x):\n    return x**2", "text": "It is.", "code": "x = 1"},
        "ben": {"square": "def square(x):\n    return x + x", "text": "It isn't.", "code": "x = 2"},
        "cat": {"square": "def square(x):\n    return abs(x) * x"},
        "deb": {
            "square": "square = None",
            "text": "YOUR ANSWER HERE",
            "code": "# YOUR CODE HERE\nraise NotImplementedError()",
        },
    }[student]
    books = {"base": base(), "one": one(), "two": two()}
    for book in books.values():
        for name, about in cells_by_id(book).items():
            about.source = answers.get(name, about.source)
    if student == "cat":
        del books["two"]
    return books


def ordinary_course(root: Path, config: str) -> Path:
    """A course of two notebooks in one assignment, without a single check cell."""
    root.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(config)
    (root / "autotests.yml").write_text(AUTOTESTS.read_text(encoding="utf-8"))
    (root / "source" / NAME / "data" / "sub").mkdir(parents=True)
    (root / "numbers.txt").write_text("36")
    (root / "source" / NAME / "data" / "sub" / "numbers.txt").symlink_to(root / "numbers.txt")
    (root / "source" / NAME / "helper.py").write_text("def expected(x):\n    return x * x\n")
    for name, book in (("base", base()), ("one", one()), ("two", two())):
        small_course.write(root / "source" / NAME / f"{name}.ipynb", book)
    for student in ("ana", "ben", "cat", "deb"):
        for name, book in handed_in(student).items():
            small_course.submit(root, student, book, name)
    return root


def nbgrader(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *args], cwd=root, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ordinary course, graded by nbgrader alone."""
    root = ordinary_course(tmp_path_factory.mktemp("stock") / "course", STOCK)
    made = nbgrader(root, "generate_assignment", NAME)
    assert made.returncode == 0, made.stderr
    nbgrader(root, "autograde", NAME)
    return root


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ordinary course, graded by us."""
    root = ordinary_course(tmp_path_factory.mktemp("ours") / "course", small_course.CONFIG)
    grade_class(Course(root), NAME, jobs=2)
    return root


def test_an_ordinary_course_gets_nbgrader_s_scores(stock: Path, ours: Path) -> None:
    """A course that moves to this must not see one grade change."""
    assert rows(ours, small_course.NBGRADER_ROWS) == rows(stock, small_course.NBGRADER_ROWS)
    assert rows(stock, small_course.NBGRADER_ROWS)


def test_an_ordinary_course_gets_nbgrader_s_comments(stock: Path, ours: Path) -> None:
    """`No response.` must stand where nbgrader puts it, and nowhere else."""
    assert rows(ours, small_course.COMMENT_ROWS) == rows(stock, small_course.COMMENT_ROWS)


def test_the_oracle_has_partial_and_missing_scores(stock: Path) -> None:
    """Were all of nbgrader's scores alike, agreeing with them would say nothing."""
    scores = small_course.auto_scores(stock)
    assert (scores["ana", "partial"], scores["ben", "partial"], scores["ben", "stderr"]) == (1.5, 1.0, 0.0)
    assert [scores[who, "autotest"] for who in ("ana", "ben")] == [2.0, 0.0]
    assert [sum(scores[who, name] for name in ("helper", "data", "run")) for who in ("ana", "ben")] == [3.0, 1.0]
    assert (scores["cat", "x_is_set"], scores["ana", "text"], scores["deb", "text"]) == (0.0, None, 0.0)


@pytest.fixture(scope="module")
def by_command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small course without its file that is no notebook, graded by `nbgrader autograde`."""
    root = tmp_path_factory.mktemp("command") / "course"
    small_course.make_course(root)
    shutil.rmtree(root / "submitted" / "fay")
    assert nbgrader(root, "generate_assignment", NAME).returncode == 0
    done = nbgrader(root, "autograde", NAME)
    assert done.returncode == 0, done.stderr
    return root


def of_the_others(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    return {name: [row for row in table if row[0] != "fay"] for name, table in found.items()}


def test_nbgrader_autograde_grades_as_we_do(by_command: Path, graded_once: Path) -> None:
    """Whoever knows nbgrader's command must get the same scores, checks and incidents from it."""
    theirs, ours = (of_the_others(small_course.everything(root)) for root in (by_command, graded_once))
    assert theirs == ours


def test_what_nbgrader_graded_is_not_graded_again(by_command: Path, tmp_path: Path) -> None:
    """The two commands share one record of what was graded."""
    shutil.copytree(by_command, tmp_path / "course")
    done = grade_class(Course(tmp_path / "course"), NAME)
    assert (len(done.unchanged), done.graded) == (5, [])


IN_A_LOOP = """\
import asyncio, json, sys
from nbgrader.apps import NbGraderAPI
from traitlets.config import PyFileConfigLoader

async def formgrader():
    config = PyFileConfigLoader("nbgrader_config.py").load_config()
    api = NbGraderAPI(config=config)
    return api.autograde("small", "ada"), api.autograde("small", "bob")

done = asyncio.run(formgrader())
print(json.dumps([bool(result["success"]) for result in done]))
"""


def test_formgrader_s_button_grades_in_its_running_event_loop(tmp_path: Path) -> None:
    """formgrader calls this inside a live loop, where anything that starts a loop of its own fails."""
    course = small_course.make_course(tmp_path / "c", students=["ada", "bob"])
    small_course.make_known(course)
    root = course.root
    done = subprocess.run([sys.executable, "-c", IN_A_LOOP], cwd=root, capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout or "null") == [True, True], done.stderr
    scores = small_course.auto_scores(root)
    assert (scores["ada", "test_mean"], scores["bob", "test_mean"], scores["ada", "test_double"]) == (3.0, 1.0, 2.0)


def test_nbgrader_autograde_waits_for_no_other_run(tmp_path: Path) -> None:
    """Two writers of one gradebook and of autograded/ would undo each other's work."""
    course = small_course.make_course(tmp_path / "c", students=["ada"])
    small_course.make_known(course)
    root = course.root
    with course_lock(root):
        done = nbgrader(root, "autograde", NAME)
    assert done.returncode != 0
    assert f"Another run is at work in {root}: wait for it to end, then start again." in done.stderr
    assert not rows(root, "SELECT * FROM grade WHERE auto_score IS NOT NULL")
    assert nbgrader(root, "autograde", NAME).returncode == 0
    assert small_course.auto_scores(root)["ada", "test_mean"] == 3.0


def test_autograde_keeps_the_checks_of_every_notebook(tmp_path: Path) -> None:
    """nbgrader grades notebook by notebook: the second must not wipe out what the first one gave."""
    course = small_course.make_course(tmp_path / "c", students=["ada"])
    root = course.root
    second = small_course.source_notebook()
    small_course.write(root / "source" / NAME / "second.ipynb", second)
    small_course.submit(root, "ada", small_course.submission(mean="import os\nos._exit(0)"), "second")
    small_course.make_known(course)
    nbgrader(root, "autograde", NAME)
    outcomes = {(row[1], row[4]) for row in rows(root, small_course.CHECK_ROWS)}
    assert outcomes == {(NAME, "passed"), ("second", "raised")}
    nbgrader(root, "autograde", NAME, "--force")
    assert len(rows(root, small_course.CHECK_ROWS)) == 4
    kinds = [kind for _, kind, _ in rows(root, small_course.INCIDENT_ROWS)]
    assert kinds == ["graded twice", "kernel died"]


def test_late_days_are_counted_by_nbgrader_s_command_too(tmp_path: Path) -> None:
    """Who presses the button instead of typing our command must take the same points from the same student."""
    config = 'c.AssignLatePenalties.plugin_class = "autograder.gradebook.late_days.LateDays"\n'
    course = small_course.make_course(tmp_path / "c", config, students=["ada"])
    small_course.make_known(course)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-10-01 12:00:00 UTC")
    (course.path("submitted", "ada", NAME) / "timestamp.txt").write_text("2026-10-04 11:00:00 UTC")
    done = nbgrader(course.root, "autograde", NAME)
    assert done.returncode == 0, done.stderr
    penalties = "SELECT late_submission_penalty FROM submitted_notebook"
    assert rows(course.root, penalties) == [(0.8,)]  # two of three days are free, and one costs a tenth of 8 points
    grade_class(course, NAME, regrade=True)
    assert rows(course.root, penalties) == [(0.8,)]
