"""Running a check cell against a notebook: verdicts, weights, random numbers, and what each person is told."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_cell import run_checks

from autograder.checking.cell import CheckCell
from autograder.checking.check_runner import Checks, Seeds, with_checks
from autograder.checking.deadline import TOOK_TOO_LONG, Overtime
from autograder.checking.explain import UNGRADED
from autograder.checking.import_analysis import ImportAnalysis
from autograder.checking.outcomes import GraderFault, Outcome, StudentError, Verdict, score, student_error
from autograder.checking.proxies import NotebookProxy, connection_of
from autograder.checking.table import html_table, text_table
from autograder.checking.transports import InProcessTransport

SEEDS = Seeds(b"secret", "softmax", "ada", "cell")
HIDE = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS\n"


def defined(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"np": np}
    exec(compile(source, "<cell 1>", "exec"), namespace)
    return namespace


def verdicts(
    tests: str, student: str, reference: str | None = None, seeds: Seeds = SEEDS, hidden: bool = False
) -> list[Verdict]:
    """The verdicts of these tests on a notebook with this source."""
    cell = CheckCell("%%check\n" + (HIDE.format(tests) if hidden else tests))
    key = None if reference is None else NotebookProxy(InProcessTransport(defined(reference)), trusted=True)
    return run_checks(cell, NotebookProxy(InProcessTransport(defined(student))), key, seeds)


def verdict(*args: Any, **kwargs: Any) -> Verdict:
    (only,) = verdicts(*args, **kwargs)
    return only


THREE = '''
def test_one(student):
    """One."""
    assert_close(student.f(1), 1)

@points(2)
def test_two(student):
    """Two."""
    assert_close(student.f(2), 2)

@points(0)
def test_for_nothing(student):
    """Nothing."""
    assert_close(student.f(0), 7)
'''


def test_a_check_that_is_void_neither_runs_nor_counts() -> None:
    """A bad check may hang or fail on the answer key: out means out, and the rest shares its points."""
    marked = THREE.replace("@points(2)", '@void("It was wrong.")\n@points(2)').replace("student.f(2), 2", "1 / 0, 2")
    found = verdicts(marked, "def f(x): return x")
    assert [(v.outcome, v.void, v.weight) for v in found] == [
        (Outcome.PASSED, "", 1.0),
        (Outcome.NOT_RUN, "It was wrong.", 2.0),
        (Outcome.WRONG, "", 0.0),
    ]
    assert score(found, 6) == 6
    assert "– void</span>" in html_table(found, "")
    assert "– void: Two.\n    Void: It was wrong." in text_table(found, "")


def test_a_command_takes_out_what_the_cell_does_not_mark() -> None:
    """A check must be able to go without an edit of the assignment; with all of them gone, nobody loses a point."""
    gone = dict.fromkeys(("test_one", "test_two", "test_for_nothing"), "Sorry.")
    cell = CheckCell("%%check\n" + THREE, gone)
    found = run_checks(cell, NotebookProxy(InProcessTransport(defined("def f(x): return 0"))), None, SEEDS)
    assert {v.outcome for v in found} == {Outcome.NOT_RUN}
    assert score(found, 6) == 6
    faulty = [replace(found[0], outcome=Outcome.UNGRADED), replace(found[1], outcome=Outcome.WRONG, void="")]
    assert score(faulty, 6) == 0


@pytest.mark.parametrize(
    ("body", "passed", "earned"),
    [
        ("x", [True, True, False], 6.0),
        ("1", [True, False, False], 2.0),
        ("2", [False, True, False], 4.0),
        ("7", [False, False, True], 0.0),
        ("x if x else 7", [True, True, True], 6.0),
    ],
)
def test_the_score_is_the_passed_share_of_the_weight(body: str, passed: list[bool], earned: float) -> None:
    """Partial credit would be wrong."""
    found = verdicts(THREE, f"def f(x):\n    return {body}")
    assert [v.name for v in found] == ["test_one", "test_two", "test_for_nothing"]
    assert [v.passed for v in found] == passed
    assert score(found, 6) == earned


def test_checks_that_weigh_nothing_cost_nothing() -> None:
    """A cell of practice checks only would divide by zero, or take points for a check without weight."""
    found = verdicts("@points(0)\ndef test_a(student):\n    assert False", "")
    assert score(found, 4) == 4


def test_one_check_that_could_not_be_graded_leaves_the_score_to_a_person() -> None:
    """A fault of ours would become a silent zero."""
    found = verdicts(THREE + "\ndef test_key(student, reference): reference.g()", "def f(x): return x", "")
    assert found[-1].outcome is Outcome.UNGRADED
    assert score(found, 6) is None


def test_checks_do_not_depend_on_each_other() -> None:
    """What one test passed or broke would count for the next one."""
    tests = (
        "def test_a(student):\n    student.spoil(np.zeros(2))\n    assert_unchanged(student)\n"
        "def test_b(student):\n    assert_unchanged(student)\n"
    )
    assert [v.passed for v in verdicts(tests, "def spoil(a):\n    a += 1")] == [False, True]


def test_a_name_that_is_missing_is_the_students_failed_check() -> None:
    """A forgotten cell would wait for a person."""
    found = verdict("def test_a(student): student.f()", "")
    assert (found.outcome, found.message) == (Outcome.WRONG, "There is no f: has the cell that defines it been run?")


def test_a_variable_can_be_looked_at() -> None:
    """Answers that are values and not functions could not be checked."""
    assert verdict("def test_a(student): assert_close(student.x, [1.0, 2.0])", "x = np.array([1.0, 2.0])").passed
    found = verdict("def test_a(student): assert_close(student.x, 1.0)", "x = []\nx.append(x)")
    assert found.message == "What x holds is too large or too deeply nested to be looked at."


def test_a_notebook_has_only_what_is_asked_of_it_by_name() -> None:
    """numpy or pytest, which look for such methods in whatever they are given, would run the student's code."""
    source = "def __array__(*args, **kwargs): return np.ones(2)\n\ndef f(): return 1"
    student = NotebookProxy(InProcessTransport(defined(source)))
    assert not hasattr(student, "__array__")
    assert repr(student.f) == "<f of the notebook>"


