"""Indices on nbgrader's tables, which has none for finding a notebook's grades: without them every submission's are
looked through, of all assignments of the term."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "4", "3"

COLUMNS = {
    "grade": ["notebook_id"],
    "comment": ["notebook_id"],
    "submitted_notebook": ["assignment_id"],
    "submitted_assignment": ["student_id"],
    "base_cell": ["notebook_id"],
}


def upgrade() -> None:
    """Make the indices of the tables that are there."""
    there = set(sa.inspect(op.get_bind()).get_table_names())
    for table, columns in COLUMNS.items():
        if table in there:
            op.create_index(f"autograder_{table}_{columns[0]}", table, columns, if_not_exists=True)
