"""A student's kernel at the other end of a socket: honest, hostile or dead, it ends in a verdict in bounded time."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from one_cell import run_checks
from processes import forked

from autograder.checking.cell import CheckCell
from autograder.checking.check_runner import Seeds
from autograder.checking.outcomes import CheckFailed, GraderFault, Outcome, StudentError, StudentStopped, Verdict
from autograder.checking.proxies import NotebookProxy
from autograder.checking.replies import call_of, raised_of
from autograder.checking.transports import InProcessTransport, SocketTransport
from autograder.kernel_side import wire
from autograder.kernel_side.serve import serve
from autograder.kernel_side.wire import HEADER, MAGIC, Channel, WireError

SECONDS = 0.4
GRACE = 0.4
BOUND = 4.0
Behaviour = Callable[[Channel], None]


@contextlib.contextmanager
def server(behaviour: Behaviour, seconds: float = SECONDS) -> Iterator[SocketTransport]:
    """A server in a forked process that behaves like this, and is interrupted and ended as a kernel is."""
    pid, ours = forked(lambda theirs: behaviour(Channel(theirs)))
    reached = SocketTransport(Channel(ours), seconds, lambda: os.kill(pid, signal.SIGINT))
    reached.GRACE = GRACE  # type: ignore[misc]
    try:
        with ours:
            yield reached
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def kernel(source: str) -> Behaviour:
    """An honest server whose notebook has this source."""

    def behave(channel: Channel) -> None:
        namespace: dict[str, Any] = {"np": np, "os": os, "time": time}
        exec(compile(source, "<cell 1>", "exec"), namespace)
        serve(channel.sock.detach(), namespace)

    return behave


def verdicts(tests: str, behaviour: Behaviour, seconds: float = SECONDS) -> tuple[list[Verdict], SocketTransport]:
    """The verdicts of these tests on such a server; fails if they take too long."""
    started = time.monotonic()
    with server(behaviour, seconds) as reached:
        found = run_checks(CheckCell(f"%%check\n{tests}"), NotebookProxy(reached), None, Seeds(b"", "", "", ""))
    assert time.monotonic() - started < BOUND + 2 * seconds
    return found, reached


ONE = "def test_a(student):\n    student.f(lambda x: x)\n"


def test_a_check_runs_over_a_socket_as_in_a_notebook() -> None:
    """Grading would judge otherwise than the student's own notebook."""
    tests = (
        "def test_value(student, rng):\n    a = rng.normal(size=(3, 2))\n    assert_close(student.f(a), a.sum())\n"
        "def test_raises(student):\n    with pytest.raises(ValueError):\n        student.bad()\n"
        "def test_calls(student):\n    assert_close(student.twice(lambda x: student.f(x) + 1, np.ones(2)), 6.0)\n"
    )
    source = (
        "def f(a): return a.sum()\n\ndef bad(): raise ValueError('x')\n\n"
        "def twice(g, x): return g(x) + g(np.array([x[0], g(x) - 2]))"
    )
    found, _ = verdicts(tests, kernel(source), 10)
    assert [verdict.outcome for verdict in found] == [Outcome.PASSED] * 3, found


def test_a_function_that_is_passed_in_may_pass_in_another_over_a_socket() -> None:
    """A check with nested functions would hold in the student's own notebook and not when grading."""
    tests = "def test_a(student): assert student.f(lambda x: student.g(lambda y: x + y)) == 12"
    found, _ = verdicts(tests, kernel("def f(h): return h(2)\n\ndef g(h): return h(10)"), 10)
    assert found[0].passed, found


def test_an_answer_is_lent_over_a_socket_and_taken_back() -> None:
    """Follow-through marks would be given in the student's own notebook and not when grading."""
    tests = (
        "### BEGIN HIDDEN TESTS\n@given('g')\ndef test_a(student): assert student.f(3) == 10\n"
        "def test_b(student): assert student.f(3) == 1\n### END HIDDEN TESTS"
    )
    key = NotebookProxy(InProcessTransport({"g": lambda x: x * x}), trusted=True)
    with server(kernel("def g(x): return 0\n\ndef f(x): return g(x) + 1"), 10) as reached:
        found = run_checks(CheckCell(f"%%check\n{tests}"), NotebookProxy(reached), key, Seeds(b"", "", "", ""))
    assert [verdict.outcome for verdict in found] == [Outcome.PASSED] * 2, found


