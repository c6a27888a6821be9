"""Objects of a notebook that a test holds by handle: what it can do with them, and what a hostile one gains."""

from __future__ import annotations

import copy
import functools
import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from one_cell import run_checks
from processes import forked

from autograder.checking import handles, notebook_connection
from autograder.checking.call_recorder import CallRecorder
from autograder.checking.cell import CheckCell
from autograder.checking.check_runner import Seeds, with_checks
from autograder.checking.handles import MAX_ITEMS, ObjectLink, object_proxy, operate_for_other
from autograder.checking.import_analysis import ImportAnalysis
from autograder.checking.notebook_connection import MAX_OPERATIONS
from autograder.checking.outcomes import CheckFailed, GraderFault, Outcome, Verdict
from autograder.checking.proxies import NotebookProxy, connection_of, evaluate
from autograder.checking.transports import InProcessTransport, SocketTransport
from autograder.kernel_side import object_table
from autograder.kernel_side.object_table import MAX_OBJECTS
from autograder.kernel_side.serve import serve
from autograder.kernel_side.wire import MAX_BYTES, Channel

CLASSES = """
class Scaler:
    factor = 2.0

    def __init__(self, offset=0.0):
        self.offset = offset
        self.rows = [offset, offset + 1]

    @classmethod
    def of_pair(cls, a, b):
        return cls(a + b)

    def scale(self, x):
        return x * self.factor + self.offset

    def itself(self):
        return self

    def bad(self):
        raise ValueError("bad")

    @property
    def late(self):
        raise NotImplementedError

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]

    def __setitem__(self, i, value):
        self.rows[i] = value

    def __iter__(self):
        return iter(self.rows)

    def __call__(self, x):
        return self.scale(x)

    def __add__(self, other):
        return Scaler(self.offset + other.offset)

    def __eq__(self, other):
        return True

    def __enter__(self):
        self.open = True
        return self

    def __exit__(self, *error):
        self.open = False
        return True

class Words(dict):
    def add(self, word):
        self[word] = self.get(word, 0) + 1
        return self

    @property
    def total(self):
        return sum(self.values())

class Plain(dict):
    def __missing__(self, key):
        return 0

class Pair(NamedTuple):
    x: int
    y: int

class Point(NamedTuple):
    x: int
    y: int

    def norm1(self):
        return abs(self.x) + abs(self.y)

def words(text): return functools.reduce(Words.add, text.split(), Words())
def total(words): return words.total if type(words) is Words else None
def make(offset): return Scaler(offset)
def offset_of(scaler): return scaler.offset
def apply(f, x): return f(x)
def several(n): return [Scaler(i) for i in range(n)]
def counting(n):
    yield from range(n)
def adder(n): return lambda x: x + n
def objects(): return np.array([make(1), make(2)], object)
"""


