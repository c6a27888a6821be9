"""Our own tables in gradebook.db, beside nbgrader's: verdicts, incidents, and what each grade was made from."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Float, MetaData, String, Table, Text

__all__ = ["checks", "graded", "incidents", "metadata"]

metadata = MetaData()

checks = Table(
    "autograder_check",
    metadata,
    Column("assignment", String(128), primary_key=True),
    Column("student", String(128), primary_key=True),
    Column("notebook", String(128), primary_key=True),
    Column("cell", String(128), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("position", Float),
    Column("description", Text),
    Column("weight", Float),
    Column("hidden", Boolean),
    Column("outcome", String(16)),
    Column("message", Text),
    Column("detail", Text),
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
    Column("assignment", String(128), primary_key=True),
    Column("student", String(128), primary_key=True),
    Column("submission_digest", String(64)),
    Column("assignment_digest", String(64)),
    Column("seconds", Float),
    Column("at", DateTime),
)
