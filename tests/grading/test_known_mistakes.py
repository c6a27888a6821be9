"""Known mistakes are named when a class is graded: told to the student, kept for the instructor, counted by entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_course

from autograder.course.course import Course
from autograder.grading.class_run import grade_class

pytestmark = pytest.mark.slow

DOCUMENT = """\
# Mistakes

## The sum

Students forget to divide.

```{code-cell} ipython3
:replaces: mean
:loses: [test_two_numbers, test_like_the_answer_key]
:says: "You return the sum: divide it by the number of entries"
def mean(a):
    return a.sum()
```

## The median

```{code-cell} ipython3
:replaces: mean
:loses: [test_like_the_answer_key]
:says: "This is the median, not the mean"
def mean(a):
    return np.median(a)
```
"""
ANSWERS = {
    "sum": "def mean(a):\n    total = 0\n    for x in a:\n        total = total + x\n    return total",
    "median": "def mean(a):\n    b = sorted(a)\n    n = len(b)\n    return (b[(n - 1) // 2] + b[n // 2]) / 2",
    "neither": "def mean(a):\n    return a.sum() / (len(a) - 1)",
    "right": "def mean(a):\n    return np.mean(a)",
    "odd": "def mean(a):\n    return open('/proc/self/maps')",
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graded course whose students are named after what they wrote."""
    root = tmp_path_factory.mktemp("mistakes") / "course"
    made = small_course.make_course(root, students=[])
    document = root / "assignments" / small_course.NAME / "mistakes.md"
    document.parent.mkdir(parents=True)
    document.write_text(DOCUMENT, encoding="utf-8")
    for student, answer in ANSWERS.items():
        small_course.submit(root, student, small_course.submission(mean=answer))
    assert not any(graded.needs_a_person for graded in grade_class(made, small_course.NAME).graded)
    return root


def kept(root: Path) -> dict[str, dict[str, tuple[str, str]]]:
    """Mistake and message of every failed check, by student and check."""
    found: dict[str, dict[str, tuple[str, str]]] = {student: {} for student in ANSWERS}
    query = "SELECT student, name, mistake, message FROM autograder_check WHERE outcome != 'passed'"
    for student, name, mistake, message in small_course.rows(root, query):
        found[student][name] = (mistake, message)
    return found


def test_the_student_is_told_the_sentence_and_the_gradebook_keeps_the_entry(course: Path) -> None:
    """Students would only read that the values are wrong, and instructors could not see why."""
    found = kept(course)
    visible, hidden = found["sum"]["test_two_numbers"], found["sum"]["test_like_the_answer_key"]
    assert visible == ("The sum", "You return the sum: divide it by the number of entries. Got 4, expected 2.")
    assert hidden == ("The sum", "You return the sum: divide it by the number of entries.")
    assert found["median"] == {"test_like_the_answer_key": ("The median", "This is the median, not the mean.")}
    assert {mistake for mistake, _ in (found["neither"] | found["odd"]).values()} == {""}
    assert found["right"] == {}


def test_scores_say_which_entry_matched(course: Path, run: small_course.Run) -> None:
    """Only who reads the database could tell."""
    _, said, _ = run("scores", small_course.NAME, "--json", here=course)
    checks = {s["student"]: s["cells"]["test_mean"]["checks"] for s in json.loads(said)}
    assert [check["mistake"] for check in checks["median"]] == ["", "The median"]
    assert [check["mistake"] for check in checks["right"]] == ["", ""]


def test_a_changed_entry_is_told_at_the_next_run_and_changes_no_score(course: Path) -> None:
    """An instructor who writes an entry after the deadline would have to grade everybody by hand again."""
    document = course / "assignments" / small_course.NAME / "mistakes.md"
    scores = small_course.auto_scores(course)
    entry = DOCUMENT[DOCUMENT.index("## The median") :]
    entry = entry.replace("The median", "One too few").replace("This is the median, not the mean", "You lose one")
    entry = entry.replace("[test_like", "[test_two_numbers, test_like")
    document.write_text(DOCUMENT + "\n" + entry.replace("np.median(a)", "sum(a) / (len(a) - 1)"), encoding="utf-8")
    try:
        grade_class(Course(course), small_course.NAME)
        assert {mistake for mistake, _ in kept(course)["neither"].values()} == {"One too few"}
        assert small_course.auto_scores(course) == scores
    finally:
        document.write_text(DOCUMENT, encoding="utf-8")
