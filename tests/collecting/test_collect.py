"""Collecting: from what Gradescope, Canvas and people hand over to submitted/, without believing any of it."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
import small_course
from exports import Content, as_bytes, gradescope, member, metadata, zipped
from nbgrader.api import Gradebook
from small_course import NAME, Run
from sqlalchemy import select

from autograder.collecting.collect import Collected, Status, collect
from autograder.collecting.source import open_source
from autograder.course.course import Course
from autograder.course.settings import Autograder
from autograder.errors import AutograderError
from autograder.gradebook import tables
from autograder.gradebook.extensions import extend, give_run_time, read_run_times
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.groups import read_groups
from autograder.submission.reading import MAX_FILES

BOOK = f"{NAME}.ipynb"
RIGHT = small_course.submission()
OTHER = small_course.submission(why="Because.")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course without students, with its gradebook: making one takes a second."""
    course = small_course.make_course(tmp_path_factory.mktemp("empty") / "course", students=[])
    with Gradebook(course.db_url, course.course_id):
        pass
    return course.root


@pytest.fixture
def course(made_once: Path, tmp_path: Path) -> Course:
    shutil.copytree(made_once, tmp_path / "course")
    return Course(tmp_path / "course")


def by_student(results: list[Collected]) -> dict[str, Status]:
    return {result.student or result.origin: result.what for result in results}


def files_of(course: Course, student: str) -> dict[str, bytes]:
    folder = course.path("submitted", student, NAME)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nothing_but(course: Course, *students: str) -> bool:
    """Whether submitted/ holds the submissions of these students and nothing else, and nothing lies beside it."""
    folder = course.root / "submitted"
    there = {path.relative_to(folder).as_posix() for path in folder.glob("*/*")} if folder.is_dir() else set()
    return there == {f"{student}/{NAME}" for student in students}


def refusals(results: list[Collected]) -> dict[str, str]:
    """Why each of the refused was refused."""
    return {result.student or result.origin: result.note for result in results if result.what is Status.REFUSED}


ADA, BOB = "ada@uni.edu", "bob@uni.edu"


def test_a_gradescope_export(course: Course, tmp_path: Path) -> None:
    """Times, names and files of every submission arrive, also of a group, and nobody who is in the export is lost."""
    records = [
        {
            "key": "submission_1",
            "people": [("Ada King Lovelace", "007", "Ada@uni.edu")],
            "at": "2026-09-30 23:59:01.5 Z",
        },
        {
            "key": "submission_2",
            "people": [("Bob", "008", BOB), ("Cyd", "009", "")],
            "at": "2026-10-01 01:00:00 +02:00",
        },
        {"key": "submission_3", "people": [], "at": "2026-10-01 00:00:00 Z"},
        {"key": "submission_4", "people": [("Dan", "010", "dan@uni.edu")], "at": "2026-10-01 00:00:00 Z"},
    ]
    files = {f"export/submission_1/{BOOK}": RIGHT, "export/submission_1/help/tools.py": "x = 1"}
    files |= {f"export/submission_2/{BOOK}": OTHER, f"export/submission_3/{BOOK}": OTHER, "export/submission_9/x": ""}
    files |= {
        "export/submission_1/timestamp.txt": "2020-01-01 00:00:00 UTC",
        "__MACOSX/export/._x": "",
        "export/.DS_Store": "",
    }
    files |= {"export/submission_1/submission_metadata.yml": "submission_1: {}"}
    results = collect(
        course, NAME, zipped(tmp_path / "e.zip", {"export/submission_metadata.yml": metadata(*records)} | files)
    )
    assert by_student(results) == {
        ADA: Status.NEW,
        BOB: Status.NEW,
        "export/submission_2": Status.REFUSED,
        "export/submission_3": Status.REFUSED,
        "export/submission_4": Status.REFUSED,
        "export/submission_9/x": Status.REFUSED,
    }
    assert refusals(results)["export/submission_2"] == "the export does not say the email of Cyd"
    assert refusals(results)["export/submission_4"] == "there is no submission_4 in the export"
    assert set(files_of(course, ADA)) == {BOOK, "help/tools.py", "submission_metadata.yml", "timestamp.txt"}
    assert files_of(course, ADA)["timestamp.txt"] == b"2026-09-30 23:59:01.500000 UTC"
    assert files_of(course, BOB)["timestamp.txt"] == b"2026-09-30 23:00:00.000000 UTC"
    with Gradebook(course.db_url, course.course_id) as gradebook:
        ada = gradebook.find_student(ADA)
        assert (ada.first_name, ada.last_name, ada.email) == ("Ada King", "Lovelace", "Ada@uni.edu")
    assert nothing_but(course, ADA, BOB)


@pytest.mark.parametrize(("by", "student"), [("sid", "00101"), ("name", "ada_oneill"), ("email", ADA)])
def test_what_becomes_the_id_can_be_chosen(course: Course, tmp_path: Path, by: str, student: str) -> None:
    """A course that has its own ids would get every student twice."""
    source = gradescope(tmp_path / "e.zip", {ADA: ("Ada O'Neill", "2026-09-30 23:59:01 Z", {BOOK: RIGHT})})
    assert by_student(collect(course, NAME, source, by)) == {student: Status.NEW}


def test_nobody_s_name_or_time_ends_the_collection(course: Course, tmp_path: Path) -> None:
    """On Gradescope everybody chooses a name: one of a hundred Chinese letters is no name of a folder."""
    people = {ADA: ("\u6f22" * 100, "2026-09-30 23:59:01 Z"), BOB: ("Bob", "9999-12-31 23:59:59 -23:00")}
    source = gradescope(tmp_path / "e.zip", {email: (*about, {BOOK: RIGHT}) for email, about in people.items()})
    results = collect(course, NAME, source, "name")
    assert [result.student for result in results if result.what is Status.NEW] == ["bob"]
    assert [why.partition(" ")[2] for why in refusals(results).values()] == [
        "is too long to be a student id, which has 200 bytes at most"
    ]


