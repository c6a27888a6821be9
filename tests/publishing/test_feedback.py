"""Feedback: what a student reads of their grade, and what they do not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime
from html import unescape
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from small_course import NAME, Run

from autograder.course.course import Course
from autograder.publishing.feedback.writing import write_feedback

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def page_of(course: Course, student: str) -> Path:
    return course.path("feedback", student, NAME) / f"{NAME}.html"


def text_of(course: Course, student: str) -> str:
    """A student's page as it is read, without its style."""
    text = re.sub(r"<style>.*?</style>", "", page_of(course, student).read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_a_student_learns_what_was_wrong_and_nothing_of_hidden_tests(graded: Course) -> None:
    """Hidden tests that are read once are no tests any more, and a grade without a reason teaches nothing."""
    done = write_feedback(graded, NAME)
    assert (done.not_graded, len(done.written)) == ([], 6)
    for student in done.written:
        page = page_of(graded, student).read_text(encoding="utf-8")
        for secret in (
            "HIDDEN TESTS",
            "reference.mean",
            "rng.normal",
            "'aa'",
            "&#39;aa&#39;",
            "MARK SCHEME",
            "Say why.",
        ):
            assert secret not in page, (student, secret)
    bob, cyd, fay = (text_of(graded, student) for student in ("bob", "cyd", "fay"))
    assert "✓ The mean of 1 and 3 is 2. 1 / 1 ✗ Right on random numbers. hidden" in bob
    assert "student . mean" in bob.replace("student.mean", "student . mean")  # what is visible of a check stays
    assert "left out, since it has hidden tests" in cyd
    assert "small.ipynb is not a Jupyter notebook" in fay.replace("the file", "small.ipynb")


def test_what_a_page_says_of_its_making_is_keyed(graded: Course) -> None:
    """A digest of what a page was made from, hidden tests too, would tell a student who guesses their text."""
    write_feedback(graded, NAME, ["ada"])
    page = page_of(graded, "ada").read_text(encoding="utf-8")
    (digest,) = re.findall(r'<meta name="autograder" content="(\w{64})">', page)
    graded.secret_file.write_bytes(bytes(32))
    write_feedback(Course(graded.root), NAME, ["ada"])
    other = page_of(graded, "ada").read_text(encoding="utf-8")
    assert digest not in other
    assert re.sub(r"\w{64}", digest, other) == page


def test_points_by_hand_comments_and_lateness_are_in_it(graded: Course) -> None:
    """A grader's work would not reach the student, or the sum would not be the one in the gradebook."""
    with open(graded.root / "nbgrader_config.py", "a") as config:
        config.write('c.AssignLatePenalties.plugin_class = "autograder.gradebook.late_days.LateDays"\n')
    graded = Course(graded.root)
    write_feedback(graded, NAME, ["ada"])
    assert "One part is still to be graded by hand" in text_of(graded, "ada")
    with Gradebook(graded.db_url, graded.course_id) as gradebook:
        gradebook.find_grade("why", NAME, NAME, "ada").manual_score = 2.5
        gradebook.find_comment("why", NAME, NAME, "ada").manual_comment = "Say *which* key, $k_1$."
        gradebook.find_submission_notebook(NAME, NAME, "ada").late_submission_penalty = 1.25
        gradebook.find_assignment(NAME).duedate = datetime(2026, 1, 1)
        gradebook.find_submission(NAME, "ada").timestamp = datetime(2026, 1, 2, 12)
        gradebook.db.commit()
    again = write_feedback(graded, NAME, ["ada"])
    assert (again.written, again.waiting) == (["ada"], [])
    text = text_of(graded, "ada")
    assert "6.25 of 8 points (7.5 less 1.25 for being late)" in text
    assert "Late: 2 days, 2 free, 2 left." in text
    assert "graded by a person · 2.5 / 3" in text
    assert "Say which key" in text
    assert "<em>which</em>" in page_of(graded, "ada").read_text(encoding="utf-8")
    assert "<math " in page_of(graded, "ada").read_text(encoding="utf-8")
    assert "waits" not in text


def test_what_cost_most_stands_first_with_links(graded: Course) -> None:
    """Who reads only the beginning of a long page would not learn what to repeat."""
    with Gradebook(graded.db_url, graded.course_id) as gradebook:
        gradebook.find_grade("why", NAME, NAME, "bob").manual_score = 2.75
        gradebook.db.commit()
    write_feedback(graded, NAME, ["ada", "bob"])
    assert "What cost most" not in text_of(graded, "ada")
    page = page_of(graded, "bob").read_text(encoding="utf-8")
    (listed,) = re.findall(r'<table class="losses">.*?</table>', page, flags=re.DOTALL)
    points = [float(lost) for lost in re.findall(r">−([0-9.]+)<", listed)]
    assert points == [2, 0.25]
    assert "Right on random numbers." in listed
    for anchor in re.findall(r'href="#([^"]+)"', listed):
        assert page.count(f'id="{anchor}"') == 1, anchor


def test_only_what_changed_is_written_and_never_half(graded: Course) -> None:
    """A class of hundreds would take minutes for one comment; a page that was cut off would look like the whole."""
    elsewhere = graded.root / "elsewhere.html"
    elsewhere.write_text("mine")
    page = page_of(graded, "ada")
    page.parent.mkdir(parents=True)
    page.symlink_to(elsewhere)
    write_feedback(graded, NAME)
    assert elsewhere.read_text() == "mine"
    assert not page.is_symlink()
    written = page.stat().st_mtime_ns
    again = write_feedback(graded, NAME)
    assert (again.written, len(again.unchanged)) == ([], 6)
    assert page.stat().st_mtime_ns == written
    assert [path.name for path in page.parent.iterdir()] == [f"{NAME}.html"]


def test_nbgrader_writes_the_same_page_and_gives_it_out(graded: Course) -> None:
    """A course that stays with nbgrader's commands and buttons would hand out hidden tests and live scripts."""
    root, student = graded.root, graded.path("autograded", "ada", NAME)
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8").replace("deep_learning", "small_course")
    (root / "exchange").mkdir(mode=0o777)
    (root / "nbgrader_config.py").write_text(f"{config}\nc.Exchange.root = {str(root / 'exchange')!r}\n")
    (student / "timestamp.txt").write_text("2026-01-02 03:04:05 UTC")
    (student / "submission_secret.txt").write_text("secret")
    os.chmod(root / "exchange", 0o777)
    graded = Course(root)
    write_feedback(graded, NAME, ["ada"])
    ours = page_of(graded, "ada").read_bytes()
    nbgrader(root, "release_feedback", NAME, "--student", "ada")
    given = [path.read_bytes() for path in (root / "exchange").rglob("*.html")]
    assert given == [ours]
    nbgrader(root, "generate_feedback", NAME, "--student", "ada", "--force")
    assert page_of(graded, "ada").read_bytes() == ours


def nbgrader(root: Path, *args: str) -> None:
    done = subprocess.run([sys.executable, "-m", "nbgrader", *args], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_command_says_who_has_no_feedback(graded: Course, run: Run) -> None:
    """Somebody who was not graded would wait for feedback that nobody knows is missing."""
    new = graded.path("submitted", "gil", NAME)
    new.mkdir(parents=True)
    (new / f"{NAME}.ipynb").write_text("{}")
    code, said, _ = run("feedback", NAME, "--student", "ada", "--student", "gil", here=graded.root)
    assert code == 1
    assert "1 written, 0 unchanged" in said
    assert "Points by hand are still to come for ada" in said
    assert "Not graded, so without feedback: gil" in said
    folder = graded.path("autograded", "ada", NAME)
    folder.rename(folder.with_name("elsewhere"))
    code, said, _ = run("feedback", NAME, "--student", "ada", here=graded.root)
    assert (code, said.splitlines()[-1]) == (1, f"Not graded, so without feedback: ada (autograder grade {NAME}).")
    folder.with_name("elsewhere").rename(folder)
    code, _, complained = run("feedback", NAME, "--student", "nobody")
    assert code == 2
    assert "nobody has submitted nothing for small" in complained
