"""What changes after a class is graded: a check is voided or mended, prose is edited, an answer comes again. Each
touches what depends on it and nothing else, least of all what a person has given."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
import small_course
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from rich.console import Console
from small_course import NAME, cell, rows

from autograder.course.course import Course
from autograder.grading import class_run
from autograder.grading.class_run import ClassRun, grade_class
from autograder.publishing.scores import incidents_table, read_scores, scores_table

pytestmark = pytest.mark.slow

AGAIN = (
    '%%check\ndef test_one_number(student):\n    """The mean of 5 is 5."""\n    assert_close(student.mean([5.0]), 5.0)'
)
# Never the same twice, so that a verdict that was made anew is seen to be.
LUCK = "import os\ndef mean(a):\n    return float(int.from_bytes(os.urandom(6)))"
WHY_WRONG = "It asked for more than the text."


def source_notebook(
    check: str = small_course.CHECK, prose: str = "# A small assignment", points: int = 3
) -> NotebookNode:
    """The small assignment with a second check cell and a plot that is graded by hand."""
    book = small_course.source_notebook(check)
    book.cells[0].source = prose
    book.cells.insert(4, cell("test_again", AGAIN, grade=True, locked=True, points=1))
    book.cells.insert(5, cell("read_me", prose, "markdown", locked=True))
    book.cells.append(
        cell("plot", "### BEGIN SOLUTION\nprint('plot')\n### END SOLUTION", grade=True, solution=True, points=2)
    )
    cells = small_course.cells_by_id(book)
    cells["test_mean"].metadata.nbgrader["points"] = points
    cells["why"].source += prose
    cells["why"].metadata.nbgrader["points"] = points
    return book


def submission(**answers: str) -> NotebookNode:
    book = source_notebook()
    for grade_id, text in ({"why": "Because it is so.", "plot": "print('my plot')"} | answers).items():
        small_course.cells_by_id(book)[grade_id].source = text
    return book


def write_source(course: Course, **changes: Any) -> None:
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", source_notebook(**changes))


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of three, graded: right, by luck, and broken."""
    course = small_course.make_course(tmp_path_factory.mktemp("regrade") / "course", students=[])
    write_source(course)
    small_course.submit(course.root, "ada", submission())
    small_course.submit(course.root, "bob", submission(mean=LUCK))
    small_course.submit(course.root, "fay", "not a notebook")
    grade_class(course, NAME, jobs=2)
    return course.root


@pytest.fixture
def course(once: Path, tmp_path: Path) -> Course:
    """A copy of that class."""
    shutil.copytree(once, tmp_path / "course")
    return Course(tmp_path / "course")


def regraded(done: ClassRun) -> list[str]:
    return sorted(submission.student for submission in done.graded)


def messages(course: Course) -> dict[tuple[str, str], str]:
    """What each student is told of each check."""
    return {(row[0], row[3]): row[5] for row in rows(course.root, small_course.CHECK_ROWS)}


def shown(course: Course, student: str, grade_id: str) -> Any:
    """The table of a check cell in a graded notebook."""
    book = nbformat.read(course.path("autograded", student, NAME) / f"{NAME}.ipynb", as_version=4)
    nbformat.validate(book)
    (output,) = small_course.cells_by_id(book)[grade_id].outputs
    return output.data


def scores_of(course: Course, student: str) -> dict[str, Any]:
    return next(score for score in read_scores(course, NAME) if score["student"] == student)


def table_of(course: Course) -> str:
    """What `autograder scores` prints."""
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115 - the console closes it
    scores = read_scores(course, NAME)
    console.print(scores_table(NAME, scores), incidents_table(scores))
    return console.export_text()


