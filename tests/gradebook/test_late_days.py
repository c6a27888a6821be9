"""Late days: a budget over the term, in the order of due dates, set by nbgrader's own preprocessor."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import small_course
from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties
from small_course import NAME, Run

from autograder.course.course import Course
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.late import settle_late_penalties
from autograder.gradebook.late_days import LateUse, late_days

# nbgrader adds a submission to its session a few lines after it has linked it.
pytestmark = pytest.mark.filterwarnings("ignore:Object of type <Submitted")

CONFIG = """
c.AssignLatePenalties.plugin_class = "autograder.gradebook.late_days.LateDays"
c.LateDays.budget = 3
c.LateDays.per_assignment = 2
c.LateDays.grace_hours = 1.5
c.LateDays.points_per_day = 0.5
c.LateDays.fraction_per_day = 0.1
"""
DUE = {"third": "2026-10-15 12:00:00", "first": "2026-10-01 12:00:00", "second": "2026-10-08 12:00:00"}
TIMES = {
    "ada": {"first": "2026-10-03 01:00:00", "second": "2026-10-10 12:00:00", "third": "2026-10-15 12:00:00"},
    "bob": {"second": "2026-10-08 13:30:00", "third": "2026-10-18 13:30:00", "open": "2027-01-01 00:00:00"},
    "cyd": {"first": "2026-10-02 13:30:00", "second": None, "third": "2026-10-16 00:00:00"},
}


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Three assignments of 10 points, the third in two notebooks, and one without a due date."""
    course = small_course.make_course(tmp_path_factory.mktemp("term") / "course", CONFIG, [])
    with open_gradebook(course) as gradebook:
        for name in (*DUE, "open"):
            gradebook.add_assignment(name, duedate=DUE.get(name))
            for book, points in {"third": {"a": 4, "b": 6}}.get(name, {"a": 10}).items():
                gradebook.add_notebook(book, name)
                gradebook.add_grade_cell("q", book, name, max_score=points, cell_type="code")
        for student, times in TIMES.items():
            gradebook.add_student(student)
            for name, at in times.items():
                gradebook.add_submission(name, student, timestamp=at)
                give(gradebook, name, student, 1.0)
    return course


def give(gradebook: Any, name: str, student: str, part: float, kind: str = "auto_score") -> None:
    """Give a part of the full marks."""
    for notebook in gradebook.find_submission(name, student).notebooks:
        for grade in notebook.grades:
            setattr(grade, kind, part * grade.max_score)
    gradebook.db.commit()


@pytest.fixture
def gradebook(term: Course) -> Iterator[Any]:
    with open_gradebook(term) as gradebook:
        yield gradebook


def penalties(gradebook: Any, student: str) -> dict[str, float]:
    return {s.name: s.late_submission_penalty for s in gradebook.find_student(student).submissions}


def test_the_budget_goes_to_what_is_due_first(term: Course, gradebook: Any) -> None:
    """Whoever is graded later must not pay for what an earlier assignment has left, nor the other way round."""
    plugin = late_days(term)
    assert plugin is not None
    uses = {student: list(plugin.uses(gradebook, student).items()) for student in (*TIMES, "dan")}
    assert uses == {
        "ada": [("first", LateUse(2, 2, 1)), ("second", LateUse(2, 1, 0)), ("third", LateUse(0, 0, 0))],
        "bob": [("second", LateUse(0, 0, 3)), ("third", LateUse(3, 2, 1))],
        "cyd": [("first", LateUse(1, 1, 2)), ("second", LateUse(0, 0, 2)), ("third", LateUse(1, 1, 1))],
        "dan": [],
    }


def assign_late_penalties(course: Course, assignment: str, student: str, notebooks: list[str]) -> None:
    """As `nbgrader autograde` does."""
    for notebook in notebooks:
        names = {"notebook": notebook, "assignment": assignment, "student": student, "db_url": course.db_url}
        step = AssignLatePenalties(config=course.config)
        step.preprocess(nbformat.v4.new_notebook(), {"nbgrader": names})


def test_penalties_are_the_same_in_whatever_order_and_how_often_they_are_set(term: Course, gradebook: Any) -> None:
    """A regrade that ends with other grades than the first grading could not be explained to a student."""
    for names in (["third", "second", "first"], ["first", "second", "third"]):
        for name in names:
            books = [notebook.name for notebook in gradebook.find_assignment(name).notebooks]
            assign_late_penalties(term, name, "ada", books)
        gradebook.db.expire_all()
        assert penalties(gradebook, "ada") == {"first": 0.0, "second": 1.5, "third": 0.0}