def test_what_calls_raise_is_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Incidents would not be told to the instructor, or a loop of failed calls fill the grader's memory."""
    monkeypatch.setattr("autograder.checking.notebook_connection.MAX_RAISED", 2)
    student = NotebookProxy(InProcessTransport(defined("def f(x): raise ValueError(x)")))
    for number in range(9):
        with pytest.raises(StudentError):
            student.f(number)
    assert connection_of(student).raised[:2] == [("f", "ValueError", "0"), ("f", "ValueError", "1")]
    assert len(connection_of(student).raised) <= 3


# what is told of an exception


def test_an_unfinished_answer_is_told_as_one() -> None:
    """A student who has not begun would read a traceback."""
    for hidden in (False, True):
        found = verdict("def test_a(student): student.f()", "def f(): raise NotImplementedError", hidden=hidden)
        assert (found.outcome, found.message) == (
            Outcome.RAISED,
            "Not done yet: f still raises NotImplementedError.",
        )


def test_an_exception_is_told_with_its_line_in_a_visible_check_only() -> None:
    """A student could not find their mistake, or would print a hidden test's inputs by raising them."""
    source = "def f(x):\n    raise ValueError(f'got {x}')"
    visible = verdict("def test_a(student): student.f(4711)", source)
    assert visible.message.startswith("f raised ValueError: got 4711 — in f, line 2")
    hidden = verdict("def test_a(student): student.f(4711)", source, hidden=True)
    assert (hidden.outcome, hidden.message) == (Outcome.RAISED, "f raised ValueError.")
    assert "4711" in hidden.detail


def test_an_author_reads_an_exception_of_a_test_from_the_test_on() -> None:
    """The line of the test that could not use a result stood below sixty lines of pytest's own calls."""
    found = verdict("def test_a(student):\n    student.f().add(1)", "def f(): return {}")
    assert (
        found.message
        == "What your code gave back could not be used (AttributeError: 'dict' object has no attribute 'add')."
    )
    assert found.detail.startswith("Traceback (most recent call last):\n  File ")
    assert found.detail.count("File ") == 1
    assert "student.f().add(1)" in found.detail


def test_no_name_of_a_students_own_exception_is_told_of_a_hidden_check() -> None:
    """A hidden input, made the name of an exception's or a result's type, would be shown to the student."""
    source = "def f(x): raise type(f'E{x}', (Exception,), {})()\ndef g(x): return type(f'T{x}', (), {})()"
    for test in ("student.f(4711)", "assert_close(student.g(4711), 1.0)", "assert_same(student.g(4711), 1)"):
        hidden = verdict(f"def test_a(student): {test}", source, hidden=True)
        assert "4711" not in hidden.message
        assert "4711" in hidden.detail
        assert "4711" in verdict(f"def test_a(student): {test}", source).message


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("assert student.f(4711) == 4712", ""),
        ("assert_close(student.f(4711), 4712)", "The values are wrong."),
        ("student.f(4711).shape", "What your code gave back could not be used."),
        ("student.f(4711)[4711]", "What your code gave back could not be used."),
        ("pytest.fail('4711')", ""),
        ("assert_that(student.f(4711) == 0, 'zero is expected')", "Zero is expected."),
    ],
)
def test_no_number_of_a_hidden_check_is_told(test: str, message: str) -> None:
    """A hidden check would give its inputs or its expected values away."""
    found = verdict(f"def test_a(student): {test}", "def f(x): return x", hidden=True)
    assert (found.outcome, found.message) == (Outcome.WRONG, message)
    assert found.detail


