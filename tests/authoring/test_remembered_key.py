"""What validation remembers of the answer key: the same as a fresh copy says, and nothing that came too late."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from autograder.authoring import remembered_key
from autograder.authoring.remembered_key import Conversation, Point, RememberedKey
from autograder.checking.call_recorder import size_of
from autograder.checking.outcomes import Mistake
from autograder.checking.proxies import NotebookProxy
from autograder.course.assignment import KeyCell
from autograder.grading.answer_key import AnswerKey
from autograder.kernel_side.serve import Reply
from autograder.kernel_side.wire import Message
from autograder.sandbox.limits import Limits

CELLS = (
    KeyCell("state", "seen = []\ndef f(x):\n    seen.append(x)\n    return sum(seen)", False),
    KeyCell("call-back", "def twice(g):\n    return g(1) + g(2)", False),
    KeyCell("check", "", True),
)


class Copy:
    """Says what it has heard, and nothing in time if it is `slow`."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.deadlines: list[float | None] = []
        self.slow = False

    def send(self, message: Message, buffers: list[bytes], deadline: float | None = None) -> None:
        self.heard += [message["said"], *buffers]
        self.deadlines.append(deadline)

    def receive(self, deadline: float | None = None) -> Reply:
        self.deadlines.append(deadline)
        if self.slow:
            self.slow = False
            raise TimeoutError
        return {"heard": list(self.heard)}, []


class Talks:
    """Conversations with copies that answer from one memory."""

    def __init__(self) -> None:
        self.start, self.copies, self.slow, self.room = Point(), list[Copy](), False, True

    def open_copy(self) -> Copy:
        self.copies.append(Copy())
        self.copies[-1].slow = self.slow
        return self.copies[-1]

    def say(self, *words: str, buffers: tuple[bytes, ...] = ()) -> list[object]:
        """What the last of some messages is answered."""
        talk = Conversation(self.start, self.open_copy, lambda reply: self.room)
        for word in words:
            talk.send({"said": word}, list(buffers))
            reply, _ = talk.receive(time.monotonic() + 60)
        return list(reply["heard"])


def test_a_copy_is_opened_for_what_was_never_said_and_told_what_came_before() -> None:
    """A copy that had not heard the beginning would be in another state."""
    talks = Talks()
    assert talks.say("a", "b") == talks.say("a", "b") == ["a", "b"]
    assert len(talks.copies) == 1
    assert talks.say("a", "b", "c", "d") == ["a", "b", "c", "d"]
    assert talks.say("b") == ["b"]
    assert len(talks.copies) == 3


def test_arrays_are_part_of_what_is_said() -> None:
    """A call with other numbers would be answered with the results of the first."""
    talks = Talks()
    for buffers in ((b"ab", b"c"), (b"a", b"bc"), (b"ab", b"d")):
        assert talks.say("a", buffers=buffers) == ["a", *buffers]
    assert len(talks.copies) == 3


def test_what_comes_too_late_is_not_remembered() -> None:
    """A call that takes too long would fail in the first trial alone."""
    talks = Talks()
    talk = Conversation(talks.start, talks.open_copy, lambda reply: True)
    talks.slow = True
    talk.send({"said": "a"}, [])
    with pytest.raises(TimeoutError):
        talk.receive(time.monotonic() + 60)
    assert talk.receive() == ({"heard": ["a"]}, [])
    with pytest.raises(TimeoutError):
        talks.say("a")


def test_the_time_in_which_a_copy_catches_up_is_not_the_answer_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial whose first words are known would be out of time before its own call begins."""
    talks, now = Talks(), [100.0]
    talks.say("a", "b")
    monkeypatch.setattr(remembered_key.time, "monotonic", lambda: now[0])

    def open_late() -> Copy:
        now[0] += 7.0
        return talks.open_copy()

    talk = Conversation(talks.start, open_late, lambda reply: True)
    for word in ("a", "c", "d"):
        talk.send({"said": word}, [], 130.0)
        talk.receive(130.0)
    copy = talks.copies[-1]
    assert copy.heard == ["a", "c", "d"]
    assert copy.deadlines == [None, None, None, 137.0, 137.0, 137.0]


def test_copies_are_asked_when_the_memory_is_full() -> None:
    """Validation of large arrays would take all of the machine's memory, or give no answers."""
    talks = Talks()
    talks.room = False
    assert talks.say("a", "b") == talks.say("a", "b") == ["a", "b"]
    assert len(talks.copies) == 2


def test_a_key_remembers_so_many_bytes_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation of large arrays would take all of the machine's memory, or remember nothing."""
    copies: list[str] = []

    @contextmanager
    def channel(key: AnswerKey, grade_id: str) -> Iterator[Copy]:
        copies.append(grade_id)
        yield Copy()

    monkeypatch.setattr(remembered_key, "MOST_BYTES", 4 * size_of({}, []))
    monkeypatch.setattr(AnswerKey, "__init__", lambda *about: None)
    monkeypatch.setattr(AnswerKey, "channel", channel)
    key = RememberedKey((), {}, Limits())
    for grade_id, words in (("a", "xy"), ("b", "xy"), ("a", "xy"), ("b", "xy"), ("b", "xyz"), ("b", "xyz")):
        with key.channel(grade_id) as talk:
            for word in words:
                talk.send({"said": word}, [])
                reply, _ = talk.receive()
            assert reply == {"heard": list(words)}
    assert copies == ["a", "b", "b", "b"]


@pytest.mark.slow
def test_a_remembered_key_gives_what_a_fresh_copy_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expected values would be another call's, another mistake's, or those of an earlier trial's call-back."""
    with RememberedKey(CELLS, {}, Limits()) as key:
        for numbers in ((1, 2), (1, 2), (1, 3)):
            with key.at("check") as reference:
                assert [reference.f(number) for number in numbers] == [numbers[0], sum(numbers)]
        for factor in (10, 20):
            with key.at("check") as reference:
                assert reference.twice(lambda x, factor=factor: factor * x) == 3 * factor
        for source, expected in (("def f(x): return 5", 5), ("def f(x): return 6", 6)):
            mistake = Mistake("", source, "", frozenset({"f"}), frozenset())
            with key.stand_in("check", math.inf, mistake) as transport:
                assert NotebookProxy(transport).f(1) == expected
        monkeypatch.setattr(RememberedKey.__base__, "channel", lambda *arguments: pytest.fail("a copy was opened"))
        with key.at("check") as reference:
            assert [reference.f(1), reference.f(3)] == [1, 4]
