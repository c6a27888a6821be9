"""The report on a class: its numbers against an oracle's, and what it says to look at."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import small_course
from made_class import make_class
from nbgrader.api import Gradebook
from scipy.stats import pointbiserialr
from small_course import NAME, Run
from sqlalchemy import insert

from autograder.checking.outcomes import Outcome
from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.gradebook import tables
from autograder.publishing.class_results import CellResult, CheckResult, NotebookResult
from autograder.publishing.doctree.parsed_notebook import ParsedCell
from autograder.publishing.report.class_page import report_page
from autograder.publishing.report.classes import answers_of, known, read_class, to_doubt
from autograder.publishing.report.numbers import (
    CommonMistake,
    CountedSubmission,
    check_numbers,
    points_so_far,
    question_numbers,
    summary,
)
from autograder.publishing.report.similar import grams, grams_of_files, similar_pairs

WRONG = "It is 2 times too large. Got 4.5, expected 2.25."


def class_of(passed: np.ndarray, message: str = WRONG) -> list[CountedSubmission]:
    """A class whose students (rows) pass checks (columns, a point each) or lose them with `message`."""
    return [CountedSubmission(f"student{number}", [result_of(row, message)]) for number, row in enumerate(passed)]


def result_of(row: np.ndarray, message: str) -> NotebookResult:
    endings = [(Outcome.PASSED, "") if holds else (Outcome.WRONG, message) for holds in row]
    checks = [CheckResult(f"test_{n}", "says", 1.0, False, *ending, points=1.0) for n, ending in enumerate(endings)]
    cell = CellResult(float(row.sum()), float(len(row)), False, checks)
    return NotebookResult("student", "a", "a", cell.score or 0.0, cell.max_score, 0.0, {"f_checks": cell})


def test_discrimination_is_the_point_biserial_coefficient() -> None:
    """An instructor would take a fair check for an unfair one, or the other way round."""
    passed = np.random.default_rng(3).random((40, 6)) < 0.6
    for number, check in enumerate(check_numbers(class_of(passed))):
        rest = np.delete(passed, number, axis=1).sum(axis=1)
        assert check.discrimination == pytest.approx(pointbiserialr(passed[:, number], rest)[0], abs=1e-4)
        assert (check.passed, check.of) == (passed[:, number].sum(), 40)


def test_a_check_that_only_the_weak_pass_is_pointed_out() -> None:
    """An unfair check would cost the best students points until one of them complains."""
    strength = np.arange(30)[:, None]
    passed = strength > np.array([[3, 9, 14, 20, 25]])
    passed[:, 2] = ~passed[:, 2]
    assert [name for name, _ in to_doubt(check_numbers(class_of(passed)))] == ["test_2"]
    few = to_doubt(check_numbers(class_of(passed[::6])))
    assert [why for _, why in few if "weak" in why] == []  # so few say nothing


def test_messages_count_by_what_they_name_and_not_by_their_numbers() -> None:
    """The mistake that half of the class makes would look like thirty different ones."""
    answered = class_of(np.array([[True, False], [False, False], [True, True]]))
    silent = class_of(np.array([[False, False]]), "Not done yet: f still raises NotImplementedError.")
    (question,) = question_numbers([*answered, *silent])
    assert question.mistake == CommonMistake("It is … times too large.", 2)
    assert (question.mean, question.share, question.unanswered) == (1.0, 0.5, 1)
    assert [check.of for check in check_numbers([*answered, *silent])] == [3, 3]


@pytest.mark.parametrize("why", ["it took longer than 2 s", "the notebook stopped answering"])
def test_an_answer_that_was_stopped_is_a_wrong_answer_and_not_none(why: str) -> None:
    """A question on which half of the class loops without end would look well answered by those few who try it."""
    answered = class_of(np.array([[True, True], [True, True]]))
    stopped = class_of(np.array([[False, False]] * 2), f"Your code was stopped: {why}.")
    (question,) = question_numbers([*answered, *stopped])
    assert (question.mean, question.share, question.unanswered) == (1.0, 0.5, 0)
    assert question.mistake == CommonMistake(f"Your code was stopped: {why.replace('2', '…')}.", 2)
    assert [(check.passed, check.of) for check in check_numbers([*answered, *stopped])] == [(2, 4), (2, 4)]


def test_a_summary_of_scores_is_of_all_of_them() -> None:
    """The class's median would be of something else."""
    scores = [3.0, 9.0, 4.0, 0.0]
    told = summary(scores)
    assert (told["median"], told["lowest"], told["highest"], told["mean"]) == (3.5, 0.0, 9.0, 4.0)
    assert summary([]) == {}


