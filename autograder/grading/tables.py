"""Our own tables in gradebook.db, beside nbgrader's: verdicts, incidents, what was taken out, and what each grade was
made from."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Engine, Float, MetaData, String, Table, Text, inspect, text

__all__ = ["cells", "checks", "graded", "incidents", "make_tables", "voids"]

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
)


def make_tables(engine: Engine) -> None:
    """Make what is missing of our tables, and of their columns: a gradebook may be older than one of them."""
    metadata.create_all(engine)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            there = {column["name"] for column in inspect(connection).get_columns(table.name)}
            for column in table.columns:
                if column.name not in there:
                    kind = column.type.compile(engine.dialect)
                    connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))
