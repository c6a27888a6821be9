"""Answers that would hold up or fill the grader itself: what it does with a submission ends, and fits into memory."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import small_course
from small_course import NAME, submission

from autograder.checking.counterexamples import CallKeeper, KeptCall, SeededRun
from autograder.checking.import_analysis import ImportAnalysis
from autograder.checking.outcomes import CheckFailed
from autograder.grading import grader as grader_module
from autograder.grading import own_limits
from autograder.grading.class_run import grade_class
from autograder.grading.grader import Grader
from autograder.publishing.doctree.parsed_notebook import ParsedCell
from autograder.publishing.report.similar import grams
from autograder.submission.graded import ENDED, GradedSubmission, Submission

pytestmark = [pytest.mark.slow, pytest.mark.long]

# What a test may do with a number that it was given: in Python, in C, and with memory. The last is never touched.
CHECK = '''\
%%check
def test_python(student):
    """The right number of steps."""
    assert sum(1 for _ in range(int(student.mean(np.ones(1))))) == 1


def test_c(student):
    """The right sum."""
    assert sum(range(int(student.mean(np.ones(3))) + 1)) == 1


def test_memory(student):
    """Any size."""
    assert len(bytearray(int(student.mean(np.ones(4))))) > 0


def test_next(student):
    """The mean of 1 and 3 is 2."""
    assert_close(student.mean(np.array([1.0, 3.0])), 2.0)'''
TESTS = ("test_python", "test_c", "test_memory", "test_next")
SHORT = "c.Autograder.cell_seconds = 3\nc.Autograder.notebook_seconds = 5\nc.Autograder.jobs = 1\n"
MANY = {"python": "10**15 if len(a) == 1", "c": "10**10 if len(a) == 3", "memory": "6 * 2**30 if len(a) == 4"}


class Hasty(Grader):
    """What cannot be interrupted ends its worker after one second, not after fifteen."""

    def do(self, submission: Submission) -> GradedSubmission:
        own_limits.OVERTIME = 1.0 if submission.student == "c" else 60.0
        return super().do(submission)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of which each but ada gives back one number that is too large for one of the tests, graded."""
    root = tmp_path_factory.mktemp("answers") / "course"
    course = small_course.make_course(root, SHORT, students=["ada"])
    small_course.write(root / "source" / NAME / f"{NAME}.ipynb", small_course.source_notebook(CHECK))
    for student, many in MANY.items():
        small_course.submit(root, student, submission(mean=f"def mean(a):\n    return {many} else np.mean(a)"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grader_module, "Grader", Hasty)
        grade_class(course, NAME)
    return root


def outcomes(root: Path, student: str) -> dict[str, str]:
    """What became of each test."""
    return {row[3]: row[4] for row in small_course.rows(root, small_course.CHECK_ROWS) if row[0] == student}


def test_a_number_that_a_check_counts_to_does_not_hold_up_the_class(graded):
    """One answer, such as a number of steps, would hold a worker for ever, and with it the run. Where the check cannot
    be interrupted, its process ends, and a person must look."""
    assert outcomes(graded, "ada") == dict.fromkeys(TESTS, "passed")
    assert outcomes(graded, "python") == dict.fromkeys(TESTS, "raised")
    assert outcomes(graded, "c") == {}
    incidents = small_course.rows(graded, "SELECT student, text FROM autograder_incident WHERE student = 'c'")
    assert incidents == [("c", ENDED)]


def test_a_size_that_a_check_makes_room_for_does_not_fill_the_machine(graded):
    """The system would end whatever it likes, other people's work on that machine too."""
    assert outcomes(graded, "memory") == dict.fromkeys(TESTS, "passed") | {"test_memory": "wrong"}


def called(value: object, received: list[bytes]) -> KeptCall:
    """A call of a function that gave this back, still encoded."""
    call = {"op": "call", "target": [None, "f"], "args": [], "kwargs": {}}
    return KeptCall("f", call, [], {"op": "return", "value": value}, received)


def test_what_calls_gave_is_not_kept_for_counterexamples_without_end():
    """Fifty calls of 256 MB in each of three runs would fill the machine; what is shown has sixty numbers at most."""
    reply = called(["array", "|i1", [2**19], 0], [bytes(2**19)])

    class Transport:
        def request(self, *asked: object) -> tuple[object, list[bytes]]:
            return reply.reply, reply.received

    keeper = CallKeeper(Transport())
    for _ in range(50):
        keeper.request(reply.message, [], lambda message, buffers: ({}, []))
    assert sum(bool(call.received) for call in keeper.calls) == 1
    keeper.begin("test_next")
    keeper.request(reply.message, [], lambda message, buffers: ({}, []))
    assert sum(bool(call.received) for call in keeper.calls) == 1


def test_a_large_answer_is_no_counterexample_and_a_broken_one_stops_nothing():
    """To compare two answers of 64 MB took gigabytes, and a reply that is none left the submission to a person."""
    large = np.zeros(2**20, np.int8)
    wrong = CheckFailed("the values are wrong", values=(large, large + 1))
    assert SeededRun([called(["array", "|i1", [2**20], 0], [bytes(2**20)])], wrong).suspects == []
    small = CheckFailed("the value is wrong", values=(1.0, 2.0))
    assert SeededRun([called(["array"], []), called(1.0, []), called([], [])], small).suspects == [1]


def test_names_that_mean_many_things_are_followed_in_little_time():
    """Two hundred kilobytes of assignments in a branch took eleven gigabytes and four minutes."""
    source = "if 1:\n" + "".join(f" x = a{number}\n" for number in range(12_000))
    started = time.process_time()
    meanings = ImportAnalysis(["scipy"], [source]).notebook.bindings["x"]
    assert time.process_time() - started < 20
    assert sum(len(meaning.names) for meaning in meanings) < 1000


def test_a_long_line_is_compared_in_little_time():
    """The lexer looks through the rest of a line again for each name of a character that does not end."""
    answer = ParsedCell(1, "code", 'x = "' + "\\N{" * 30_000, nbgrader={"solution": True})
    started = time.process_time()
    grams([answer])
    assert time.process_time() - started < 20