def defined(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__", "np": np, "functools": functools, "NamedTuple": NamedTuple}
    exec(compile(source, "<cell 1>", "exec"), namespace)
    return namespace


@pytest.fixture(params=["in this process", "over a socket"])
def notebook(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Makes the proxy of a notebook with a given source, by either transport."""
    children: list[tuple[int, socket.socket]] = []

    def make(source: str = CLASSES, trusted: bool = False) -> NotebookProxy:
        if request.param == "in this process":
            return NotebookProxy(InProcessTransport(defined(source)), trusted=trusted)
        pid, ours = forked(lambda theirs: serve(theirs.detach(), defined(source)))
        children.append((pid, ours))
        transport = SocketTransport(Channel(ours), 5, lambda: os.kill(pid, signal.SIGINT))
        return NotebookProxy(transport, trusted=trusted)

    yield make
    for pid, ours in children:
        ours.close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def verdicts(
    tests: str, student: NotebookProxy, reference: NotebookProxy | None = None, hidden: bool = False
) -> list[Verdict]:
    tests = f"### BEGIN HIDDEN TESTS\n{tests}\n### END HIDDEN TESTS" if hidden else tests
    return run_checks(CheckCell(f"%%check\n{tests}"), student, reference, Seeds(b"", "", "", ""))


def verdict(body: str, *notebooks: NotebookProxy, hidden: bool = False, decorator: str = "") -> Verdict:
    """The verdict of one test with this body."""
    names = "student, reference" if len(notebooks) > 1 else "student"
    (found,) = verdicts(f"{decorator}\ndef test_a({names}):\n    {body}", *notebooks, hidden=hidden)
    return found


@pytest.mark.parametrize(
    "body",
    [
        "assert student.Scaler(3.0).scale(2.0) == 7.0",
        "assert student.Scaler(offset=3.0).offset == 3.0",
        "assert student.Scaler.of_pair(1.0, 2.0).offset == 3.0",
        "assert student.Scaler.factor == 2.0",
        "s = student.Scaler(1.0); s.factor = 5.0; assert s.scale(1.0) == 6.0",
        "s = student.Scaler(1.0); assert s.itself() is s and s.itself().offset == 1.0",
        "assert student.offset_of(student.Scaler(4.0)) == 4.0",
        "assert student.apply(student.Scaler(1.0), 2.0) == 5.0",
        "assert student.apply(student.Scaler(1.0).scale, 2.0) == 5.0",
        "assert student.apply(student.Scaler, 2.0).offset == 2.0",
        "assert student.apply(student.adder(3), 2.0) == 5.0",
        "assert student.apply(student.Scaler(1.0).scale, np.ones(2)).tolist() == [3.0, 3.0]",
        "assert len(student.Scaler(1.0)) == 2",
        # An object of a class with methods is no copy, whatever the class inherits from.
        "w = student.Words(); assert w.add('a').add('a') is w; assert w.total == 2 and w['a'] == 2",
        "assert student.total(student.words('a b')) == 2",
        "assert student.Point(1, -2).norm1() == 3 and student.Point(1, 2)[1] == 2",
        "assert student.Pair(1, 2) == (1, 2)",
        "assert student.Plain(a=1) == {'a': 1}",
        "assert student.Scaler(1.0)[1] == 2.0",
        "s = student.Scaler(1.0); s[1] = 7.0; assert list(s) == [1.0, 7.0]",
        "assert [s.offset for s in student.several(3)] == [0, 1, 2]",
        "assert list(student.counting(3)) == [0, 1, 2]",
        "assert student.adder(2)(3) == 5",
        "assert student.Scaler(1.0)(2.0) == 5.0",
        "with student.Scaler(1.0) as s:\n        assert s.open\n    assert not s.open",
        "s = student.Scaler(1.0)\n    assert evaluate(student, 's + s', s=s).offset == 2.0",
        "assert evaluate(student, 'isinstance(s, Scaler)', s=student.Scaler(1.0)) is True",
        "assert evaluate(student, '[s.offset for s in several(n)]', n=2) == [0, 1]",
        "assert evaluate(student, '  1 + 1\\n') == 2",
        "assert hasattr(student.Scaler(1.0), 'offset') and not hasattr(student.Scaler(1.0), 'missing')",
        "with pytest.raises(ValueError): student.Scaler(1.0).bad()",
        "with pytest.raises(TypeError): len(student.adder(1))",
        "assert [f(1.0) for f in [student.Scaler(1.0).scale, student.adder(4)]] == [3.0, 5.0]",
        "assert student.apply(lambda s: s.offset + 1, student.Scaler(2.0)) == 3.0",
        "assert student.apply(lambda s: s, student.Scaler(2.0)).offset == 2.0",
    ],
)
def test_objects_are_used_as_in_the_notebook(notebook: Any, body: str) -> None:
    """A course with classes could be checked only with forty lines of its own."""
    found = verdict(body, notebook())
    assert found.passed, found.detail


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("student.Scaler(1.0).bad()", "Scaler.bad raised ValueError: bad"),
        ("student.make(1.0).bad()", "make(…).bad raised ValueError: bad"),
        ("student.Scaler(1.0).late", "Not done yet: Scaler.late still raises NotImplementedError."),
        ("student.Scaler(1.0).scala", "Scaler.scala raised AttributeError: 'Scaler' object has no attribute 'scala'"),
        ("assert_close(student.make(1.0), 1.0)", "A number is expected, and this is of a type that does not fit."),
        ("assert_same(student.make(1.0), 1.0)", "A single value is expected, and this is of a type that does not fit."),
        ("assert_close(student.objects(), np.ones(2))", "An array is expected, and this is an array of objects."),
        ("assert_close(student.several(1), np.ones(1))", "Numbers are expected, and there is something else"),
        ("assert student.make(1.0) == 1.0", ""),
        ("assert 1.0 in [student.make(1.0)]", ""),
        ("assert not student.make(0.0)", "What your code gave back could not be used (TypeError: a value of type"),
        ("assert abs(student.make(1.0) - 1.0) < 1", "What your code gave back could not be used (TypeError"),
        ("assert abs(1.0 - student.make(1.0)) < 1", "What your code gave back could not be used (TypeError"),
        ("assert np.ones(2) @ student.make(1.0) < 1", "What your code gave back could not be used (TypeError"),
        ("assert 1.0 in student.make(1.0)", "What your code gave back could not be used (TypeError"),
    ],
)
def test_an_object_is_no_value_that_equals_everything(notebook: Any, body: str, message: str) -> None:
    """An object whose operators agree with everything would get full marks, or its author no reason."""
    found = verdict(body, notebook())
    assert found.outcome in (Outcome.WRONG, Outcome.RAISED)
    assert message in found.message, found


def test_an_exception_in_a_block_is_not_held_back_by_the_object(notebook: Any) -> None:
    """A context manager that swallows exceptions would skip the assertions of its block."""
    found = verdict("with student.Scaler(1.0) as s:\n        assert_close(s.offset, 2.0)", notebook())
    assert found.outcome is Outcome.WRONG


def test_objects_end_with_their_test(notebook: Any) -> None:
    """Memory would grow with every test, or one test see what another made."""
    tests = (
        "kept = []\n"
        "def test_a(student):\n    kept.append(student.Scaler(1.0)); assert kept[0].offset == 1.0\n"
        "def test_b(student):\n    kept[0].offset\n"
        "def test_c(student):\n    student.offset_of(kept[0])\n"
        "def test_d(student):\n    assert student.Scaler(2.0).offset == 2.0\n"
    )
    found = verdicts(tests, notebook())
    assert [v.outcome for v in found] == [Outcome.PASSED, Outcome.UNGRADED, Outcome.UNGRADED, Outcome.PASSED]
    assert "Scaler is an object of an earlier test: objects end with the test that made them" in found[1].detail


def test_what_a_test_is_answered_does_not_depend_on_earlier_tests() -> None:
    """A known mistake, which is tried in the failed tests alone, would never be told where tests hold objects."""
    test = "def test_b(student):\n    assert student.make(2.0).itself().offset == 2.0"
    found = []
    for before in ("", "def test_a(student):\n    student.several(3)\n"):
        recorder = CallRecorder(InProcessTransport(defined(CLASSES)))
        cell, student = CheckCell(f"%%check\n{before}{test}"), NotebookProxy(recorder)
        with_checks({"": cell}, lambda checks, s=student, r=recorder: checks.run("", s, None, Seeds(b"", "", ""), r))
        found.append(recorder.plain_replies("test_b"))
    assert found[0] == found[1]
    assert len(found[0]) > 2


def test_the_notebook_keeps_no_object_of_an_earlier_test() -> None:
    """A notebook of a hundred tests would hold all that any of them made."""
    transport = InProcessTransport(defined(CLASSES))
    student = NotebookProxy(transport)
    student.Scaler(1.0)
    assert len(transport.server.table.objects) == 1
    connection_of(student).start_test()
    assert student.offset_of(student.Scaler(2.0)) == 2.0
    assert [scaler.offset for scaler in transport.server.table.objects.values()] == [2.0]


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("class A:\n    def __getattr__(self, name): return A()\ndef f(): return A()", "while True: a = a.b"),
        ("class A:\n    def __getattr__(self, name): return self\ndef f(): return A()", "while True: a = a.b"),
        ("class A:\n    def __getattr__(self, name): return 1\ndef f(): return A()", "while True: a.b"),
        ("import itertools\ndef f(): return itertools.count()", "list(a)"),
        ("class A:\n    __iter__ = lambda s: s\n    __next__ = lambda s: A()\nf = A", "list(a)"),
        ("def f():\n    while True: yield 'x' * 10**5", "list(a)"),
        ("def f():\n    while True: yield np.zeros(10**6)", "list(a)"),
        ("class A:\n    def __len__(self): return 2**62\ndef f(): return A()", "len(a)"),
        ("class A:\n    def __iter__(self): return 5\ndef f(): return A()", "list(a)"),
        ("class A: pass\ndef f(): return [A() for _ in range(20000)]", "pass"),
        ("class A: pass\ndef f(): return [[A()] * 100] * 1000", "assert len(a) == 999"),
        ("class A: pass\ndef f(): return {A(): 1}", "pass"),
        ("class M(type): __name__ = property(lambda s: 1 / 0)\nclass A(metaclass=M): pass\nf = lambda: A()", "a.b"),
        ("class A:\n    __class__ = property(lambda s: 1 / 0)\ndef f(): return A()", "a.b"),
    ],
    ids=[
        "new objects", "itself", "values", "endless", "endless objects", "much text", "much data", "length", "no iter",
        "many objects", "one object often", "keys", "a metaclass", "a class",
    ],
)  # fmt: skip
def test_an_object_that_never_ends_costs_bounded_time(source: str, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile object would hold up the class or fill the grader's memory."""
    monkeypatch.setattr(notebook_connection, "MAX_OPERATIONS", 3_000)
    monkeypatch.setattr(object_table, "MAX_OBJECTS", 1_000)
    student = NotebookProxy(InProcessTransport(defined(source)))
    started = time.process_time()
    found = verdict(f"a = student.f()\n    {body}", student)
    assert found.outcome in (Outcome.WRONG, Outcome.RAISED), found
    assert time.process_time() - started < 30


def test_the_caps_are_reached_by_no_honest_test() -> None:
    """A network of a thousand parts could not be checked."""
    assert (MAX_OBJECTS, MAX_ITEMS, MAX_OPERATIONS) == (10_000, 10_000, 100_000)
    assert verdict(
        "assert len(student.several(5000)) == 5000", NotebookProxy(InProcessTransport(defined(CLASSES)))
    ).passed


LENT = """
def use(x): return Scaler(3.0).scale(x)
def total(): return sum(Scaler(1.0)) + len(Scaler(1.0)) + Scaler(2.0)[0]
def added(): return (Scaler(1.0) + Scaler(2.0)).offset
def given_back(): return Scaler(5.0)
def called(): return Scaler(1.0)(2.0)
def changed():
    s = Scaler(1.0)
    s.factor = 3.0
    s[0] = 9.0
    return s.scale(1.0) + s[0]
def of_pair(): return Scaler.of_pair(1.0, 2.0).offset
def behind(): return Scaler(1.0).__init__.__globals__
def code(): return Scaler(1.0).scale.__code__.co_code
def reach(name): return getattr(Scaler(1.0), name)
def reach_function(name): return getattr(Scaler(1.0).scale, name)
def frame(): return steps().gi_frame
"""


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("student.use(2.0)", 7.0), ("student.total()", 7.0), ("student.added()", 3.0), ("student.called()", 5.0),
        ("student.given_back().offset", 5.0), ("student.changed()", 13.0), ("student.of_pair()", 3.0),
    ],
)  # fmt: skip
def test_a_class_is_lent(notebook: Any, body: str, value: float) -> None:
    """Follow-through marks would end where a course uses classes."""
    found = verdict(
        f"assert_close({body}, {value})",
        notebook(LENT),
        notebook(trusted=True),
        hidden=True,
        decorator="@given('Scaler')",
    )
    assert found.passed, found.detail


