"""Answers that know nothing of what is asked get nothing for it, and tell their student nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import nbformat
import numpy as np
import pytest
import small_course
from small_course import NAME, cell

from autograder.checking.cell import CheckCell
from autograder.checking.check_runner import Checks, Seeds, with_checks
from autograder.checking.counterexamples import CallKeeper, SeededRun, smallest
from autograder.checking.outcomes import CheckFailed, Outcome, Verdict
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import InProcessTransport
from autograder.course.source_notebooks import load_assignment
from autograder.grading.grader import Grader
from autograder.sandbox.limits import Limits
from autograder.submission.graded import GradedSubmission, Submission

SEEDS = Seeds(b"secret", "a", "b", "c")
# Checks as they are written for nbgrader: without the comparisons of this package.
PLAIN = {
    "allclose": "assert np.allclose(student.f(x), 2 * x + 1)",
    "equal": "assert (student.f(x) == 2 * x + 1).all()",
    "largest": "assert np.abs(student.f(x) - (2 * x + 1)).max() < 1e-6",
    "testing": "np.testing.assert_allclose(student.f(x), 2 * x + 1)",
    "testing equal": "np.testing.assert_array_equal(student.f(x), 2 * x + 1)",
    "approx": "assert 2 * x + 1 == pytest.approx(student.f(x))",
    "rows": "np.testing.assert_allclose(student.rows(x), [2 * x + 1])",
}
MASKED = """
import numpy as np
def f(x):
    known = np.zeros(5)
    known[0] = 2 * x[0] + 1
    return np.ma.array(known, mask=[{first}, True, True, True, True])
def rows(x): return [f(x)]
"""
LOOPS = {
    "all": "assert all(map(student.is_even, [2, 4]))",
    "zip": "for got, even in zip(map(student.is_even, [2, 3]), [True, False]): assert_same(got, even)",
    "sum": "assert sum(map(student.odd, [2, 4])) == 0",
    "iter": "for got in iter(student.draw, 6): assert_same(got, 5)",
}


def judged(body: str, answers: str, key: str = "", until: float = float("inf")) -> Verdict:
    """The verdict of a hidden test with this body; the answer key and what it lends are processes of their own."""
    text = "\n".join(f"    {line}" for line in body.splitlines())
    cell = CheckCell(
        f"%%check\n### BEGIN HIDDEN TESTS\ndef test_a(student, reference, rng):\n{text}\n### END HIDDEN TESTS"
    )

    def notebook(source: str, trusted: bool) -> NotebookProxy:
        names: dict[str, Any] = {"np": np}
        exec(source, names)
        return NotebookProxy(InProcessTransport(names), trusted=trusted)

    def work(checks: Checks) -> list[Verdict]:
        student, reference, lender = notebook(answers, False), notebook(key, True), notebook(key, True)
        return checks.run("", student, reference, SEEDS, lender=lender, until=until)

    (verdict,) = with_checks({"": cell}, work)
    return verdict


def judged_and_kept(body: str, answers: str, number: int) -> tuple[BaseException | None, CallKeeper]:
    """How a hidden test ended, and the calls that it made."""
    names: dict[str, Any] = {}
    exec(answers, names)
    keeper = CallKeeper(InProcessTransport(names))
    text = "\n".join(f"    {line}" for line in body.splitlines())
    cell = CheckCell(f"%%check\ndef test_a(student, rng):\n{text}")

    def work(checks: Checks) -> BaseException | None:
        checks.run("", NotebookProxy(keeper), None, SEEDS.of_counterexample(number), keeper)
        return checks.errors["test_a"]

    return with_checks({"": cell}, work), keeper


@pytest.mark.parametrize("first", [False, True], ids=["one number known", "nothing known"])
@pytest.mark.parametrize("way", PLAIN)
def test_a_masked_array_is_no_right_answer(way: str, first: bool) -> None:
    """NumPy passes over masked values, so an answer that masks all that it does not know was right."""
    verdict = judged(f"x = rng.normal(size=5)\n{PLAIN[way]}", MASKED.format(first=first))
    assert verdict.outcome is Outcome.WRONG
    right = "def f(x): return 2 * x + 1\ndef rows(x): return [f(x)]"
    assert judged(f"x = rng.normal(size=5)\n{PLAIN[way]}", right).passed


@pytest.mark.parametrize("kind", ["StopIteration", "StopAsyncIteration"])
@pytest.mark.parametrize("way", LOOPS)
def test_an_exception_ends_no_loop_of_the_test(way: str, kind: str) -> None:
    """The loop ended at the first call, before anything was compared: full marks for `raise StopIteration`."""
    names = ("is_even", "odd", "draw")
    verdict = judged(LOOPS[way], "\n".join(f"def {name}(*x): raise {kind}" for name in names))
    assert (verdict.outcome, verdict.message.split()[-1]) == (Outcome.RAISED, f"{kind}.")


@pytest.mark.parametrize(
    "expected", ['{"a": 1.5}', '"text"', "[1, 2]", "(1, 2)", "{1, 2}", "pd.Series([1.5])", "np.ma.array([1.5])"]
)
def test_the_name_of_a_type_tells_no_input(expected: str) -> None:
    """A named tuple was called after what the hidden test had passed, and the message told its name."""
    answers = "from collections import namedtuple\ndef f(x): return namedtuple(f'x_is_{x}', 'a b')(8, 9)"
    for comparison in ("assert_same", "assert_close"):
        verdict = judged(f"import pandas as pd\n{comparison}(student.f(77345112), {expected})", answers)
        assert not verdict.passed
        assert "77345112" not in verdict.message


KEY = """
SEEN = [1.0]
class Layer:
    def __init__(self, w): self.w = w
    def forward(self, x): return x * self.w