def test_ours_and_nbgrader_s_penalties_are_the_same(term: Course, gradebook: Any) -> None:
    """Students would owe other points by which of two commands graded them last."""
    settle_late_penalties(term, gradebook, "first")
    ours = {student: penalties(gradebook, student) for student in TIMES}
    for submission in [s for name in (*DUE, "open") for s in gradebook.find_assignment(name).submissions]:
        assign_late_penalties(term, submission.name, submission.student_id, [n.name for n in submission.notebooks])
    gradebook.db.expire_all()
    assert {student: penalties(gradebook, student) for student in TIMES} == ours
    assert any(penalty for mine in ours.values() for penalty in mine.values())


def test_a_notebook_loses_its_part(term: Course, gradebook: Any) -> None:
    """An assignment in two notebooks would cost twice the points for one day."""
    settle_late_penalties(term, gradebook, "third")
    books = gradebook.find_submission("third", "bob").notebooks
    assert {notebook.name: round(notebook.late_submission_penalty, 9) for notebook in books} == {"a": 0.6, "b": 0.9}


def test_what_has_no_points_loses_none(term: Course) -> None:
    """An assignment for extra credit alone would be charged as one of full marks."""
    plugin = late_days(term)
    assert plugin is not None
    assert plugin.penalty(LateUse(2, 0, 0), 0.0, 0.0) is None
    assert plugin.penalty(LateUse(2, 0, 0), 0.0, 10.0) is None
    assert plugin.penalty(LateUse(2, 0, 0), 5.0, 10.0) == 1.5


def test_an_extension_is_no_lateness(term: Course, gradebook: Any) -> None:
    """Who was ill must not pay with late days for the time that was granted."""
    gradebook.grant_extension("first", "ada", days=1)
    plugin = late_days(term)
    assert plugin is not None
    assert plugin.uses(gradebook, "ada")["second"] == LateUse(2, 2, 0)
    settle_late_penalties(term, gradebook, "first")
    assert penalties(gradebook, "ada") == {"first": 0.0, "second": 0.0, "third": 0.0}
    gradebook.grant_extension("first", "ada")
    settle_late_penalties(term, gradebook, "first")
    assert penalties(gradebook, "ada")["second"] == 1.5
    query = "SELECT score FROM autograder_score WHERE student = 'ada' AND assignment = 'second' AND cell = ''"
    assert small_course.rows(term.root, f"{query} ORDER BY id")[-2:] == [(0.0,), (-1.5,)]  # of another assignment


def test_what_is_no_longer_late_costs_nothing(term: Course, gradebook: Any) -> None:
    """A student who hands in an earlier version, or whose class gets another week, would pay nevertheless."""
    settle_late_penalties(term, gradebook, "second")
    assert penalties(gradebook, "ada")["second"] == 1.5
    for change in ({"duedate": "2026-10-12 12:00:00"}, {"timestamp": "2026-10-08 12:00:00"}):
        for about, back in ((change, False), ({"duedate": DUE["second"], "timestamp": TIMES["ada"]["second"]}, True)):
            if "duedate" in about:
                gradebook.update_or_create_assignment("second", duedate=about["duedate"])
            if "timestamp" in about:
                gradebook.update_or_create_submission("second", "ada", timestamp=about["timestamp"])
            settle_late_penalties(term, gradebook, "second")
            assert penalties(gradebook, "ada")["second"] == (1.5 if back else 0.0)


OWN = """
from nbgrader.plugins import BasePlugin
class Late(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        step = self.parent
        book = step.gradebook.find_submission_notebook(step.notebook_id, step.assignment_id, step.student_id)
        assert (student_id, book.score) == (book.student.id, score), "asked of somebody else"
        return {rule}
"""


@pytest.mark.parametrize(
    ("rule", "late"),
    [
        ("book.max_score / 4", {"a": 1.0, "b": 1.5}),
        ("total_seconds_late / 86400 / 4", {"a": 0.765625, "b": 0.765625}),
        ("99", {"a": 4.0, "b": 6.0}),
        ("-1", {"a": 0.0, "b": 0.0}),
        ("None", {"a": 0.0, "b": 0.0}),
    ],
)
def test_a_plugin_of_the_course_is_asked_of_what_is_late_alone(
    term: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str, late: dict[str, float]
) -> None:
    """A rule that does not look at the time would charge those who were given more of it."""
    shutil.copytree(term.root, tmp_path / "course")
    (tmp_path / "own_rule.py").write_text(OWN.format(rule=rule))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_rule", raising=False)
    with open(tmp_path / "course" / "nbgrader_config.py", "a") as config:
        config.write("c.AssignLatePenalties.plugin_class = 'own_rule.Late'\n")
    course = Course(tmp_path / "course")
    with open_gradebook(course) as gradebook:
        settle_late_penalties(course, gradebook, "third")
        gradebook.grant_extension("third", "cyd", days=1)
        settle_late_penalties(course, gradebook, "third")
        found = {who: gradebook.find_submission("third", who).notebooks for who in TIMES}
        books = {who: {book.name: book.late_submission_penalty or 0.0 for book in mine} for who, mine in found.items()}
    none = {"a": 0.0, "b": 0.0}
    assert books == {"ada": none, "bob": late, "cyd": none}