def test_a_method_of_a_lent_object_is_no_new_object_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop over ten thousand examples would end in too many objects, and wait for a person."""
    monkeypatch.setattr(object_table, "MAX_OBJECTS", 10)
    student = "def often(n):\n    scaler = Scaler(1.0)\n    return [scaler.scale(x) for x in range(n)]"
    found = verdict(
        "assert student.often(30)[-1] == 59.0",
        NotebookProxy(InProcessTransport(defined(student))),
        NotebookProxy(InProcessTransport(defined(CLASSES)), trusted=True),
        hidden=True,
        decorator="@given('Scaler')",
    )
    assert found.passed, found.detail


def test_objects_of_the_answer_key_are_arguments_and_the_other_way_round(notebook: Any) -> None:
    """A test could not give a student's function a right model, or score a student's model with its own function."""
    body = "assert student.offset_of(reference.make(4.0)) == reference.offset_of(student.make(4.0)) == 4.0"
    found = verdict(body, notebook(), notebook(trusted=True), hidden=True)
    assert found.passed, found.detail


@pytest.mark.parametrize(
    "body",
    [
        "student.behind()", "student.code()", "student.frame()", "student.reach('_rows')", "student.reach('__dict__')",
        "student.reach('module')", "student.reach_function('func')", "student.reach_function('__globals__')",
    ],
)  # fmt: skip
def test_nobody_looks_behind_what_is_lent(notebook: Any, body: str) -> None:
    """A student's function could read the answers off a lent class."""
    key = CLASSES + "import math\nScaler.module = math\nScaler._rows = 'secret'\ndef steps(): yield 'secret'\n"
    found = verdict(
        f"assert {body} is None",
        notebook(LENT),
        notebook(key, trusted=True),
        hidden=True,
        decorator="@given('Scaler', 'steps')",
    )
    assert not found.passed
    assert "secret" not in found.message + found.detail


