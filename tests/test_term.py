"""A term, told from its start to its end: what a person types, and the numbers after each step."""

from __future__ import annotations

import csv
import encodings.utf_8_sig  # noqa: F401  # as is all that a TA's process needs: it may not read root's Python
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
import pytest
from exports import gradescope
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from small_course import Run, cells_by_id

from autograder.cli import main
from autograder.course.course import Course
from autograder.publishing.queue.queue import read_queue

NAME = "rain"
ADA, BOB, CYD, EVE = "ada@uni.edu", "bob@uni.edu", "cyd@uni.edu", "eve@uni.edu"
DAN, FAY = "dan@uni.edu", "fay@uni.edu"  # they work together
PEOPLE = {ADA: "Ada King", BOB: "Bob Bell", CYD: "Cyd Card", DAN: "Dan Dark", EVE: "Eve =1+1", FAY: "Fay Fox"}
ROSTER = "\n".join(["id,email,group", *(f"{who},{who},{'Blue' if who in (DAN, FAY) else ''}" for who in PEOPLE)])
TEACHING, TAS = 64_300, (64_301, 64_302)  # a Unix group, and two users in it
DUE = "2026-10-01 12:00:00 UTC"
CONFIG = """
c.Autograder.jobs = 2
c.AssignLatePenalties.plugin_class = "autograder.gradebook.late_days.LateDays"
c.LateDays.budget = 1
c.LateDays.per_assignment = 1
"""

MAE = "def mean_absolute_error(predictions, y):\n    return np.abs(predictions - y).mean()"
CANCELS = "def mean_absolute_error(predictions, y):\n    return abs((predictions - y).mean())"
BOOTSTRAP = (
    "def bootstrap(statistic, x, num_samples, rng):\n"
    "    return np.array([statistic(x[rng.integers(len(x), size=len(x))]) for _ in range(num_samples)])"
)
ANSWER = "Narrower, by half: the spread of a mean falls with the root of the number of examples."

Answers = dict[str, str]
RIGHT = {"mean_absolute_error": MAE, "bootstrap": BOOTSTRAP, "more_days": ANSWER}
# 20 points: 6 for the mean absolute error (two checks of weight 1, a hidden one of weight 2), 9 for the bootstrap, 5 by
# hand. Who lets errors cancel keeps one check of weight 1: 1.5 points.


