"""Cells of the course's own that raise while grading: reported once for the class, not once for each student."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator

from autograder.submission.graded import GradedSubmission
from autograder.submission.incidents import IncidentKind

__all__ = ["KEY_FAILS", "CourseErrors", "key_failure", "remedy"]

KEY_FAILS = "the answer key fails in cell"
# In messages of Python, of the system's loader and of ours.
OUT_OF_MEMORY = ("MemoryError", "Cannot allocate memory", "failed to map segment", "MB of memory")
MORE_MEMORY = "It may need more memory than c.Autograder.memory_mb allows: set it higher in nbgrader_config.py."
NOT_INSTALLED = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
INSTALL = (
    "Install the package that has {module} ({python} -m pip install …) and name it in c.Autograder.packages; a module "
    "of your own goes beside the notebook in source/."
)


class CourseErrors:
    """Counts the errors of locked cells over a class. An error is the course's own if no student's code had run before
    it, or if every one of several submissions has it."""

    def __init__(self) -> None:
        self.notebooks: Counter[str] = Counter()
        self.seen: Counter[tuple[str, str]] = Counter()
        self.certain: set[tuple[str, str]] = set()

    def add(self, graded: GradedSubmission) -> None:
        """Count the errors in one submission."""
        for notebook in graded.notebooks:
            self.notebooks[notebook.name] += 1
            for text, certain in notebook.course_errors:
                self.seen[notebook.name, text] += 1
                self.certain |= {(notebook.name, text)} if certain else set()
        for incident in graded.incidents:
            if incident.kind is IncidentKind.FAULT and incident.text.startswith(KEY_FAILS):
                lines = incident.text.strip().splitlines()
                cell = lines[0].removeprefix(KEY_FAILS).partition(":")[0].strip()
                error = (incident.notebook, f"{cell} (answer key): {lines[-1]}")
                self.notebooks[incident.notebook] += 1
                self.seen[error] += 1
                self.certain.add(error)

    def sentences(self) -> Iterator[str]:
        """A sentence for each error of the course's own."""
        for (notebook, text), count in self.seen.items():
            if (notebook, text) in self.certain or 1 < count == self.notebooks[notebook]:
                which = f"{count} of {self.notebooks[notebook]} submissions"
                mend = f"{remedy(text) or 'Mend it in source/.'} Then grade again with --regrade."
                yield f"The course's own cell {text} fails in {notebook} ({which}). {mend}"


def key_failure(cell: str, traceback: str) -> str:
    """The message on a cell of the answer key that raises: error and remedy, and below them the traceback."""
    error = traceback.strip().splitlines()[-1]
    return f"{KEY_FAILS} {cell}: {error}. {remedy(error)}".strip() + f"\n{traceback}"


def remedy(error: str) -> str:
    """The remedy for an error of the course's own that says that a module or memory is missing; empty for others."""
    if missing := NOT_INSTALLED.search(error):
        return INSTALL.format(module=missing[1], python=sys.executable)
    return MORE_MEMORY if any(sign in error for sign in OUT_OF_MEMORY) else ""