OWN = """def train(x, y, rate, steps):
    weights = [0.0 for _ in range(len(x[0]))]
    history = []
    for step in range(steps):
        total = 0.0
        for row, target in zip(x, y):
            guess = sum(a * b for a, b in zip(weights, row))
            error = guess - target
            total += error ** 2
            weights = [w - rate * error * v for w, v in zip(weights, row)]
        history.append(total / len(x))
        if step % 10 == 0:
            print("step", step, "loss", history[-1])
    return weights, history"""
OTHER = """def train(X, y, lr, n):
    W = np.zeros(X.shape[1])
    losses = np.empty(n)
    for i in range(n):
        residual = X @ W - y
        losses[i] = np.mean(np.square(residual))
        W -= lr * X.T @ residual / len(y)
    assert np.isfinite(losses).all(), "diverged"
    return W, losses.tolist()"""


def pieces(source: str) -> set[bytes]:
    return grams([ParsedCell(1, "code", source, nbgrader={"solution": True})])


def test_a_copy_in_disguise_is_found_and_nobody_else() -> None:
    """Copies would go unseen once a name is changed, or honest students be suspected."""
    renamed = (
        re.sub(r"\bweights\b", "theta", OWN)
        .replace("row", "example")
        .replace("    history = []", "\n    h = []  # mine")
    )
    renamed = renamed.replace("history", "h")
    students = {"ada": pieces(OWN), "bob": pieces(OTHER), "cyd": pieces(renamed)}
    (pair,) = similar_pairs(students, set())
    assert (pair.one, pair.other) == ("ada", "cyd")
    assert pair.share > 0.9


def test_what_was_given_or_many_have_is_nobodys_copy() -> None:
    """Everybody who is right in the usual way would be suspected."""
    assert similar_pairs({"ada": pieces(OWN), "cyd": pieces(OWN)}, pieces(OWN)) == []
    assert similar_pairs({f"s{number}": pieces(OWN) for number in range(9)}, set()) == []
    assert grams([ParsedCell(1, "code", OWN)]) == set()  # a cell of the course's is no answer


def test_modules_are_compared_as_well(recorded: Course) -> None:
    """Where answers stand in modules, no copy was seen."""
    for student in ("ada", "bob"):
        small_course.write(recorded.path("autograded", student, NAME) / "tools.py", OWN)
    modules = {"tools.py": OTHER.encode()}
    assignment = replace(load_assignment(recorded, NAME), modules=modules, files={"tools.py": b"pass"})
    mine = {
        who: grams_of_files((who, answers_of(recorded, assignment, CountedSubmission(who, []))))
        for who in ("ada", "bob")
    }
    (pair,) = similar_pairs(mine, known(recorded, assignment))
    assert (pair.one, pair.other, pair.share) == ("ada", "bob", 1.0)
    assert pieces(OTHER) <= known(recorded, assignment)


def test_a_copy_from_an_earlier_term_is_found(recorded: Course, run: Run, tmp_path: Path) -> None:
    """Last year's solutions are passed on, and no comparison within the class sees it."""
    earlier = tmp_path / "2025/submitted"
    small_course.write(recorded.path("autograded", "ada", NAME) / f"{NAME}.ipynb", small_course.submission(mean=OWN))
    for student, mean in {"zoe": OWN, "yan": OWN, "xia": OTHER}.items():
        small_course.write(earlier / student / NAME / f"{NAME}.ipynb", small_course.submission(mean=mean))
    (earlier / "notes.txt").touch()
    told = json.loads(run("report", NAME, "--json", "--also", str(earlier), here=recorded.root)[1])
    pairs = [(pair["one"], pair["other"]) for pair in told["similar"]]
    assert pairs == [("ada", f"yan ({earlier})"), ("ada", f"zoe ({earlier})")]  # and not yan and zoe
    assert told["also"] == {str(earlier): 3}
    assert run("report", NAME, "--also", str(earlier))[0] == 0
    page = (recorded.root / f"reports/{NAME}.html").read_text(encoding="utf-8")
    assert f"zoe ({earlier})" in page
    assert f"{earlier} (students: 3)" in page


def test_an_earlier_term_without_the_assignment_is_an_error(recorded: Course, run: Run, tmp_path: Path) -> None:
    """Nobody would be found, and everybody would think that nobody had copied."""
    (tmp_path / "2025/submitted/zoe/other").mkdir(parents=True)
    code, _, told = run("report", NAME, "--also", str(tmp_path / "2025"), here=recorded.root)
    assert (code, f"2025 has no {NAME}.ipynb in STUDENT/{NAME}/" in told) == (2, True)
    code, _, told = run("report", "--also", str(tmp_path / "2025"))
    assert (code, "name it" in told) == (2, True)


