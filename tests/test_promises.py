"""What the pages promise in so many words or numbers is what the code says and does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.checking import handles, notebook_connection
from autograder.checking.explain import MOST_KEPT
from autograder.checking.magic import check
from autograder.collecting import extend_command
from autograder.course import settings
from autograder.grading import cluster, notebook_run, own_limits
from autograder.kernel_side import object_table, observation, values
from autograder.publishing import page_limits
from autograder.publishing.doctree import (
    cell_reader,
    highlighting,
    output_nodes,
    pandoc,
    pictures,
    svg,
    text_lines,
)
from autograder.publishing.queue import queue_command
from autograder.publishing.report import classes, numbers, similar, term
from autograder.sandbox import call_counter, kernel, memory_watchdog
from autograder.submission import reading

DOCS = Path(__file__).parents[1] / "docs"

NUMBERS = {
    "security.md": [
        ("{:,} watches of `epoll`", call_counter.WATCHES),
        ("{:,} locks on parts of files", call_counter.LOCKS),
        ("does not help within {} seconds, the kernel is killed", {3.0: "three"}[kernel.GRACE]),
        ("its worker's process ends {:.0f} seconds later", own_limits.OVERTIME),
        ("may take {:.0f} GB more than its process has", own_limits.MEMORY / 2**30),
        ("a notebook {} times as much", kernel.NOTEBOOK),
        ("have {:,} characters each", MOST_KEPT),
        ("A test may use {:,} objects", object_table.MAX_OBJECTS),
        ("ask them {:,} times", notebook_connection.MAX_OPERATIONS),
        ("iterating ends after {:,} items", handles.MAX_ITEMS),
        ("items or {:.0f} MB", values.MAX_BYTES / 2**20),
        ("prints ({:,} letters)", observation.MAX_PRINTED),
        ("draws ({} figures", observation.MAX_FIGURES),
        ("writes ({} regular files", observation.MAX_FILES),
        ("a megabyte of each", {2**20: ""}[observation.MAX_FILE]),
        ("is watched {} times a second", {0.05: "twenty"}[memory_watchdog.EVERY]),
        ("with {} seconds of processor time", page_limits.SECONDS),
        ("and {} GB; a notebook", page_limits.MEGABYTES / 1000),
    ],
    "pdf.md": [
        ("JSON, {:,} characters of each cell", highlighting.MAX_CHARACTERS),
        ("| {:,} characters of Markdown", cell_reader.MAX_MARKDOWN),
        ("{:,} lines of code", cell_reader.MAX_CODE_LINES),
        ("{} outputs", output_nodes.MAX_OUTPUTS),
        ("{} lines of each", text_lines.KEPT_LINES),
        ("{:.0f} million characters for pandoc", pandoc.MAX_CHARACTERS / 1e6),
        ("{:.0f} seconds of processor time for texts", pandoc.PATIENCE),
        ("{:.0f} MB and", pictures.MAX_BYTES / 1e6),
        ("{:.0f} million pixels each", pictures.MAX_PIXELS / 1e6),
        ("{:.0f} million pixels and", pictures.DOCUMENT_PIXELS / 1e6),
        ("{:.0f} MB of a notebook", pictures.DOCUMENT_BYTES / 1e6),
        ("{:,} elements", svg.MAX_ELEMENTS),
        ("{:,} shapes drawn", pictures.DOCUMENT_SHAPES),
        ("{} seconds of processor time (", page_limits.SECONDS),
        ("({} times as much by the clock)", {5: "five"}[page_limits.BUSY]),
    ],
    "instructors.md": [
        ("more than a {} files", {1000: "thousand"}[reading.MAX_FILES]),
        ("(1 to {}; 1 takes it back)", extend_command.MOST),
        ("less than {:.0f} % of the points, the worst first", 100 * classes.WEAK_QUESTION),
        ("students with less than {:.0f} % of the points", 100 * numbers.WEAK_STUDENT),
        ("from {} answers on", {8: "eight"}[numbers.ENOUGH]),
        ("runs of {} tokens of code", similar.CODE),
        ("of {} words of prose", similar.WORDS),
        ("more than a {} of the class have", {0.25: "quarter"}[similar.COMMON_SHARE]),
        ("a {} of the points less than before", {0.25: "quarter"}[term.DROP]),
    ],
    "reference.md": [
        ("Seconds go from {}", settings.SHORTEST),
        ("to {} (a week)", settings.LONGEST),
    ],
    "scale.md": [("| {} workers in a row die of one submission", {4: "four"}[cluster.MOST_RUNS])],
    "how-it-works.md": [
        ("all replays of a notebook together get {} seconds", {10.0: "ten"}[notebook_run.REPLAY_SECONDS]),
        ("a test may take {:.0f} GB there", own_limits.MEMORY / 2**30),
    ],
    "tas.md": [("{} at most, without names", queue_command.MOST)],
}


@pytest.mark.parametrize(
    ("page", "text", "number"), [(page, *pair) for page, pairs in NUMBERS.items() for pair in pairs]
)
def test_a_limit_that_a_page_names_is_the_code_s(page: str, text: str, number: Any) -> None:
    """A limit that was changed in the code alone would be promised as it was."""
    assert text.format(number) in (DOCS / page).read_text(encoding="utf-8")


SHAPES = '''
def softmax(a):
    """The softmax of scores a (m, c), and its axis. Returns an array (m,)."""
    return {}
'''
SCORES = "a = np.array([[1.0, 2.0, 4.0], [0.0, 1.0, 3.0]])\n    "
ROW_SUMS = "assert_close(student.softmax(a), a.sum(axis=1))"
EXPECTED = "assert_close(student.softmax(a), np.exp(a) / np.exp(a).sum(axis=1, keepdims=True))"
RIGHT = "np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)"
ANSWERS = [
    ("", EXPECTED),
    ("def softmax(a):\n    raise NotImplementedError()", EXPECTED),
    ("softmax = np.ones(2)", EXPECTED),
    ("def softmax(a):\n    np.exp(a)", EXPECTED),
    ("def softmax(a):\n    a = np.exp(a)\n    return a @ a", EXPECTED),
    (SHAPES.format("a.sum(axis=1, keepdims=True)"), ROW_SUMS),
    (f"def softmax(a):\n    return ({RIGHT}).T", EXPECTED),
    (f"def softmax(a):\n    return {RIGHT} + np.array([[0.1, 0.2, 0.4], [0, 0, 0]])", EXPECTED),
    (
        "def softmax(a):\n    return a.T",
        "a = np.array([[1.0, 2.0], [4.0, 7.0]])\n    assert_close(student.softmax(a), a)",
    ),
    (f"def softmax(a):\n    return 2 * {RIGHT}", EXPECTED),
    ("def softmax(a):\n    return np.log(a - a)", EXPECTED),
    ("def softmax(a):\n    return (a - a) / (a - a)", EXPECTED),
    (
        f"def softmax(a):\n    p = {RIGHT}\n    a -= 1\n    return p",
        "student.softmax(a)\n    assert_unchanged(student)",
    ),
    ("def softmax(a):\n    return np.exp(1000 * a)", "student.softmax(a)\n    assert_no_warnings(student)"),
]
# These are told while grading, or by IPython: tests with real kernels read them.
ELSEWHERE = (
    "Your code was stopped",
    "Void",
    "UsageError",
    "The grader could not",
    "This check could not be run here",
    "There is no softmax: the cell that defines it ended",
    "The cell of softmax has an error of syntax",
    "This check cell was changed",
    "Answers",
)


def messages_of_the_page() -> list[str]:
    rows = re.findall(r"(?m)^\| (\*.*\*) \|", (DOCS / "students.md").read_text(encoding="utf-8"))
    return [message for row in rows for message in re.findall(r"\*([^*]+)\*", row)]


def told(answer: str, test: str) -> str:
    """What a student with this answer is told of a visible check."""
    namespace: dict[str, Any] = {"np": np}
    exec(compile(answer, "<cell 1>", "exec"), namespace)
    table = check(f"def test_it(student):\n    {SCORES}{test}", namespace, [answer])
    assert table is not None
    return table.verdicts[0].message


def test_students_read_the_messages_of_their_page() -> None:
    """A message that was worded anew could not be looked up any more."""
    made = [told(answer, test) for answer, test in ANSWERS]
    wanted = [message for message in messages_of_the_page() if not message.startswith(ELSEWHERE)]
    assert len(wanted) > 10
    # In a visible check numbers follow the cause.
    unread = [m for m in wanted if not any(re.match(re.escape(m).replace("…", ".*"), text) for text in made)]
    assert unread == [], made