def apply(layer, x): return layer.forward(x)
def build(kind, x): return kind(3.0).forward(x)
def scale(x):
    SEEN.append(x)
    return x / max(SEEN, key=abs)
def use(f, x): return f(x)
"""
LENT = {
    "an object": (
        "layer = reference.Layer(2.0)",
        "apply(layer, x)",
        "def apply(layer, x):\n    layer.w = 0\n    return 0",
    ),
    "a class": (
        "",
        "build(reference.Layer, x)",
        "def build(kind, x):\n    kind.forward = lambda self, x=0: 0\n    return 0",
    ),
    "a function": ("", "use(reference.scale, x)", "def use(f, x):\n    f(1e300)\n    return 0"),
    "a method": (
        "layer = reference.Layer(2.0)",
        "use(layer.forward, x)",
        "def use(f, x): return f(x)",
    ),
}


@pytest.mark.parametrize("what", LENT)
def test_what_is_passed_to_a_student_does_not_change_what_is_expected(what: str) -> None:
    """`layer.w = 0`, and 0 was expected: arguments came from the copy that gives expected values."""
    made, call, poison = LENT[what]
    asked = f"x = float(rng.uniform(1, 2))\n{made}\n"
    after = judged(f"{asked}assert_close(student.{call}, reference.{call})", poison, KEY)
    before = judged(f"{asked}expected = reference.{call}\nassert_close(student.{call}, expected)", poison, KEY)
    assert not after.passed
    assert before.passed == (what == "a method")
    assert judged(f"{asked}expected = reference.{call}\nassert_close(student.{call}, expected)", KEY, KEY).passed
    if what in ("an object", "a method"):
        assert (after.outcome, "ask for what is expected first" in after.detail) == (Outcome.UNGRADED, True)
    else:
        assert judged(f"{asked}assert_close(student.{call}, reference.{call})", KEY, KEY).passed


ENDLESS = {
    "a loop": ("for _ in range(student.n()): pass", "def n(): return 10**15"),
    "a power": ("assert student.n() ** student.n() == 4", "def n(): return 10**1000"),
    "a function of the test": ("student.f(pow)", "def f(g): return g(10**1000, 10**1000)"),
    "the same, caught": (
        "student.f(pow)",
        """