def test_a_visible_assertion_is_told() -> None:
    """A student would see that a check fails and not why."""
    found = verdict("def test_a(student):\n    assert student.f(1) == 5, 'f(1) is 5'", "def f(x): return x")
    assert (found.outcome, found.message) == (Outcome.WRONG, "f(1) is 5.")
    found = verdict("def test_a(student):\n    student.f(1).shape", "def f(x): return x")
    assert (
        found.message
        == "What your code gave back could not be used (AttributeError: 'int' object has no attribute 'shape')."
    )


def test_texts_that_no_file_takes_become_ones_that_a_file_takes() -> None:
    """One student's exception text with half a character in it would stop the recording of a whole class."""
    found = verdict("def test_a(student): student.f()", "def f(): raise ValueError('a\\ud800b')")
    assert "a\ufffdb" in found.message.encode().decode()
    assert found.detail.encode()


# student exceptions that are also the built-in ones


UNLIKE = (ExceptionGroup, StopIteration, StopAsyncIteration)
KINDS = [k for k, v in vars(builtins).items() if isinstance(v, type) and issubclass(v, Exception) and v not in UNLIKE]


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_of_the_students_is_also_the_built_in_one(kind: str) -> None:
    """`pytest.raises(ValueError)` would not see a student's ValueError."""
    error = student_error("f", kind, "why", [])
    assert isinstance(error, StudentError)
    assert isinstance(error, getattr(builtins, kind))
    assert str(error) == f"f raised {kind}: why"


@pytest.mark.parametrize("kind", ["StopIteration", "StopAsyncIteration"])
def test_an_exception_that_ends_loops_is_a_runtime_error(kind: str) -> None:
    """`all(map(student.f, xs))` would end at the first call, and hold."""
    error = student_error("f", kind, "why", [])
    assert isinstance(error, StudentError)
    assert isinstance(error, RuntimeError)
    assert not isinstance(error, (StopIteration, StopAsyncIteration))
    assert str(error) == f"f raised {kind}: why"


@pytest.mark.parametrize(
    "kind",
    [
        "ExceptionGroup",
        "BaseExceptionGroup",
        "SystemExit",
        "KeyboardInterrupt",
        "int",
        "No such",
        "\ud800",
        "",
        "E" * 99,
    ],
)
def test_an_exception_of_any_other_name_is_still_the_students(kind: str) -> None:
    """A strange exception type would end the check with a fault of ours, or end the grader."""
    error = student_error("f", kind, "why", [])
    assert type(error) is StudentError


def test_pytest_raises_passes_and_fails_as_its_author_means_it() -> None:
    """'Raises ValueError for a negative number' could not be checked."""
    tests = "def test_a(student):\n    with pytest.raises(ValueError, match='negative'):\n        student.f(-1)"
    assert verdict(tests, "def f(x): raise ValueError('negative')").passed
    assert verdict(tests, "def f(x): return x").outcome is Outcome.WRONG
    assert verdict(tests, "def f(x): raise KeyError").outcome is Outcome.RAISED
    assert verdict(tests, "def f(x): raise ValueError('other')").outcome is Outcome.WRONG


@pytest.mark.parametrize("kind", ["AssertionError", "Exception"])
def test_nothing_defined_is_not_an_exception_that_was_asked_for(kind: str) -> None:
    """'Raises an error for a negative number' would be passed by an answer that is not there."""
    tests = f"def test_a(student):\n    with pytest.raises({kind}):\n        student.f(-1)"
    found = verdict(tests, "")
    assert found.outcome is Outcome.WRONG
    assert "There is no f" in found.message


# random numbers


def draws(seeds: Seeds, tests: str = "test_a") -> list[float]:
    seen: list[float] = []
    student = NotebookProxy(InProcessTransport({"f": lambda x: seen.append(float(x))}))
    run_checks(CheckCell(f"%%check\ndef {tests}(student, rng): student.f(rng.normal())"), student, None, seeds)
    return seen


def test_random_numbers_are_the_same_at_a_regrade() -> None:
    """A student's score would change when nothing has changed."""
    assert draws(SEEDS) == draws(Seeds(b"secret", "softmax", "ada", "cell"))