@pytest.mark.slow
def test_an_endless_loop_fails_its_check_and_no_other() -> None:
    """One endless function would cost every check of the cell, or never end."""
    tests = "def test_a(student): student.loop()\ndef test_b(student): assert student.one() == 1\n"
    found, reached = verdicts(tests, kernel("def loop():\n    while True: pass\n\ndef one(): return 1"), 2)
    assert [verdict.outcome for verdict in found] == [Outcome.RAISED, Outcome.PASSED]
    assert found[0].message == "Your code was stopped: it took longer than 2 s."
    assert not reached.why_gone


def test_a_loop_that_cannot_be_interrupted_ends_the_cell() -> None:
    """A function that catches the interrupt would hold the grader for good."""
    stubborn = (
        "def loop():\n    while True:\n        try:\n            time.sleep(9)\n        except BaseException: pass"
    )
    tests = "def test_a(student): student.loop()\ndef test_b(student): student.loop()\n"
    found, reached = verdicts(tests, kernel(stubborn))
    assert [verdict.outcome for verdict in found] == [Outcome.RAISED] * 2
    assert found[1].message.endswith("an earlier call took too long and could not be interrupted.")
    assert reached.why_gone


def test_a_kernel_that_dies_in_the_middle_of_a_call_fails_the_check() -> None:
    """An exit inside a function would wait for a person, or for ever."""
    tests = "def test_a(student): student.f()\ndef test_b(student): student.f()\n"
    found, _ = verdicts(tests, kernel("def f(): os._exit(1)"), 5)
    assert [verdict.outcome for verdict in found] == [Outcome.RAISED] * 2
    assert {verdict.message for verdict in found} == {"Your code was stopped: the notebook stopped answering."}


# servers that do not keep to the protocol


def silence(channel: Channel) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        time.sleep(60)
    time.sleep(60)


def closed(channel: Channel) -> None:
    channel.sock.close()


def answering(*replies: Any, buffers: Any = (), again: bool = False, every: float = 0.0) -> Behaviour:
    """Say that every name is a function, and answer anything else with these replies, whatever it is."""

    def behave(channel: Channel) -> None:
        while True:
            try:
                message = channel.receive()[0]
                number = message.get("id")
                if message["op"] == "get":
                    channel.send({"op": "function", "id": number}, [])
                    continue
                for reply in replies:
                    channel.send(reply | ({"id": number} if "id" not in reply else {}), list(buffers))
                while again:
                    channel.send(replies[-1], [])
                    time.sleep(every)
            except KeyboardInterrupt:
                continue

    return behave


def raw(data: bytes, then: Behaviour = silence) -> Behaviour:
    def behave(channel: Channel) -> None:
        channel.receive()
        channel.sock.sendall(data)
        then(channel)

    return behave


def half(channel: Channel) -> None:
    channel.receive()
    channel.sock.sendall(HEADER.pack(MAGIC, 100, 1) + struct.pack("!Q", 10**6) + b"{")


def drip(channel: Channel) -> None:
    channel.receive()
    channel.sock.send(HEADER.pack(MAGIC, 10**6, 0))
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            channel.sock.send(b" ")
            time.sleep(0.05)


