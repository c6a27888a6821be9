"""A release carries what a student's own notebook needs of the answer key, and nothing more."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import tiny_course
from nbformat import NotebookNode
from nbgrader import utils
from sqlalchemy import insert

from autograder.authoring.notebooks import make_notebook
from autograder.authoring.release import release
from autograder.authoring.validate import validate
from autograder.checking.answer_record import read_record
from autograder.checking.cell import RECORD, without_record
from autograder.checking.magic import CheckTable, check
from autograder.checking.outcomes import Outcome
from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook import tables
from autograder.gradebook.gradebook import open_gradebook

pytestmark = pytest.mark.slow

VISIBLE = '''    """The square of 2 is 4."""
    assert_close(student.square(2.0), 4.0)

def test_square_like_the_answer_key(student, reference, rng):
    """Right on random numbers."""
    x = rng.normal(size=3)
    assert_close(student.square(x), reference.square(x))

def test_square_twice(student, reference):
    """The square of your square."""
    assert_close(student.square(student.square(2.0)), reference.square(student.square(2.0)))
'''
TEXT = tiny_course.TEXT.replace(
    '    """The square of 2 is 4."""\n    assert_close(student.square(2.0), 4.0)\n', VISIBLE
)
MISTAKES = tiny_course.MISTAKES.replace(
    "[test_square_random, test_norm_345]",
    "[test_square_random, test_norm_345, test_square_like_the_answer_key, test_square_twice]",
).replace('"x times 2"', '"This is x times 2"')


def notebook(course: Course) -> NotebookNode:
    return nbformat.read(course.path("release", ".", tiny_course.NAME) / "tiny.ipynb", as_version=4)


def cell(book: NotebookNode, grade_id: str) -> NotebookNode:
    (found,) = [c for c in book.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id]
    return found


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = tiny_course.make_course(tmp_path_factory.mktemp("records") / "course", TEXT, MISTAKES)
    release(course, tiny_course.NAME)
    return course


def checked(course: Course, square: str, change: Any = lambda source: source) -> CheckTable:
    """What a student sees who answers `square`."""
    names: dict[str, Any] = {"np": np}
    exec(square, names)
    source = cell(notebook(course), "square_checks").source.split("\n", 1)[1]
    table = check(change(source), names)
    assert table is not None
    return table


RIGHT = "def square(x):\n    return x**2"


def test_visible_checks_compare_with_the_answer_key(course: Course) -> None:
    """Without the record a visible check could only compare with typed-in numbers."""
    table = checked(course, RIGHT)
    assert [verdict.outcome for verdict in table.verdicts] == [Outcome.PASSED] * 3
    assert table.heading == "3 of 3 visible checks hold"
    assert repr(table).startswith("3 of 3 visible checks hold\n✓ holds: ")
    wrong = checked(course, "def square(x):\n    return x * abs(x)").verdicts[1]
    assert wrong.outcome is Outcome.WRONG
    assert "got" in wrong.message


def test_known_mistakes_are_named_at_once(course: Course) -> None:
    """Students would meet the sentence after the deadline only."""
    verdicts = checked(course, "def square(x):\n    return x + x").verdicts
    assert [verdict.outcome for verdict in verdicts] == [Outcome.PASSED, Outcome.WRONG, Outcome.WRONG]
    assert verdicts[1].message.startswith("This is x times 2. ")
    assert verdicts[2].outcome is Outcome.WRONG


def test_what_hidden_checks_ask_is_reported(course: Course) -> None:
    """Students take visible checks for all."""
    table = checked(course, RIGHT)
    assert table.more == "1 more when graded: Right on random numbers."
    assert "1 more when graded" in table._repr_html_()
    assert repr(table).endswith(table.more)


def test_an_answer_that_is_not_recorded_is_told_later(course: Course) -> None:
    """A right answer would be compared with what the answer key gave for other numbers."""
    verdicts = checked(course, "def square(x):\n    return np.sin(x)").verdicts
    assert [verdict.outcome for verdict in verdicts] == [Outcome.WRONG, Outcome.WRONG, Outcome.NOT_RUN]
    assert "when your work is graded" in verdicts[2].message


@pytest.mark.parametrize(
    "change",
    [
        without_record,
        lambda source: source[:-5],
        lambda source: source.replace(RECORD, RECORD + "A"),
        lambda source: source + "AAAA" * 10**6,
        lambda source: without_record(source) + f"\n{RECORD}" + "," * 100,
    ],
    ids=["gone", "cut", "moved", "long", "no base85"],
)
def test_a_record_that_cannot_be_read_only_puts_off_what_needs_it(course: Course, change: Any) -> None:
    """A notebook that an editor has damaged would end in a traceback."""
    outcomes = [verdict.outcome for verdict in checked(course, RIGHT, change).verdicts]
    assert outcomes == [Outcome.PASSED, Outcome.NOT_RUN, Outcome.NOT_RUN]


def test_a_record_reveals_no_code_and_no_hidden_input(course: Course) -> None:
    """Students could copy the answer."""
    source = cell(notebook(course), "square_checks").source
    record = read_record(source)
    assert record is not None
    told = repr(record)
    for secret in ("return x", "x * x", "2 * x", "test_square_random", "def "):
        assert secret not in told
    assert len(source.split("\n")[-1]) < 2000


def test_nbgrader_takes_the_cell_for_unchanged(course: Course) -> None:
    """nbgrader's Validate would warn of a changed test cell."""
    for found in notebook(course).cells:
        if "nbgrader" in found.metadata:
            assert found.metadata.nbgrader.checksum == utils.compute_checksum(found)