@pytest.mark.parametrize(
    ("seeds", "test"),
    [
        (Seeds(b"other", "softmax", "ada", "cell"), "test_a"),
        (Seeds(b"secret", "knn", "ada", "cell"), "test_a"),
        (Seeds(b"secret", "softmax", "bob", "cell"), "test_a"),
        (Seeds(b"secret", "softmax", "ada", "other"), "test_a"),
        (SEEDS, "test_b"),
        (SEEDS.of_attempt(2), "test_a"),
        (SEEDS.of_counterexample(1), "test_a"),
    ],
    ids=["secret", "assignment", "student", "cell", "test", "attempt", "counterexample"],
)
def test_random_numbers_differ_for_another(seeds: Seeds, test: str) -> None:
    """Hard-coded outputs that one student has seen would pass for another, or be guessed without the secret."""
    assert draws(SEEDS) != draws(seeds, test)


# the answer key


def test_hidden_tests_compare_with_the_answer_key() -> None:
    """Expected values would have to be written twice."""
    test = (
        "def test_a(student, reference, rng):\n    a = rng.normal(size=3)\n"
        "    assert_close(student.f(a), reference.f(a))"
    )
    assert verdict(test, "def f(a): return a + a", "def f(a): return 2 * a", hidden=True).passed
    assert verdict(test, "def f(a): return a", "def f(a): return 2 * a", hidden=True).outcome is Outcome.WRONG


@pytest.mark.parametrize(
    "reference", [None, "", "def g(x): raise ValueError", "def g(x):\n    a = []\n    a.append(a)\n    return a"]
)
def test_an_answer_key_that_fails_waits_for_a_person(reference: str | None) -> None:
    """A student would lose points for the instructor's mistake."""
    found = verdict("def test_a(student, reference): reference.g(1)", "", reference, hidden=True)
    assert (found.outcome, found.message) == (Outcome.UNGRADED, UNGRADED)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "the answer key: there is no g"),
        ("def g(x): raise ValueError('odd')", "the answer key: g raised ValueError: odd"),
    ],
)
def test_the_instructor_reads_what_the_answer_key_lacks(source: str, why: str) -> None:
    """An instructor would look in the student's notebook for what is wrong in the answer key."""
    assert why in verdict("def test_a(student, reference): reference.g(1)", "", source, hidden=True).detail


def test_what_the_student_is_passed_of_the_answer_key_is_of_the_copy_that_lends() -> None:
    """A student's code could change what the answer key gives afterwards."""
    source = "count = 0\ndef g():\n    global count\n    count += 1\n    return count\nclass Box: pass"
    tests = (
        "def test_a(student, reference):\n    assert (student.use(reference.g), reference.count) == (1, 0)\n"
        "def test_b(student, reference): student.take(reference.Box()); reference.g()\n"
        "def test_c(student, reference): assert reference.g() == 1\n"
    )
    student = NotebookProxy(InProcessTransport(defined("def use(g): return g()\ndef take(box): pass")))
    key, lender = (NotebookProxy(InProcessTransport(defined(source)), trusted=True) for _ in range(2))
    cells = {"": CheckCell("%%check\n" + HIDE.format(tests))}
    found = with_checks(cells, lambda checks: checks.run("", student, key, SEEDS, lender=lender))
    assert [v.outcome for v in found] == [Outcome.PASSED, Outcome.UNGRADED, Outcome.PASSED], found


@pytest.mark.parametrize(
    ("how", "asked", "outcomes"),
    [
        ({}, ["a", "c"], ["passed", "not run", "passed"]),
        ({"only": "test_c"}, ["c"], ["passed"]),
        ({"until": 0.0}, [], ["raised", "not run", "raised"]),
    ],
    ids=["all", "one", "no time"],
)
def test_the_tests_that_are_asked_for_are_run(how: dict[str, Any], asked: list[str], outcomes: list[str]) -> None:
    """A void check might hang, the search for a counterexample run all tests, or the time of a notebook have no end."""
    called: list[str] = []
    student = NotebookProxy(InProcessTransport({"f": called.append}))
    tests = [f"def test_{name}(student): student.f({name!r})" for name in "abc"]
    cell = CheckCell("\n".join(["%%check", *tests]), {"test_b": "It was wrong."})
    found = with_checks({"": cell}, lambda checks: checks.run("", student, None, SEEDS, **how))
    assert ([v.outcome.value for v in found], called) == (outcomes, asked)
    if "until" in how:
        assert found[0].message == f"Your code was stopped: {TOOK_TOO_LONG}."


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("assert private('a.txt').read() + private('a.txt').read() == b'oneone'", ""),
        ("private('b')", "there is no file 'b' in the assignment's folder private (there: a.txt)"),
    ],
)
def test_private_files_are_read_by_their_names(body: str, why: str) -> None:
    """A check on data that students do not have could not be written, or its author not mend it."""

    def work(checks: Checks) -> list[Verdict]:
        checks.private_files = {"a.txt": b"one"}
        return checks.run("", NotebookProxy(InProcessTransport({})), None, SEEDS)

    cell = CheckCell("%%check\n" + HIDE.format(f"def test_a(student, private):\n    {body}"))
    (found,) = with_checks({"": cell}, work)
    assert found.outcome is (Outcome.UNGRADED if why else Outcome.PASSED), found.detail
    assert why in found.detail