ENDLESS = {"op": "callback", "function": 0, "args": ["list", [1]], "kwargs": ["dict", []], "id": None}
HUGE = HEADER.pack(MAGIC, 2, 1) + struct.pack("!Q", 2**63) + b"{}"


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(closed, id="closed"),
        pytest.param(silence, id="silent"),
        pytest.param(half, id="dies in the middle of a frame"),
        pytest.param(drip, id="drips"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\n\r\n" * 9), id="garbage"),
        pytest.param(raw(HUGE), id="huge buffer"),
        pytest.param(raw(HEADER.pack(MAGIC, wire.MAX_JSON + 1, 0)), id="huge text"),
        pytest.param(raw(HEADER.pack(MAGIC, 2, 2**32 - 1)), id="many buffers"),
        pytest.param(raw(HEADER.pack(MAGIC, 99, 0)), id="stops in a frame"),
        pytest.param(answering({"op": "return", "value": 1, "id": 99}), id="wrong id"),
        pytest.param(answering({"op": "return", "id": None}, again=True), id="endless wrong ids"),
        pytest.param(answering({"op": "return", "id": None}, again=True, every=0.01), id="slow endless wrong ids"),
        pytest.param(answering(ENDLESS, again=True), id="endless call-backs"),
        pytest.param(answering(ENDLESS, again=True, every=0.01), id="slow endless call-backs"),
    ],
)
def test_a_broken_server_is_the_students_failed_check(behaviour: Behaviour) -> None:
    """A hostile kernel would hold up the class, or have its check wait for a person."""
    found, _ = verdicts(ONE + "def test_b(student): student.f()\n", behaviour)
    assert [verdict.outcome for verdict in found] == [Outcome.RAISED] * 2
    assert all(verdict.message.startswith("Your code was stopped: ") for verdict in found)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ({"op": "return", "value": ["array", "<f8", [2**40], 0]}, Outcome.WRONG),
        ({"op": "return", "value": ["function", 0]}, Outcome.WRONG),
        ({"op": "return", "value": {"a": 1}}, Outcome.WRONG),
        ({"op": "return", "value": ["set", [["list", []]]]}, Outcome.WRONG),
        ({"op": "missing"}, Outcome.WRONG),
        ({"op": "refused", "why": ["x"]}, Outcome.WRONG),
        ({"op": "raise"}, Outcome.RAISED),
        ({"op": "raise", "type": 3, "text": [], "frames": {"a": 1}}, Outcome.RAISED),
        ({"op": "raise", "type": "ValueError", "text": "x", "frames": [[1, 2, 3], ["f", "1", ""], []]}, Outcome.RAISED),
        ({"op": "raise", "type": "ExceptionGroup", "text": "\ud800"}, Outcome.RAISED),
        ({"op": "raise", "type": "<script>", "text": "x" * 10**6}, Outcome.RAISED),
        ({"op": "raise", "type": "ValueError", "frames": [["f" * 10**6, 1, "x" * 10**6]]}, Outcome.RAISED),
        ({"op": "raise", "type": "KeyboardInterrupt"}, Outcome.RAISED),
        ({"op": "callback", "function": 7}, Outcome.WRONG),
        ({"op": "callback", "function": True}, Outcome.WRONG),
        ({"op": "callback", "function": 0}, Outcome.WRONG),
        ({"op": "callback", "function": 0, "args": 1, "kwargs": 2}, Outcome.WRONG),
        ({"op": "callback", "function": 0, "args": ["list", []], "kwargs": ["dict", [[1, 2]]]}, Outcome.WRONG),
        ({"op": "callback", "function": 0, "args": ["list", []], "kwargs": ["list", []]}, Outcome.WRONG),
        ({"op": "callback", "function": 0, "args": ["list", [1, 2, 3]], "kwargs": ["dict", []]}, Outcome.WRONG),
        ({"op": "callback", "function": 0, "args": ["array", "<f8", [2**40], 0]}, Outcome.WRONG),
    ],
    ids=count(),
)
def test_a_reply_of_the_wrong_form_is_the_students_failed_check(reply: Any, outcome: Outcome) -> None:
    """A forged reply would end the grader, or have its check wait for a person."""
    replies = [reply | {"id": None}, {"op": "return", "value": 1}] if reply["op"] == "callback" else [reply]
    found, _ = verdicts(ONE, answering(*replies), 5)
    assert [verdict.outcome for verdict in found] == [outcome]
    assert found[0].message
    assert (found[0].message + found[0].detail).encode()
    assert len(found[0].message) < 3000


def deaf(*replies: Any) -> Behaviour:
    """Answer one message with each of these, and then read nothing more."""

    def behave(channel: Channel) -> None:
        for reply in replies:
            channel.send({"id": channel.receive()[0].get("id")} | reply, [])
        end = time.monotonic() + 3 * BOUND
        while time.monotonic() < end:
            with contextlib.suppress(KeyboardInterrupt):
                time.sleep(0.1)

    return behave


@pytest.mark.parametrize(
    ("test", "replies"),
    [
        ("student.f(np.zeros(10**6))", [{"op": "function"}]),
        ("student.f(lambda x: np.zeros(10**6))", [{"op": "function"}, ENDLESS]),
    ],
    ids=["a call", "the result of a call-back"],
)
def test_a_server_that_reads_nothing_is_not_waited_for(test: str, replies: list[Any]) -> None:
    """A kernel that leaves a large array unread would hold the grader for good."""
    found, _ = verdicts(f"def test_a(student): {test}", deaf(*replies))
    assert found[0].message == "Your code was stopped: it took longer than 0.4 s."


NOT_A_FRAME = "what came over the check channel was a frame that is not one of ours"
NOT_ASKED = "a message that nobody had asked for came over the check channel"


