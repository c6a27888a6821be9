"""The course's secret, from which the checks' random inputs are made: with another one, grades could not be made again
as they were. The gradebook remembers which one it was."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import delete, insert, select

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook import tables

__all__ = ["check_secret", "renew_secret"]

ADVICE = (
    "Restore it from a backup. If there is none, `autograder grade NAME --new-secret` begins a new one: checks then "
    "get other random inputs, so use it with --regrade if everybody is to get the same."
)


def check_secret(session: Any, course: Course) -> None:
    """Raise AutograderError if the secret is lost, garbled, or not the one that this gradebook was graded with. A
    course that has graded nobody yet gets one."""
    of_course = tables.secrets.c.course == course.course_id
    recorded = session.execute(select(tables.secrets.c.fingerprint).where(of_course)).scalar()
    graded = session.execute(select(tables.graded.c.student).limit(1)).first() is not None
    if not course.secret_file.exists() and (recorded or graded):
        raise AutograderError(f"{course.secret_file} is lost. {ADVICE}")
    if recorded and recorded != fingerprint(course):
        raise AutograderError(f"{course.secret_file} is not the secret that this course was graded with. {ADVICE}")
    if not recorded:
        remember(session, course)


def renew_secret(session: Any, course: Course) -> None:
    """Begin a new secret."""
    course.secret_file.unlink(missing_ok=True)
    vars(course).pop("secret", None)
    remember(session, course)


def remember(session: Any, course: Course) -> None:
    session.execute(delete(tables.secrets).where(tables.secrets.c.course == course.course_id))
    session.execute(insert(tables.secrets), [{"course": course.course_id, "fingerprint": fingerprint(course)}])
    session.commit()


def fingerprint(course: Course) -> str:
    """A digest by which secrets are distinguished, and not known."""
    return hashlib.sha256(b"fingerprint " + course.secret).hexdigest()
