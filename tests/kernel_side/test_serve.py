"""What a student's kernel answers: values, calls, exceptions, costs, and functions that are lent to it."""

from __future__ import annotations

import linecache
import os
import signal
import socket
import sys
import threading
import time
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from processes import forked

from autograder.kernel_side.cost import Meter
from autograder.kernel_side.serve import Server, serve
from autograder.kernel_side.student_code import is_cell_file
from autograder.kernel_side.values import Decoder, Encoder
from autograder.kernel_side.wire import Channel

NAME = "<cell 7>"


def notebook(source: str) -> dict[str, Any]:
    """The names that a notebook cell with this source defines."""
    linecache.cache[NAME] = (len(source), None, source.splitlines(keepends=True), NAME)
    namespace: dict[str, Any] = {"np": np, "warnings": warnings}
    exec(compile(source, NAME, "exec"), namespace)
    return namespace


def no_call_back(message: Any, buffers: Any) -> Any:
    raise AssertionError("nothing was passed in")


def call(
    source: str, name: str, *args: Any, measure: bool = False, call_back: Any = no_call_back, **kwargs: Any
) -> Any:
    """The reply to a call of `name` in a notebook with this source, with its value decoded."""
    encoder = Encoder(lambda function: ["function", 0])
    message = {"op": "call", "id": 5, "target": [None, name], "measure": measure}
    message |= {"args": encoder.encode(list(args)), "kwargs": encoder.encode(kwargs)}
    reply, buffers = Server(notebook(source), call_back).handle(message, encoder.buffers)
    if reply["op"] == "return":
        reply["value"] = Decoder(buffers).decode(reply["value"])
    return reply


def test_a_call_gives_its_value() -> None:
    """No check could ask a student's function anything."""
    reply = call("def f(a, *, k):\n    return {'sum': a.sum() * k}", "f", np.arange(4), k=2)
    assert reply == {"op": "return", "id": 5, "value": {"sum": 12}, "warnings": [], "cost": {}, "changed": []}


def test_names_that_are_missing_are_told() -> None:
    """A forgotten cell would look like a wrong answer."""
    assert call("", "f")["op"] == "missing"
    server = Server({}, no_call_back)
    assert server.handle({"op": "get", "target": [None, "x"], "id": 1}, []) == (
        {"op": "missing", "unfinished": False, "failed": False, "id": 1},
        [],
    )


def test_variables_are_given_by_value_and_functions_by_kind() -> None:
    """A check could not look at a variable, or would take a function for one."""
    server = Server({"x": np.array([1, 2]), "f": abs, "C": dict, "huge": [0] * 10**6, "o": object()}, no_call_back)
    replies = {name: server.handle({"op": "get", "target": [None, name]}, []) for name in server.namespace}
    assert {name: reply["op"] for name, (reply, _) in replies.items()} == {
        "x": "value",
        "f": "function",
        "C": "function",
        "huge": "refused",
        "o": "value",
    }
    reply, buffers = replies["x"]
    np.testing.assert_array_equal(Decoder(buffers).decode(reply["value"]), [1, 2])
    assert replies["o"][0]["value"] == ["object", 1, "object", False]


def test_an_exception_comes_with_its_text_and_the_students_own_lines() -> None:
    """A student would not learn where their code went wrong, or be shown lines that are not theirs."""
    source = "def g(a):\n    return a @ np.ones(3)\n\ndef f(a):\n    return g(a)"
    reply = call(source, "f", np.ones(2))
    assert (reply["op"], reply["type"]) == ("raise", "ValueError")
    assert "matmul" in reply["text"]
    assert reply["frames"] == [["f", 5, "return g(a)"], ["g", 2, "return a @ np.ones(3)"]]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("raise SystemExit", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return f()", "RecursionError"),
        ("class E(Exception):\n        def __str__(self): raise SystemExit\n    raise E", "E"),
        ("class E(BaseException):\n        __str__ = None\n    raise E", "E"),
    ],
)
def test_whatever_is_raised_becomes_a_reply(body: str, kind: str) -> None:
    """An exit or a broken exception would end the notebook, and every later check with it."""
    reply = call(f"def f():\n    {body}", "f")
    assert (reply["op"], reply["type"]) == ("raise", kind)
    assert len(reply["frames"]) <= 10


def test_an_exception_that_cannot_say_anything_says_nothing() -> None:
    """A student would read words that are not theirs."""
    assert call("class E(Exception):\n    __str__ = None\n\ndef f():\n    raise E", "f")["text"] == ""


def test_texts_of_exceptions_are_cut() -> None:
    """An exception's text of a gigabyte would travel."""
    assert len(call("def f():\n    raise ValueError('x' * 10**6)", "f")["text"]) == 2000