def test_time_that_ends_between_the_steps_of_a_test_ends_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A student whose code takes for ever would wait for a person."""

    def late(item: pytest.Item) -> None:
        raise Overtime

    monkeypatch.setattr("autograder.checking.check_runner.run_item", late)
    found = verdict("def test_a(student): pass", "")
    assert (found.outcome, found.message) == (Outcome.RAISED, f"Your code was stopped: {TOOK_TOO_LONG}.")


LENT = """
@given('g')
def test_a(student):
    assert_close(student.f(3), 10)

def test_b(student):
    assert_close(student.g(3), 0)
"""


def test_a_wrong_earlier_answer_is_not_punished_twice() -> None:
    """Follow-through marks would not be given, or the lent answer stay behind for the next test."""
    found = verdicts(LENT, "def g(x): return 0\n\ndef f(x): return g(x) + 1", "def g(x): return x * x", hidden=True)
    assert [v.passed for v in found] == [True, True]
    found = verdicts(LENT, "def f(x): return g(x) + 1", "def g(x): return x * x", hidden=True)
    assert [v.outcome for v in found] == [Outcome.PASSED, Outcome.WRONG]


def test_nothing_is_lent_in_a_students_own_notebook() -> None:
    """A visible check that lends an answer could not run there, or would need the answer key."""
    student = NotebookProxy(InProcessTransport(defined("def g(x): return 0\n\ndef f(x): return g(x) + 1")))
    found = run_checks(CheckCell(f"%%check\n{LENT}"), student, None, SEEDS)
    assert [v.outcome for v in found] == [Outcome.WRONG, Outcome.PASSED]
    assert found[0].message == "The values are wrong. Got 1, expected 10."


def test_a_lent_answer_is_given_back_when_the_test_fails() -> None:
    """An answer key's function would stay in the student's notebook."""
    found = verdicts(LENT, "def g(x): return 0\n\ndef f(x): return 1 / 0", "def g(x): return x * x", hidden=True)
    assert [v.outcome for v in found] == [Outcome.RAISED, Outcome.PASSED]


def test_a_lent_answer_that_fails_on_the_students_arguments_is_the_students_mistake() -> None:
    """A wrong call of an earlier answer would wait for a person instead of failing the check."""
    found = verdict(
        "@given('g')\ndef test_a(student):\n    assert_close(student.f(3), 10)",
        "def f(x): return g('three')",
        "def g(x): return x @ x",
        hidden=True,
    )
    assert found.outcome is Outcome.WRONG
    assert found.message == "A function that was passed in failed on what your code gave it."
    assert "g raised TypeError" in found.detail


def test_an_answer_that_uses_what_is_forbidden_fails_its_check() -> None:
    """An answer that leaves the work to a library would pass, or one beside it fail."""
    source = "def g(x): return math.sqrt(x)\n\ndef f(x): return x"
    student = NotebookProxy(
        InProcessTransport(defined(f"import math\n{source}")), ImportAnalysis(["math"], ["import math", source])
    )
    tests = "def test_a(student): student.f(1)\ndef test_b(student): student.g(1)"
    found = run_checks(CheckCell(f"%%check\n{tests}"), student, None, SEEDS)
    assert [v.outcome for v in found] == [Outcome.PASSED, Outcome.WRONG]
    assert found[1].message == "Answers may not use math, and g does."


def test_a_lent_answer_is_not_an_answer_of_the_students() -> None:
    """A check that lends a name would fail over a forbidden module in an answer that it does not use, or let one
    through in the next check."""
    source = "def g(x): return math.sqrt(x)\n\ndef f(x): return g(x) + 1"
    student = NotebookProxy(
        InProcessTransport(defined(f"import math\n{source}")), ImportAnalysis(["math"], ["import math", source])
    )
    key = NotebookProxy(InProcessTransport(defined("def g(x): return x * x")), trusted=True)
    found = run_checks(CheckCell("%%check\n" + HIDE.format(LENT)), student, key, SEEDS)
    assert [v.outcome for v in found] == [Outcome.PASSED, Outcome.WRONG]
    assert found[1].message == "Answers may not use math, and g does."


# functions that are passed in


def test_an_answer_key_that_fails_in_a_function_that_was_passed_in_waits_for_a_person() -> None:
    """A student would lose points because a name is missing in the answer key."""
    test = "def test_a(student, reference): student.f(lambda x: reference.missing(x))"
    found = verdict(test, "def f(g): return g(1)", "", hidden=True)
    assert found.outcome is Outcome.UNGRADED
    assert "there is no missing" in found.detail


def test_why_a_function_that_was_passed_in_failed_is_told_in_a_visible_check() -> None:
    """A student would learn that their code passes something wrong, but not what is wrong with it."""
    test = "def test_a(student): student.f(lambda x: x['W'])"
    told = "A function that was passed in failed on what your code gave it."
    assert verdict(test, "def f(g): return g({'b': 1})").message == f"{told} KeyError('W')."
    hidden = verdict(test, "def f(g): return g({'b': 1})", hidden=True)
    assert hidden.message == told
    assert "KeyError('W')" in hidden.detail


def test_a_failure_in_a_function_that_was_passed_in_is_raised_whatever_the_student_catches() -> None:
    """A student could swallow the comparison that fails."""
    test = (
        "def test_a(student):\n    def probe(x):\n        assert_that(x == 1, 'probe must get 1')\n    student.f(probe)"
    )
    swallow = "def f(g):\n    try:\n        g(2)\n    except BaseException:\n        pass\n    return 1"
    found = verdict(test, swallow, hidden=True)
    assert (found.outcome, found.message) == (Outcome.WRONG, "Probe must get 1.")


def test_a_function_that_is_passed_in_may_call_the_notebook_each_time() -> None:
    """In a student's own notebook a right answer would fail at its second call of what was passed in."""
    test = "def test_a(student): assert student.twice(lambda x: student.f(x)) == 22"
    assert verdict(test, "def twice(g): return g(1) + g(1)\n\ndef f(x): return x + 10").passed


