"""Run by alembic to bring our tables up to date; the connection is given by `tables.make_tables`."""

from __future__ import annotations

from alembic import context

from autograder.gradebook.tables import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