@pytest.mark.parametrize("submitters", ["ada", "{ada: x}", "[[ada], ada]"])
def test_metadata_that_names_nobody_is_refused(course: Course, tmp_path: Path, submitters: str) -> None:
    """An export that a person has edited would end in a traceback."""
    text = f"submission_1:\n  :submitters: {submitters}\n"
    source = zipped(tmp_path / "e.zip", {"submission_metadata.yml": text, f"submission_1/{BOOK}": RIGHT})
    whys = {"submission_1": "submission_metadata.yml names no student for it"}
    assert refusals(collect(course, NAME, source)) == whys


def test_a_roster_gives_the_courses_ids(course: Course, tmp_path: Path) -> None:
    """Grades must go to the student of the course, and a stranger's to nobody."""
    (tmp_path / "roster.csv").write_text(
        f"\ufeffid,Email,first_name,sid\nal1,{ADA.upper()},Augusta,\nbo2,,,00102\nx3,cyd@uni.edu,,\nx4,cyd@uni.edu,,\n"
    )
    people = {ADA: "Ada", BOB: "Bob", "cyd@uni.edu": "Cyd", "dan@uni.edu": "Dan"}
    at = "2026-09-30 23:59:01 Z"
    source = gradescope(tmp_path / "e.zip", {email: (name, at, {BOOK: RIGHT}) for email, name in people.items()})
    results = collect(course, NAME, source, roster=tmp_path / "roster.csv")
    assert {result.student: result.what for result in results if result.student} == {
        "al1": Status.NEW,
        "bo2": Status.NEW,
    }
    assert sorted(result.note for result in results if not result.student) == [
        "Cyd, cyd@uni.edu, 00103 is several students of roster.csv: x3, x4",
        "Dan, dan@uni.edu, 00104 is not in roster.csv",
    ]
    with Gradebook(course.db_url, course.course_id) as gradebook:
        assert gradebook.find_student("al1").first_name == "Augusta"
        assert gradebook.find_student("bo2").email == BOB
    (tmp_path / "roster.csv").write_text("name,email\nAda,ada@uni.edu\n")
    with pytest.raises(AutograderError, match="has no column 'id'"):
        collect(course, NAME, source, roster=tmp_path / "roster.csv")


def test_a_canvas_download(course: Course, tmp_path: Path) -> None:
    """Canvas adds a number to the name of what is handed in again: the newest counts, under its first name."""
    source = zipped(
        tmp_path / "submissions.zip",
        {
            f"lovelaceada_12345_67890_{NAME}.ipynb": OTHER,
            f"lovelaceada_12345_67900_{NAME}-2.ipynb": RIGHT,
            f"lovelaceada_12345_67895_{NAME}-1.ipynb": OTHER,
            "lovelaceada_12345_67901_tools-2.py": "x = 2",
            "lovelaceada_12345_67902_data-2.csv": "2",
            f"last_first_LATE_222_67903_{NAME}.ipynb": RIGHT,
            "kurt_333_text.html": "typed in",
            "gödel-kurt_444_67904_my_12_34_work.txt": "no notebook",
        },
    )
    results = collect(course, NAME, source)
    assert by_student(results) == {
        "12345": Status.NEW,
        "222": Status.NEW,
        "444": Status.NEW,
        "kurt_333_text.html": Status.REFUSED,
    }
    assert set(files_of(course, "12345")) == {BOOK, "tools.py", "data-2.csv"}
    assert json.loads(files_of(course, "12345")[BOOK]) == json.loads(small_course.nbformat.writes(RIGHT))
    notes = {result.student: (result.late, result.note) for result in results}
    assert notes["12345"] == (False, "")
    assert notes["222"][0]
    assert "the source does not say when" in notes["222"][1]
    assert notes["444"] == (False, "it has no notebook")
    with Gradebook(course.db_url, course.course_id) as gradebook:
        assert gradebook.find_student("12345").lms_user_id == "12345"
    assert by_student(collect(course, NAME, source, "name")).keys() > {"lovelaceada", "last_first", "gödel-kurt"}


def test_canvas_names_that_end_or_begin_with_numbers(course: Course, tmp_path: Path) -> None:
    """`student_2` would be taken for student number 2 whose file is called after the real number."""
    source = zipped(
        tmp_path / "submissions.zip",
        {
            f"student_2_12345_67890_{NAME}.ipynb": RIGHT,
            "student_2_12345_67891_7_helper.py": "x = 1",
            f"student_3_LATE_333_67892_{NAME}-1.ipynb": RIGHT,
            "lovelaceada_444_67893_1_2_data.csv": "1",
            f"lovelaceada_444_67894_{NAME}.ipynb": RIGHT,
            "who_5_555_67895_6_notes.txt": "?",
        },
    )
    results = collect(course, NAME, source)
    odd = "who_5_555_67895_6_notes.txt"
    assert by_student(results) == {"12345": Status.NEW, "333": Status.NEW, "444": Status.NEW, odd: Status.REFUSED}
    assert set(files_of(course, "12345")) == {BOOK, "7_helper.py"}
    assert set(files_of(course, "333")) == {BOOK}
    assert set(files_of(course, "444")) == {BOOK, "1_2_data.csv"}
    assert refusals(results)[odd] == (
        "its name can be read in several ways: 67895_6_notes.txt by who, number 5 or 6_notes.txt by who_5, number 555"
    )