def test_a_function_that_is_passed_in_gets_arrays_by_place_and_by_name() -> None:
    """A student's right call of a function that was passed in would fail when an argument is named."""
    test = "def test_a(student): assert_close(student.f(lambda a, *, b: a @ b), 6.0)"
    assert verdict(test, "def f(g): return g(np.ones(3), b=np.full(3, 2.0))").passed


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("g(object())", "A function that was passed in failed on what your code gave it."),
        ("g()", "A function that was passed in failed on what your code gave it."),
        ("g(1, 2)", "A function that was passed in failed on what your code gave it."),
        ("g(a=1)", "A function that was passed in failed on what your code gave it."),
        ("g(**{'\\ud800': 1})", "A function that was passed in failed on what your code gave it."),
        ("g([0] * 10**6)", "f raised ValueRefused"),
    ],
)
def test_a_function_that_is_called_wrongly_is_the_students_mistake(body: str, message: str) -> None:
    """A wrong call of a function that was passed in would be a fault of ours."""
    found = verdict("def test_a(student): student.f(lambda x: x + 1)", f"def f(g): return {body}")
    assert found.outcome in (Outcome.WRONG, Outcome.RAISED)
    assert found.message.startswith(message)


def test_functions_that_call_each_other_without_end_are_stopped() -> None:
    """A student could exhaust the stack of the process that grades."""
    test = "def test_a(student):\n    def probe(x):\n        return student.f(probe)\n    student.f(probe)"
    found = verdict(test, "def f(g): return g(1)")
    assert found.outcome is Outcome.WRONG
    assert found.message.startswith("Functions that were passed in call each other without end.")


def test_cost_is_measured_for_the_calls_in_the_block() -> None:
    """'No Python loop' could not be checked, or would count other calls too."""
    test = (
        "def test_a(student):\n    a = np.ones(300)\n    student.loop(a)\n    with measure(student) as cost:\n"
        "        student.vector(a)\n    assert_that(cost.lines < 50, 'a loop')\n"
        "    with measure(student) as cost:\n        student.loop(a)\n    assert 300 <= cost.lines < 1000\n"
        "    assert 0 < cost.peak_bytes < 10**6\n"
        "    with measure(student) as cost:\n        student.vector(a)\n    assert cost.lines < 50"
    )
    source = "def vector(a): return a.sum()\n\ndef loop(a):\n    for x in a:\n        x + 1"
    assert verdict(test, source).passed


def test_only_calls_in_the_block_are_measured() -> None:
    """Every call would be as slow as a measured one, and a check with a deadline fail for it."""
    test = (
        "def test_a(student):\n    before = student.f()\n    with measure(student):\n        within = student.f()\n"
        "    assert (before, within, student.f()) == (False, True, False)"
    )
    assert verdict(test, "import tracemalloc\ndef f(): return tracemalloc.is_tracing()").passed