def test_a_student_s_notebook_cannot_use_what_it_was_not_lent() -> None:
    """Numbers could be guessed until one of the test's own functions is found."""
    student = NotebookProxy(InProcessTransport({}))
    for message in ({"object": 0}, {"function": 0}, {"object": True}, {"object": -1}, {"object": [0]}, {}):
        asked = message | {"op": "callback", "args": ["list", ["get", "x"]], "kwargs": ["dict", []]}
        reply, _ = connection_of(student).lent.call(asked, [])
        assert reply == {"op": "error"}


class HomeConnection:
    """A notebook whose objects give what is wanted, and that keeps what it was asked."""

    received = 0

    def __init__(self, gives: Any = 1) -> None:
        self.gives = gives
        self.asked: list[Any] = []

    def read(self, link: ObjectLink, name: str) -> Any:
        return self.operate(link, "get", name)

    def call(self, link: ObjectLink, args: Any, kwargs: Any) -> Any:
        return self.operate(link, "call", *args, *kwargs)

    def operate(self, link: ObjectLink, *asked: Any) -> Any:
        self.asked.append(asked)
        return self.gives


class Iterated(HomeConnection):
    """An object whose iterator gives the same each time."""

    def operate(self, link: ObjectLink, *asked: Any) -> Any:
        return object_proxy(link, False) if asked == ("iterate",) else self.gives