@pytest.fixture
def problems(course: Course) -> Iterator[Callable[[str, str], list[str]]]:
    """What `validate` finds after a change of the text that no release has followed."""
    path, text = course.source(tiny_course.NAME) / "tiny.ipynb", course.root / "assignments" / "tiny" / "tiny.md"
    before = path.read_bytes()

    def found(old: str, new: str) -> list[str]:
        assert old in TEXT
        text.write_text(TEXT.replace(old, new))
        path.unlink()
        make_notebook(course.root, "tiny")
        return [str(problem) for problem in validate(course, "tiny", seeds=1)]

    yield found
    text.write_text(TEXT)
    path.write_bytes(before)


STALE = "release/tiny/tiny.ipynb: the recorded answers are not today's ({}): run `autograder release tiny`"


@pytest.mark.parametrize(
    ("old", "new"),
    [("answer = x * x", "answer = x * x + np.maximum(-x, 0)"), ("Right on random numbers.", "Right on any number.")],
    ids=["answer key", "hidden check"],
)
def test_a_stale_record_is_a_problem_until_the_next_release(
    course: Course, problems: Callable[[str, str], list[str]], old: str, new: str
) -> None:
    """Students would be compared with yesterday's answer key, or be told of yesterday's checks."""
    assert STALE.format("square_checks") in problems(old, new)
    assert not any("not today's" in str(problem) for problem in validate(course, "tiny", seeds=1, released=False))


@pytest.mark.parametrize("due", ["2020-01-01 12:00 UTC", "2999-01-01 12:00 UTC", None])
@pytest.mark.parametrize("graded", [True, False])
def test_a_class_that_is_done_needs_no_new_release(
    course: Course, tmp_path: Path, due: str | None, graded: bool
) -> None:
    """Whoever mends a check for a regrade would hand out notebooks that nobody works on."""
    shutil.copytree(course.root, tmp_path / "course")
    path = tmp_path / "course" / "release" / "tiny" / "tiny.ipynb"
    path.write_text(path.read_text().replace("Right on random numbers.", "Right on any number."))
    later = Course(tmp_path / "course")
    with open_gradebook(later) as gradebook:
        gradebook.update_or_create_assignment(tiny_course.NAME, duedate=due)
        if graded:
            row = {"assignment": tiny_course.NAME, "student": "ada"}
            gradebook.db.execute(insert(tables.graded).values(row))
            gradebook.db.commit()
    notes: list[str] = []
    problems = [str(problem) for problem in validate(later, "tiny", seeds=1, on_note=notes.append)]
    said, done = STALE.format("square_checks"), (due is not None and due < "2026") or (due is None and graded)
    assert problems == [said] * (not done)
    enough = f"Note: {said} for those who still work on it. For the others `autograder grade tiny` is enough."
    assert notes == [enough] * done


