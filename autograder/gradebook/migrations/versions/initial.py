"""Our first tables. A gradebook from before they had versions may have some of them, with fewer columns."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision, down_revision = "1", None


def keys(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(128), primary_key=True) for name in names]


def tables() -> dict[str, list[sa.Column[Any]]]:
    """The columns of each table."""
    return {
        "autograder_check": [
            *keys("assignment", "student", "notebook", "cell", "name"),
            sa.Column("position", sa.Float),
            sa.Column("description", sa.Text),
            sa.Column("weight", sa.Float),
            sa.Column("hidden", sa.Boolean),
            sa.Column("outcome", sa.String(16)),
            sa.Column("message", sa.Text),
            sa.Column("detail", sa.Text),
            sa.Column("void", sa.Text),
        ],
        "autograder_cell": [
            *keys("assignment", "student", "notebook", "cell"),
            sa.Column("digest", sa.String(64)),
            sa.Column("points", sa.Float),
        ],
        "autograder_void": [*keys("assignment", "notebook", "cell", "name"), sa.Column("why", sa.Text)],
        "autograder_incident": [
            sa.Column("assignment", sa.String(128), index=True),
            sa.Column("student", sa.String(128), index=True),
            sa.Column("notebook", sa.String(128)),
            sa.Column("kind", sa.String(32)),
            sa.Column("cell", sa.String(128)),
            sa.Column("text", sa.Text),
        ],
        "autograder_graded": [
            *keys("assignment", "student"),
            sa.Column("submission_digest", sa.String(64)),
            sa.Column("assignment_digest", sa.String(64)),
            sa.Column("seconds", sa.Float),
            sa.Column("memory_mb", sa.Float),
            sa.Column("at", sa.DateTime),
        ],
    }


def upgrade() -> None:
    """Make the tables and columns that are missing."""
    there = sa.inspect(op.get_bind())
    for name, columns in tables().items():
        known = {column["name"] for column in there.get_columns(name)} if there.has_table(name) else set()
        if not known:
            op.create_table(name, *columns)
        for column in columns:
            if known and column.name not in known:
                op.add_column(name, sa.Column(column.name, column.type))