def link(home: HomeConnection, type_name: str = "Scaler") -> ObjectLink:
    return ObjectLink(home, (1,), "s", type_name, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [2.0, True, -1, 2**60, None, [1]])
def test_a_forged_length_is_none(length: Any) -> None:
    """`len(…)` would end in an error of Python's, or hold where it must not."""
    with pytest.raises(CheckFailed, match="the length of s is not a whole number"):
        len(object_proxy(link(HomeConnection(length)), False))


@pytest.mark.parametrize("home", [HomeConnection(), HomeConnection([]), *map(Iterated, [None, 5, (), [1, 2], "a", {}])])
def test_a_forged_iterator_is_not_an_empty_one(home: HomeConnection) -> None:
    """All comparisons of a loop would hold, since there are none."""
    with pytest.raises(CheckFailed, match="s cannot be iterated over"):
        next(iter(object_proxy(link(home), False)))


def test_what_an_iteration_gives_is_counted_from_its_beginning() -> None:
    """A loop over little would be refused after a large value, or one over much fill the grader's memory."""
    home = Iterated([1])
    home.received = MAX_BYTES
    items = iter(object_proxy(link(home), False))
    assert next(items) == 1
    home.received += MAX_BYTES + 1
    with pytest.raises(CheckFailed, match="iterating over s gives more than "):
        next(items)


def test_the_name_of_a_type_is_a_short_text() -> None:
    """A message would be as long as a hostile kernel likes."""
    assert link(HomeConnection()).of_type("x" * 999).type_name == "x" * 100
    assert link(HomeConnection()).of_type(5).type_name == "Scaler"


SECRETIVE = [
    "module", "frame", "code", "traceback", "function", "method", "builtin_function_or_method", "generator",
    "coroutine", "async_generator", "cell",
]  # fmt: skip


@pytest.mark.parametrize("type_name", SECRETIVE)
def test_a_lent_object_that_leads_to_code_is_not_looked_into(type_name: str) -> None:
    """A student's function could read the answers off it: `f.func_code`, `generator.gi_frame`."""
    home = HomeConnection()
    for asked in (("get", ["x"]), ("set", ["x", 1])):
        with pytest.raises(CheckFailed, match="an attribute that it may not use"):
            operate_for_other(link(home, type_name), asked[0], tuple(asked[1]), {})
    assert home.asked == []


