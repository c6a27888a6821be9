"""Extensions, before and after a submission. No kernel runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import small_course
from made_class import as_graded, make_class
from small_course import NAME, Run

from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.late import settle_late_penalties
from autograder.gradebook.write_results import write_result
from autograder.grading.class_run import grade_class
from autograder.publishing.changes import read_changes
from autograder.publishing.scores import read_scores

LATE = small_course.LIMITS + "c.AssignLatePenalties.plugin_class = 'autograder.gradebook.late_days.LateDays'\n"
LATE += "c.LateDays.budget = 0\n"


@pytest.fixture
def late(tmp_path: Path) -> Course:
    """ada and s00001 have handed in a day late; zoe has handed in nothing."""
    course = small_course.make_course(tmp_path / "course", LATE, ["ada"])
    (course.root / "submitted" / "ada" / NAME / "timestamp.txt").write_text("2026-10-02 12:00 UTC")
    make_class(course, NAME, 2)
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-10-01 12:00 UTC")
        gradebook.update_or_create_student("zoe")
        settle_late_penalties(course, gradebook, NAME)
    return course


def penalties(course: Course) -> dict[str, float]:
    return {score["student"]: score["late_penalty"] for score in read_scores(course, NAME)}


def test_an_extension_counts_at_once_and_can_be_taken_back(late: Course, run: Run) -> None:
    """A student who was ill would be shown a penalty until somebody grades again."""
    assert penalties(late) == {"ada": 0.8, "s00001": 0.8}
    done = run("extend", NAME, "ada", "--days", "1", here=late.root)
    assert done == (0, f"For ada, {NAME} is due 2026-10-02 12:00 UTC.\n", "")
    assert penalties(late) == {"ada": 0.0, "s00001": 0.8}
    assert run("extend", NAME, "ada", "--days", "0", here=late.root)[0] == 0
    assert penalties(late) == {"ada": 0.8, "s00001": 0.8}
    both = ("ada", "s00001", "--until", "2026-10-02T08:00-04:00")
    assert run("extend", NAME, *both, here=late.root)[1] == f"For ada, s00001, {NAME} is due 2026-10-02 12:00 UTC.\n"
    assert penalties(late) == {"ada": 0.0, "s00001": 0.0}


def test_an_extension_before_the_submission_is_kept(late: Course, run: Run) -> None:
    """nbgrader keeps it with the submission, so one that is given in time would be lost."""
    assert run("extend", NAME, "zoe", "--days", "1", here=late.root)[0] == 0
    shutil.copytree(late.root / "submitted" / "ada", late.root / "submitted" / "zoe")
    with open_gradebook(late) as gradebook:
        write_result(gradebook, late, NAME, as_graded(late, load_assignment(late, NAME), "zoe"))
        settle_late_penalties(late, gradebook, NAME)
    assert penalties(late) == {"ada": 0.8, "s00001": 0.8, "zoe": 0.0}


def test_more_time_until_a_day_needs_a_due_date(late: Course, run: Run) -> None:
    """How long the extension is would be unknown."""
    with open_gradebook(late) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate=None)
    done = run("extend", NAME, "ada", "--until", "2026-10-08 12:00 UTC", here=late.root)
    assert done == (2, "", f"autograder: {NAME} has no due date: give --days.\n")


@pytest.mark.slow
def test_a_student_s_code_may_run_longer(tmp_path: Path, run: Run) -> None:
    """Whoever works on a slow aid, or was promised more time, would lose points by a limit that is not theirs."""
    course = small_course.make_course(tmp_path / "course", "c.Autograder.cell_seconds = 1\n", [])
    slow = "import time\ndef mean(a):\n    time.sleep(1.5)\n    return np.mean(a)"
    for student in ("ada", "bob"):
        small_course.submit(course.root, student, small_course.submission(mean=slow))
    assert run("extend", NAME, "bob", "--run-time", "4", here=course.root) == (
        0,
        f"{NAME}: a cell may run 4 s and a notebook 2400 s for bob. Then:  autograder grade {NAME}\n",
        "",
    )
    grade_class(course, NAME)
    assert {s["student"]: s["score"] for s in read_scores(course, NAME)} == {"ada": 2.0, "bob": 5.0}
    run("extend", NAME, "ada", "--run-time", "4", here=course.root)
    run("extend", NAME, "bob", "--days", "1", here=course.root)  # which leaves the run time
    assert [submission.student for submission in grade_class(course, NAME).graded] == ["ada"]
    assert grade_class(course, NAME).unchanged == ["ada", "bob"]
    (change,) = read_changes(course, NAME)
    assert (change.student, change.before, change.after, change.why) == ("ada", 0.0, 3.0, "other run time")


WRONG = {
    ("nobody", "--days", "1"): "nobody is not a student of this course",
    ("ada", "nobody", "--days", "1"): "nobody is not a student of this course",
    (
        "ada",
        "--until",
        "2026-10-01 12:00 UTC",
    ): "--until is not after 2026-10-01 12:00 UTC, when",
    ("ada", "--until", "01.10.2026"): "is not a time that can be read in one way only",
    ("ada",): "Give --days or --until, or --run-time.",
    ("ada", "--days", "1e10"): "10000000000.0 is not in the range 0<=x<=3650",
    ("ada", "--days", "nan"): "nan is not a number of days or times.",
    ("ada", "--run-time", "nan"): "nan is not a number of days or times.",
    ("ada", "--run-time", "0.5"): "0.5 is not in the range 1<=x<=10",
    (
        "nobody",
        "--run-time",
        "2",
    ): "nobody is not a student of this course. Write the id as `autograder scores` does. Otherwise add",
    (
        "aada",
        "--days",
        "1",
    ): "aada is not a student of this course. Did you mean ada? Otherwise add the student first: `nbgrader db stu",
    ("ada", "--days", "1", "--until", "2027-01-01 12:00 UTC"): "Give either --days or --until.",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_wrong_extension_is_told_and_changes_nothing(late: Course, run: Run, arguments: tuple[str, ...]) -> None:
    """A slip would give time to nobody, or to half of those who were named."""
    code, out, err = run("extend", NAME, *arguments, here=late.root)
    assert (code, out) == (2, "")
    assert WRONG[arguments] in err
    assert penalties(late) == {"ada": 0.8, "s00001": 0.8}
