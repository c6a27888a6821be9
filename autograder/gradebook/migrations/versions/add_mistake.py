"""The known mistake that explains a failed check."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "3", "2"


def upgrade() -> None:
    """Add the column; checks that were graded before name none."""
    op.add_column("autograder_check", sa.Column("mistake", sa.Text))