def test_a_check_is_voided_for_everybody_and_counts_again(course: Course, run: small_course.Run) -> None:
    """A bad check must cost nobody a point, be seen to be out, and stay void until somebody unvoids it."""
    before = small_course.everything(course.root)
    void = ("--void", "test_mean::test_two_numbers", "--why", WHY_WRONG)
    code, said, complained = run("grade", NAME, *void, here=course.root)
    assert code == 0, complained
    assert "2 scored anew" in said
    assert f"Void: test_mean::test_two_numbers – {WHY_WRONG}" in said
    assert small_course.graded_at(course.root).keys() == {"ada", "bob", "fay"}
    grade_class(course, NAME, void=["test_like_the_answer_key"], why=WHY_WRONG)
    scores = small_course.auto_scores(course.root)
    assert [scores["bob", cell] for cell in ("test_mean", "test_again")] == [3.0, 0.0]
    assert shown(course, "bob", "test_mean")["text/plain"] == "3.0"
    assert shown(course, "bob", "test_mean")["text/html"].count(f"Void: {WHY_WRONG}") == 2
    (check, _) = scores_of(course, "bob")["cells"]["test_mean"]["checks"]
    assert (check["passed"], check["points"], check["void"]) == (False, 0.0, WHY_WRONG)
    assert check["message"] == f"Void: {WHY_WRONG}"
    assert "0 / 1" in table_of(course)
    # One who is graded meanwhile never runs it: only for them must it run when it counts again.
    assert regraded(grade_class(course, NAME, ["ada"], regrade=True)) == ["ada"]
    outcomes = {(row[0], row[3]): row[4] for row in rows(course.root, small_course.CHECK_ROWS)}
    assert (outcomes["ada", "test_two_numbers"], outcomes["bob", "test_two_numbers"]) == ("not run", "wrong")
    done = grade_class(course, NAME, unvoid=["test_two_numbers", "test_like_the_answer_key"])
    assert (regraded(done), done.rescored) == (["ada"], ["bob"])
    assert small_course.everything(course.root) == before


def test_a_mark_in_the_assignment_takes_a_check_out(course: Course) -> None:
    """It is how a check stays out in the next term too; a cell with nothing left gives its points."""
    marked = small_course.CHECK.replace("@points(2)", f'@points(2)\n@void("{WHY_WRONG}")')
    write_source(course, check=marked)
    assert regraded(grade_class(course, NAME, jobs=2)) == ["ada", "bob"]
    scores = small_course.auto_scores(course.root)
    assert (scores["ada", "test_mean"], scores["bob", "test_mean"]) == (3.0, 0.0)
    write_source(course, check=marked.replace("def test_two", f'@void("{WHY_WRONG}")\ndef test_two'))
    grade_class(course, NAME, jobs=2)
    assert small_course.auto_scores(course.root)["bob", "test_mean"] == 3.0
    assert {check["void"] for check in scores_of(course, "ada")["cells"]["test_mean"]["checks"]} == {WHY_WRONG}


def test_prose_grades_nobody_again_and_points_run_nothing(course: Course) -> None:
    """A corrected comma must not cost an hour of grading, nor change a grade."""
    before = small_course.everything(course.root)
    write_source(course, prose="# A small assignment, with a comma")
    done = grade_class(course, NAME)
    assert (regraded(done), done.rescored, len(done.unchanged)) == ([], [], 3)
    assert small_course.everything(course.root) == before
    write_source(course, points=6)
    done = grade_class(course, NAME)
    assert (regraded(done), done.rescored) == ([], ["ada", "bob"])
    assert small_course.auto_scores(course.root)["ada", "test_mean"] == 6.0
    assert shown(course, "ada", "test_mean")["text/plain"] == "6.0"