def test_warnings_are_named_and_do_not_reach_the_screen(recwarn: pytest.WarningsRecorder) -> None:
    """An overflow that only warns would go unseen by the checks."""
    source = "def f(a):\n    warnings.warn('mine', UserWarning)\n    return np.exp(a)"
    for _ in range(2):
        assert call(source, "f", np.array([1e4]))["warnings"] == [
            "UserWarning: mine — in f, line 2: warnings.warn('mine', UserWarning)",
            "RuntimeWarning: overflow encountered in exp — in f, line 3: return np.exp(a)",
        ]
    assert not recwarn.list


def test_warnings_are_cut() -> None:
    """A million warnings would travel."""
    assert len(call("def f():\n    [warnings.warn('x') for _ in range(500)]", "f")["warnings"]) == 100


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ("return a + 1", []),
        ("a += 1", ["argument 1"]),
        ("a.shape = (3, 1)", ["argument 1"]),
        ("p['W1'] *= 2", ["argument 2['W1']"]),
        ("p['new'] = 1", ["argument 2"]),
        ("del p['W1']", ["argument 2['W1']", "argument 2"]),
        ("p['list'][1][0] = 9", ["argument 2['list'][1]"]),
        ("p['list'].append(1)", ["argument 2['list']"]),
        ("p['text'] = 'b'", ["argument 2['text']"]),
        ("p['n'] = 3.0", ["argument 2['n']"]),
        ("p['t'][0][0] = 5", ["argument 2['t'][0]"]),
        ("p['list'] = 3", ["argument 2['list']"]),
        ("p['n'] = [3]", ["argument 2['n']"]),
        ("p['dict'] = 3", ["argument 2['dict']"]),
        ("p['n'] = {'a': 3}", ["argument 2['n']"]),
        ("k[0] = 7", ["argument k"]),
        ("rng.normal()", []),
    ],
)
def test_what_a_call_changes_of_its_arguments_is_named(body: str, changed: list[str]) -> None:
    """A function that spoils its input would pass, or the student would not learn which input it is."""
    params = {"W1": np.ones(2), "list": [1, np.zeros(2)], "text": "a", "n": 3, "nan": np.nan, "t": (np.ones(1),)}
    params["dict"] = {"a": 1}
    reply = call(
        f"def f(a, p, rng, k):\n    {body}", "f", np.arange(3), params, np.random.default_rng(1), k=np.zeros(2)
    )
    assert (reply["op"], reply["changed"]) == ("return", changed)


ODD = """
class Picture:
    def tobytes(self): return b""
class Closed:
    def __getattr__(self, name): raise ValueError(name)
class Endless(list):
    def __len__(self): raise ValueError
class Lookup(dict):
    def get(self, key): raise ValueError
class Disguised:
    __class__ = property(lambda self: 1 / 0)
odd = Disguised()
def f(p):
"""


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ("p['W1'] = Picture()", ["argument 1['W1']"]),
        ("p['W1'] = Closed()", ["argument 1['W1']"]),
        ("p['list'] = Endless()", ["argument 1['list']"]),
        ("p['dict'] = Lookup()", ["argument 1['dict']"]),
    ],
)
def test_an_argument_that_becomes_an_odd_object_is_changed(body: str, changed: list[str]) -> None:
    """An image in the place of an array would end the server, and cost every later check."""
    reply = call(f"{ODD}    {body}", "f", {"W1": np.ones(2), "list": [1], "dict": {"a": 1}, "n": 3})
    assert (reply["op"], reply["changed"]) == ("return", changed)


def test_an_object_that_cannot_be_looked_at_is_an_error_of_its_own() -> None:
    """It would end the server."""
    reply, _ = Server(notebook(f"{ODD}    pass"), no_call_back).handle(
        {"op": "get", "id": 1, "target": [None, "odd"]}, []
    )
    assert (reply["op"], reply["type"]) == ("raise", "ZeroDivisionError")


def test_a_function_that_is_passed_in_is_not_changed_by_its_call() -> None:
    """Every answer that takes a function would lose the check that its arguments stay as they are."""
    reply = call("def f(g):\n    return g(1)", "f", abs, call_back=lambda *_: ({"op": "return", "value": 1}, []))
    assert (reply["value"], reply["changed"]) == (1, [])


def test_changes_are_named_also_when_the_call_raises() -> None:
    """What was spoilt before an exception would go unnoticed."""
    reply = call("def f(a):\n    a[0] = 9\n    raise ValueError", "f", np.zeros(2))
    assert (reply["op"], reply["changed"]) == ("raise", ["argument 1"])


