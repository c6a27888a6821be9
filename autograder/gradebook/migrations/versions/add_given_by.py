"""Who gave points by hand, where that is known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "10", "9"


def upgrade() -> None:
    """Add the column; scores that were kept before have none."""
    op.add_column("autograder_score", sa.Column("given_by", sa.String(128)))