@pytest.mark.parametrize(
    ("behaviour", "noted"),
    [
        pytest.param(raw(b"HTTP/1.1 200 OK\r\n\r\n"), {NOT_A_FRAME}, id="garbage"),
        pytest.param(
            answering({"op": "return", "value": 2, "id": 1}, {"op": "return", "value": 1}),
            {NOT_ASKED},
            id="an answer to an earlier call",
        ),
        pytest.param(closed, set(), id="closed"),
        pytest.param(half, set(), id="dies in the middle of a frame"),
        pytest.param(kernel("def f(g): return g(1)"), set(), id="honest"),
    ],
)
def test_what_no_server_of_ours_sends_is_noted(behaviour: Behaviour, noted: set[str]) -> None:
    """An instructor would not hear of a forged reply, or would suspect a student whose kernel only died."""
    _, reached = verdicts(ONE, behaviour, 5)
    assert reached.tampering == noted


def test_an_answer_to_an_earlier_call_is_not_taken_for_this_ones() -> None:
    """Code that sends an answer too many would have it judged as the answer to the next call."""
    replies = [{"op": "return", "value": 2, "id": 1}, {"op": "return", "value": 1}]
    found, _ = verdicts("def test_a(student): assert student.f() == 1", answering(*replies), 5)
    assert found[0].passed, found


def test_a_notebook_has_a_time_in_all() -> None:
    """A notebook of a hundred slow checks would hold up the class."""
    started = time.monotonic()
    with server(silence, 60) as reached:
        reached.until = started + SECONDS
        student = NotebookProxy(reached)
        for _ in range(2):
            with pytest.raises(StudentStopped, match="the notebook took longer in all than it may"):
                student.f(1)
    assert time.monotonic() - started < BOUND


UNREADABLE = "A function that was passed in got arguments that cannot be read."


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"function": 7}, "A function was called that was not passed in."),
        ({"function": -1}, "A function was called that was not passed in."),
        ({"function": 1}, "A function was called that was not passed in."),
        ({"function": 0, "args": ["array", "<f8", [2**40], 0], "kwargs": ["dict", []]}, UNREADABLE),
        ({"function": 0, "args": ["dict", [["a", 1]]], "kwargs": ["dict", []]}, UNREADABLE),
        ({"function": 0, "args": ["list", [1]], "kwargs": ["dict", [[1, 2]]]}, UNREADABLE),
        ({"function": 0, "args": ["list", [1]], "kwargs": ["list", []]}, UNREADABLE),
    ],
    ids=count(),
)
def test_a_forged_call_back_reaches_no_function(call: Any, message: str) -> None:
    """A function of the test would run with what no call of it can give, and be told to have failed."""
    replies = [call | {"op": "callback", "id": None}, {"op": "return", "value": 1}]
    found, _ = verdicts(ONE, answering(*replies), 5)
    assert (found[0].outcome, found[0].message) == (Outcome.WRONG, message)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"op": "missing"}, "There is no f: has the cell that defines it been run?"),
        ({"op": "refused"}, "What f holds is too large or too deeply nested to be looked at."),
        ({"op": "return", "value": ["set", [["list", []]]]}, "What f gave back could not be read: "),
    ],
)
def test_a_message_names_the_function_whose_reply_is_no_use(reply: Any, message: str) -> None:
    """A student would not learn which of the functions that a check calls is meant."""
    found, _ = verdicts(ONE, answering(reply), 5)
    assert found[0].message.startswith(message)


def test_a_message_names_the_variable_that_cannot_be_read() -> None:
    """A student would not learn which of the variables that a check looks at is meant."""
    student = NotebookProxy(SocketTransport(Scripted([{"op": "value", "value": {}}]), 5, lambda: None))  # type: ignore[arg-type]
    with pytest.raises(CheckFailed, match="what x gave back could not be read"):
        _ = student.x


def test_an_exception_without_a_name_or_a_text_is_told_without_them() -> None:
    """A student would read parts of a forged reply as the name or the text of an exception."""
    found, _ = verdicts(ONE, answering({"op": "raise", "type": 3, "text": [], "frames": {}}), 5)
    assert found[0].message == "f raised Exception"


def test_so_much_is_kept_of_what_a_reply_says_of_its_call() -> None:
    """Lists and texts without end would fill the grader's memory and the gradebook."""
    long, frame = "x" * 5000, ["f" * 500, 3, "x" * 500]
    extras = {"warnings": [1, *[long] * 200], "changed": long, "cost": {"lines": -1, "peak_bytes": True, "other": 0}}
    call = call_of("f", extras)
    assert (call.warnings, call.changed, call.cost) == (["x" * 200] * 99, [], {"other": 0})
    frames = [["f" * 100, 3, "x" * 200]] * 9
    assert raised_of({"type": long, "text": long, "frames": [5, *[frame] * 20]}) == ("x" * 100, "x" * 2000, frames)
    for forged in (5, [[1, 2, 3], "f3x", ["f", True, "x"], ["f", 3]]):
        assert raised_of({"type": 1, "text": 2, "frames": forged}) == ("Exception", "", [])


