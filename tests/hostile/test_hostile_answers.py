"""Answers that would hold up or fill the grader itself: what it does with a submission ends, and fits into memory."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import small_course
from small_course import NAME, submission

from autograder.checking.counterexamples import CallKeeper, Kept, SeededRun
from autograder.checking.import_analysis import ImportAnalysis
from autograder.checking.outcomes import CheckFailed
from autograder.grading.graded import ENDED
from autograder.publishing.doctree.parsed_notebook import ParsedCell
from autograder.publishing.report.similar import grams

pytestmark = pytest.mark.slow

CHECK = '''\
%%check
def test_steps(student):
    """The right number of steps."""
    assert STEPS == 1


def test_next(student):
    """The mean of 1 and 3 is 2."""
    assert_close(student.mean(np.array([1.0, 3.0])), 2.0)'''
# What a test may do with a number that it was given: in Python, in C, and with memory. The last is never touched.
USES = {
    "python": "sum(1 for _ in range(int(student.mean(np.ones(1)))))",
    "c": "sum(range(int(student.mean(np.ones(1))) + 1))",
    "memory": "len(bytearray(int(student.mean(np.ones(1)))))",
}
SHORT = "c.Autograder.cell_seconds = 3\nc.Autograder.notebook_seconds = 5\nc.Autograder.jobs = 1\n"


def graded(root: Path, use: str, many: int) -> dict[str, list[tuple[str, str]]]:
    """What became of each check, by student: one gives back `many`, the other is right."""
    small_course.make_course(root, SHORT, students=["ada"])
    check = CHECK.replace("STEPS", USES[use])
    small_course.write(root / "source" / NAME / f"{NAME}.ipynb", small_course.source_notebook(check))
    answer = f"def mean(a):\n    return {many} if len(a) == 1 else np.mean(a)"
    small_course.submit(root, "abe", submission(mean=answer))
    done = small_course.autograder(root, "grade", NAME, timeout=400)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, list[tuple[str, str]]] = {}
    for student, _, _, name, outcome, *_ in small_course.rows(root, small_course.CHECK_ROWS):
        found.setdefault(student, []).append((name, outcome))
    return found


@pytest.mark.parametrize("use", ["python", "c"])
def test_a_number_that_a_check_counts_to_does_not_hold_up_the_class(tmp_path, use):
    """One answer, such as a number of steps, would hold a worker for ever, and with it the run. Where the check cannot
    be interrupted, its process ends, and a person must look."""
    found = graded(tmp_path / "course", use, 10**15)
    assert found["ada"][-1] == ("test_steps", "passed") or ("test_next", "passed") in found["ada"]
    if use == "python":
        assert dict(found["abe"])["test_steps"] == "raised"
        return
    assert "abe" not in found
    incidents = small_course.rows(tmp_path / "course", "SELECT student, kind, text FROM autograder_incident")
    assert ("abe", "could not be graded", ENDED) in incidents


def test_a_size_that_a_check_makes_room_for_does_not_fill_the_machine(tmp_path):
    """The system would end whatever it likes, other people's work on that machine too."""
    found = graded(tmp_path / "course", "memory", 6 * 2**30)
    assert dict(found["abe"]) == {"test_steps": "wrong", "test_next": "passed"}


def called(value: object, received: list[bytes]) -> Kept:
    """A call of a function that gave this back, still encoded."""
    call = {"op": "call", "target": [None, "f"], "args": [], "kwargs": {}}
    return Kept("f", call, [], {"op": "return", "value": value}, received)


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
    names = ImportAnalysis(["scipy"], [source]).notebook.bindings["x"].names
    assert time.process_time() - started < 20
    assert len(names) < 1000


def test_a_long_line_is_compared_in_little_time():
    """The lexer looks through the rest of a line again for each name of a character that does not end."""
    answer = ParsedCell(1, "code", 'x = "' + "\\N{" * 30_000, nbgrader={"solution": True})
    started = time.process_time()
    grams([answer])
    assert time.process_time() - started < 20