# pytest itself


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ("a sum is taken", "A sum is taken."),
        ("doubled!", "Doubled!"),
        ("dW is wrong", "dW is wrong."),
        ("f(1) is 5", "f(1) is 5."),
        ("x must be positive", "x must be positive."),
        ("db is a row", "db is a row."),
        ("all of it is wrong", "All of it is wrong."),
        ("", ""),
    ],
)
def test_sentences_begin_with_a_capital_and_code_stays_as_it_is(cause: str, told: str) -> None:
    """A student would look for a DW that is called dW."""
    test = f"def test_a(student):\n    db = all([])\n    assert_that(False, {cause!r})"
    assert verdict(test, "", hidden=True).message == told


@pytest.mark.parametrize(
    ("source", "test", "told"),
    [
        (
            "f = 0.5",
            "student.f(1)",
            "f is of type float, and a function is expected: has another cell used its name? Give that value another "
            "name, and run the cell that defines f again.",
        ),
        (
            "f = np.ones(2)",
            "student.f(1)",
            "f is of type ndarray, and a function is expected: has another cell used its",
        ),
        (
            "f = None\ng = abs",
            "student.g(student.f())",
            "f is of type NoneType, and a function is expected: has another",
        ),
        ("f = 0.5\ndef g(): return f()", "g = student.g\n    student.f, g()", "g raised TypeError"),
        ("f = 0.5", "student.f + 'x'", "What your code gave back could not be used"),
        ("f = 0.5\ng = abs", "student.f, student.g(1)(2)", "What your code gave back could not be used"),
    ],
)
def test_a_value_that_has_the_name_of_a_function_is_told(source: str, test: str, told: str) -> None:
    """After `loss = loss(W)` a student would read that what their code gave back is of no use."""
    for hidden in (True, False):
        assert verdict(
            f"def test_a(student):\n    {test}", f"import numpy as np\n{source}", hidden=hidden
        ).message.startswith(told)


def test_parametrised_tests_hold_if_all_their_cases_do() -> None:
    """A common way to write a pytest test would always wait for a person."""
    test = "@pytest.mark.parametrize('x', [1, 2, 3])\ndef test_a(student, x):\n    assert_close(student.f(x), x)"
    assert verdict(test, "def f(x): return x").passed
    assert verdict(test, "def f(x): return min(x, 2)").outcome is Outcome.WRONG
    assert verdict(test, "def f(x): return max(x, 2)").outcome is Outcome.WRONG


@pytest.mark.parametrize(
    "body", ["import no_such_module", "1 / 0", "raise SystemExit", "pytest.skip('x', allow_module_level=True)"]
)
def test_a_cell_that_does_not_run_waits_for_a_person(body: str) -> None:
    """Every student would lose the points of a cell that is broken."""
    found = verdict(f"{body}\ndef test_a(student): pass", "")
    assert (found.outcome, found.message) == (Outcome.UNGRADED, UNGRADED)


@pytest.mark.parametrize(
    ("body", "why"),
    [("1 / 0", "ZeroDivisionError"), ("raise SystemExit('enough')", "SystemExit: enough")],
)
def test_the_instructor_reads_why_a_cell_does_not_run(body: str, why: str) -> None:
    """An instructor would know that a check is broken, but not how to mend it."""
    assert why in verdict(f"{body}\ndef test_a(student): pass", "").detail


@pytest.mark.parametrize("body", ["import no_such_module", "raise SystemExit", "pytest.exit('x')"])
def test_a_cell_that_does_not_run_keeps_no_other_from_it(body: str) -> None:
    """One broken cell would cost every student the whole notebook."""
    texts = {"broken": body, "whole": "x = 1"}
    cells = {name: CheckCell(f"%%check\n{text}\ndef test_a(student): pass") for name, text in texts.items()}
    student = NotebookProxy(InProcessTransport({}))
    found = with_checks(cells, lambda checks: [checks.run(name, student, None, SEEDS)[0].outcome for name in cells])
    assert found == [Outcome.UNGRADED, Outcome.PASSED]


def test_a_test_that_ends_pytest_is_a_fault_of_its_authors() -> None:
    """It and the tests after it would count as wrong, or the run would end without a result."""
    cells = {"one": CheckCell("%%check\ndef test_a(student): pass\ndef test_b(student): pytest.exit('enough')")}
    cells["two"] = CheckCell("%%check\ndef test_c(student): pass")
    student = NotebookProxy(InProcessTransport({}))
    found = with_checks(cells, lambda checks: [checks.run(name, student, None, SEEDS) for name in cells])
    outcomes = [verdict.outcome for verdicts in found for verdict in verdicts]
    assert outcomes == [Outcome.PASSED, Outcome.UNGRADED, Outcome.UNGRADED]
    assert "enough" in found[1][0].detail