class Page(HTMLParser):
    """What a page links to, and what its pictures say."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name == "href" and tag == "a"]
        self.pictures += [dict(attrs)] if tag == "svg" else []


@pytest.mark.slow
def test_the_page_and_the_json_tell_the_same_of_a_class(graded: Course, run: Run) -> None:
    """Numbers would differ by how one asks, links lead nowhere, or hidden tests stand in a page that is passed on."""
    root = graded.root
    assert run("feedback", NAME, here=root)[0] == 0
    told = json.loads(run("report", NAME, "--json")[1])
    assert {s["student"]: s["score"] for s in told["students"]}["ada"] == 5.0
    points = told["points"]
    assert (points["max_score"], points["open_cells"], points["refused"]) == (5.0, ["why"], ["fay"])
    assert {s["student"] for s in told["students"] if s["score"] is None} == {"fay"}
    weak = {student for student, score in points["scores"].items() if score < 0.4 * 5}
    reasons = dict(told["advice"]["talk"])
    assert set(reasons) == weak | {"dan", "fay"}
    assert ("kernel died" in reasons["dan"], "refused" in reasons["fay"]) == (True, True)
    checks = {check["name"]: check for check in told["checks"]}
    assert (checks["test_two_numbers"]["passed"], checks["test_like_the_answer_key"]["passed"]) == (3, 2)
    assert run("report", NAME, "-o", "class.html")[1].strip() == "Written: class.html"
    text = (root / "class.html").read_text(encoding="utf-8")
    page = Page(text)
    assert [(picture["role"], picture["aria-labelledby"]) for picture in page.pictures] == [
        ("img", "scores-title scores-desc"),
        ("img", "questions-title questions-desc"),
    ]
    assert len(page.links) == len(small_course.CLASS) + 1
    assert all((root / unquote(link)).is_file() for link in page.links)
    assert "reference.mean" not in text
    assert "'aa'" not in text
    assert not Path(root, "reports").exists()


def test_time_and_memory_are_in_the_page_and_the_json(tmp_path: Path) -> None:
    """Who sets limits for a class would have to guess what it takes; a row older than the measure says nothing."""
    course = small_course.make_course(tmp_path / "c", students=[])
    with Gradebook(course.db_url, course.course_id) as gradebook:
        tables.make_tables(gradebook.engine)
        gradebook.add_assignment(NAME)
        for student, about in (("ada", {"seconds": 2.34, "memory_mb": 187.6}), ("bob", {"seconds": 1.0}), ("cyd", {})):
            gradebook.add_student(student)
            gradebook.add_submission(NAME, student)
            if about:
                row = {"assignment": NAME, "student": student} | about
                gradebook.db.execute(insert(tables.graded).values(row))
        gradebook.db.commit()
    numbers = read_class(course, NAME)
    assert [(s.seconds, s.memory_mb) for s in numbers.students] == [(2.34, 187.6), (1.0, None), (None, None)]
    assert [s["memory_mb"] for s in asdict(numbers)["students"]] == [187.6, None, None]
    text = report_page(numbers, course, course.root / "report.html")
    head, *lines = re.findall(r"<tr>(.*?)</tr>", text[text.index("<h2>Students</h2>") :], flags=re.DOTALL)
    assert re.findall(r">([^<]*)</th>", head)[-3:] == ["Seconds", "Memory, MB", "Incidents"]
    shown = [re.findall(r"<td[^>]*>(.*?)</td>", line, flags=re.DOTALL) for line in lines[:3]]
    assert [cells[-3:-1] for cells in shown] == [["2.3", "188"], ["1.0", ""], ["", ""]]


@pytest.mark.slow
def test_an_assignment_that_nobody_graded_has_no_report(course: Course, run: Run) -> None:
    """The instructor would look for the mistake in a page of zeros."""
    code, _, complained = run("report", NAME, here=course.root)
    assert code == 2
    assert "run `autograder grade small` first" in complained


@pytest.mark.slow
def test_a_report_that_cannot_be_written_is_reported(run: Run, graded: Course) -> None:
    """A folder that is mistyped would look like a bug of ours."""
    (graded.root / "file").touch()
    (graded.root / "reports").symlink_to("/dev/null/none")
    for output in (graded.root / "file" / "r.html", graded.root / ("x" * 300)):
        code, out, err = run("report", NAME, "-o", str(output), here=graded.root)
        assert (code, out) == (2, "")
        assert err.startswith(f"autograder: The report cannot be written to {output}: ")
        assert err.count("\n") == 1
    code, out, err = run("report", NAME, here=graded.root)
    assert (code, out) == (2, "")
    assert err.startswith(f"autograder: The report cannot be written to {graded.root}/reports/{NAME}.html: ")


def refused(submission: CountedSubmission) -> CountedSubmission:
    """The same submission, if it could not have been read: nbgrader has zero for every cell, and there is no check."""
    cells = {name: replace(cell, score=0.0, checks=[]) for name, cell in submission.results[0].cells.items()}
    return CountedSubmission(submission.student, [replace(submission.results[0], score=0.0, cells=cells, refused=True)])


def test_what_could_not_be_read_is_no_wrong_answer() -> None:
    """Half a class that handed in a PDF would make a well-answered question one to teach again."""
    good = class_of(np.array([[True, True]] * 3))
    submissions = [*good, *map(refused, class_of(np.array([[False, False]] * 3)))]
    (question,) = question_numbers(submissions)
    assert (question.mean, question.share, question.unanswered) == (2.0, 1.0, 3)
    points = points_so_far([*good, replace(submissions[3], student="eve")])
    assert (list(points.scores.values()), points.refused) == ([2.0, 2.0, 2.0], ["eve"])


def waiting(submission: CountedSubmission, cell: str) -> CountedSubmission:
    """The same submission, if a person had to give the points of `cell`."""
    result = submission.results[0]
    cells = result.cells | {cell: CellResult(None, 4.0, False, [])}
    return CountedSubmission(submission.student, [replace(result, cells=cells)])


def test_points_that_nobody_gave_yet_are_no_zeros() -> None:
    """A class whose plots are still to be graded by hand would look half as good as it is."""
    submissions = [waiting(submission, "plot") for submission in class_of(np.array([[True, True]] * 4))]
    points = points_so_far(submissions)
    assert (set(points.scores.values()), points.max_score, points.open_cells) == ({2.0}, 2.0, ["plot"])
    plot = {"plot": CellResult(3.0, 4.0, True, [])}
    given = [
        CountedSubmission(e.student, [replace(e.results[0], cells=e.results[0].cells | plot)]) for e in submissions[:3]
    ]
    points = points_so_far([*given, submissions[3]])
    assert (set(points.scores.values()), points.max_score, points.open_cells) == ({5.0}, 6.0, [])
    assert points.waiting == [submissions[3].student]


def test_a_locked_helper_that_looks_for_the_answer_is_no_answer() -> None:
    """Who left `f` out would be counted among those who tried and raised."""
    detail = "loss raised NameError: name 'f' is not defined"
    lost = CheckResult("test_0", "says", 1.0, True, Outcome.RAISED, "loss raised NameError.", detail, points=2.0)
    result = NotebookResult("eve", "a", "a", 0.0, 2.0, 0.0, {"f_checks": CellResult(0.0, 2.0, False, [lost])})
    submissions = [CountedSubmission("eve", [result], frozenset(wanted)) for wanted in (["f"], ["g"])]
    assert [
        one_question.unanswered for submission in submissions for one_question in question_numbers([submission])
    ] == [1, 0]
    assert [check.of for submission in submissions for check in check_numbers([submission])] == [0, 1]


def test_who_handed_in_nothing_is_named(run: Run, tmp_path: Path) -> None:
    """A student whom nobody misses learns of it when the term is over."""
    recorded = small_course.make_course(tmp_path / "course", students=["ada"])
    make_class(recorded, NAME, 2)
    with Gradebook(recorded.db_url, recorded.course_id) as gradebook:
        gradebook.add_student("zoe")
    numbers = read_class(recorded, NAME)
    assert numbers.absent == ["zoe"]
    assert "Handed in nothing: zoe." in report_page(numbers, recorded, recorded.root / "report.html")
    assert "Handed in nothing: zoe\n" in run("scores", NAME, here=recorded.root)[1]
    code, out, _ = run("scores", NAME, "--csv", "a.csv", here=recorded.root)
    assert (code, "Handed in nothing, and not in the file: zoe\n" in out) == (0, True)


def test_plots_take_no_settings_of_the_working_folder(tmp_path: Path) -> None:
    """matplotlib before 3.11 evaluates some of them, and whoever makes a report may stand in a submission's folder."""
    (tmp_path / "matplotlibrc").write_bytes(b"\xff")  # matplotlib cannot be imported where it reads this
    command = [sys.executable, "-c", "import autograder.publishing.report.plots"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