def test_a_mended_check_changes_its_own_cell_only(course: Course) -> None:
    """A grade must come from the check as it is now, and what was not mended must not be decided anew."""
    before = messages(course)
    write_source(
        course,
        check=small_course.CHECK.replace("assert_close(student.mean(np.array", "assert_close(student.mean(np.asarray"),
    )
    assert regraded(grade_class(course, NAME, jobs=2)) == ["ada", "bob"]
    after = messages(course)
    assert {check for check in after if after[check] != before[check]} == {("bob", "test_two_numbers")}
    assert before["bob", "test_one_number"].split()[-1].rstrip(".") in shown(course, "bob", "test_again")["text/html"]
    assert regraded(grade_class(course, NAME)) == []
    source = source_notebook()
    small_course.cells_by_id(source)["setup"].source += "\nimport math"
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", source)
    grade_class(course, NAME, jobs=2)
    assert messages(course)["bob", "test_one_number"] != before["bob", "test_one_number"]


@contextmanager
def gradebook_of(course: Course) -> Iterator[Gradebook]:
    with Gradebook(course.db_url, course.course_id) as gradebook:
        yield gradebook
        gradebook.db.commit()


def grade_by_hand(course: Course, *grade_ids: str) -> None:
    """What formgrader does when a person gives points and writes a comment."""
    with gradebook_of(course) as gradebook:
        for grade_id in grade_ids:
            grade = gradebook.find_grade(grade_id, NAME, NAME, "ada")
            grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.5, 0.5, False
            gradebook.find_comment(grade_id, NAME, NAME, "ada").manual_comment = "Well said."


def to_look_at(course: Course) -> set[str]:
    """What waits for a person, once it is sure that nothing that they gave is lost."""
    with gradebook_of(course) as gradebook:
        for grade_id in ("why", "plot"):
            grade = gradebook.find_grade(grade_id, NAME, NAME, "ada")
            assert (grade.score, grade.manual_score, grade.extra_credit) == (2.0, 1.5, 0.5)
            assert gradebook.find_comment(grade_id, NAME, NAME, "ada").comment == "Well said."
        notebook = gradebook.find_submission_notebook(NAME, NAME, "ada")
        return {grade.name for grade in notebook.grades if grade.needs_manual_grade}


def test_what_a_person_gave_survives_and_changed_answers_are_reported(course: Course) -> None:
    """Hours of marking must never be lost, nor stand unseen beside an answer that it was not given for."""
    told = ("ada", "changed since graded by hand", "why")
    grade_by_hand(course, "why", "plot")
    grade_class(course, NAME, regrade=True)
    assert to_look_at(course) == set()
    small_course.submit(course.root, "ada", submission(double="double = lambda x: 2 * x"))
    grade_class(course, NAME)
    assert to_look_at(course) == {"plot"}
    assert told not in rows(course.root, small_course.INCIDENT_ROWS)
    small_course.submit(course.root, "ada", submission(why="I thought again."))
    for _ in range(2):
        grade_class(course, NAME, ["ada"], regrade=True)
        assert to_look_at(course) == {"why", "plot"}
        assert told in rows(course.root, small_course.INCIDENT_ROWS)
    assert "changed since graded by hand (why)" in table_of(course)
    grade_by_hand(course, "why", "plot")
    grade_class(course, NAME, ["ada"], regrade=True)
    assert to_look_at(course) == set()
    assert told not in rows(course.root, small_course.INCIDENT_ROWS)
    small_course.submit(course.root, "ada", "lost")
    grade_class(course, NAME)
    assert to_look_at(course) >= {"why", "plot"}
    assert told in rows(course.root, small_course.INCIDENT_ROWS)


def test_a_failure_of_ours_asks_nobody_to_grade_by_hand_again(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails for a minute would send a whole class back to its graders."""
    told = ("ada", "changed since graded by hand", "why")
    grade_by_hand(course, "why", "plot")
    grade_class(course, NAME, regrade=True)

    def fail(*about: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(class_run, "read_submission", fail)
        grade_class(course, NAME, ["ada"], regrade=True)
    assert to_look_at(course).isdisjoint({"why", "plot"})
    grade_class(course, NAME)
    # What code shows may depend on anything, and of the failed run it is not known what it would have shown.
    assert to_look_at(course) == {"plot"}
    assert told not in rows(course.root, small_course.INCIDENT_ROWS)
