"""Grading by hand, question by question. No kernel runs."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import pwd
from dataclasses import replace
from pathlib import Path

import pytest
import small_course
from nbgrader.api import Gradebook
from PIL import Image
from recorded_class import give, record_again
from small_course import NAME, Run

from autograder.course.comment_bank import bank_path, read_bank
from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.groups import keep_groups
from autograder.gradebook.waiting import QueuedAnswer, State
from autograder.publishing.changes import read_changes
from autograder.publishing.queue.formgrader import MarkSchemes
from autograder.publishing.queue.mark_schemes import read_mark_schemes
from autograder.publishing.queue.queue import read_queue
from autograder.publishing.queue.sheet import read_sheet
from autograder.publishing.scores import read_scores

ROOT = Path(__file__).parents[2]
BANK = """# Comments for graders

- name −1: Your name is missing.

## why

- key −0.5: Say what the key is
  for.
- good: Well argued.
"""


@pytest.mark.parametrize("path", sorted(ROOT.glob("assignments/*/comments.md")), ids=lambda path: path.parent.name)
def test_the_comments_of_an_assignment_are_on_its_questions(path: Path) -> None:
    """A TA would meet the error when the answers wait."""
    course, name = Course(ROOT), path.parent.name
    questions = {question for _, question in read_mark_schemes(course, name)}
    assert {comment.question for comment in read_bank(course, name, questions)} == questions


@pytest.fixture
def waiting(recorded: Course) -> Course:
    """ada and s00001 wait for points for one answer, and comments are there."""
    path = bank_path(recorded, NAME)
    path.parent.mkdir(parents=True)
    path.write_text(BANK)
    return recorded


def given(course: Course) -> dict[str, tuple[float | None, str]]:
    """What counts for the answer that a person grades, and the comment."""
    scores = read_scores(course, NAME)
    return {s["student"]: (s["cells"]["why"]["score"], s["comments"].get("why", "")) for s in scores}


def counts(course: Course, run: Run) -> list[tuple[str, int, int, int]]:
    told = json.loads(run("queue", NAME, "--json", here=course.root)[1])
    return [(one["question"], one["waiting"], one["graded"], one["empty"]) for one in told]


def sheet_of(course: Course, run: Run, *options: str) -> list[dict[str, str]]:
    """The lines of a new sheet."""
    path = course.root / "sheet.csv"
    path.unlink(missing_ok=True)
    assert run("queue", NAME, "why", "--csv", path, *options, here=course.root)[0] == 0
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def filled_in(course: Course, run: Run, lines: list[dict[str, str]]) -> tuple[int, str, str]:
    """Give the points of a sheet with these lines."""
    with open(course.root / "sheet.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["number", "answer", "points", "keys", "comment"])
        writer.writeheader()
        writer.writerows(lines)
    return run("queue", NAME, "--points", "sheet.csv", here=course.root)


def test_a_question_is_graded_on_one_page(waiting: Course, run: Run) -> None:
    """Two hundred answers in two hundred notebooks: a grader would open each of them for one line."""
    assert counts(waiting, run) == [("why", 2, 0, 0)]
    assert "2 answers to grade by hand" in run("queue", NAME, here=waiting.root)[1]
    lines = sheet_of(waiting, run)
    page = (waiting.root / "reports" / f"{NAME}-why.html").read_text()
    for text in ("Because it is so.", "Say why.", "Because of the answer key.", "Say what the key is for.", "−0.5"):
        assert text in page
    assert "MARK SCHEME ===" not in page
    places = [page.index(line["answer"]) for line in lines]
    assert places == sorted(places)
    assert not any(student in page for student in ("ada", "s00001"))
    code, out, err = filled_in(waiting, run, [lines[0] | {"keys": "key good", "comment": "*See page 3.*"}, lines[1]])
    assert (code, err) == (0, "")
    assert out.startswith("1 answer graded.")
    assert sorted(given(waiting).values(), key=str) == [
        (2.5, "Say what the key is for.\n\nWell argued.\n\n*See page 3.*"),
        (None, ""),
    ]
    assert counts(waiting, run) == [("why", 1, 1, 0)]
    again = filled_in(waiting, run, [lines[0] | {"keys": "key"}, lines[1] | {"points": "1,5"}])
    assert (again[0], again[1].split(".")[0]) == (0, "1 answer graded")  # the first has these points already
    assert sorted(points for points, _ in given(waiting).values()) == [1.5, 2.5]
    assert run("queue", NAME, "why", here=waiting.root)[1] == "No answer to why waits.\n"


def test_one_answer_is_not_a_page_of_gigabytes(waiting: Course, run: Run) -> None:
    """All others are on the same page: one picture, shown forty times, made 72 MB of it."""
    path = waiting.path("autograded", "ada", NAME) / f"{NAME}.ipynb"
    text = path.read_text()
    picture = io.BytesIO()
    Image.effect_noise((1200, 1200), 100).save(picture, "PNG")
    inline = f"![a](data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()})\\n\\n"
    assert "Because it is so." in text
    path.write_text(text.replace("Because it is so.", f"Because it is so.\\n\\n{inline * 20}"))
    sheet_of(waiting, run)
    page = (waiting.root / "reports" / f"{NAME}-why.html").read_text()
    assert page.count("but for its text: look at it in formgrader") == 1
    assert page.count("Because it is so.") == 2
    assert len(page) < 20_000_000


def test_what_another_person_has_graded_stays(waiting: Course, run: Run) -> None:
    """Two people have the same sheet: the second would overwrite the first, and nobody would know."""
    lines = sheet_of(waiting, run)
    with Gradebook(waiting.db_url, waiting.course_id) as gradebook:
        grade = gradebook.find_grade("why", NAME, NAME, "ada")
        grade.manual_score, grade.needs_manual_grade = 1.0, False
        gradebook.db.commit()
    code, out, _ = filled_in(waiting, run, [line | {"points": "3"} for line in lines])
    assert code == 1
    assert "1 answer graded." in out
    assert "do not wait any more" in out
    assert {student: points for student, (points, _) in given(waiting).items()} == {"ada": 1.0, "s00001": 3.0}


def test_points_are_for_the_answer_that_was_seen(waiting: Course, run: Run) -> None:
    """A student hands in anew while a grader reads: the points would be for a text that nobody has read."""
    lines = sheet_of(waiting, run)
    record_again(waiting, lambda grade: grade if grade.verdicts else type(grade)(**vars(grade) | {"digest": "new"}))
    assert filled_in(waiting, run, [line | {"points": "3"} for line in lines])[0] == 1
    assert {student: points for student, (points, _) in given(waiting).items()} == {"ada": None, "s00001": 3.0}


def test_an_answer_of_a_group_is_graded_once(waiting: Course, run: Run) -> None:
    """Four members would be four times the work for one answer."""
    with open_gradebook(waiting) as gradebook:
        keep_groups(gradebook.db, NAME, ["ada", "s00001"], {"ada": "Blue", "s00001": "Blue"})
    (line,) = sheet_of(waiting, run)
    assert filled_in(waiting, run, [line | {"keys": "name"}])[0] == 0
    assert given(waiting) == dict.fromkeys(("ada", "s00001"), (2.0, "Your name is missing."))
    assert read_changes(waiting, NAME) == []  # they are the first points


def test_who_gave_points_with_a_sheet_is_kept(waiting: Course, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A student asks why they have fewer points, and nobody knows which of four TAs to ask."""
    me = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("LOGNAME", "somebody-else")

    def graded_again(digest: str, points: str) -> None:
        """The student hands in another text, and it gets these points."""
        record_again(waiting, lambda grade: grade if grade.verdicts else replace(grade, digest=digest))
        (line,) = (line for line in sheet_of(waiting, run) if line["answer"] != other["answer"])
        assert filled_in(waiting, run, [line | {"points": points}])[0] == 0

    record_again(waiting, lambda grade: grade if grade.verdicts else replace(grade, digest="first"))
    keys = [answer.key for answer in read_queue(waiting, NAME) if answer.student == "s00001"]
    other = next(line for line in sheet_of(waiting, run) if line["answer"] == keys[0])
    graded_again("second", "3")
    give(waiting, 1.0)  # in formgrader
    graded_again("third", "2")
    assert [(c.before, c.after, c.given_by) for c in read_changes(waiting, NAME)] == [(3.0, 1.0, ""), (1.0, 2.0, me)]
    assert f"given by hand ({me})" in " ".join(run("changes", NAME, here=waiting.root)[1].replace("│", " ").split())
    assert run("feedback", NAME, here=waiting.root)[0] == 0
    page = (waiting.path("feedback", "ada", NAME) / f"{NAME}.html").read_text()
    assert f"({me})" not in page