def test_points_that_come_later_can_be_lost_too(term: Course, gradebook: Any) -> None:
    """nbgrader cuts a penalty to the points that there are: what is graded by hand afterwards would be free of it."""
    give(gradebook, "second", "ada", 0.0)
    settle_late_penalties(term, gradebook, "second")
    assert penalties(gradebook, "ada")["second"] == 0.0
    give(gradebook, "second", "ada", 0.8, "manual_score")
    settle_late_penalties(term, gradebook, "second")
    assert penalties(gradebook, "ada")["second"] == 1.5


def test_a_course_without_late_days_has_none(tmp_path: Path) -> None:
    """What a course has not chosen must not show up in its scores."""
    assert late_days(small_course.make_course(tmp_path / "course", students=[])) is None


PLUGIN = "c.AssignLatePenalties.plugin_class = "
CHOSEN = f"{PLUGIN}'autograder.gradebook.late_days.LateDays'\n"
WRONG = {
    f"{CHOSEN}c.LateDays.budget = 'four'\n": "The 'budget' trait of a LateDays instance expected an int",
    f"{CHOSEN}c.LateDays.budget = -3\n": "'budget' trait of a LateDays instance should not be less than 0",
    f"{CHOSEN}c.LateDays.per_assignment = -1\n": "'per_assignment' trait of a LateDays instance should not be less",
    f"{CHOSEN}c.LateDays.grace_hours = -1\n": "'grace_hours' trait of a LateDays instance should not be less than 0",
    f"{CHOSEN}c.LateDays.points_per_day = -1\n": "'points_per_day' trait of a LateDays instance should not be less",
    f"{CHOSEN}c.LateDays.fraction_per_day = 20\n": "'fraction_per_day' trait of a LateDays instance should not be gr",
    f"{CHOSEN}c.LateDays.fraction_per_day = -0.1\n": "'fraction_per_day' trait of a LateDays instance should not be",
    f"{PLUGIN}'no.such.Plugin'\n": "ModuleNotFoundError: No module named 'no'",
    f"{PLUGIN}'autograder.gradebook.late_days.LateDay'\n": "LateDay",
    f"{PLUGIN}3\n": "expected a subclass of 'nbgrader.plugins.base.BasePlugin', not the int 3",
    f"import sys\nsys.path.insert(0, __file__.rsplit('/', 1)[0])\n{PLUGIN}'slip.Late'\n": "SyntaxError: ",
    "c.LateSubmissionPlugin.penalty_method = 'nil'\n": "The 'penalty_method' trait of a LateSubmissionPlugin instance",
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with one submission in its gradebook, as if it had been graded."""
    course = small_course.make_course(tmp_path_factory.mktemp("recorded") / "course", students=["ada"])
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.add_assignment(NAME)
        gradebook.add_student("ada")
        gradebook.add_submission(NAME, "ada")
    return course.root


@pytest.mark.parametrize("wrong", WRONG)
def test_late_settings_that_cannot_be_are_told_before_anybody_is_graded(
    run: Run, recorded: Path, tmp_path: Path, wrong: str
) -> None:
    """A class would be graded for hours, and end in a traceback when penalties are set."""
    root = tmp_path / "course"
    shutil.copytree(recorded, root)
    (root / "slip.py").write_text("class Late(:\n")
    with open(root / "nbgrader_config.py", "a") as config:
        config.write(wrong)
    for command in ("grade", "scores", "feedback", "report"):
        code, out, err = run(command, NAME, here=root)
        assert (code, out) == (2, ""), err
        said = err.splitlines()[-1]
        assert said.startswith(f"autograder: {root / 'nbgrader_config.py'} has ")
        assert WRONG[wrong] in said
        assert " object at 0x" not in said
        assert "Traceback" not in err
    assert not (root / "autograded").exists()
