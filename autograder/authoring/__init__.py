"""What an instructor runs before a release: text to notebook, validate, release."""

import autograder.grading  # noqa: F401 - first, so that nbformat comes without what nobody needs here
