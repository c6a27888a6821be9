"""Opens the course's gradebook: nbgrader's database with our tables in it. Things of its gradebook
that nbgrader's documentation does not promise are used in this module alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nbgrader.api import Base, Gradebook, InvalidEntry
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import create_engine, inspect, make_url
from sqlalchemy.exc import DBAPIError

from autograder.course.course import BUSY_SECONDS, SQLITE, Course
from autograder.errors import AutograderError
from autograder.files import atomic_file
from autograder.gradebook.due_dates import settle_due_dates
from autograder.gradebook.tables import make_tables

__all__ = ["make_gradebook", "open_gradebook", "refusals_explained"]

NBGRADER_LOG = logging.getLogger("tornado.application")


@contextmanager
def open_gradebook(course: Course) -> Iterator[Any]:
    """The course's gradebook with our tables in it, made if there is none. Raises AutograderError if it cannot be used,
    or no more: it is locked or may not be written, its server is down, or the disk is full."""
    with refusals_explained(course):
        make_gradebook(course)
        with Gradebook(course.db_url, course.course_id) as gradebook:
            make_tables(gradebook.engine)
            settle_due_dates(gradebook.db, course)
            yield gradebook


@contextmanager
def refusals_explained(course: Course) -> Iterator[None]:
    """Turn a refusal by the database into an AutograderError that says which database and why."""
    NBGRADER_LOG.addFilter(says_more)
    try:
        yield
    except (DBAPIError, InvalidEntry) as error:
        refused = error if isinstance(error, DBAPIError) else error.__context__  # nbgrader hides what the database said
        if not isinstance(refused, DBAPIError):
            raise
        raise AutograderError(f"{place_of(course)} cannot be used: {why(refused)}") from None
    finally:
        NBGRADER_LOG.removeFilter(says_more)


def says_more(record: logging.LogRecord) -> bool:
    """Whether a line of nbgrader's log is shown: the traceback of an error that we report in a sentence is not."""
    return not record.getMessage().startswith("Rolling back session due to database error")


def place_of(course: Course) -> str:
    """Where the gradebook is, without a password."""
    return str(course.gradebook_file or f"The gradebook {make_url(course.db_url).render_as_string()}")


def why(error: DBAPIError) -> str:
    """The reason for which a database refuses, and the remedy."""
    reason = " ".join(str(error.orig).split()).rstrip(".")
    if "locked" in reason:
        return f"{reason}. Another program has been writing to it for {BUSY_SECONDS} s: end that, then start again."
    if "readonly" in reason:
        return f"{reason}. Give yourself the right to write to it and to its folder."
    return f"{reason}. Nothing that was not finished is kept: mend that, then start again."


def make_gradebook(course: Course) -> None:
    """Make the gradebook if there is none. nbgrader would start a process for that, which is found only where `alembic`
    is on the PATH, and answers Ctrl-C with a traceback of its own; and it could never upgrade one left half made."""
    path = course.gradebook_file
    if path is None:
        make_nbgrader_tables(course.db_url)
    elif not path.exists() or not path.stat().st_size:
        with atomic_file(path) as part:
            make_nbgrader_tables(f"{SQLITE}{part}")


def make_nbgrader_tables(address: str) -> None:
    """Make nbgrader's tables in an empty database, and say which version of them it has."""
    from alembic.runtime.migration import MigrationContext  # a tenth of a second, which later runs do not need
    from alembic.script import ScriptDirectory

    engine = create_engine(address)
    with engine.begin() as connection:
        if not inspect(connection).get_table_names():
            Base.metadata.create_all(connection)
            MigrationContext.configure(connection).stamp(ScriptDirectory(ALEMBIC_DIR), "head")
    engine.dispose()
