"""The groups of students who hand in together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "9", "8"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "autograder_group",
        sa.Column("assignment", sa.String(128), primary_key=True),
        sa.Column("student", sa.String(128), primary_key=True),
        sa.Column("name", sa.String(128)),
        if_not_exists=True,
    )