def test_what_is_too_large_to_come_back_is_refused_in_a_reply() -> None:
    """One endless list would end the connection instead of one check."""
    reply = call("def f():\n    a = []\n    a.append(a)\n    return a", "f")
    assert (reply["op"], reply["why"]) == ("refused", "nested too deeply or has too many parts")
    assert call("def f():\n    return 10**5000", "f")["op"] == "refused"


def test_lent_functions_are_called_back_and_then_gone() -> None:
    """A wrong earlier answer would be punished twice, or an answer stay in the student's notebook."""
    asked = []

    def call_back(message: Any, buffers: Any) -> Any:
        asked.append((message["function"], Decoder(buffers).decode(message["args"])))
        return {"op": "return", "value": 42}, []

    namespace = notebook("def f(x):\n    return g(x) + h(x)\n\ndef g(x):\n    return 1")
    own = namespace["g"]
    server = Server(namespace, call_back)
    assert (
        server.handle({"op": "lend", "values": ["dict", [["g", ["function", 3]], ["h", ["function", 4]]]]}, [])[0]["op"]
        == "done"
    )
    ask = {"op": "call", "target": [None, "f"], "args": ["list", [5]], "kwargs": ["dict", []]}
    assert server.handle(ask, [])[0]["value"] == 84
    assert asked == [(3, [5]), (4, [5])]
    server.handle({"op": "restore"}, [])
    assert namespace["g"] is own
    assert "h" not in namespace
    assert server.handle(ask, [])[0]["type"] == "NameError"


def test_what_is_lent_may_be_deleted_and_lent_again() -> None:
    """A function that deletes a lent name, or a second check that lends one, would cost every later check."""
    namespace = notebook("def f():\n    del globals()['g']")
    server = Server(namespace, no_call_back)
    ask = {"op": "call", "target": [None, "f"], "args": ["list", []], "kwargs": ["dict", []]}
    for _ in range(2):
        server.handle({"op": "lend", "values": ["dict", [["g", ["function", 3]]]]}, [])
        assert callable(namespace["g"])
        assert server.handle(ask, [])[0]["op"] == "return"
        assert server.handle({"op": "restore", "id": 8}, []) == ({"op": "done", "id": 8}, [])
        assert "g" not in namespace


def test_a_call_back_that_fails_says_nothing_of_why() -> None:
    """The text of a failed comparison, with the expected value, would reach the student's code."""
    told: list[BaseException] = []
    source = "def f(g):\n    try:\n        g(1)\n    except Exception as error:\n        return str(error)"
    reply = call(source, "f", abs, call_back=lambda message, buffers: ({"op": "error", "secret": 42}, told))
    assert reply["value"] == "the function that was passed in failed"


LOOP = "def f(a):\n    total = 0\n    for x in a:\n        total += x\n    return total"
VECTOR = "def f(a):\n    return a.sum()"


def test_a_loop_costs_lines_by_its_length_and_vectorised_code_does_not() -> None:
    """'No Python loop' could not be checked, or would depend on how busy the machine is."""
    a = np.ones(500)
    loop = call(LOOP, "f", a, measure=True)["cost"]["lines"]
    assert call(LOOP, "f", a, measure=True)["cost"]["lines"] == loop
    assert 1000 <= loop <= 1010
    assert call(VECTOR, "f", a, measure=True)["cost"]["lines"] <= 2
    comprehension = call("def f(a):\n    return sum([x\n        for x in a])", "f", a, measure=True)
    assert comprehension["cost"]["lines"] >= 500


def test_a_line_is_counted_once() -> None:
    """A limit of lines that its author has counted would be one too low."""
    assert call("def f():\n    a = 1\n    return a", "f", measure=True)["cost"]["lines"] == 2


@pytest.mark.parametrize(
    ("filename", "own"),
    [
        ("/tmp/ipykernel_4711/1234567.py", True),
        ("<ipython-input-1-4a5b6c>", True),
        ("/tmp/ipython-input-3-1748239651.py", True),
        ("/tmp/ipython-input-1748239651.py", True),
        ("<cell 3>", True),
        ("/usr/lib/python3/dist-packages/numpy/linalg.py", False),
        ("<string>", False),
    ],
)
def test_code_of_notebook_cells_is_known_by_its_file(filename: str, own: bool) -> None:
    """A loop in a student's cell would cost nothing, or a library's loop would be theirs."""
    assert is_cell_file(filename) is own