def test_an_anonymous_canvas_download_and_what_is_no_file(course: Course, tmp_path: Path) -> None:
    """Anonymous work would be nobody's, and who typed into Canvas would not be told apart from who did nothing."""
    source = zipped(
        tmp_path / "submissions.zip",
        {
            f"anon_Ab3dE_67890_{NAME}.ipynb": RIGHT,
            f"LATE_anon_zz9_67891_{NAME}.ipynb": OTHER,
            "gauss_LATE_77_text.html": "<p>mine</p>",
            "anon_q_link.html": "<a>",
        },
    )
    results = collect(course, NAME, source)
    found = by_student(results)
    assert [found.pop(name) for name in ("gauss_LATE_77_text.html", "anon_q_link.html")] == [Status.REFUSED] * 2
    assert found == {"anon_Ab3dE": Status.NEW, "anon_zz9": Status.NEW}
    assert {result.student: result.late for result in results}["anon_zz9"]
    assert refusals(results)["gauss_LATE_77_text.html"].startswith("it is text that was typed into Canvas, not a file")
    assert refusals(results)["anon_q_link.html"].startswith("it is a link that was given to Canvas, not a file")


MOODLE = re.compile(r"(?m)^c\.FileNameCollectorPlugin\.named_regexp = (.*assignsubmission.*)$")


@pytest.mark.parametrize("between", ["_/", "/", "_"], ids=["old folders", "folders", "files"])
def test_a_moodle_download_by_the_pattern_of_the_docs(course: Course, tmp_path: Path, between: str) -> None:
    """An instructor who copies the line would collect nothing, or another student's work for each assignment."""
    line = MOODLE.search((Path(__file__).parents[2] / "docs/instructors.md").read_text(encoding="utf-8"))
    assert line is not None
    with open(course.root / "nbgrader_config.py", "a") as config:
        config.write(f"{line[0]}\n")
    files = {
        f"Ada King Lovelace_4711_assignsubmission_file{between}{NAME}.ipynb": RIGHT,
        f"Conan O'Brien_4712_assignsubmission_file{between}{NAME}.ipynb": RIGHT,
        f"Jo (she)_4713_assignsubmission_file{between}{NAME}.ipynb": RIGHT,
    }
    results = collect(Course(course.root), NAME, zipped(tmp_path / "moodle.zip", files))
    assert {result.student for result in results} == {"Ada_King_Lovelace", "Conan_O'Brien", "Jo_(she)"}
    assert {result.what for result in results} == {Status.NEW}


@pytest.mark.parametrize("top", ["", "class 7/"])
@pytest.mark.parametrize("inside", ["", f"{NAME}/"])
def test_a_folder_for_each_student(course: Course, tmp_path: Path, top: str, inside: str) -> None:
    """What most other systems and people hand over, with or without a folder around it, zipped or not."""
    files = {f"{top}ada/{inside}{BOOK}": RIGHT, f"{top}bob/{inside}{BOOK}": OTHER, f"{top}bob/{inside}a/b.py": "1"}
    files[f"{top}ada/{inside}timestamp.txt"] = "2020-01-01 00:00:00 UTC"
    source = zipped(tmp_path / "class.zip", files)
    assert by_student(collect(course, NAME, source)) == {"ada": Status.NEW, "bob": Status.NEW}
    assert set(files_of(course, "ada")) == {BOOK}  # and not the time that the student wrote
    assert set(files_of(course, "bob")) == {BOOK, "a/b.py"}
    with zipfile.ZipFile(source) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert set(by_student(collect(course, NAME, tmp_path / "unpacked")).values()) == {Status.UNCHANGED}


def test_names_that_the_courses_own_plugin_reads(course: Course, tmp_path: Path) -> None:
    """A course that has taught nbgrader the names of its learning system need not teach them again."""
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write(
            "c.FileNameCollectorPlugin.named_regexp = r'.*/(?P<last_name>\\w+) (?P<student_id>\\d+)"
            " (?P<timestamp>[\\dTZ:-]+)_(?P<file_id>\\w+)'\n"
        )
    files = {
        f"King 7 2026-10-02T00:00Z_{NAME}.ipynb": RIGHT,
        f"King 7 2026-10-01T00:00Z_{NAME}.ipynb": OTHER,
        "else.ipynb": OTHER,
        "No 8 10-2026_time.ipynb": OTHER,  # it must not keep the others from being collected
    }
    results = collect(Course(course.root), NAME, zipped(tmp_path / "e.zip", files))
    assert by_student(results) == {
        "7": Status.NEW,
        "else.ipynb": Status.REFUSED,
        "No 8 10-2026_time.ipynb": Status.REFUSED,
    }
    assert files_of(course, "7")["timestamp.txt"] == b"2026-10-02 00:00:00.000000 UTC"
    assert b"Because it is so." in files_of(course, "7")[BOOK]


def test_a_plugin_s_names_lead_nowhere_else(course: Course, tmp_path: Path) -> None:
    """A file whose name the course's own pattern reads as an absolute one would be written where it says."""
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write("c.FileNameCollectorPlugin.named_regexp = r'.*e.zip/(?P<student_id>[a-z]+)_(?P<file_id>.*)'\n")
    evil = tmp_path / "evil"
    results = collect(Course(course.root), NAME, zipped(tmp_path / "e.zip", {f"bob_{evil}.ipynb": RIGHT}))
    assert set(by_student(results).values()) == {Status.REFUSED}
    assert not list(tmp_path.glob("evil*"))


def test_a_plugin_that_finds_no_file_name_is_reported(course: Course, tmp_path: Path) -> None:
    """A pattern that lacks a group would end in a traceback."""
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write("c.FileNameCollectorPlugin.named_regexp = r'.*/(?P<student_id>[a-z]+)_.*'\n")
    (result,) = collect(Course(course.root), NAME, zipped(tmp_path / "e.zip", {"bob_small.ipynb": RIGHT}))
    assert (result.what, "finds no file_id in its name" in result.note) == (Status.REFUSED, True)


