"""Extensions, which may be given before there is a submission."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "5", "4"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "autograder_extension",
        sa.Column("assignment", sa.String(128), primary_key=True),
        sa.Column("student", sa.String(128), primary_key=True),
        sa.Column("seconds", sa.Float),
        if_not_exists=True,
    )
