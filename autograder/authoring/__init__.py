"""What an instructor runs before a release: text to notebook, validate, release."""

import autograder.course  # noqa: F401 - first: it loads nbformat without the parser of addresses
