"""What goes wrong around grading is told in one sentence, with exit code 2, and nothing is lost. No kernel runs."""

from __future__ import annotations

import errno
import fcntl
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import small_course
from made_class import make_class
from small_course import NAME, Run

from autograder.course import course as course_module
from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.errors import AutograderError
from autograder.publishing.report.classes import read_class
from autograder.publishing.scores import read_scores
from autograder.sandbox.bubblewrap import bwrap_path

SENTENCES: dict[str, tuple[dict[str, Any], str]] = {
    "the same id twice": ({"grade_id": "mean"}, "cells 3 and 4 have the same grade id mean: change one."),
    "a blank id": ({"grade_id": " "}, "cell 4 has no grade id: give it one that no other cell has."),
    "no points": ({"points": None}, "cell 4 (test_mean): it has no points. Give it a number of points, 0 or more."),
    "negative points": (
        {"points": -1},
        "cell 4 (test_mean): its points are -1. Give it a number of points",
    ),
    "words": (
        {"points": "three"},
        "cell 4 (test_mean): its points are 'three'. Give it a number",
    ),
    "no number": ({"points": float("inf")}, "cell 4 (test_mean): its points are inf."),
}


@pytest.mark.parametrize("what", SENTENCES)
def test_a_cell_that_nbgrader_cannot_grade_is_named(tmp_path: Path, what: str) -> None:
    """nbgrader says that the metadata may be corrupted, and not where."""
    metadata, said = SENTENCES[what]
    course = small_course.make_course(tmp_path / "course", students=[])
    book = small_course.source_notebook()
    book.cells[3].metadata.nbgrader.update(metadata)
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", book)
    with pytest.raises(AutograderError) as refused:
        load_assignment(course, NAME)
    assert f"{NAME}.ipynb, {said}" in str(refused.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course that has graded two students."""
    course = small_course.make_course(tmp_path / "course", students=["ada"])
    make_class(course, NAME, 2)
    return course.root


def one_sentence(err: str) -> str:
    assert "Traceback" not in err
    (line,) = err.splitlines()
    assert line.startswith("autograder: ")
    return line


def test_a_gradebook_that_stays_locked_is_reported(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser for databases that somebody left open would end grading in a traceback."""
    monkeypatch.setattr(course_module, "BUSY_SECONDS", 1)
    with sqlite3.connect(root / "gradebook.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        for command in ("grade", "scores"):
            code, out, err = run(command, NAME, here=root)
            assert (code, out) == (2, "")
            assert "gradebook.db cannot be used: database is locked. Another program" in one_sentence(err)


def run_with_read_only(root: Path, *paths: Path | str, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in the course `root`, of which `paths` can be read and not written, by root neither."""
    bound = [part for path in paths for part in ("--ro-bind", str(root / path), str(root / path))]
    return subprocess.run(
        [bwrap_path(), "--dev-bind", "/", "/", *bound, *small_course.COMMAND, *command],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


READ_ONLY = {
    "gradebook": (["grade", NAME], ["gradebook.db"], "gradebook.db cannot be used: attempt to write a readonly data"),
    "course": (["grade", NAME], ["."], ".autograder.lock cannot be written: Read-only file system"),
    "autograded": (
        ["grade", NAME],
        ["autograded"],
        "Read-only file system. Mend that, then run the same command again.",
    ),
    "feedback": (
        ["feedback", NAME],
        ["feedback"],
        "Read-only file system. Mend that, then run the same command again.",
    ),
}


@pytest.mark.parametrize("what", READ_ONLY)
def test_what_may_not_be_written_is_reported(root: Path, what: str) -> None:
    """A share that is mounted read-only, or another's file, ended in a traceback."""
    command, read_only, said = READ_ONLY[what]
    for folder in ("autograded", "feedback"):
        (root / folder).mkdir(exist_ok=True)
    (root / "nbgrader_config.py").write_text(small_course.CONFIG + "c.Autograder.submission_mb = 1\n")
    small_course.submit(root, "too_large", "x" * 2**21)  # is refused without a kernel, and recorded
    done = run_with_read_only(root, *read_only, command=command)
    assert done.returncode == 2, done.stderr
    bar, told = done.stderr.splitlines()[:-1], done.stderr.splitlines()[-1]
    assert [line for line in bar if not line.startswith(("grading small", "feedback on small"))] == []
    assert said in one_sentence(told)


def test_scores_can_be_read_where_nothing_may_be_written(root: Path) -> None:
    """Who may only read a course could not look at its scores."""
    done = run_with_read_only(root, "gradebook.db", command=["scores", NAME])
    assert (done.returncode, done.stderr) == (0, "")
    assert "ada" in done.stdout


def test_a_secret_that_cannot_be_read_is_reported(root: Path, run: Run) -> None:
    """Somebody else's file would end grading in a traceback, or be replaced without a word."""
    (root / "gradebook.secret").unlink()
    (root / "gradebook.secret").mkdir()
    code, _, err = run("grade", NAME, here=root)
    assert code == 2
    assert "gradebook.secret cannot be read or made: Is a directory" in one_sentence(err)


def refused_gradebook(root: Path, run: Run, command: list[str], address: str) -> str:
    """What a command says in a course whose gradebook is at `address`."""
    (root / "nbgrader_config.py").write_text(f"{small_course.CONFIG}c.CourseDirectory.db_url = {address!r}\n")
    code, _, err = run(*command, here=root)
    assert code == 2
    return one_sentence(err)


@pytest.mark.parametrize("command", [["grade", NAME], ["scores", NAME], ["release", NAME, "--no-validate"]])
def test_a_database_without_its_driver_is_reported(root: Path, run: Run, command: list[str]) -> None:
    """A course on PostgreSQL, graded on another machine, would see an import fail somewhere in SQLAlchemy."""
    said = refused_gradebook(root, run, command, "postgresql://ada:pw@localhost/grades")
    assert "The gradebook cannot be used (No module named 'psycopg" in said
    assert "c.CourseDirectory.db_url in" in said
    assert "pw" not in said


@pytest.mark.parametrize("command", [["grade", NAME], ["scores", NAME], ["release", NAME, "--no-validate"]])
def test_a_database_server_that_is_down_is_reported(root: Path, run: Run, command: list[str]) -> None:
    """A traceback of SQLAlchemy's would name no server, or its password."""
    pytest.importorskip("pg8000", reason="there is no driver for PostgreSQL here")
    said = refused_gradebook(root, run, command, "postgresql+pg8000://ada:pw@127.0.0.1:1/grades")
    assert "The gradebook postgresql+pg8000://ada:***@127.0.0.1:1/grades cannot be used: " in said
    assert "start again" in said


def test_a_file_system_without_locks_is_reported(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems refuse `flock`."""

    def refuse(*about: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    code, out, err = run("grade", NAME, here=root)
    assert (code, out) == (2, "")
    assert ".autograder.lock cannot be locked (No locks available)" in one_sentence(err)


def test_a_name_that_nbgrader_does_not_take_is_reported(root: Path, run: Run) -> None:
    """nbgrader keeps `+` for itself, and raises."""
    shutil.copytree(root / "source" / NAME, root / "source" / "a+b")
    (root / "source" / "a+b" / f"{NAME}.ipynb").rename(root / "source" / "a+b" / "a+b.ipynb")
    code, _, err = run("release", "a+b", "--no-validate", here=root)
    assert code == 2
    assert "a+b" in one_sentence(err)


def test_a_disk_that_is_full_is_reported(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of feedback that cannot be written would be a traceback, and nobody would know which page."""

    def full(*about: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(root / "feedback" / "page.html"))

    monkeypatch.setattr("autograder.publishing.feedback.writing.write_atomic", full)
    code, _, err = run("feedback", NAME, here=root)
    assert code == 2
    assert err.splitlines()[-1] == (
        f"autograder: {root}/feedback/page.html: No space left on device. Mend that, then run the same command again."
    )


ODD = "lab [1] (she) O'Brien"


def test_odd_names_work(tmp_path: Path, run: Run) -> None:
    """A student or an assignment whose name a pattern would read as one would be passed over without a word."""
    course = small_course.make_course(tmp_path / "course [x]*", students=[])
    (course.root / "source" / NAME).rename(course.source(ODD))
    (course.source(ODD) / f"{NAME}.ipynb").rename(course.source(ODD) / f"{ODD}.ipynb")
    students = ["Conan_O'Brien", "[ada]", "jo_(she)"]
    for student in students:
        small_course.write(course.path("submitted", student, ODD) / f"{ODD}.ipynb", small_course.submission())
        make_class(course, ODD, 1, student)
    assert course.students(ODD) == students
    assert [score["student"] for score in read_scores(course, ODD)] == students
    assert [student.student for student in read_class(course, ODD).students] == students
    for command in (["scores", ODD], ["feedback", ODD], ["report", ODD], ["scores", ODD, "--csv", "out.csv"]):
        code, _, err = run(*command, here=course.root)
        assert (code, err.count("Traceback")) == (0, 0)
    assert "[ada]" in run("scores", ODD, here=course.root)[1]
    for student in students:
        assert (Course(course.root).path("feedback", student, ODD) / f"{ODD}.html").is_file()