def test_formgrader_shows_the_mark_scheme_below_the_answer(waiting: Course) -> None:
    """A grader would look for it in another window, two hundred times."""
    resources = {"assignment_id": NAME, "notebook_id": NAME}
    book = small_course.submission()
    formgrader = MarkSchemes(config=waiting.config)
    shown, _ = formgrader.preprocess(book, resources)
    answer = next(number for number, cell in enumerate(shown.cells) if cell.source == "Because it is so.")
    key, comments = (cell.source for cell in shown.cells[answer + 1 : answer + 3])
    assert "Because of the answer key." in key
    assert "Say why." in key
    assert "MARK SCHEME ===" not in key
    assert comments.split("\n")[2:] == [
        "- `name` −1: Your name is missing.",
        "- `key` −0.5: Say what the key is for.",
        "- `good`: Well argued.",
    ]
    assert len(shown.cells) == len(small_course.submission().cells) + 2
    bank_path(waiting, NAME).write_text("## who\n")  # the answers must be shown all the same
    shown, _ = formgrader.preprocess(small_course.submission(), resources)
    assert "no question 'who'" in shown.cells[0].source
    as_it_was, _ = formgrader.preprocess(small_course.submission(), {})  # no page of formgrader's
    assert as_it_was == small_course.submission()