@pytest.mark.parametrize("type_name", SECRETIVE[:4])
def test_code_of_the_answer_key_is_given_to_nobody(type_name: str) -> None:
    """A property that gives a frame would give the answers."""
    for operation, args in (("get", ("x",)), ("call", ()), ("item", (0,))):
        gives = object_proxy(link(HomeConnection(), type_name), False)
        with pytest.raises(GraderFault, match=f"s gave a {type_name} to the other notebook"):
            operate_for_other(link(HomeConnection(gives)), operation, args, {})


@pytest.mark.parametrize(
    ("operation", "args", "may"),
    [
        ("get", ("x",), True),
        ("set", ("x", 1), True),
        ("call", (2,), True),
        ("item", (0,), True),
        ("length", (), True),
        ("get", (), False),
        ("get", (1,), False),
        ("set", ("_x", 1), False),
        ("eval", ("x",), False),
        ("", (), False),
        (None, (), False),
    ],
)
def test_a_lent_object_does_what_objects_do(operation: Any, args: tuple[Any, ...], may: bool) -> None:
    """A forged request would be a fault of the answer key's, and its check wait for a person."""
    home = HomeConnection()
    if may:
        assert operate_for_other(link(home), operation, args, {"by": 3}) == 1
        assert home.asked == [(operation, *args, *(["by"] if operation == "call" else []))]
    else:
        with pytest.raises(CheckFailed):
            operate_for_other(link(home), operation, args, {})
        assert home.asked == []


def test_a_part_of_what_has_no_end_is_not_taken_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that goes on for ever would pass a check of its first items."""
    monkeypatch.setattr(handles, "MAX_ITEMS", 5)
    student = NotebookProxy(InProcessTransport(defined(CLASSES)))
    assert list(student.counting(4)) == [0, 1, 2, 3]
    with pytest.raises(CheckFailed, match="does not end: it has given 5 items"):
        list(student.counting(9))


def test_what_the_author_passes_and_cannot_cross_is_not_the_student_s_fault(notebook: Any) -> None:
    """A student would lose points for their author's argument, without a word."""
    found = verdict("student.offset_of(object())", notebook())
    assert found.outcome is Outcome.UNGRADED
    assert "a value of type object cannot be passed to a notebook: docs/recipes.md" in found.detail


def test_what_the_student_gave_and_cannot_cross_is_theirs(notebook: Any) -> None:
    """A student's odd value, passed on to the answer key, would wait for a person."""
    found = verdict(
        "reference.offset_of(student.odd())",
        notebook("def odd(): return np.array([object()])"),
        notebook(),
        hidden=True,
    )
    assert found.outcome in (Outcome.WRONG, Outcome.RAISED), found


def test_an_unsolved_class_is_not_done_yet() -> None:
    """A student who has not begun would be asked whether a cell has been run."""
    source = "class KMeans:\n    '''k-means.'''\n    raise NotImplementedError()"
    student = NotebookProxy(InProcessTransport({"In": ["", "import numpy", source]}))
    assert verdict("student.KMeans(3)", student).message == "Not done yet: KMeans."
    assert "There is no Other" in verdict("student.Other(3)", student).message
    written = NotebookProxy(InProcessTransport({"In": ["", source, "class KMeans:\n    clusters = 1 / 0"]}))
    assert "There is no KMeans" in verdict("student.KMeans(3)", written).message
    broken = NotebookProxy(InProcessTransport({"In": ["class KMeans(:\n    raise NotImplementedError()"]}))
    assert verdict("student.KMeans(3)", broken).message.startswith("There is no KMeans: the cell that defines it ended")


@pytest.mark.parametrize("expression", ["a +", "a = 1", "a; a"])
def test_an_expression_is_told_to_be_none(notebook: Any, expression: str) -> None:
    """A slip of the author's would be the student's failed check."""
    found = verdict(f"evaluate(student, {expression!r}, a=1)", notebook())
    assert found.outcome is Outcome.UNGRADED
    assert f"evaluate: {expression!r} is not an expression" in found.detail
    assert verdict("evaluate(student, '1 / 0')", notebook()).message.startswith("Your code raised ZeroDivisionError")