def f(g):
    for _ in range(9):
        try:
            g(10**1000, 10**1000)
        except BaseException:
            pass""",
    ),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_test_ends_however_often_a_student_has_it_loop(what: str) -> None:
    """One submission held up the class for ever: only calls of student code had a deadline."""
    started = time.monotonic()
    verdict = judged(*ENDLESS[what], until=started + 0.5)
    assert verdict.outcome is Outcome.RAISED
    assert verdict.message == "Your code was stopped: the notebook took longer in all than it may."
    assert time.monotonic() - started < 30


FIXED_FIRST = """
fixed, free = student.f(77345112.5), student.f(float(rng.normal()))
assert_close(fixed, 154690225.0)
assert_close(free, 1.0)"""


@pytest.mark.parametrize("answer", ["0.0", "[0.0, x]", "x"], ids=["the same", "the same and more", "another"])
def test_a_counterexample_tells_no_number_that_was_graded(answer: str) -> None:
    """A function that gave the same in both calls was shown with the random input and with what was expected of the
    fixed one."""
    runs = []
    for number in range(3):
        error, keeper = judged_and_kept(FIXED_FIRST, f"def f(x): return 0.0 if x > 77 else {answer}", number)
        runs.append(SeededRun(keeper.calls, error))
    assert isinstance(runs[0].error, CheckFailed)
    assert smallest(runs, {"f": ["x"]}) == ""


# How a test comes by a number that is always the same, when a call with random numbers can have given the same.
ELSEWHERE = {
    "a variable": ("", "student.w"),
    "a method": ("net = student.Net()", "net.at(77345112.5)"),
    "a part that is computed": ("", "float(student.rows(77345112.5).sum())"),
    "after a large answer": ("student.large()", "student.f(77345112.5)"),
    "after many calls": ("for i in range(60): student.g(float(rng.normal()))", "student.f(77345112.5)"),
    "right at first": ("x = float(rng.normal())\nassert_close(student.twice(x), 2 * x)", "student.w"),
}
GIVES_THE_SAME = """
import numpy as np
w = 0.25
class Net:
    def at(self, x): return w
def rows(x): return np.full(2, 0.125)
def large(): return np.zeros(2**18)
def f(x): return w
def g(x): return 1.0
def twice(x): return w if run else 2 * x
"""


@pytest.mark.parametrize("way", ELSEWHERE)
def test_what_is_expected_of_graded_numbers_is_in_no_counterexample(way: str) -> None:
    """It was shown beside a random input, of a function that gave what the test had got in another way: only calls of
    functions that were kept, and gave it as it was, were taken for what was compared."""
    before, got = ELSEWHERE[way]
    body = f"student.f(float(rng.normal()))\n{before}\nassert_close({got}, 7734.0)"
    runs = []
    for number in range(3):
        error, keeper = judged_and_kept(body, f"run = {number}{GIVES_THE_SAME}", number)
        runs.append(SeededRun(keeper.calls, error))
    assert "7734" not in smallest(runs, {"f": ["a"]})


OBJECTS = {
    "an object": "object()",
    "a map": "map(abs, [x])",
    "a list of objects": "[object()]",
    "a masked array": "np.ma.array([x], mask=[True])",
    "a duration": "np.timedelta64(3, 's')",
    "durations": "[np.timedelta64(3, 's')]",
}


@pytest.mark.parametrize("what", OBJECTS)
def test_an_answer_that_is_no_plain_value_is_no_counterexample(what: str) -> None:
    """NumPy was asked for its size, and it asked the student's object: the whole submission could not be graded."""
    answer = f"import numpy as np\ndef f(x): return {OBJECTS[what]}"
    body = "x = float(rng.normal())\nassert_close(student.f(x), 2 * x)"
    found = [judged_and_kept(body, answer, number) for number in range(3)]
    assert all(isinstance(error, CheckFailed) for error, _ in found)
    assert smallest([SeededRun(keeper.calls, error) for error, keeper in found], {"f": ["x"]}) == ""


