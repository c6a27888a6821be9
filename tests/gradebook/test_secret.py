"""The secret that a course was graded with is kept, or it is said that it is not. No kernel runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_course
from small_course import NAME, Run
from sqlalchemy import insert

from autograder.course.course import Course
from autograder.gradebook import tables
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.secret import check_secret, renew_secret


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course that has graded ada with the secret that it has."""
    course = small_course.make_course(tmp_path / "course", students=["ada"])
    with open_gradebook(course) as gradebook:
        check_secret(gradebook.db, course)
        gradebook.db.execute(insert(tables.graded), [{"assignment": NAME, "student": "ada"}])
        gradebook.db.commit()
    return course.root


def lost(secret: Path) -> None:
    secret.unlink()


def garbled(secret: Path) -> None:
    secret.write_bytes(b"garbage" + secret.read_bytes()[7:])


def foreign(secret: Path) -> None:
    secret.write_bytes(bytes(32))


def cut_short(secret: Path) -> None:
    secret.write_bytes(secret.read_bytes()[:31])


@pytest.mark.parametrize("harm", [lost, garbled, foreign, cut_short])
def test_another_secret_is_told_before_anybody_is_graded(root: Path, run: Run, harm: object) -> None:
    """A regrade would give other random inputs, and nobody would know why scores changed."""
    before = (root / "gradebook.secret").read_bytes()
    harm(root / "gradebook.secret")  # type: ignore[operator]
    after = (root / "gradebook.secret").read_bytes() if harm is not lost else None
    code, out, err = run("grade", NAME, here=root)
    assert (code, out) == (2, ""), err
    said = err.splitlines()[-1]
    assert said.startswith(f"autograder: {root / 'gradebook.secret'} ")
    assert "Restore it from a backup" in said
    assert "grade NAME --new-secret" in said
    assert not (root / "autograded").exists()
    assert (root / "gradebook.secret").exists() == (harm is not lost)
    if after is not None:
        assert (root / "gradebook.secret").read_bytes() == after
    (root / "gradebook.secret").write_bytes(before)
    course = Course(root)
    with open_gradebook(course) as gradebook:
        check_secret(gradebook.db, course)


def test_a_gradebook_that_knows_no_secret_yet_takes_the_one_that_is_there(root: Path) -> None:
    """A gradebook from before secrets were remembered would be refused, or take a new one for the old."""
    course = Course(root)
    with open_gradebook(course) as gradebook:
        gradebook.db.execute(tables.secrets.delete())
        gradebook.db.commit()
        check_secret(gradebook.db, course)
        assert gradebook.db.execute(tables.secrets.select()).first() is not None


def test_a_new_secret_is_begun_on_request(root: Path) -> None:
    """Who has no backup would be locked out of the course."""
    before = (root / "gradebook.secret").read_bytes()
    for harm in (lost, garbled, foreign, cut_short):
        harm(root / "gradebook.secret")
        course = Course(root)
        with open_gradebook(course) as gradebook:
            renew_secret(gradebook.db, course)
            check_secret(gradebook.db, course)
        assert len(course.secret) == 32
        assert course.secret == (root / "gradebook.secret").read_bytes() != before