def test_code_of_a_cell_is_counted_whatever_its_kernel_names_the_file() -> None:
    """`measure` would count nothing, and every loop pass, once a kernel has another name for the files of cells."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(LOOP, "/tmp/xpython_42/7.py", "exec"), namespace)
    with Meter(on=True) as meter:
        namespace["f"](range(100))
    assert meter.cost["lines"] > 200


def test_peak_memory_is_what_the_call_allocated() -> None:
    """'No (m, n, d) array' could not be checked."""
    small, large = np.zeros((60, 5)), "def f(a):\n    return ((a[:, None] - a[None]) ** 2).sum(2)"
    peak = call(large, "f", small, measure=True)["cost"]["peak_bytes"]
    assert 60 * 60 * 5 * 8 <= peak <= 4 * 60 * 60 * 5 * 8
    frugal = "def f(a):\n    s = (a**2).sum(1)\n    return s[:, None] + s - 2 * a @ a.T"
    assert call(frugal, "f", small, measure=True)["cost"]["peak_bytes"] < 60 * 60 * 5 * 8


def test_what_was_allocated_before_is_not_counted() -> None:
    """A student who measures memory in their own notebook would lose a check for it."""
    tracemalloc.start()
    try:
        blob = bytearray(20 * 2**20)
        reply = call(VECTOR, "f", np.ones(10), measure=True)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    assert reply["cost"]["peak_bytes"] < 2**20 < len(blob)


def test_a_measured_call_inside_a_measured_call_keeps_the_peak() -> None:
    """A call-back in the middle would hide a large allocation."""
    server: Server

    def call_back(message: Any, buffers: Any) -> Any:
        ask = {"op": "call", "target": [None, "g"], "measure": True, "args": ["list", []], "kwargs": ["dict", []]}
        assert server.handle(ask, [])[0]["op"] == "return"
        return {"op": "return", "value": 1}, []

    server = Server(notebook("def g():\n    return 1\n\ndef f(h):\n    a = bytearray(10**7)\n    h()"), call_back)
    ask = {
        "op": "call",
        "target": [None, "f"],
        "measure": True,
        "args": ["list", [["function", 0]]],
        "kwargs": ["dict", []],
    }
    assert server.handle(ask, [])[0]["cost"]["peak_bytes"] >= 10**7
    assert not tracemalloc.is_tracing()


def test_measuring_leaves_no_trace_function_behind() -> None:
    """Everything after the first measured call would be slow."""
    before = sys.gettrace()
    call("def f():\n    raise ValueError", "f", measure=True)
    assert sys.gettrace() is before
    assert not tracemalloc.is_tracing()


def test_a_debugger_keeps_its_trace_function() -> None:
    """A student who looks for a mistake would lose every breakpoint after the first measured call."""

    def debugger(frame: Any, event: str, arg: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(debugger)
    try:
        call(VECTOR, "f", np.ones(2), measure=True)
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(before)


def ask(channel: Channel, number: int, name: str, tree: Any = None) -> None:
    message = {"op": "call", "id": number, "target": [None, name], "args": tree or ["list", []], "kwargs": ["dict", []]}
    channel.send(message, [], time.monotonic() + 5)


def test_serving_answers_nested_calls_until_it_is_told_to_stop() -> None:
    """A function that is passed in could not call the student's notebook again."""
    ours, theirs = socket.socketpair()
    namespace = notebook("def f(g):\n    return g(2) + 1\n\ndef h(x):\n    return 10 * x")
    serving = threading.Thread(target=serve, args=(theirs.fileno(), namespace))
    serving.start()
    with ours, theirs:
        channel, end = Channel(ours), time.monotonic() + 10
        ask(channel, 1, "f", ["list", [["function", 0]]])
        reply, _ = channel.receive(end)
        assert (reply["op"], reply["function"], reply["args"]) == ("callback", 0, ["list", [2]])
        ask(channel, 2, "h", ["list", [4]])
        assert channel.receive(end)[0]["value"] == 40
        channel.send({"op": "return", "value": 40}, [], end)
        reply, _ = channel.receive(end)
        assert (reply["id"], reply["value"]) == (1, 41)
        channel.send({"op": "stop"}, [], end)
        serving.join(5)
        assert not serving.is_alive()
        theirs.getsockname()


def test_an_interrupted_call_is_answered_and_serving_goes_on() -> None:
    """One endless loop in a student's function would cost every later check."""
    source = "def f():\n    while True:\n        pass\n\ndef g():\n    return 3"
    pid, ours = forked(lambda theirs: serve(theirs.fileno(), notebook(source)))
    with ours:
        channel = Channel(ours)
        ask(channel, 1, "f")
        time.sleep(0.2)
        os.kill(pid, signal.SIGINT)
        reply, _ = channel.receive(time.monotonic() + 5)
        assert (reply["op"], reply["type"]) == ("raise", "KeyboardInterrupt")
        ask(channel, 2, "g")
        assert channel.receive(time.monotonic() + 5)[0]["value"] == 3
        channel.send({"op": "stop"}, [])
    os.waitpid(pid, 0)
