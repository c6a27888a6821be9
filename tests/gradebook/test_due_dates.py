"""When an assignment is due is read as all times are: in one way only, or not at all. No kernel runs."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import small_course
from nbgrader.api import Gradebook
from small_course import NAME, Run
from sqlalchemy import update

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook import tables
from autograder.gradebook.due_dates import due_date, time_is_over
from autograder.gradebook.extensions import by_the_clock
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.gradebook_sync import sync_assignment

DUE = datetime(2026, 10, 2, 6, 59)
GUESSES = ["2026-10-01 23:59 PDT", "01.10.2026 23:59", "2026-10-01 11:00 PM", "soon"]


def course_with(root: Path, text: str = "") -> Course:
    """A course whose settings say this of the assignment's due date."""
    return small_course.make_course(root, f"c.Autograder.due_dates = {{{NAME!r}: {text!r}}}\n" if text else "", [])


def write_by_hand(course: Course, text: str) -> None:
    """Put a due date into the gradebook as whoever edits it with another program may write it."""
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment(NAME)
    with closing(sqlite3.connect(course.root / "gradebook.db")) as db:
        db.execute("UPDATE assignment SET duedate = ?", (text,))
        db.commit()


@pytest.mark.parametrize("text", ["2026-10-01 23:59 America/Los_Angeles", "2026-10-01T23:59:00-0700"])
def test_the_settings_say_when_it_is_due(tmp_path: Path, text: str) -> None:
    """A class would be seven hours late, or not, by how the time is written; and the first run must know it."""
    course = course_with(tmp_path / "course", text)
    with open_gradebook(course) as gradebook:
        sync_assignment(gradebook, course, NAME)
        assert due_date(gradebook.db, NAME) == DUE
        gradebook.update_or_create_assignment(NAME, duedate="2026-01-01 00:00 UTC")
    with open_gradebook(course) as gradebook:
        assert due_date(gradebook.db, NAME) == DUE


def test_a_course_has_one_zone_for_all_times(tmp_path: Path, run: Run) -> None:
    """Whoever lives by another clock than UTC would read a due date as their own clock's."""
    lines = (
        f"c.NbGraderAPI.timezone = 'America/Los_Angeles'\nc.Autograder.due_dates = {{{NAME!r}: '2026-10-01 23:59'}}\n"
    )
    course = small_course.make_course(tmp_path / "course", lines, [])
    with open_gradebook(course) as gradebook:
        sync_assignment(gradebook, course, NAME)
        assert due_date(gradebook.db, NAME) == DUE
        gradebook.update_or_create_student("ada")
    said = f"For ada, {NAME} is due 2026-10-02 23:59 America/Los_Angeles.\n"
    assert run("extend", NAME, "ada", "--days", "1", here=course.root) == (0, said, "")
    assert run("extend", NAME, "ada", "--until", "2026-10-02 23:59", here=course.root) == (0, said, "")
    code, _, told = run("extend", NAME, "ada", "--until", "2026-10-01 10:00", here=course.root)
    assert (code, "--until is not after 2026-10-01 23:59 America/Los_Angeles, when" in told) == (2, True)


def test_a_day_more_ends_at_the_same_time_of_day(tmp_path: Path, run: Run) -> None:
    """On the weekend on which summer time ends a student would have until 22:59, and hand in at 23:30."""
    lines = "c.NbGraderAPI.timezone = 'America/Los_Angeles'\n"
    for text, days, due in (
        ("2026-10-31 23:59", "1", "2026-11-01 23:59"),
        ("2026-03-07 23:59", "1.5", "2026-03-09 11:59"),
        ("2026-10-31 23:59", "0", "2026-10-31 23:59"),
    ):
        course = small_course.make_course(
            tmp_path / days, f"{lines}c.Autograder.due_dates = {{{NAME!r}: {text!r}}}\n", []
        )
        with open_gradebook(course) as gradebook:
            gradebook.update_or_create_assignment(NAME)
            gradebook.update_or_create_student("ada")
        said = f"For ada, {NAME} is due {due} America/Los_Angeles.\n"
        assert run("extend", NAME, "ada", "--days", days, here=course.root) == (0, said, "")