def test_another_answer_of_the_same_values_needs_no_new_release(problems: Callable[[str, str], list[str]]) -> None:
    """Students would get a new notebook for a comment."""
    assert problems("answer = x * x", "answer = x**2  # the same") == []


def test_a_release_depends_on_no_answer_and_no_hidden_test(course: Course, tmp_path: Path) -> None:
    """A digest of them would tell a student who tries every option of a multiple-choice question which one is right."""
    changed = TEXT.replace("answer = x * x", "answer = x**2").replace("this is x times 2", "this is double")
    other = tiny_course.make_course(tmp_path / "course", changed, MISTAKES)
    release(other, tiny_course.NAME)
    assert changed.count("answer = x**2") == changed.count("this is double") == 1
    assert notebook(other) == notebook(course)


def test_a_visible_check_that_the_answer_key_loses_in_the_release_is_refused(tmp_path: Path) -> None:
    """A visible test that needs what is hidden would fail for every student."""
    text = TEXT.replace("@points(3)\ndef test_square_random", "LIMIT = 1\n@points(3)\ndef test_square_random")
    text = text.replace("    x = rng.normal(size=3)\n", "    x = rng.normal(size=2 + LIMIT)\n")
    course = tiny_course.make_course(tmp_path / "course", text, MISTAKES)
    with pytest.raises(AutograderError, match="in the release the answer key loses test_square_like_the_answer_key"):
        release(course, tiny_course.NAME)
    large = TEXT.replace("x = rng.normal(size=3)", "x = rng.normal(size=3000)")
    course = tiny_course.make_course(tmp_path / "large", large, MISTAKES)
    with pytest.raises(AutograderError, match=r"square_checks: the record .* takes \d+ kB, and may take 12"):
        release(course, tiny_course.NAME)


def nbgrader(root: Path, *args: str) -> str:
    """What a command of nbgrader's says, warnings included."""
    command = [sys.executable, "-m", "nbgrader", *args]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.mark.slow
def test_nbgraders_own_command_makes_the_same_release(course: Course, tmp_path: Path) -> None:
    """A course that releases by formgrader's button would have checks without an answer key."""
    shutil.copytree(course.root, tmp_path / "course")
    line = 'c.GenerateAssignment.preprocessors.append("autograder.authoring.record_step.AddRecords")\n'
    assert line in (Path(__file__).parents[2] / "nbgrader_config.py").read_text(encoding="utf-8")
    with open(tmp_path / "course" / "nbgrader_config.py", "a") as config:
        config.write(line)
    other = Course(tmp_path / "course")
    nbgrader(other.root, "generate_assignment", tiny_course.NAME, "--force")
    for name in ("square_checks", "norm_checks"):
        assert cell(notebook(other), name).source == cell(notebook(course), name).source
    assert validate(other, tiny_course.NAME, seeds=1) == []
    release(other, tiny_course.NAME)
    assert [c.source for c in notebook(other).cells] == [c.source for c in notebook(course).cells]


TOLD = """\
    ✗ fails: The square of your square.
        This is x times 2. Got 8, expected 16.
    1 more when graded: Right on random numbers.
"""


@pytest.mark.slow
@pytest.mark.parametrize(("square", "said"), [(RIGHT, "Success!"), ("def square(x):\n    return x * 2", TOLD)])
def test_nbgraders_validate_button_reads_the_record(course: Course, tmp_path: Path, square: str, said: str) -> None:
    """Its button would call a wrong answer right, wait for an answer key that students do not have, or say "partial
    credit" and not what is wrong; and it warned of a table where it expects a number."""
    book = notebook(course)
    cell(book, "square").source = square
    book.cells = [c for c in book.cells if c.metadata.get("nbgrader", {}).get("grade_id") != "norm_checks"]
    nbformat.write(book, tmp_path / "tiny.ipynb")
    told = nbgrader(tmp_path, "validate", "tiny.ipynb")
    assert said in told
    assert "cannot be converted" not in told
