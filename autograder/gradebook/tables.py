"""Our own tables in gradebook.db, beside nbgrader's: verdicts, incidents, void checks, the versions behind each grade,
and every score that there has been."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    text,
)

__all__ = [
    "NEWEST",
    "VERSION_TABLE",
    "cells",
    "checks",
    "extensions",
    "graded",
    "groups",
    "incidents",
    "make_tables",
    "metadata",
    "scores",
    "secrets",
    "shown",
    "voids",
]

MIGRATIONS = Path(__file__).with_name("migrations")
VERSION_TABLE, NEWEST = "autograder_version", "10"

metadata = MetaData()


def keys(*names: str) -> list[Column[str]]:
    """The columns that say which row it is."""
    return [Column(name, String(128), primary_key=True) for name in names]


checks = Table(
    "autograder_check",
    metadata,
    *keys("assignment", "student", "notebook", "cell", "name"),
    Column("position", Float),
    Column("description", Text),
    Column("weight", Float),
    Column("hidden", Boolean),
    Column("outcome", String(16)),
    Column("message", Text),
    Column("detail", Text),
    Column("void", Text),
    Column("mistake", Text),
    Column("counterexample", Text),
)

cells = Table(
    "autograder_cell",
    metadata,
    *keys("assignment", "student", "notebook", "cell"),
    Column("digest", String(64)),
    Column("points", Float),
)

voids = Table(
    "autograder_void",
    metadata,
    *keys("assignment", "notebook", "cell", "name"),
    Column("why", Text),
)

secrets = Table(
    "autograder_secret", metadata, Column("course", String(128), primary_key=True), Column("fingerprint", String(64))
)

# Either may be missing: more time until it is due, and how many times as long the student's code may run.
extensions = Table(
    "autograder_extension",
    metadata,
    *keys("assignment", "student"),
    Column("seconds", Float),
    Column("run_time", Float),
)

groups = Table("autograder_group", metadata, *keys("assignment", "student"), Column("name", String(128)))

incidents = Table(
    "autograder_incident",
    metadata,
    Column("assignment", String(128), index=True),
    Column("student", String(128), index=True),
    Column("notebook", String(128)),
    Column("kind", String(32)),
    Column("cell", String(128)),
    Column("text", Text),
)

graded = Table(
    "autograder_graded",
    metadata,
    *keys("assignment", "student"),
    Column("submission_digest", String(64)),
    Column("assignment_digest", String(64)),
    Column("seconds", Float),
    Column("memory_mb", Float),
    Column("at", DateTime),
    Column("run_time", Float),
)

# Rows are only ever added. A cell without a name is the late penalty of the notebook. Who gave points in formgrader is
# not known.
scores = Table(
    "autograder_score",
    metadata,
    Column("id", Integer, primary_key=True),
    *(Column(name, String(128), nullable=False) for name in ("assignment", "student", "notebook", "cell")),
    Column("at", DateTime),
    Column("score", Float),
    Column("why", String(128)),
    Column("note", Text),
    Column("submission_digest", String(64)),
    Column("assignment_digest", String(64)),
    Column("cell_digest", String(64)),
    Column("given_by", String(128)),
    Index("autograder_score_place", "assignment", "student", "notebook", "cell"),
)

# The last row of the scores that a reader saw before (`seen`), and the last that is shown now. A student reads the page
# of a notebook; the reader of the report has no name.
shown = Table(
    "autograder_told",
    metadata,
    *keys("assignment", "student", "notebook"),
    Column("seen", Integer),
    Column("told", Integer, key="shown"),
)


def make_tables(engine: Engine) -> None:
    """Bring our tables up to date: an ordinary nbgrader gradebook has none, and one of an older version not all."""
    with engine.begin() as connection:
        if version_of(connection) != NEWEST:
            migrate(connection)


def version_of(connection: Connection) -> str:
    """The version of our tables; empty if there are none, or if they are from before they had versions."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    return str(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar())


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing."""
    from alembic import command  # a tenth of a second, which later runs do not need
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(config, "head")