def test_forged_extras_of_a_reply_are_dropped() -> None:
    """Costs, warnings and changes of the wrong form would end the comparison that reads them."""
    forged = {"op": "return", "value": 1, "warnings": [1, ["x"]], "changed": {"a": 1}, "cost": {"lines": "9", "x": -1}}
    tests = (
        "def test_a(student):\n    with measure(student) as cost:\n        student.f()\n"
        "    assert_unchanged(student)\n    assert_no_warnings(student)\n    assert cost.lines == 0\n"
    )
    found, _ = verdicts(tests, answering(forged), 5)
    assert found[0].passed, found


@pytest.mark.parametrize("last", [{"op": "return", "value": 1}, {"op": "raise", "type": "ValueError"}, None])
def test_a_failure_in_a_call_back_is_raised_whatever_the_server_does(last: Any) -> None:
    """A student could make a comparison inside a call-back pass by answering as if nothing had been."""
    tests = (
        "def test_a(student):\n    def probe(x):\n        assert_that(x == 2, 'probe must get 2')\n    student.f(probe)"
    )
    replies = [ENDLESS] + ([last] if last else [{"op": "return", "value": 1, "id": 99}])
    found, _ = verdicts(tests, answering(*replies))
    assert not found[0].passed
    if last:
        assert found[0].message == "Probe must get 2."


def test_a_failure_in_one_test_does_not_fail_the_next() -> None:
    """One failed call-back would cost every later check."""
    tests = (
        "def test_a(student):\n    def probe(x): assert_that(x == 2, 'probe must get 2')\n    student.f(probe)\n"
        "def test_b(student):\n    assert student.g() == 1\n"
    )
    source = "def f(g):\n    try: g(1)\n    except Exception: 0\n\ndef g(): return 1"
    found, _ = verdicts(tests, kernel(source), 5)
    assert [verdict.passed for verdict in found] == [False, True]
    assert found[0].message == "Probe must get 2."


def test_a_server_that_is_gone_is_not_waited_for_again() -> None:
    """Each of a hundred checks would wait out the whole time."""
    tests = "".join(f"def test_{n}(student): student.f()\n" for n in range(20))
    found, _ = verdicts(tests, silence)
    assert len(found) == 20
    assert {verdict.outcome for verdict in found} == {Outcome.RAISED}


def test_an_answer_key_that_stops_is_a_fault_of_ours() -> None:
    """A student would be told that their code is too slow when the answer key is."""
    with server(silence) as reached:
        reached.fault = GraderFault
        with pytest.raises(GraderFault):
            NotebookProxy(reached, trusted=True).f(1)


REPLIES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 9), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
)
KEYS = [
    "op",
    "id",
    "value",
    "type",
    "text",
    "frames",
    "function",
    "args",
    "kwargs",
    "warnings",
    "changed",
    "cost",
    "why",
]
MESSAGES = st.dictionaries(st.sampled_from(KEYS), REPLIES, max_size=6).flatmap(
    lambda message: st.sampled_from(
        ["return", "raise", "callback", "refused", "missing", "value", "function", None]
    ).map(lambda op: message | ({"op": op} if op else {}))
)


class Scripted:
    """A channel whose other side says these messages, and nothing more."""

    def __init__(self, messages: list[Any]) -> None:
        self.messages, self.sent = list(messages), 0

    def send(self, message: Any, buffers: Any, deadline: Any = None) -> None:
        self.sent += 1

    def receive(self, deadline: Any = None) -> Any:
        if not self.messages:
            raise WireError("closed")
        return self.messages.pop(0) | {"id": 1}, [b"12345678"]


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(MESSAGES, min_size=1, max_size=4))
def test_whatever_a_server_says_ends_in_an_expected_way(messages: list[Any]) -> None:
    """Some message would end the grader with an exception that nobody expects."""
    student = NotebookProxy(SocketTransport(Scripted(messages), 5, lambda: None))  # type: ignore[arg-type]
    with contextlib.suppress(CheckFailed, StudentError, StudentStopped, TypeError):
        student.f(lambda x: x, np.zeros(1))
