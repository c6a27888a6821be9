"""What the course remembers of a class: scores, verdicts, incidents, groups, extensions. This part alone writes to the
database."""

import autograder.course  # noqa: F401 - first: it loads nbformat without the parser of addresses