def test_formgrader_runs_no_configuration_that_was_handed_in(waiting: Course, tmp_path: Path) -> None:
    """It would run in the instructor's own server. A course may call its folders as it likes."""
    folder = waiting.root / "graded" / "ada" / NAME
    folder.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    waiting.config.CourseDirectory.autograded_directory = "graded"
    resources = {"metadata": {"path": str(folder)}, "assignment_id": NAME, "notebook_id": NAME}
    shown, _ = MarkSchemes(config=waiting.config).preprocess(small_course.submission(), resources)
    assert len(shown.cells) > len(small_course.submission().cells)
    assert not (tmp_path / "ran").exists()


def test_a_source_that_is_no_notebook_is_a_sentence(waiting: Course, run: Run) -> None:
    """A TA would see a traceback."""
    path = waiting.source(NAME) / f"{NAME}.ipynb"
    path.write_text("{")
    code, _, complained = run("queue", NAME, here=waiting.root)
    assert (code, complained.startswith(f"autograder: {path} cannot be read as a notebook: it is not JSON")) == (
        2,
        True,
    )


def test_parts_share_the_answers(waiting: Course, run: Run) -> None:
    """Two graders would read the same answers, or have to agree on whose are whose."""
    whole = {line["answer"] for line in sheet_of(waiting, run)}
    parts = []
    for part in ("1/3", "2/3", "3/3"):
        done = run("queue", NAME, "why", "--part", part, "--csv", f"{part[0]}.csv", here=waiting.root)
        assert done[0] == 0
        path = waiting.root / f"{part[0]}.csv"
        parts += [line.split(",")[1] for line in path.read_text().split()[1:]] if path.exists() else []
    assert sorted(parts) == sorted(whole)


WRONG = [
    ({"points": "x"}, "sheet.csv, line 2: 'x' is not a number of points."),
    ({"points": "nan"}, "sheet.csv, line 2: nan points, and the question has 0 to 3."),
    ({"points": "4"}, "sheet.csv, line 2: 4 points, and the question has 0 to 3."),
    ({"keys": "late"}, "sheet.csv, line 2: comments.md has no key 'late' for why. Keys: name, key, good."),
    ({"comment": "Why?"}, "sheet.csv, line 2: it has a comment and no points."),
    ({}, "sheet.csv has no points yet: fill in the column `points` or `keys`."),
]


