"""Every score that a cell has had, and which of them students and the report have told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "7", "6"

PLACE = ("assignment", "student", "notebook", "cell")


def upgrade() -> None:
    """Make the tables. What was graded before gets its first scores by the next command."""
    op.create_table(
        "autograder_score",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.String(128), nullable=False) for name in PLACE),
        sa.Column("at", sa.DateTime),
        sa.Column("score", sa.Float),
        sa.Column("why", sa.String(128)),
        sa.Column("note", sa.Text),
        sa.Column("submission_digest", sa.String(64)),
        sa.Column("assignment_digest", sa.String(64)),
        sa.Column("cell_digest", sa.String(64)),
        if_not_exists=True,
    )
    op.create_index("autograder_score_place", "autograder_score", PLACE, if_not_exists=True)
    op.create_table(
        "autograder_told",
        *(sa.Column(name, sa.String(128), primary_key=True) for name in PLACE[:3]),
        sa.Column("seen", sa.Integer),
        sa.Column("told", sa.Integer),
        if_not_exists=True,
    )