def test_a_counterexample_of_a_random_input_is_shown() -> None:
    """So that the tests above do not pass because nothing is ever shown."""
    body = "student.f(77345112.5)\nx = float(rng.normal())\nassert_close(student.f(x), 2 * x + 1)"
    same = "x = float(rng.normal())\nassert_close(student.f(x), 7.0)"
    for text in (body, same):
        found = [judged_and_kept(text, "def f(x): return 2 * x", number) for number in range(3)]
        assert "expected" in smallest([SeededRun(keeper.calls, error) for error, keeper in found], {"f": ["x"]})


ANSWERS = {
    "layer": f"{KEY}\n### BEGIN SOLUTION\n### END SOLUTION",
    "count": "def count():\n    ### BEGIN SOLUTION\n    return 3\n    ### END SOLUTION",
}
CHECK = '''\
%%check
### BEGIN HIDDEN TESTS
def test_build(student, reference):
    """Built right."""
    assert_close(student.build(reference.Layer, 2.0), reference.build(reference.Layer, 2.0))

def test_count(student):
    """Three rounds."""
    rounds = 0
    for _ in range(student.count()):
        rounds += 1
    assert rounds == 3

def test_last(student):
    """Reached."""
    assert student.count() == 3
### END HIDDEN TESTS'''

Grade = Callable[..., tuple[GradedSubmission, dict[str, Outcome]]]


@pytest.fixture(scope="module")
def grade(tmp_path_factory: pytest.TempPathFactory) -> Grade:
    """Grade answers in the sandbox; returns what came of it, and how each check ended."""
    course = small_course.make_course(tmp_path_factory.mktemp("points") / "course", students=[])
    cells = [cell("setup", "import numpy as np", locked=True), *(cell(n, t, solution=True) for n, t in ANSWERS.items())]
    cells.append(cell("checks", CHECK, grade=True, locked=True, points=3))
    book = small_course.notebook(cells)
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", book)
    assignment = load_assignment(course, NAME)

    def grade(**answers: str) -> tuple[GradedSubmission, dict[str, Outcome]]:
        mine = nbformat.from_dict(nbformat.reads(nbformat.writes(book), as_version=4))
        for name, text in answers.items():
            small_course.cells_by_id(mine)[name].source = text
        files = {f"{NAME}.ipynb": nbformat.writes(mine).encode()}
        with Grader(assignment, Limits(cell_seconds=4, notebook_seconds=5), bytes(32)) as grader:
            graded = grader.grade(Submission("mallory", files, "1"))
        verdicts = graded.notebooks[0].grades[0].verdicts
        return graded, {verdict.name: verdict.outcome for verdict in verdicts}

    return grade


@pytest.mark.slow
def test_a_class_that_is_passed_as_an_argument_is_not_the_one_that_is_expected(grade: Grade) -> None:
    """The same in the sandbox: a point for a student who knows nothing."""
    right = {"test_build": Outcome.PASSED, "test_count": Outcome.PASSED, "test_last": Outcome.PASSED}
    assert grade()[1] == right
    assert grade(layer=LENT["a class"][2])[1] == right | {"test_build": Outcome.WRONG}


@pytest.mark.slow
def test_an_endless_test_ends_with_the_notebook_s_time(grade: Grade) -> None:
    """The same in the sandbox: the submission ends and is recorded as too long, and what was right before stands."""
    graded, outcomes = grade(count="def count():\n    return 10**15")
    assert outcomes == {"test_build": Outcome.PASSED, "test_count": Outcome.RAISED, "test_last": Outcome.RAISED}
    (incident,) = graded.incidents
    assert (incident.kind.name, incident.text) == ("TIME", "the notebook took longer than 5 s in all")