class Term:
    """The course on disk, with what a person does to it."""

    def __init__(self, root: Path, run: Run) -> None:
        self.root, self.run = root, run

    def types(self, *args: str | Path, ends_with: int = 0) -> str:
        """`autograder …` in the course's folder; returns what it prints."""
        code, out, err = self.run(*args, here=self.root)
        assert code == ends_with, out + err
        return out

    def answered(self, answers: Answers) -> NotebookNode:
        """The released notebook as a student hands it in."""
        book = nbformat.read(self.root / "release" / NAME / f"{NAME}.ipynb", as_version=4)
        for grade_id, text in answers.items():
            cells_by_id(book)[grade_id].source = text
        return book

    def collected(self, handed_in: dict[str, tuple[str, Any]], *options: str, ends_with: int = 0) -> dict[str, str]:
        """Collect an export of who handed in what and when; returns what became of each."""
        people = {email: (PEOPLE[email], at, {f"{NAME}.ipynb": book}) for email, (at, book) in handed_in.items()}
        source = gradescope(self.root / "export.zip", people)
        told = json.loads(self.types("collect", source, NAME, *options, "--json", ends_with=ends_with))
        return {entry["student"]: entry["what"] for entry in told}

    def scores(self) -> dict[str, dict[str, Any]]:
        return {score["student"]: score for score in json.loads(self.types("scores", NAME, "--json"))}

    def finals(self) -> dict[str, float]:
        """What counts, by student."""
        return {student: round(score["final_score"], 6) for student, score in self.scores().items()}

    def sheets(self, points: dict[str, str]) -> list[Path]:
        """The written answers on two sheets, with points for students whose names are not in them."""
        self.types("queue", NAME, "more_days", "--csv", self.root / "all.csv")
        whose = {answer.key: answer.student for answer in read_queue(Course(self.root), NAME)}
        head, *lines = (self.root / "all.csv").read_text().splitlines()
        filled = [f"{line.removesuffix(',,,')},{points[whose[line.split(',')[1]]]}" for line in lines]
        sheets = [self.root / "one.csv", self.root / "other.csv"]
        for sheet, mine in zip(sheets, (filled[:1], filled[1:]), strict=True):
            sheet.write_text("\n".join([head, *mine, ""]))
        return sheets

    def graded_at_once(self, *sheets: Path) -> None:
        """Each TA gives the points of a sheet, at the same time; as users of their own, where the test may do so."""
        started = [self.started(user, sheet) for user, sheet in zip(TAS, sheets, strict=True)]
        for process, told in started:
            assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, told.read_text()

    def started(self, user: int, sheet: Path) -> tuple[int, Path]:
        """The process of a TA, and the file for what it says."""
        told = sheet.with_suffix(".txt")
        process = os.fork()
        if process == 0:
            with open(told, "w") as file, redirect_stdout(file), redirect_stderr(file):
                if not os.getuid():
                    os.setgroups([])
                    os.setgid(TEACHING)
                    os.setuid(user)
                sys.argv = ["autograder", "--course", str(self.root), "queue", NAME, "--points", str(sheet)]
                try:
                    main()
                except SystemExit as end:
                    file.flush()
                    os._exit(int(end.code or 0))
                finally:
                    os._exit(3)
        return process, told

    def by_hand(self, student: str, change: Callable[[Any], None]) -> None:
        """Grade the written answer as formgrader does."""
        course = Course(self.root)
        with Gradebook(course.db_url, course.course_id) as gradebook:
            grade = gradebook.find_grade("more_days", NAME, NAME, student)
            change(grade)
            grade.needs_manual_grade = False
            gradebook.find_comment("more_days", NAME, NAME, student).manual_comment = "=well argued"
            gradebook.db.commit()

    def changes(self, *options: str) -> list[tuple[Any, ...]]:
        """Which scores changed: whose, which, from what to what, why."""
        told = json.loads(self.types("changes", NAME, "--json", *options))
        return [tuple(entry[key] for key in ("student", "cell", "from", "to", "why")) for entry in told]

    def returned(self, student: str) -> str:
        """What a student reads at the top of the feedback."""
        self.types("feedback", NAME)
        page = (self.root / "feedback" / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")
        return " ".join(re.sub(r"<[^>]*>", " ", page).split())

    def reported(self) -> dict[str, float | None]:
        """What the report says of everybody: the same, but nothing of who could not be read."""
        self.types("report", NAME)
        assert (self.root / "reports" / f"{NAME}.html").is_file()
        told = json.loads(self.types("report", NAME, "--json"))
        return {entry["student"]: entry["score"] and round(entry["score"], 6) for entry in told["students"]}

    def canvas(self) -> dict[str, str]:
        """What a Canvas import would give to whom."""
        self.types("scores", NAME, "--csv", "canvas.csv", "--csv-for", "canvas", "--template", "gradebook.csv")
        with open(self.root / "canvas.csv", newline="") as file:
            return {line["SIS Login ID"]: line[f"{NAME} (77)"] for line in csv.DictReader(file) if line["SIS Login ID"]}


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that a Unix group shares, if the test may make it so. (pytest's are for one user alone.)"""
    before = os.umask(0o022)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        root = Path(folder) / "course"
        root.mkdir()
        if not os.getuid():
            os.chown(root, -1, TEACHING)
        root.chmod(0o2770)
        yield root
    os.umask(before)


@pytest.fixture
def term(shared: Path, run: Run) -> Term:
    """A course of its own with late days, and the gradebook that Canvas has exported."""
    root = shared
    config = (Path(__file__).parents[1] / "nbgrader_config.py").read_text()
    (root / "nbgrader_config.py").write_text(config + CONFIG)
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", f"{NAME} (77)"]
    lines = [head, ["    Points Possible", "", "", "", "", "20"]]
    with open(root / "gradebook.csv", "w", newline="") as file:
        csv.writer(file).writerows([*lines, *([name, "", "", email, "1", ""] for email, name in PEOPLE.items())])
    (root / "roster.csv").write_text(ROSTER)
    return Term(root, run)


def together(what: Any) -> dict[str, Any]:
    """The same for all of the group."""
    return dict.fromkeys((DAN, FAY), what)


def give(points: float, extra: float | None = None) -> Callable[[Any], None]:
    """What a grader enters."""

    def change(grade: Any) -> None:
        grade.manual_score, grade.extra_credit = points, extra

    return change


@pytest.mark.slow
@pytest.mark.long
def test_a_term(term: Term) -> None:
    """Each part may work by itself and the grades be wrong all the same: this is what a course relies on."""
    # An assignment is written, found fit to be released, and due.
    term.types("new", NAME)
    assert "may be released" in term.types("release", NAME)
    course = Course(term.root)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate=DUE)

    # Five hand in; Cyd two days late and with one answer missing, Dan for Fay too, Eve something that is no notebook.
    first = {
        ADA: ("2026-10-01 11:59:59.9 Z", term.answered(RIGHT)),
        BOB: ("2026-10-01 01:00:00 Z", term.answered(RIGHT | {"mean_absolute_error": CANCELS})),
        CYD: ("2026-10-02 12:00:01 Z", term.answered({"mean_absolute_error": MAE, "more_days": ANSWER})),
        DAN: ("2026-10-01 03:00:00 Z", term.answered({"mean_absolute_error": CANCELS, "more_days": ANSWER})),
        EVE: ("2026-10-01 02:00:00 Z", "not a notebook"),
    }
    assert term.collected(first, "--roster", str(term.root / "roster.csv")) == dict.fromkeys(PEOPLE, "new")
    told = term.types("grade", NAME, ends_with=1)  # a person must look at what Eve handed in
    assert "Pages of feedback" not in told
    # 6 + 9, 1.5 + 9, and 6 less a tenth of 20 for the second late day.
    assert term.finals() == {ADA: 15.0, BOB: 10.5, CYD: 4.0, DAN: 1.5, EVE: 0.0, FAY: 1.5}
    assert term.scores()[CYD]["late_days"] == {"days": 2, "free": 1, "left": 0}

    # The written answers are graded: one in formgrader, the others by two TAs at once. Fay has not been read twice.
    term.by_hand(ADA, give(4, 0.5))
    (term.root / "assignments" / NAME / "comments.md").write_text("- half −2: Why by half?\n")
    points = {BOB: ",half,", CYD: "5,,=fine", DAN: "4,,", FAY: "4,,"}
    term.graded_at_once(*term.sheets(points))
    assert "0 answers to grade by hand" in term.types("queue", NAME)
    scores = term.scores()
    assert term.finals() == {ADA: 19.5, BOB: 13.5, CYD: 9.0, DAN: 5.5, EVE: 0.0, FAY: 5.5}
    assert (scores[BOB]["comments"], scores[FAY]["group"]) == ({"more_days": "Why by half?"}, "Blue")
    assert not any(score["needs_manual_grade"] for score in scores.values())
    assert scores[ADA]["comments"] == {"more_days": "=well argued"}
    assert "1 day" not in term.types("scores", NAME)
    assert term.changes() == []  # all of it is given for the first time

    # Results are returned: as feedback, as PDF, and to Canvas; and the class is looked at.
    assert "19.5 of 20 points" in term.returned(ADA)
    assert "9 of 20 points (11 less 2 for being late)" in term.returned(CYD)
    assert "Late: 2 days, 1 free, 0 left." in term.returned(CYD)
    assert term.reported() == term.finals() | {EVE: None}
    term.types("pdf", *sorted((term.root / "submitted").glob(f"*/{NAME}")), "-o", "pdfs", ends_with=1)
    assert {path.read_bytes()[:5] for path in (term.root / "pdfs").rglob("*.pdf")} == {b"%PDF-"}
    assert term.canvas() == {ADA: "19.5", BOB: "13.5", CYD: "9.0", DAN: "5.5", EVE: "0.0", FAY: "5.5"}

    # Ada and Cyd hand in again, and Fay for Dan too: she had more time, and so have both. What was given by hand stays,
    # what is unchanged is not graded again.
    assert "For fay@uni.edu, dan@uni.edu" in term.types("extend", NAME, FAY, "--days", "2")
    second = first | {
        ADA: ("2026-10-02 11:00:00 Z", term.answered(RIGHT | {"bootstrap": "def bootstrap(*about):\n    return 0"})),
        CYD: ("2026-10-03 13:00:00 Z", term.answered(RIGHT)),
        FAY: ("2026-10-03 11:00:00 Z", term.answered(RIGHT | {"mean_absolute_error": CANCELS})),
    }
    found = term.collected(second)
    assert found == {ADA: "replaced", BOB: "unchanged", CYD: "replaced", EVE: "unchanged"} | together("replaced")
    told = term.types("grade", NAME)
    assert "2 unchanged since they were graded" in told
    assert f"Pages of feedback are older than these scores: autograder feedback {NAME}" in told
    # 6 + 9/5 for the one check that a constant passes + 4.5 on a free late day; and 6 + 9 + 5 less two tenths.
    assert term.finals() == {ADA: 12.3, BOB: 13.5, CYD: 16.0, EVE: 0.0} | together(14.5)
    assert term.scores()[ADA]["late_days"] == {"days": 1, "free": 1, "left": 0}
    assert (term.root / "replaced" / ADA / NAME / "2026-10-01T115959Z" / f"{NAME}.ipynb").is_file()
    assert sorted(term.changes()) == [
        (ADA, "bootstrap_checks", 9.0, 1.8, "new submission"),
        (CYD, "", -2.0, -4.0, "lateness"),
        (CYD, "bootstrap_checks", 0.0, 9.0, "new submission"),
        (DAN, "bootstrap_checks", 0.0, 9.0, "new submission"),
        (FAY, "bootstrap_checks", 0.0, 9.0, "new submission"),
    ]
    assert "16 of 20 points (20 less 4 for being late)" in term.returned(CYD)
    assert "dan@uni.edu · group Blue 14.5 of 20 points" in term.returned(DAN)
    assert term.canvas() == {ADA: "12.3", BOB: "13.5", CYD: "16.0", EVE: "0.0"} | together("14.5")

    # A check is mended: the hidden one counts six times. All notebooks are graded again, and twice is as once.
    text = term.root / "assignments" / NAME / f"{NAME}.md"
    old = "@points(2)\ndef test_mean_absolute_error_random"
    assert text.read_text().count(old) == 1
    text.write_text(text.read_text().replace(old, old.replace("2", "6")))
    term.types("release", NAME, "--no-validate")
    assert "1 unchanged since they were graded" in term.types("grade", NAME)  # what was no notebook is none now
    once = term.scores()
    # Bob keeps one eighth of 6 instead of one quarter, and so do Dan and Fay.
    assert term.finals() == {ADA: 12.3, BOB: 12.75, CYD: 16.0, EVE: 0.0} | together(13.75)
    term.types("grade", NAME, "--regrade", ends_with=1)
    assert term.scores() == once
    three = (BOB, DAN, FAY)
    mended = [(who, "mean_absolute_error_checks", 1.5, 0.75, "check changed") for who in three]
    assert sorted(term.changes()[5:]) == mended
    assert "12.75 of 20 points" in term.returned(BOB)
    assert term.reported() == term.finals() | {EVE: None}
    assert term.canvas() == {ADA: "12.3", BOB: "12.75", CYD: "16.0", EVE: "0.0"} | together("13.75")
    term.types("scores", NAME, "--csv", "plain.csv")
    with open(term.root / "plain.csv", newline="") as file:
        lines = {line["student"]: line for line in csv.DictReader(file)}
    assert {student: float(line["final_score"]) for student, line in lines.items()} == term.finals()
    assert (lines[EVE]["last_name"], lines[CYD]["late_penalty"]) == ("'=1+1", "4.0")

    # The mended check was not right after all, a grader corrects a point, and Cyd was ill.
    check = "test_mean_absolute_error_random"
    assert "5 scored anew" in term.types("grade", NAME, "--void", check, "--why", "It was not in the lecture.")
    term.by_hand(BOB, give(4))
    term.by_hand(FAY, give(5))
    term.types("extend", NAME, CYD, "--days", "1")
    assert term.finals() == {ADA: 12.3, BOB: 16.0, CYD: 18.0, EVE: 0.0} | together(17.0)
    assert term.changes()[8:] == [
        *((who, "mean_absolute_error_checks", 0.75, 3.0, "check void") for who in three),
        (BOB, "more_days", 3.0, 4.0, "given by hand"),
        *((who, "more_days", 4.0, 5.0, "given by hand") for who in (DAN, FAY)),
        (CYD, "", -4.0, -2.0, "extension"),
    ]
    assert term.changes("--since", "2999-01-01") == []
    page = term.returned(BOB)
    assert "16 of 20 points (12.75 before)" in page
    assert page.index("0.75 → 3") > page.index("Changed since you last saw it")
    assert "18 of 20 points (20 less 2 for being late) (16 before)" in term.returned(CYD)
    assert "Changed since you last saw it" in term.returned(ADA)  # what she has not been told anew since
    assert term.reported() == term.finals() | {EVE: None}
    assert "check void" in (term.root / "reports" / f"{NAME}.html").read_text(encoding="utf-8")
    assert "Cyd Card" in term.types("scores", NAME)