def test_a_cell_can_be_run_again_with_other_numbers() -> None:
    """Ten seeds would be one."""
    cells = {"a": CheckCell("%%check\ndef test_a(student, rng): student.f(rng.normal())")}
    asked: list[float] = []
    student = NotebookProxy(InProcessTransport({"f": asked.append}))
    seeds = [Seeds(secret, "", "") for secret in (b"1", b"2", b"1")]
    found = with_checks(cells, lambda checks: [checks.run("a", student, None, one)[0].passed for one in seeds])
    assert found == [True] * 3
    assert asked[0] == asked[2] != asked[1]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_the_work_raises_is_raised(error: type[BaseException]) -> None:
    """A failed sandbox, or Ctrl-C, would be swallowed by pytest."""

    def work(checks: Any) -> None:
        raise error("why")

    with pytest.raises(error, match="why"):
        with_checks({"a": CheckCell("%%check\ndef test_a(student): pass")}, work)


@pytest.mark.parametrize(
    ("code", "error", "why"),
    [
        (pytest.ExitCode.INTERRUPTED, KeyboardInterrupt, None),
        (pytest.ExitCode.INTERNAL_ERROR, GraderFault, "ended with 3"),
    ],
)
def test_a_pytest_that_does_no_work_is_an_error(
    monkeypatch: pytest.MonkeyPatch, code: int, error: type[BaseException], why: str | None
) -> None:
    """Ctrl-C would be taken for a fault and grading go on, or a fault for Ctrl-C and the whole run end."""
    monkeypatch.setattr("pytest.main", lambda *args, **kwargs: code)
    with pytest.raises(error, match=why):
        with_checks({"a": CheckCell("%%check\ndef test_a(student): pass")}, lambda checks: None)


def test_what_the_work_prints_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Progress between the checks of a notebook would be dropped with what checks print."""
    cells = {"a": CheckCell("%%check\nprint('loading')\ndef test_a(student): print('checking')")}

    def work(checks: Any) -> None:
        checks.run("a", NotebookProxy(InProcessTransport({})), None, SEEDS)
        print("working")

    with_checks(cells, work)
    assert capsys.readouterr() == ("working\n", "")


def test_a_skipped_test_is_not_a_passed_one() -> None:
    """A test that skips itself would give full marks in silence."""
    assert verdict("def test_a(student): pytest.skip('today')", "").outcome is Outcome.UNGRADED


def test_an_unknown_fixture_waits_for_a_person() -> None:
    """A slip of the author's would cost every student the check."""
    assert verdict("def test_a(student, no_such): pass", "").outcome is Outcome.UNGRADED


def test_nothing_of_this_machine_changes_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conftest, plugin or option of the machine would change grades."""
    (tmp_path / "conftest.py").write_text("raise SystemExit('conftest ran')")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    assert verdict("def test_a(student): pass", "").passed
    assert os.environ["PYTEST_ADDOPTS"] == "--no-such-option"
    assert Path.cwd() == tmp_path


def test_a_run_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Thousands of runs in one process would fill its memory or its disk, or print among the results."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    verdict("def test_a(student): print('x')", "")
    before = set(sys.modules)
    verdict("print('y')\ndef test_a(student): assert 0", "")
    assert set(sys.modules) <= before
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_the_graders_is_told_to_nobody_but_the_instructor() -> None:
    """Paths and secrets of the grader's machine would be shown to students."""

    class Broken:
        def request(self, message: Any, buffers: Any, call_back: Any) -> Any:
            raise GraderFault("/secret/place is full")

    cell = CheckCell("%%check\ndef test_a(student): student.f()")
    (found,) = run_checks(cell, NotebookProxy(Broken()), None, SEEDS)
    assert (found.outcome, found.message) == (Outcome.UNGRADED, UNGRADED)
    assert "/secret/place is full" in found.detail


TRACED_AFTER_A_DEADLINE = """
import sys, time
from threading import Thread
from autograder.checking.deadline import Overtime, ends_at

def in_time():
    with ends_at(time.monotonic() + 60):
        pass

def late():
    for _ in range(50):
        try:
            with ends_at(time.monotonic() + 0.002):
                while time.monotonic():
                    pass
        except Overtime:
            pass

for block in in_time, late:
    thread = Thread(target=block)
    thread.start()
    thread.join()
    sys.settrace(lambda *event: None)
    (lambda: None)()
    sys.settrace(None)
print("went on")
"""


def test_a_deadline_in_another_thread_leaves_nothing_behind() -> None:
    """A worker of a cluster was slower after its first check, and a call that was measured there never came back."""
    done = subprocess.run([sys.executable, "-c", TRACED_AFTER_A_DEADLINE], capture_output=True, text=True, timeout=60)
    assert done.stdout == "went on\n", done.stderr
