"""One student's submission: reading what was handed in, restoring its notebook, and the result as plain data."""

import autograder.course  # noqa: F401 - first: it loads nbformat without the parser of addresses