def test_again(course: Course, tmp_path: Path) -> None:
    """A resubmission replaces, what is the same stays untouched, and an old export brings no old work back."""
    first, second, third = "2026-09-30 10:00:00 Z", "2026-10-01 10:00:00 Z", "2026-10-02 10:00:00 Z"
    old = gradescope(
        tmp_path / "1.zip", {ADA: ("Ada", first, {BOOK: OTHER, "old.py": ""}), BOB: ("Bob", first, {BOOK: OTHER})}
    )
    new = gradescope(tmp_path / "2.zip", {ADA: ("Ada", second, {BOOK: RIGHT}), BOB: ("Bob", first, {BOOK: OTHER})})
    same = gradescope(tmp_path / "3.zip", {ADA: ("Ada", third, {BOOK: RIGHT})})
    collect(course, NAME, old)
    before = course.path("submitted", BOB, NAME).stat().st_ino
    assert by_student(collect(course, NAME, new)) == {ADA: Status.REPLACED, BOB: Status.UNCHANGED}
    assert course.path("submitted", BOB, NAME).stat().st_ino == before
    assert set(files_of(course, ADA)) == {BOOK, "timestamp.txt"}
    results = collect(course, NAME, old)
    assert by_student(results) == {ADA: Status.OLDER, BOB: Status.UNCHANGED}
    assert results[0].note == "the one from 2026-10-01 10:00 UTC stays"
    assert b"Because it is so." in files_of(course, ADA)[BOOK]
    assert by_student(collect(course, NAME, same)) == {ADA: Status.REPLACED}
    assert files_of(course, ADA)["timestamp.txt"] == b"2026-10-02 10:00:00.000000 UTC"


def test_a_time_that_a_person_wrote_stays_with_what_is_unchanged(course: Course, tmp_path: Path) -> None:
    """Canvas says that, not when: who has looked it up must not lose it, nor may it stay with later work."""
    source = zipped(tmp_path / "1.zip", {f"ada_LATE_1_10_{BOOK}": OTHER})
    collect(course, NAME, source)
    stamp = course.path("submitted", "1", NAME) / "timestamp.txt"
    stamp.write_text("2026-10-02 10:00:00 UTC")
    assert by_student(collect(course, NAME, source)) == {"1": Status.UNCHANGED}
    assert stamp.exists()
    collect(course, NAME, zipped(tmp_path / "2.zip", {f"ada_LATE_1_11_{NAME}-1.ipynb": RIGHT}))
    assert not stamp.exists()


def kept_of(course: Course, student: str) -> dict[str, bytes]:
    """The notebooks of the submissions that were replaced, by the time in the name of their folder."""
    folder = course.root / "replaced" / student / NAME
    return {path.parent.name: path.read_bytes() for path in folder.glob(f"*/{BOOK}")}


def test_a_submission_that_is_replaced_is_kept(course: Course, tmp_path: Path) -> None:
    """A student hands in an empty notebook by mistake, or says that the first one was right."""
    times = ("2026-09-30 10:00:00 Z", "2026-10-01 10:00:00 Z", "2026-10-02 10:00:00 Z")
    for number, (at, book) in enumerate(zip(times, (OTHER, RIGHT, "nothing"), strict=True)):
        results = collect(course, NAME, gradescope(tmp_path / f"{number}.zip", {ADA: ("Ada", at, {BOOK: book})}))
    assert results[0].note == f"the one before is in replaced/{ADA}/{NAME}/2026-10-01T100000Z"
    found = kept_of(course, ADA)
    assert sorted(found) == ["2026-09-30T100000Z", "2026-10-01T100000Z"]
    assert [b"Because it is so." in text for _, text in sorted(found.items())] == [False, True]
    assert course.students(NAME) == [ADA]


def test_two_that_are_replaced_in_one_second_are_both_kept(course: Course, tmp_path: Path) -> None:
    """Canvas says no times, and a script collects twice in a second. What a run that was stopped has kept is enough."""
    stamp = (1_800_000_000, 1_800_000_000)
    for number, book in enumerate((OTHER, RIGHT, OTHER, RIGHT)):
        if number:
            os.utime(course.path("submitted", "ada", NAME), stamp)
        collect(course, NAME, zipped(tmp_path / f"{number}.zip", {f"ada/{BOOK}": book}))
    assert sorted(kept_of(course, "ada")) == ["2027-01-15T080000Z", "2027-01-15T080000Z-2"]


def test_a_course_may_keep_none(course: Course, tmp_path: Path) -> None:
    """A disk may be small, and the exports be kept anyway."""
    course.settings.keep_submissions = False
    for number, book in enumerate((OTHER, RIGHT)):
        results = collect(course, NAME, zipped(tmp_path / f"{number}.zip", {f"ada/{BOOK}": book}))
    assert by_student(results) == {"ada": Status.REPLACED}
    assert not (course.root / "replaced").exists()


def groups(course: Course) -> dict[str, str]:
    with open_gradebook(course) as gradebook:
        return read_groups(gradebook.db, NAME)


def test_what_one_of_a_group_hands_in_counts_for_all(course: Course, tmp_path: Path) -> None:
    """Canvas has one submission of a group, under one of its members: the others would have none."""
    roster = tmp_path / "roster.csv"
    roster.write_text("id,lms_user_id,first_name,group\nada,1,Ada,Blue\nbob,2,Bob,Blue\ncyd,3,Cyd,\ndan,4,Dan,Red\n")
    source = zipped(tmp_path / "1.zip", {f"blue_1_10_{BOOK}": OTHER, f"cyd_3_11_{BOOK}": RIGHT})
    assert by_student(collect(course, NAME, source, roster=roster)) == dict.fromkeys(("ada", "bob", "cyd"), Status.NEW)
    assert files_of(course, "ada") == files_of(course, "bob") != files_of(course, "cyd")
    assert groups(course) == {"ada": "Blue", "bob": "Blue"}
    with open_gradebook(course) as gradebook:
        assert gradebook.find_student("bob").first_name == "Bob"
    # Two hand in: nobody knows which counts.
    source = zipped(tmp_path / "2.zip", {f"a_1_12_{BOOK}": RIGHT, f"b_2_13_{BOOK}": OTHER})
    why = "several of the group Blue handed in, and the source does not say when: leave one of them"
    assert refusals(collect(course, NAME, source, roster=roster)) == {"ada": why, "bob": why}
    collect(course, NAME, source)
    assert groups(course) == {"ada": "Blue", "bob": "Blue"}