def test_more_time_is_never_less(tmp_path: Path, run: Run) -> None:
    """A due date in the second of two equal hours would move into the first, and one that never comes would raise."""
    berlin, hour = ZoneInfo("Europe/Berlin"), timedelta(hours=1)
    second = datetime(2026, 10, 25, 1, 30)
    assert by_the_clock(second - hour, timedelta(0), berlin) == timedelta(0)
    assert by_the_clock(second, timedelta(0), berlin) == timedelta(0)
    assert by_the_clock(second, hour / 4, berlin) == hour / 4
    assert by_the_clock(second, 24 * hour, berlin) == 24 * hour
    lines = f"c.Autograder.due_dates = {{{NAME!r}: '9999-12-31 23:59 UTC'}}\nc.NbGraderAPI.timezone = 'Europe/Berlin'\n"
    course = small_course.make_course(tmp_path / "course", lines, [])
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment(NAME)
        gradebook.update_or_create_student("ada")
    for days, end in (("0", "23:59"), ("2", "23:59:59")):
        said = f"For ada, {NAME} is due 9999-12-31 {end} UTC.\n"
        assert run("extend", NAME, "ada", "--days", days, here=course.root) == (0, said, "")
    with open_gradebook(course) as gradebook:
        assert time_is_over(gradebook.db, NAME) == datetime.max
        gradebook.db.execute(update(tables.extensions).values(seconds=172_800))  # from before it had a due date
        assert time_is_over(gradebook.db, NAME) == datetime.max


@pytest.mark.parametrize("zone", ["PDT", "UTC+3", "Nowhere/Land", "../../etc/passwd"])
def test_a_zone_that_is_not_known_is_told(tmp_path: Path, zone: str) -> None:
    """Formgrader takes most for UTC without a word, and others, such as UTC+3, in a way of its own."""
    course = small_course.make_course(tmp_path / "course", f"c.NbGraderAPI.timezone = {zone!r}\n", [])
    said = f"nbgrader_config.py: c.NbGraderAPI.timezone is {zone!r}, which is not known here: write it as America/Los"
    with pytest.raises(AutograderError, match=re.escape(said)), open_gradebook(course):
        pass


@pytest.mark.parametrize("text", GUESSES)
def test_settings_that_can_be_read_in_several_ways_are_refused(tmp_path: Path, text: str) -> None:
    """nbgrader takes PDT for UTC, and October for January."""
    said = f"nbgrader_config.py: when {NAME} is due cannot be read: {text!r} is not a time"
    course = course_with(tmp_path / "course", text)
    with pytest.raises(AutograderError, match=said), open_gradebook(course):
        pass


@pytest.mark.parametrize("text", ["2026-10-01 23:59 America/Los_Angeles", "2026-10-01T23:59-07:00"])
def test_what_was_written_by_hand_is_read_by_the_same_rules(tmp_path: Path, text: str) -> None:
    """SQLAlchemy raises for one of these, and compares the other with nothing."""
    course = course_with(tmp_path / "course")
    write_by_hand(course, text)
    with open_gradebook(course) as gradebook:
        assert due_date(gradebook.db, NAME) == DUE
    with Gradebook(course.db_url, course.course_id) as theirs:
        assert theirs.find_assignment(NAME).duedate == DUE


@pytest.mark.parametrize("text", GUESSES)
def test_what_nobody_can_read_in_the_gradebook_is_reported(tmp_path: Path, text: str) -> None:
    """It ended in a traceback of SQLAlchemy's, for every command."""
    course = course_with(tmp_path / "course")
    write_by_hand(course, text)
    with (
        pytest.raises(AutograderError, match=f"gradebook.db: when {NAME} is due cannot be read: "),
        open_gradebook(course),
    ):
        pass


def test_what_nbgrader_has_stored_stays(tmp_path: Path) -> None:
    """Every command would write, and courses without the setting would lose theirs."""
    course = course_with(tmp_path / "course")
    for due in (None, "2026-10-02 06:59 UTC", "2026-10-02 06:59:00.5 UTC"):
        with open_gradebook(course) as gradebook:
            wanted = gradebook.update_or_create_assignment(NAME, duedate=due).duedate
        before = (course.root / "gradebook.db").read_bytes()
        with open_gradebook(course) as gradebook:
            assert due_date(gradebook.db, NAME) == wanted
        assert (course.root / "gradebook.db").read_bytes() == before
