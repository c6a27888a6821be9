"""Grading a class: worker processes that run notebooks in the sandbox and judge them by the checks."""

import autograder.course  # noqa: F401 - first: it loads nbformat without the parser of addresses
