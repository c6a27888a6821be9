"""A notebook that dies is graded once more, and its first attempt is of no use to the second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import small_course
from small_course import NAME

from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.grading.grader import Grader
from autograder.grading.notebook_run import GradingJob
from autograder.submission.graded import GradedNotebook
from autograder.submission.incidents import Incident, IncidentKind
from autograder.submission.reading import read_submission

pytestmark = pytest.mark.slow


class Watched(Grader):
    """A grader that keeps what every attempt at a notebook gave."""

    attempts: list[tuple[GradedNotebook, list[Incident]]]

    def _attempt(self, job: GradingJob) -> tuple[GradedNotebook, list[Incident]]:
        self.attempts.append(super()._attempt(job))
        return self.attempts[-1]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return small_course.make_course(tmp_path / "course", students=["ada"])


@pytest.fixture
def grader(course: Course) -> Iterator[Watched]:
    with Watched(load_assignment(course, NAME), course.settings.limits(), course.secret) as grader:
        grader.attempts = []
        yield grader


KEEPS = "SEEN = []\ndef mean(a):\n    SEEN.append(a.tolist())\n    return np.mean(a)"
SHOWS = "print(SEEN)\ndef double(x):\n    return 2 * x"
DIES = "import os, socket\ntry:\n    os._exit(0)\nfinally:\n    pass"


def seen(notebook: GradedNotebook) -> list[list[float]]:
    """The arguments that a notebook has kept and shown."""
    cell = small_course.cells_by_id(nbformat.reads(notebook.text, as_version=4))["double"]
    shown: list[list[float]] = json.loads(cell.outputs[0].text)
    return shown


def test_a_second_attempt_has_other_random_numbers(course: Course, grader: Watched) -> None:
    """What a first attempt has learned of a hidden check, and left somewhere, would be worth full marks."""
    book = small_course.submission(mean=KEEPS, double=SHOWS)
    book.cells.append(nbformat.v4.new_code_cell(DIES))
    small_course.submit(course.root, "ada", book)
    submission = read_submission("ada", course.path("submitted", "ada", NAME), 64)
    graded = grader.grade(submission)
    first, second = (seen(notebook) for notebook, _ in grader.attempts)
    assert first[0] == second[0] == [1.0, 3.0]
    assert not set(first[1]) & set(second[1])
    kinds = [(incident.kind, incident.cell) for incident in graded.incidents]
    assert kinds == [(IncidentKind.RETRIED, "cell 8"), (IncidentKind.DIED, "cell 8")]
    grader.grade(submission)
    assert [seen(notebook) for notebook, _ in grader.attempts[2:]] == [first, second]  # a regrade gives the same


def test_what_a_first_attempt_tried_is_recorded(course: Course, grader: Watched) -> None:
    """A notebook that dies by chance at its first attempt would leave no word of what it did there."""
    tries = "import socket\nsocket.create_connection(('192.0.2.1', 80), 1)"
    book = small_course.submission()
    book.cells += [nbformat.v4.new_code_cell(tries), nbformat.v4.new_code_cell(DIES)]
    small_course.submit(course.root, "ada", book)
    submission = read_submission("ada", course.path("submitted", "ada", NAME), 64)
    original, calls = grader.run, []

    def only_once(job: GradingJob) -> object:  # at the second attempt the machine has what it lacked at the first
        calls.append(job)
        if len(calls) == 2:
            del job.notebook.cells[-2:]
        return original(job)

    grader.run = only_once  # type: ignore[method-assign, assignment]
    graded = grader.grade(submission)
    told = {incident.kind: incident.text for incident in graded.incidents}
    assert told[IncidentKind.NETWORK].startswith("in the first attempt: ")
    assert told[IncidentKind.RETRIED].startswith("the first attempt ended: the kernel died in this cell")
    assert set(told) == {IncidentKind.NETWORK, IncidentKind.RETRIED}


LEAVES = "import os, threading\ndef mean(a):\n    threading.Timer(0.2, os._exit, [0]).start()\n    return np.mean(a)"


def test_a_kernel_that_ends_after_the_last_answer_of_a_check_is_tried_again(tmp_path: Path) -> None:
    """Whoever's machine ended it in that moment would lose the rest of the notebook, for having printed too much."""
    course = small_course.make_course(tmp_path / "course", students=[])
    slow = (
        small_course.CHECK
        + "\ndef test_slow(student):\n    import time\n    student.mean(np.ones(2))\n    time.sleep(1)\n"
    )
    small_course.write(course.root / "source" / NAME / f"{NAME}.ipynb", small_course.source_notebook(check=slow))
    small_course.submit(course.root, "ada", small_course.submission(mean=LEAVES))
    with Grader(load_assignment(course, NAME), course.settings.limits(), course.secret) as grader:
        graded = grader.grade(read_submission("ada", course.path("submitted", "ada", NAME), 64))
    kinds = [(incident.kind, incident.cell) for incident in graded.incidents]
    assert kinds == [(IncidentKind.RETRIED, "test_mean"), (IncidentKind.DIED, "test_mean")]
