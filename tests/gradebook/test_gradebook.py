"""The gradebook: our tables in it, older ones brought up to date, and what we use of nbgrader's that it does not
document. No kernel runs."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import nbgrader
import pytest
import small_course
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nbgrader.api import get_alembic_version
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import create_engine, inspect, text

from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.tables import MIGRATIONS, NEWEST, make_tables, metadata


def test_our_tables_are_what_the_migrations_make() -> None:
    """A fresh gradebook would lack a column that the code reads, or a migration be forgotten."""
    engine = create_engine("sqlite://")
    make_tables(engine)
    ours = {"include_name": lambda name, kind, parents: kind != "table" or name in metadata.tables}
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=ours), metadata) == []


def test_the_newest_version_is_the_last_migration() -> None:
    """A gradebook would never get the last one, or be migrated at every start."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST


def test_a_gradebook_from_before_versions_gets_what_it_lacks() -> None:
    """A term's gradebook must go on working with a newer version."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE autograder_check (assignment TEXT, student TEXT, name TEXT)"))
        connection.execute(text("INSERT INTO autograder_check VALUES ('small', 'ada', 'test')"))
    make_tables(engine)
    make_tables(engine)
    with engine.begin() as connection:
        assert "autograder_void" in inspect(connection).get_table_names()
        assert connection.execute(text("SELECT student, void FROM autograder_check")).all() == [("ada", None)]


def test_a_current_gradebook_is_not_written_to(tmp_path: Path) -> None:
    """Whoever may only read a gradebook could not read its scores."""
    engine = create_engine(f"sqlite:///{tmp_path}/gradebook.db")
    make_tables(engine)
    before = (tmp_path / "gradebook.db").read_bytes()
    make_tables(engine)
    assert (tmp_path / "gradebook.db").read_bytes() == before


def test_nbgrader_keeps_its_migrations_where_we_look() -> None:
    """A new gradebook would have no version, and `nbgrader db upgrade` would break it."""
    assert ScriptDirectory(ALEMBIC_DIR).get_current_head() == get_alembic_version(), (
        f"nbgrader {nbgrader.__version__} has its migrations elsewhere than in ALEMBIC_DIR: see gradebook/gradebook.py"
    )


def test_a_gradebook_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    """Formgrader saves a point for a second longer than usual, and a class's grading would end in a traceback."""
    course = small_course.make_course(tmp_path / "course", students=[])
    with open_gradebook(course):
        pass
    other = sqlite3.connect(course.root / "gradebook.db", check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(6.5, other.rollback)  # longer than SQLite's own five seconds
    release.start()
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_student("ada")
    release.join()
    other.close()


@pytest.mark.parametrize("existing", [True, False])
def test_a_gradebook_is_made_without_a_command_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    """Where the environment is not activated nbgrader does not find `alembic`."""
    course = small_course.make_course(tmp_path / "course", students=[])
    if existing:  # as `touch gradebook.db` leaves it
        (course.root / "gradebook.db").touch()
    monkeypatch.setenv("PATH", "")
    with open_gradebook(course) as gradebook:
        assert gradebook.students == []