def test_groups_are_remembered(course: Course, tmp_path: Path) -> None:
    """Without the roster, what one member hands in next would leave the others with the old one, and nobody told."""
    roster = tmp_path / "roster.csv"
    roster.write_text("id,group\nada,Blue\nbob,Blue\ncyd,\n")
    collect(course, NAME, zipped(tmp_path / "1.zip", {f"ada/{BOOK}": OTHER, f"cyd/{BOOK}": RIGHT}), roster=roster)
    assert groups(course) == {"ada": "Blue", "bob": "Blue"}
    results = collect(course, NAME, zipped(tmp_path / "2.zip", {f"bob/{BOOK}": RIGHT, f"cyd/{BOOK}": RIGHT}))
    assert by_student(results) == {"ada": Status.REPLACED, "bob": Status.REPLACED, "cyd": Status.UNCHANGED}
    assert files_of(course, "ada") == files_of(course, "bob")
    notes = {result.student: result.note for result in results}
    assert all(notes[who].endswith("group Blue, as collected before") for who in ("ada", "bob"))
    assert notes["cyd"] == ""


def exported(path: Path, *handed_in: tuple[str, list[tuple[str, str, str]], str]) -> Path:
    """A Gradescope export: of each submission its notebook, who it is of (name, number and email), and the hour."""
    records, files = [], {}
    for number, (book, people, hour) in enumerate(handed_in):
        records.append({"key": f"submission_{number}", "people": people, "at": f"2026-10-01 {hour}:00:00 Z"})
        files[f"export/submission_{number}/{BOOK}"] = book
    return zipped(path, {"export/submission_metadata.yml": metadata(*records)} | files)


def test_nobody_hands_in_for_a_group_by_naming_one_of_its_members(course: Course, tmp_path: Path) -> None:
    """Where groups are allowed, whoever hands in on Gradescope says who else is in theirs."""
    roster = tmp_path / "roster.csv"
    roster.write_text(f"id,email,group\nada,{ADA},Red\nbob,{BOB},Red\neve,eve@uni.edu,\ncyd,cyd@uni.edu,\n")
    ada, bob, eve = (("Ada", "1", ADA), ("Bob", "2", BOB), ("Eve", "3", "eve@uni.edu"))
    source = exported(tmp_path / "1.zip", (RIGHT, [bob], "10"), (OTHER, [eve, ada], "11"))
    results = collect(course, NAME, source, roster=roster)
    why = "it is of students who are not in one group: Red, eve alone"
    assert refusals(results) == {"ada": why, "eve": why}
    assert [result.student for result in results if result.what is Status.NEW] == ["ada", "bob"]
    assert b"Because it is so." in files_of(course, "ada")[BOOK]
    assert files_of(course, "ada") == files_of(course, "bob")
    # The roster's groups hold without it, too.
    roster.write_text(f"id,email\nada,{ADA}\nbob,{BOB}\neve,eve@uni.edu\ncyd,cyd@uni.edu\n")
    assert refusals(collect(course, NAME, source, roster=roster)) == {"ada": why, "eve": why}
    assert groups(course) == {"ada": "Red", "bob": "Red"}


def test_groups_of_a_source_are_replaced_by_those_of_the_next(course: Course, tmp_path: Path) -> None:
    """Students may find another partner, as long as no roster says who belongs to whom."""
    ada, bob, cyd = (("Ada", "1", ADA), ("Bob", "2", BOB), ("Cyd", "3", "cyd@uni.edu"))
    collect(course, NAME, exported(tmp_path / "1.zip", (RIGHT, [ada, bob], "10"), (OTHER, [cyd], "10")))
    assert groups(course) == dict.fromkeys((ADA, BOB), f"{ADA}, {BOB}")
    collect(course, NAME, exported(tmp_path / "2.zip", (OTHER, [bob, cyd], "12")))
    assert groups(course) | {ADA: ""} == dict.fromkeys((BOB, "cyd@uni.edu"), f"{BOB}, cyd@uni.edu") | {ADA: ""}
    collect(course, NAME, exported(tmp_path / "3.zip", (RIGHT, [ada, cyd], "13"), (OTHER, [bob], "13")))
    assert groups(course) == dict.fromkeys((ADA, "cyd@uni.edu"), f"{ADA}, cyd@uni.edu")
    # Nobody gets the work of whom they have left.
    collect(course, NAME, exported(tmp_path / "4.zip", (RIGHT, [ada], "14"), (OTHER, [cyd], "15")))
    assert groups(course) == {}
    assert files_of(course, ADA) != files_of(course, "cyd@uni.edu")


def test_nobody_takes_a_place_by_another_s_number(course: Course, tmp_path: Path) -> None:
    """Students write their number into their account on Gradescope themselves: both were refused."""
    roster = tmp_path / "roster.csv"
    roster.write_text(f"id,email,sid\nada,{ADA},007\n")
    mine, hers = (OTHER, [("Eve", "007", "eve@else.edu")], "11"), (RIGHT, [("Ada", "", ADA)], "10")
    results = collect(course, NAME, exported(tmp_path / "1.zip", mine, hers), roster=roster)
    assert sorted((result.what, result.origin, result.note) for result in results) == [
        (Status.NEW, "export/submission_1", ""),
        (Status.REFUSED, "export/submission_0", "it says that it is ada's, whose own is export/submission_1"),
    ]
    assert b"Because it is so." in files_of(course, "ada")[BOOK]