@pytest.mark.parametrize(("cells", "said"), WRONG)
def test_a_line_that_is_amiss_gives_nobody_points(waiting: Course, run: Run, cells: dict[str, str], said: str) -> None:
    """Half of a sheet would be in the gradebook, and nobody would know which half."""
    first, second = sheet_of(waiting, run)
    done = filled_in(waiting, run, [first | cells, *([second | {"points": "1"}] if cells else [])])
    assert done == (2, "", f"autograder: {said}\n")
    assert {points for points, _ in given(waiting).values()} == {None}


def test_a_question_without_points_gets_no_other_number(tmp_path: Path) -> None:
    """Whatever was typed would be in the gradebook, and in every sum."""
    answer = QueuedAnswer("a1", "ada", NAME, "why", 0.0, State.WAITS, None, "", "")
    path = tmp_path / "sheet.csv"
    path.write_text("number,answer,points,keys,comment\n1,a1,nan,,\n")
    with pytest.raises(AutograderError, match="nan points, and the question has 0 to 0"):
        read_sheet(path, [answer], [])


def test_what_a_grader_pastes_into_a_sheet_arrives_or_is_refused(tmp_path: Path) -> None:
    """A letter at which Python ends a line would cut a comment, and a picture as text be a traceback."""
    answer, path = QueuedAnswer("a1", "ada", NAME, "why", 3.0, State.WAITS, None, "", ""), tmp_path / "sheet.csv"
    path.write_text("answer,points,keys,comment\na1,2,,See page 1.\x0cAnd 2.\n")
    assert read_sheet(path, [answer], []) == {"a1": (2.0, "See page 1.\N{REPLACEMENT CHARACTER}And 2.")}
    path.write_text(f"answer,points,keys,comment\na1,2,,{'x' * 200_000}\n")
    with pytest.raises(AutograderError, match=r"sheet\.csv cannot be read as CSV below line 1 \(field larger than"):
        read_sheet(path, [answer], [])


def test_a_sheet_is_not_written_over(waiting: Course, run: Run) -> None:
    """An hour's points would be gone."""
    sheet_of(waiting, run)
    code, _, err = run("queue", NAME, "why", "--csv", "sheet.csv", here=waiting.root)
    assert (code, err) == (2, "autograder: sheet.csv is there already, perhaps with points: give another name.\n")


def test_a_semicolon_may_stand_between_cells(waiting: Course, run: Run) -> None:
    """Where a comma is part of numbers, spreadsheets write semicolons, and a mark before the first letter."""
    (first, _) = sheet_of(waiting, run)
    text = f"number;answer;points;keys;comment\n1;{first['answer']};2,5;;\n"
    (waiting.root / "sheet.csv").write_text(text, encoding="utf-8-sig")
    assert run("queue", NAME, "--points", "sheet.csv", here=waiting.root)[0] == 0
    assert {points for points, _ in given(waiting).values()} == {2.5, None}


AMISS = [
    ("## who\n", "line 1: no question 'who' is graded by hand. Questions: why."),
    ("- late 1\n", "line 1: write a comment as `- KEY POINTS: TEXT`, such as `- axes −1: Label both.`"),
    ("- a −1: x\n## why\n- a −2: y\n", "line 3: the key 'a' is there twice."),
]


@pytest.mark.parametrize(("text", "said"), AMISS)
def test_comments_that_cannot_be_read_are_reported(waiting: Course, run: Run, text: str, said: str) -> None:
    """A comment would be missing, and its points be full marks."""
    path: Path = bank_path(waiting, NAME)
    path.write_text(text)
    assert run("queue", NAME, "why", here=waiting.root)[2] == f"autograder: {path}, {said}\n"


def test_a_question_that_nobody_grades_by_hand(waiting: Course, run: Run) -> None:
    """A slip in its name would look as if all were graded."""
    told = "autograder: No question 'who' is graded by hand. Questions: why.\n"
    assert run("queue", NAME, "who", here=waiting.root) == (2, "", told)