def test_a_hidden_check_does_not_tell_the_name_of_a_type(notebook: Any) -> None:
    """A hidden input, made the name of an object's type, would be shown to the student."""
    source = "def f(x):\n    return type(f'T{x}', (), {'bad': lambda self: 1 / 0})()"
    for body in (
        "student.f(4711).bad()",
        "assert_close(student.f(4711), 1)",
        "len(student.f(4711))",
        "student.f(4711).x",
    ):
        assert "4711" not in verdict(body, notebook(source), hidden=True).message


def test_an_expression_obeys_what_is_forbidden() -> None:
    """`evaluate` would give points for a library's function; what a test gives by a name is the test's."""
    cell = "from fractions import Fraction\ndef half():\n    return float(Fraction(1, 2))"
    names = {"half": lambda: 0.5, "whole": lambda: 1.0}
    student = NotebookProxy(InProcessTransport(names), ImportAnalysis(["fractions"], [cell]))
    for expression in ("half() + 1", "[half for _ in range(1)][0]()", "(lambda: half())()"):
        with pytest.raises(CheckFailed, match="answers may not use fractions, and half does"):
            evaluate(student, expression)
    assert evaluate(student, "whole() + half", half=2) == 3.0


def test_what_python_asks_of_a_notebook_by_itself_is_no_name_of_it() -> None:
    """NumPy or pytest would run a student's function, or be told that there is none."""
    student = NotebookProxy(InProcessTransport({"__array__": lambda: np.ones(2)}))
    assert not hasattr(student, "__array__")
    assert not hasattr(student, "__iter__")


def test_what_python_asks_of_an_object_that_was_lent_is_answered_here() -> None:
    """NumPy or `copy` would be refused an attribute with an underscore, and the student told to have used it."""

    def operate(*about: Any) -> Any:
        raise AssertionError(f"asked for {about}")

    lent = object_table.lent_object(1, "Scaler", False, operate)
    assert not hasattr(lent, "__array__")
    assert np.asarray([lent, lent], object).shape == (2,)
    assert repr(lent) == "<Scaler>"


OPERATORS = {
    "add": "x + 5", "sub": "x - 5", "mul": "x * 5", "truediv": "x / 5", "floordiv": "x // 5", "mod": "x % 5",
    "pow": "x ** 5", "matmul": "x @ 5", "radd": "5 + x", "rsub": "5 - x", "rmul": "5 * x", "rtruediv": "5 / x",
    "rfloordiv": "5 // x", "rmod": "5 % x", "rpow": "5 ** x", "rmatmul": "5 @ x", "eq": "x == 5", "ne": "x != 5",
    "lt": "x < 5", "le": "x <= 5", "gt": "x > 5", "ge": "x >= 5", "contains": "5 in x", "neg": "-x", "pos": "+x",
    "abs": "abs(x)", "invert": "~x", "length": "len(x)", "truth": "bool(x)", "item": "x[5]",
}  # fmt: skip
METHODS = {"length": "len", "truth": "bool", "item": "getitem"}


@pytest.mark.parametrize("name", OPERATORS)
def test_each_operator_of_a_lent_object_is_done_as_in_its_own_notebook(name: str) -> None:
    """A student's `a - b` would be another operation in the answer key's notebook, and a right answer wrong."""

    def method(called: str) -> Any:
        return lambda it, *others: done.append((called, *others)) or True

    done: list[tuple[Any, ...]] = []
    operand = (5,) if "5" in OPERATORS[name] else ()
    lent = object_table.lent_object(1, "Scaler", False, lambda *asked: done.append(asked) or True)
    eval(OPERATORS[name], {"x": lent})
    assert done == [(name, *operand)]
    done.clear()
    scaler = type("Scaler", (), {f"__{METHODS.get(each, each)}__": method(each) for each in OPERATORS})()
    object_table.OPERATIONS[name](scaler, *operand)
    assert done == [(name, *operand)]


def test_a_handle_can_be_copied_and_printed_without_crossing() -> None:
    """pytest prints values and a test may copy them: neither may run or break anything."""
    handle = NotebookProxy(InProcessTransport(defined(CLASSES))).Scaler(1.0)
    assert repr(handle) == "<Scaler of the notebook>"
    with pytest.raises((TypeError, AttributeError, GraderFault)):
        assert copy.copy(handle).offset
