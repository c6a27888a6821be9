"""An input that shows why a check failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "6", "5"


def upgrade() -> None:
    """Add the column; checks that were graded before have none."""
    op.add_column("autograder_check", sa.Column("counterexample", sa.Text))