def test_a_member_with_more_time_has_it_for_all(course: Course, tmp_path: Path) -> None:
    """Who hands in together is late together: the extension may have come before anybody knew of the group."""
    roster = tmp_path / "roster.csv"
    roster.write_text("id,group\nada,Blue\nbob,Blue\ncyd,\n")
    source = zipped(tmp_path / "1.zip", {f"{who}/{BOOK}": RIGHT for who in ("ada", "cyd")})
    collect(course, NAME, source)
    extend(course, NAME, ["ada"], timedelta(days=2))
    give_run_time(course, NAME, ["ada"], 3)
    collect(course, NAME, source, roster=roster)
    with open_gradebook(course) as gradebook:
        seconds = gradebook.db.execute(select(tables.extensions.c.student, tables.extensions.c.seconds)).all()
        assert read_run_times(gradebook.db, NAME) == {"ada": 3, "bob": 3}
    assert dict(seconds) == {"ada": 172800, "bob": 172800}
    assert extend(course, NAME, ["bob"], timedelta(0))[1] == ["bob", "ada"]


def test_the_newest_of_a_group_counts(course: Course, tmp_path: Path) -> None:
    """The last one to hand in has the work of all."""
    roster = tmp_path / "roster.csv"
    roster.write_text(f"id,email,group_name\nada,{ADA},Blue\nbob,{BOB},Blue\n")
    people = {
        ADA: ("Ada", "2026-10-01 10:00:00 Z", {BOOK: OTHER}),
        BOB: ("Bob", "2026-10-02 10:00:00 Z", {BOOK: RIGHT}),
    }
    collect(course, NAME, gradescope(tmp_path / "e.zip", people), roster=roster)
    assert files_of(course, "ada") == files_of(course, "bob")
    assert files_of(course, "ada")["timestamp.txt"] == b"2026-10-02 10:00:00.000000 UTC"
    roster.write_text(f"id,email,group\n../x,{ADA},Blue\n")
    with pytest.raises(AutograderError, match=r"'\.\./x' cannot be a student id"):
        collect(course, NAME, gradescope(tmp_path / "e.zip", people), roster=roster)


FILE, LINK, PIPE, DEVICE = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644, stat.S_IFCHR | 0o644


