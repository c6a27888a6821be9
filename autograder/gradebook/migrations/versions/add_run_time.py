"""More time for a student's code, and how much a grade was made with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "8", "7"


def upgrade() -> None:
    """Add the columns; what was graded before had the course's own limits."""
    for table in ("autograder_extension", "autograder_graded"):
        op.add_column(table, sa.Column("run_time", sa.Float))
