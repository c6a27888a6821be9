"""Which secret a course was graded with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "2", "1"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "autograder_secret",
        sa.Column("course", sa.String(128), primary_key=True),
        sa.Column("fingerprint", sa.String(64)),
        if_not_exists=True,
    )