TWICE = f"there are several files {BOOK}, the same or different in case only"
HOSTILE: list[tuple[str, int, str | bytes, str]] = [
    ("x", LINK, "/etc/passwd", "{}/x is a link"),
    ("x", PIPE, "", "{}/x is not a regular file"),
    ("x", DEVICE, "", "{}/x is not a regular file"),
    ("../bob/x", FILE, "", "{}/../bob/x leads out of its folder"),
    ("a\\b", FILE, "", "{}/a\\b has a name that is not safe to write"),
    ("a\x1b[2J", FILE, "", "{}/a\N{REPLACEMENT CHARACTER}[2J has a name that is not safe to write"),
    ("a\u202eb", FILE, "", "{}/a\N{REPLACEMENT CHARACTER}b has a name that is not safe to write"),
    ("/x", FILE, "", "{}//x has a name that is not safe to write"),
    ("x" * 201, FILE, "", f"{{}}/{'x' * 201} has a name that is too long"),
    (BOOK.replace("small", "SMALL"), FILE, "", TWICE),
    (BOOK, FILE, "", TWICE),
    (f"{BOOK}/x", FILE, "", f"{BOOK} is a file and a folder"),
    ("zeros", FILE, bytes(3_000_000), "{}/zeros is packed more than 200 times, like a zip bomb"),
    ("large", FILE, os.urandom(1_100_000), "it is larger than 1 MB: large alone has 1.0 MB"),
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_submissions_are_refused_by_name_and_the_others_are_collected(course: Course, tmp_path: Path) -> None:
    """One student could otherwise write where they like, fill the disk, or stop the collection of the whole class."""
    course.settings.submission_mb = 1
    files: list[tuple[str | zipfile.ZipInfo, str | bytes]] = [(f"ada/{BOOK}", as_bytes(RIGHT)), ("bob/x.txt", "mine")]
    for number, (name, kind, content, _) in enumerate(HOSTILE):
        files += [(f"eve{number}/{BOOK}", "notebook"), (member(f"eve{number}/{name}", kind), content)]
    files.append((member("many/" + "\N{GRINNING FACE}\u200d\N{ROCKET}\u202f.png"), "harmless"))
    files += [(f"much/{number}", "") for number in range(MAX_FILES)]
    results = collect(course, NAME, zipped(tmp_path / "e.zip", files))
    whys = {f"eve{number}": why.format(f"eve{number}") for number, (_, _, _, why) in enumerate(HOSTILE)}
    assert refusals(results) == whys | {"much": f"it has more than {MAX_FILES - 1} files"}
    assert nothing_but(course, "ada", "bob", "many")
    assert files_of(course, "bob") == {"x.txt": b"mine"}


def test_what_belongs_to_nobody_is_refused_by_name(course: Course, tmp_path: Path) -> None:
    """A name that leads elsewhere must be told, and must not change how the rest is understood."""
    whys = {
        "../x": "leads out of its folder",
        "/etc/x": "has an absolute name",
        "C:\\x": "has an absolute name",
        "x": "it lies in no student's folder",
    }
    files = [(f"ada/{BOOK}", RIGHT), *((member(name), "x") for name in whys)]
    assert refusals(collect(course, NAME, zipped(tmp_path / "e.zip", files))) == whys
    files[0] = (f"class/ada/{BOOK}", RIGHT)
    assert refusals(collect(course, NAME, zipped(tmp_path / "e.zip", files[:-1]))).keys() == set(whys) - {"x"}
    assert nothing_but(course, "ada")
    assert not (tmp_path / "x").exists()


def test_an_encrypted_file_and_a_broken_one_are_refused(course: Course, tmp_path: Path) -> None:
    """What cannot be read must be told, and half of it must not be graded."""
    source = zipped(tmp_path / "e.zip", {f"ada/{BOOK}": RIGHT, f"bob/{BOOK}": RIGHT, "cyd/x": "0123456789" * 9})
    raw = bytearray(source.read_bytes())
    with zipfile.ZipFile(source) as archive:
        start = archive.getinfo("cyd/x").header_offset
    raw[start + 30 + len("cyd/x")] ^= 0xFF
    entry = raw.index(b"PK\x01\x02" + b"", raw.index(f"bob/{BOOK}".encode(), start) - 46)
    raw[entry + 8] |= 1
    source.write_bytes(raw)
    results = collect(course, NAME, source)
    assert by_student(results) == {"ada": Status.NEW, "bob": Status.REFUSED, "cyd": Status.REFUSED}
    assert refusals(results)["bob"] == f"bob/{BOOK} is encrypted"
    assert refusals(results)["cyd"].startswith("cyd/x cannot be unpacked: ")
    assert nothing_but(course, "ada")


def test_a_folder_that_cannot_be_read_is_reported(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A student would be passed over as if they had handed in nothing."""
    for student in ("ada", "bob", "cyd", "dan"):
        small_course.write(tmp_path / "class" / student / "inside" / BOOK, RIGHT)
    closed = {str(tmp_path / "class/bob"), str(tmp_path / "class/cyd/inside")}
    look = os.scandir

    def scandir(path: str) -> object:
        if str(path) in closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))  # root may read everything
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    results = collect(course, NAME, tmp_path / "class")
    assert refusals(results) == {
        "bob": "bob/* cannot be read: Permission denied",
        "cyd": "cyd/inside/* cannot be read: Permission denied",
    }
    assert nothing_but(course, "ada", "dan")
    closed.add(str(tmp_path / "class"))
    with pytest.raises(AutograderError, match=r"class cannot be read: Permission denied\.$"):
        collect(course, NAME, tmp_path / "class")


@pytest.mark.parametrize(("depth", "why"), [(1500, "has a name that is too long"), (2040, "cannot be read: ")])
def test_folders_inside_folders_stop_nobody_else(
    course: Course, tmp_path: Path, depth: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unpacking makes what a zip asks for, and Python's own ways to walk through it end in a RecursionError."""
    for student in ("ada", "bob"):
        small_course.write(tmp_path / "class" / student / BOOK, RIGHT)
    monkeypatch.chdir(tmp_path / "class" / "bob")
    for _ in range(depth):
        os.mkdir("a")
        os.chdir("a")
    Path("x" * 100).touch()
    os.chdir(tmp_path)
    results = collect(course, NAME, tmp_path / "class")
    assert by_student(results) == {"ada": Status.NEW, "bob": Status.REFUSED}
    assert why in refusals(results)["bob"]
    assert nothing_but(course, "ada")
    subprocess.run(["rm", "-r", "class"], check=True)


def test_a_folder_with_links_and_pipes(course: Course, tmp_path: Path) -> None:
    """An unpacked download may hold links to the gradebook, and a pipe would be read for ever."""
    for student in ("ada", "bob", "cyd", "dan"):
        small_course.write(tmp_path / "class" / student / BOOK, RIGHT)
    (tmp_path / "class/bob/x").symlink_to(course.root / "gradebook.db")
    (tmp_path / "class/cyd/folder").symlink_to(course.root)
    os.mkfifo(tmp_path / "class/dan/pipe")
    results = collect(course, NAME, tmp_path / "class")
    assert refusals(results) == {
        "bob": "bob/x is a link",
        "cyd": "cyd/folder is a link",
        "dan": "dan/pipe is not a regular file",
    }
    assert nothing_but(course, "ada")


def test_two_submissions_of_one_id_are_both_refused(course: Course, tmp_path: Path) -> None:
    """One of two people would get the other's grade, and on some systems ids that differ in case are one folder."""
    files = {
        f"Ada/{BOOK}": RIGHT,
        f"ada/{BOOK}": OTHER,
        f"BOB/{BOOK}": RIGHT,
        f"cyd/{BOOK}": RIGHT,
        f"a b;c/{BOOK}": RIGHT,
        f"{'a' * 128}/{BOOK}": RIGHT,
    }
    small_course.submit(course.root, "bob", OTHER)
    results = collect(course, NAME, zipped(tmp_path / "e.zip", files))
    assert refusals(results) == {
        "Ada": "several submissions are Ada's: Ada, ada",
        "ada": "several submissions are ada's: Ada, ada",
        "BOB": "the id differs in case only from bob, who is there already",
        "a" * 128: f"'{'a' * 100}'… is too long to be a student id, which has 100 letters at most: it has 128",
        "a b;c": "'a b;c' cannot be a student id, which has letters, digits and . @ + - _ ' ( ) [ ] only",
    }
    assert nothing_but(course, "bob", "cyd")


def test_too_much_of_everybody_is_refused_before_anything_is_written(course: Course, tmp_path: Path) -> None:
    """A disk that fills up half-way leaves a class half collected."""
    files = {f"ada/{BOOK}": RIGHT, "bob/x": os.urandom(1_200_000), "cyd/x": os.urandom(900_000)}
    source = zipped(tmp_path / "e.zip", files)
    course.settings.collect_mb = 1
    with pytest.raises(AutograderError, match=r"is 2 MB when unpacked, 1 MB of them bob's: .*Nothing was collected"):
        collect(course, NAME, source)
    assert nothing_but(course)
    settings = Autograder(collect_files=2)
    with (
        pytest.raises(AutograderError, match=r"holds 3 files, 1 of them in ada: c.Autograder.collect_files allows 2"),
        open_source(source, settings, []),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a list", "cannot be read"),
        ("a: [", "cannot be read"),
        ("a: text", "cannot be read"),
        ("[" * 5000, "cannot be read"),
        ("submission_1:\n  :submitters: []\n...\nsubmission_1:\n  :submitters: []\n", "two entries for submission_1"),
    ],
)
def test_metadata_that_cannot_be_read_is_reported(course: Course, tmp_path: Path, text: str, why: str) -> None:
    """Without it nobody knows whose the folders are: guessing would give grades to the wrong people."""
    source = zipped(tmp_path / "e.zip", {"submission_metadata.yml": text, f"submission_1/{BOOK}": RIGHT})
    with pytest.raises(AutograderError, match=why):
        collect(course, NAME, source)


def test_metadata_makes_no_objects(course: Course, tmp_path: Path) -> None:
    """Metadata that a student's output got into would otherwise run code of theirs."""
    text = metadata({"key": "submission_1", "people": [("Ada", "1", ADA)], "at": "2026-09-30 10:00:00 Z"})
    more = f"  :more: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n  :map: !ruby/hash:Some::Class {{a: 1}}\n"
    text = text.removesuffix("...\n") + more
    source = zipped(tmp_path / "e.zip", {"submission_metadata.yml": text, f"submission_1/{BOOK}": RIGHT})
    assert by_student(collect(course, NAME, source)) == {ADA: Status.NEW}
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("stopped_at", ["fresh", "old"])
def test_what_a_killed_run_leaves_is_put_right(course: Course, tmp_path: Path, stopped_at: str) -> None:
    """A run that was killed between two renames must neither lose a submission nor leave folders about."""
    source = gradescope(tmp_path / "1.zip", {ADA: ("Ada", "2026-09-30 10:00:00 Z", {BOOK: RIGHT})})
    collect(course, NAME, source)
    folder = course.path("submitted", ADA, NAME)
    (folder.parent / f".{NAME}.new").mkdir()
    (folder.parent / f".{NAME}.new" / "half").touch()
    if stopped_at == "old":
        folder.rename(folder.parent / f".{NAME}.old")
    assert by_student(collect(course, NAME, source)) == {ADA: Status.UNCHANGED}
    assert nothing_but(course, ADA)


def test_a_disk_that_is_full_leaves_the_old_submission(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a submission would be graded as if it were all."""
    at = ("2026-09-30 10:00:00 Z", "2026-10-01 10:00:00 Z")
    collect(course, NAME, gradescope(tmp_path / "1.zip", {ADA: ("Ada", at[0], {BOOK: RIGHT})}))
    new = gradescope(tmp_path / "2.zip", {ADA: ("Ada", at[1], {BOOK: OTHER, "z.txt": "full"})})
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if content == b"full":
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        collect(course, NAME, new)
    monkeypatch.undo()
    assert b"Because it is so." in files_of(course, ADA)[BOOK]
    assert nothing_but(course, ADA)
    assert by_student(collect(course, NAME, new)) == {ADA: Status.REPLACED}


def test_what_is_unchanged_is_counted(course: Course, tmp_path: Path, run: Run) -> None:
    """In a class of forty, two who have handed in anew would stand somewhere among forty lines."""
    files: dict[str, Content] = {f"s{number:02}/{BOOK}": RIGHT for number in range(40)}
    collect(course, NAME, zipped(tmp_path / "1.zip", files))
    source = zipped(tmp_path / "2.zip", files | dict.fromkeys((f"s03/{BOOK}", f"s17/{BOOK}"), OTHER))
    code, out, _ = run("collect", source, NAME, here=course.root)
    assert (code, set(re.findall(r"s\d\d", out))) == (0, {"s03", "s17"})
    assert "40 found" in out
    assert "2 replaced, 38 unchanged." in out
    out = run("collect", source, NAME, here=course.root)[1]
    assert out == f"40 unchanged.\nThen:  autograder grade {NAME}\n"


def test_the_command(course: Course, tmp_path: Path, run: Run) -> None:
    """What a person sees and a script reads: a table or JSON, one sentence for a mistake, and the exit codes."""
    source = zipped(tmp_path / "e.zip", {f"ada/{BOOK}": RIGHT, f"e\x1b[2Jve/{BOOK}": RIGHT})
    code, out, err = run("collect", source, NAME, here=course.root)
    assert (code, err) == (1, "")
    assert "ada" in out
    assert "1 new, 1 refused." in out
    assert "\x1b[2J" not in out
    code, out, err = run("collect", source, NAME, "--json", here=course.root)
    assert (code, err) == (1, "")
    about = {"at": None, "late": False, "files": 1, "note": ""}
    assert json.loads(out)[1] == {"student": "ada", "what": "unchanged", "origin": "ada"} | about
    (tmp_path / "no.zip").write_text("no zip")
    content = source.read_bytes()
    entry = content.index(b"PK\1\2")  # it says which version of the format is needed to read it
    (tmp_path / "new.zip").write_bytes(content[: entry + 6] + b"\xff" + content[entry + 7 :])
    (tmp_path / "part.zip").write_bytes(content[:-22] + struct.pack("<4sLQL", b"PK\6\7", 1, 0, 2) + content[-22:])
    for args, said in (
        ((tmp_path / "part.zip", NAME), "part.zip cannot be read as a zip: zipfiles that span multiple disks"),
        ((tmp_path / "no.zip", NAME), "is neither a folder nor a zip"),
        ((tmp_path / "new.zip", NAME), "new.zip cannot be read as a zip: zip file version 25.5"),
        ((source, "smal"), "There is no assignment 'smal'"),
    ):
        code, out, err = run("collect", *args, here=course.root)
        assert (code, out) == (2, "")
        assert said in err
        assert err.count("\n") == 1
