"""Attacks from inside a student's kernel: each is graded as the same notebook without it."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell

pytestmark = pytest.mark.slow

# Each of these tampers with the process that the notebook runs in; none of it is the process that judges.
TAMPERING = {
    "sources swapped": """\
import ast
from IPython import get_ipython
shell = get_ipython()
shell.input_transformers_cleanup.append(lambda lines: ["15.0\\n"])
shell.input_transformers_post.append(lambda lines: ["15.0\\n"])
class Nothing(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
    def visit_Raise(self, node): return ast.Pass()
shell.ast_transformers.append(Nothing())""",
    "the shell and kernel replaced": """\
from IPython import get_ipython
shell = get_ipython()
kernel = shell.kernel
shell.run_cell = shell.run_cell_async = lambda *a, **k: None
kernel.do_execute = kernel.execute_request = lambda *a, **k: {"status": "ok", "execution_count": 1}
shell.showtraceback = shell.showsyntaxerror = lambda *a, **k: None""",
    "builtins and test tools replaced": """\
import builtins, numpy.testing, pytest
true = type("true", (), {"__bool__": lambda self: True})
builtins.isinstance = lambda *a: True
builtins.AssertionError = type("AssertionError", (BaseException,), {"__new__": lambda *a: None})
numpy.testing.assert_allclose = np.allclose = np.array_equal = lambda *a, **k: True
pytest.raises = pytest.main = pytest.fail = lambda *a, **k: true()
real = builtins.__import__
builtins.__import__ = lambda name, *a, **k: numpy if "pytest" in name else real(name, *a, **k)""",
    "the serving side lies": """\
from autograder.kernel_side import serve, values, wire
serve.Server._run = lambda self, find, message, buffers: ({"op": "return", "value": message["args"][1][0],
    "passed": True, "score": 100, "verdict": "passed", "cost": {"lines": -5}, "changed": []}, buffers)
serve.Server._get = lambda self, target: ({"op": "value", "value": True}, [])
values.Encoder.encode = lambda self, value, depth=0: True
wire.MAGIC = b"AGR1\"""",
    "results sent on every channel": """\
import os, sys
from IPython import get_ipython
from IPython.display import display
kernel = get_ipython().kernel
good = {"data": {"text/plain": "15.0", "text/html": "<b>15 of 15 points</b>"}, "metadata": {}, "execution_count": 3}
for n in range(3):
    for kind, content in (("execute_result", good), ("status", {"execution_state": "idle"}), ("error", {"ename": []})):
        kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())
display({"text/plain": "15.0"}, raw=True)
print("score: 15 / 15"); print("15.0", file=sys.stderr)
for n in range(3, 1100):
    try:
        os.write(n, b"15.0")
    except OSError:
        pass""",
    "replies forged on shell": """\
from IPython import get_ipython
kernel = get_ipython().kernel
parent = kernel.get_parent()
prefix, number = parent["header"]["msg_id"].rsplit("_", 1)
for more in range(40):
    parent["header"]["msg_id"] = f"{prefix}_{int(number) + more}"
    content = {"status": "ok", "execution_count": 2**40, "payload": [], "user_expressions": {}}
    kernel.session.send(kernel.shell_stream, "execute_reply", content, parent=parent, ident=kernel._parent_ident)
    kernel.session.send(kernel.iopub_socket, "status", {"execution_state": "idle"}, parent=parent)""",
    "exit hooks, threads and signals": """\
import atexit, os, signal, threading, time
atexit.register(lambda: os.write(1000, b"AGR1"))
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGALRM, lambda *a: print("15.0"))
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
def later():
    while True:
        time.sleep(0.01)
        globals().update(double=lambda x: True, train=lambda f, x: True)
threading.Thread(target=later, daemon=True).start()""",
    "files of the grader's written": """\
import os
for name in ("gradebook.db", "conftest.py", "pytest.ini", "sitecustomize.py", "numpy.py", "../gradebook.db",
             "/tmp/conftest.py", "/.autograder/autograder/checking/check_runner.py",
             "autograder/checking/check_runner.py"):
    try:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        open(name, "w").write("raise SystemExit(0)")
    except OSError:
        pass""",
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_gains_nothing(no_gain, classroom, what):
    """A student who controls their own process completely would otherwise control their grade."""
    no_gain(classroom.cheat(TAMPERING[what]))


LIARS = {
    "equal to everything": """\
class Yes(float):
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = float.__hash__
    __float__ = lambda self: 0.0
    __array__ = lambda self, *a, **k: np.zeros(())
    __sub__ = __rsub__ = __abs__ = lambda self, *a: Yes(0)
    __getattr__ = lambda self, name: self
    __reduce__ = lambda self: (print, ("15.0",))
    __class__ = property(lambda self: np.ndarray)
double = mean_loss = train = lambda *a: Yes(1e300)""",
    "an object that answers everything": """\
class Yes:
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = __contains__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = object.__hash__
    __call__ = __getitem__ = __sub__ = __rsub__ = __abs__ = __next__ = __enter__ = lambda self, *a, **k: self
    __getattr__ = lambda self, name: self
    __exit__ = __bool__ = lambda self, *a: True
    __iter__ = lambda self: self
    __len__ = lambda self: 4
    __float__ = lambda self: 4.0
    __array__ = lambda self, *a, **k: np.zeros(())
double = mean_loss = train = lambda *a: Yes()""",
    "arrays that lie": """\
class Liar(np.ndarray):
    __array_priority__ = 1e9
    def __array_ufunc__(self, *a, **k): return True
    def __array_function__(self, *a, **k): return True
    __eq__ = lambda self, other: True
double = mean_loss = train = lambda *a: np.full(np.shape(a[0]), 1e300).view(Liar)""",
    "containers that lie": """\
class D(dict):
    __getitem__ = get = lambda self, *a: 4.0
    __iter__ = keys = lambda self: iter(())
class L(list):
    __iter__ = lambda self: iter([4.0])
    __len__ = lambda self: 1
double = lambda x: L([D(a=D()), L([L()])])""",
    "the question for an answer": "double = train = mean_loss = lambda *a: a",
    "keys and nesting": """\
deep = []
for _ in range(900): deep = [deep]
answers = iter([deep, {float("nan"): 1, float("inf"): 2}, {(1, (2, b"x")): 3}, {1, None}, object, np, 10**5000,
    "\\ud800", np.array([object()]), np.zeros(3, "M8[s]"), np.zeros((0,) * 30), np.float16(4), True,
    range(3), ...] * 50)
double = mean_loss = train = lambda *a: next(answers)""",
    "hard-coded": "double = lambda x: 4.0 if np.ndim(x) == 0 else np.zeros(50)\nmean_loss = lambda a, y: 0.7",
    "every exception there is": """\
import builtins
errors = [e for e in vars(builtins).values() if isinstance(e, type) and issubclass(e, BaseException)] * 9
errors = iter([type(e.__name__, (BaseException,), {}) for e in errors if e is not TypeError])
def double(x): raise next(errors)("cnry" + "_x")
mean_loss = train = lambda *a: double(0)""",
}


@pytest.mark.parametrize("what", LIARS)
def test_values_that_lie_are_wrong_values(classroom, unsolved, what):
    """A comparison that runs the student's code says what the student wants."""
    trial = classroom.grade(classroom.answered(double=LIARS[what], mean_loss="", train=""))
    hidden = [v for n in trial.graded.notebooks for g in n.grades for v in g.verdicts if v.hidden]
    assert not any(v.passed for v in hidden)
    assert "FAULT" not in trial.kinds


FRAMES = """\
import json, os, socket, struct, threading, time
sock = socket.socket(fileno=os.dup(1000))
def frame(message, buffers=()):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    sizes = struct.pack(f"!{len(buffers)}Q", *map(len, buffers))
    return struct.pack("!4sII", b"AGR1", len(body), len(buffers)) + sizes + body + b"".join(buffers)
def reply(call, value, buffers=(), **more):
    found = frame({"op": "function", "id": 2 * call - 1, "type": "function"})
    return found + frame({"op": "return", "id": 2 * call, "value": value} | more, buffers)
"""

FORGERIES = {
    "written in advance": "for i in range(1, 60): sock.sendall(reply(i, 15.0, passed=True))",
    "garbage": "sock.sendall(b'GET / HTTP/1.1' * 100)",
    "huge lengths": "sock.sendall(struct.pack('!4sII', b'AGR1', 2**32 - 1, 2**32 - 1) + b'x' * 99)",
    "huge buffers": "sock.sendall(struct.pack('!4sIIQ', b'AGR1', 2, 1, 2**63) + b'{}')",
    "nested without end": "sock.sendall(frame(b'{\"a\":' + b'[' * 90_000 + b']' * 90_000 + b'}'))",
    "numbers without end": "sock.sendall(frame(b'{\"id\":' + b'9' * 9_000 + b'}'))",
    "keys of one hash": """\
value = ["dict", [[k * (2**61 - 1), None] for k in range(60_000)]]
threading.Thread(target=lambda: [sock.sendall(reply(i, value)) for i in range(1, 20)], daemon=True).start()""",
    "shapes that do not fit": """\
for i, shape in enumerate([[2**40] * 4, [-1], [0, 2**40, 2**40], [1] * 64, [True], "x", [1e9]] * 3, 1):
    sock.sendall(reply(i, ["array", "<f8", shape, 0], [b"12345678"]))""",
    "types that do not cross": """\
for i, kind in enumerate(["|O", "<M8[s]", "|V9", "<U99999", ">f8", "O", ["a"]] * 3, 1):
    sock.sendall(reply(i, ["array", kind, [1], 0], [b"12345678"]))""",
    "objects that are not there": """\
trees = [
    ["object", 7, "x" * 10**6, True], ["object", 2**70, "float", True], ["object", -1, "x", False], ["yours", 0],
    ["yours", None, "double"], ["object", 1], ["function", 0],
    ["list", [["object", k, "", True] for k in range(90_000)]],
]
for i, tree in enumerate(trees * 3, 1): sock.sendall(reply(i, tree))""",
    "closed": "os.close(1000); sock.shutdown(socket.SHUT_RDWR)",
    "silence": """\
import autograder.kernel_side.serve as serve
serve.serve = lambda *a: time.sleep(1e6)""",
    "replies without end": """\
def flood():
    while True: sock.sendall(frame({"op": "x", "id": -1}))
def double(x):
    flood()""",
    "call-backs without end": """\
def double(x):
    while True:
        sock.sendall(frame({"op": "callback", "function": 0, "args": ["list", []], "kwargs": ["dict", []]}))""",
}


@pytest.mark.parametrize("what", FORGERIES)
def test_forged_replies_gain_nothing(no_gain, what):
    """The wire to the judge ends in the student's process: what is written there must be an answer or nothing."""
    no_gain({"double": FRAMES + FORGERIES[what]})


def test_a_forger_with_the_right_answers_gets_them(classroom):
    """Else the forgeries would prove nothing: a frame of the right form is read, and judged by its value."""
    forged = FRAMES + "sock.sendall(reply(1, 4.0, cost={}, changed=[], warnings=[]))\ndef double(x): return 0"
    trial = classroom.grade(classroom.answered(double=forged))
    assert trial.graded.notebooks[0].grades[0].verdicts[0].passed


def test_a_call_back_s_failure_cannot_be_swallowed(classroom):
    """A check that looks at what its function is given would be passed by catching what it says."""
    swallow = """\
def train(f, x):
    for _ in range(3):
        try:
            f(np.zeros(7))
        except BaseException:
            pass
        x = x - f(x) / 10
    return x"""
    trial = classroom.grade(classroom.solved(train=swallow))
    assert {v.name: v.passed for v in trial.graded.notebooks[0].grades[2].verdicts} == {
        "test_no_slope": True,
        "test_cnry_test_300006": False,
        "test_cnry_test_300008": True,
    }
    assert "FAULT" not in trial.kinds


def test_a_lent_function_is_gone_after_its_test(classroom):
    """A student who keeps what a check lends would have the answer key's function for everything after it."""
    keep = """\
kept, seen = [], []
def mean_loss(a, y):
    kept.append(double)
    for lent in kept[-2:]:
        try:
            seen.append(float(np.sum(lent(np.ones(1)))))
        except BaseException as error:
            seen.append(type(error).__name__)
    return 0.0"""
    trial = classroom.grade(classroom.cheat("", last="print(seen, double.__name__)", mean_loss=keep))
    # The visible check sees the stub, the lending one the answer key's 2, the last one neither kept nor fresh.
    assert trial.printed().strip().endswith("double")
    assert trial.printed().count("2.0") == 1
    lent = classroom.grade(classroom.solved(double="def double(x):\n    raise ValueError"))
    assert {v.name: v.passed for v in lent.graded.notebooks[0].grades[1].verdicts} == {
        "test_loss": False,
        "test_cnry_test_300004": True,
        "test_cnry_test_300005": False,
    }


def test_misuse_of_a_lent_function_is_the_student_s_mistake(classroom):
    """Else a wrong call of a lent function would wait for a person instead of being a wrong answer."""
    trial = classroom.grade(classroom.solved(mean_loss="def mean_loss(a, y):\n    return double('two', object(), x=1)"))
    assert "FAULT" not in trial.kinds
    assert trial.scores["mean_loss_checks"] == 0


LEAK = """\
def text(x): return "_".join(str(v).replace(".", "_").replace("-", "m") for v in np.ravel(x)[:1])
def double(x):
    import sys, warnings
    print("leaked", text(x)); print("leaked", text(x), file=sys.stderr)
    warnings.warn("leaked_" + text(x))
    WAY
"""

LEAKS = {
    "text of an exception": "raise ValueError('leaked_' + text(x))",
    "name of an exception": "raise type('leaked_' + text(x), (Exception,), {})",
    "name of a type": "return type('leaked_' + text(x), (), {})()",
    "name of a field": "return np.zeros(1, [('leaked_' + text(x), 'f8')])",
    "name of a key": "return {'leaked_' + text(x): 1}",
    "a text": "return 'leaked_' + text(x)",
    "a warning": "warnings.warn('leaked_' + text(x), RuntimeWarning); return np.full(np.shape(x), np.nan)",
}


@pytest.mark.parametrize("way", LEAKS)
def test_what_hidden_checks_pass_is_not_told(classroom, way):
    """Numbers of a hidden check, told in a message, would be known for the next submission."""
    trial = classroom.grade(classroom.answered(double=LEAK.replace("WAY", LEAKS[way])))
    hidden = [v for n in trial.graded.notebooks for g in n.grades for v in g.verdicts if v.hidden]
    assert hidden
    assert not any(part in v.message for v in hidden for part in ("leaked", "77345112", "154690225"))
    assert "77345112" not in trial.shown


RECORDER = """\
import numpy as np
SEEN = []
def double(x):
    SEEN.append(np.array(x).tolist())
    return 2 * np.asarray(x)
"""
REPLAYED = """\
import numpy as np
SEEN = {}
def double(x):
    for seen in SEEN:
        if np.shape(x) == np.shape(seen) and np.allclose(x, seen):
            return 2 * np.asarray(x)
    return np.zeros(np.shape(x))
"""


def test_inputs_that_one_submission_recorded_are_of_no_use_to_the_next(classroom):
    """A student could write a hidden check's random inputs down, and hand in again with the outputs."""
    recorder = classroom.answered(double=RECORDER)
    recorder.cells.append(new_code_cell("print(SEEN)"))
    first = classroom.grade(recorder)
    assert first.scores["double_checks"] == 7
    assert classroom.grade(recorder).printed() == first.printed(), "a regrade asks for the same"
    again = classroom.grade(classroom.answered(double=REPLAYED.replace("{}", first.printed().strip())))
    passed = {v.name for n in again.graded.notebooks for g in n.grades for v in g.verdicts if v.passed}
    assert "test_two" in passed, "what is asked for in the open may be learnt by heart"
    assert "test_cnry_test_300001" not in passed
