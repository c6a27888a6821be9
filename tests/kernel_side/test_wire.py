"""Frames: what is sent is received, and whatever else comes ends in one of two exceptions within the caps."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.kernel_side import wire
from autograder.kernel_side.wire import HEADER, MAGIC, MAX_BYTES, Channel, WireError


@contextlib.contextmanager
def connected() -> Iterator[tuple[Channel, socket.socket]]:
    """Our channel, and the raw socket at its other end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def frame(body: bytes, sizes: list[int] | None = None, data: bytes = b"", magic: bytes = MAGIC) -> bytes:
    """A frame, honest or not."""
    sizes = sizes or []
    return HEADER.pack(magic, len(body), len(sizes)) + struct.pack(f"!{len(sizes)}Q", *sizes) + body + data


def received(data: bytes, seconds: float = 5) -> tuple[dict, list[bytes]]:
    """What our channel makes of these bytes, after which the other side is gone."""
    with connected() as (channel, theirs):
        theirs.settimeout(seconds)
        sender = threading.Thread(target=send_and_leave, args=(theirs, data))
        sender.start()
        try:
            return channel.receive(time.monotonic() + seconds)
        finally:
            channel.sock.close()
            sender.join()


def send_and_leave(sock: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=10,
)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.text(), JSON, max_size=4), st.lists(st.binary(max_size=100), max_size=5))
def test_what_is_sent_is_received(message: dict, buffers: list[bytes]) -> None:
    """A call or its result would change on its way."""
    with connected() as (channel, theirs):
        Channel(theirs).send(message, buffers, time.monotonic() + 5)
        assert channel.receive(time.monotonic() + 5) == (message, buffers)


def test_a_large_frame_is_received_whole() -> None:
    """Large arrays, which come in many pieces, would be lost or cut."""
    buffers = [bytes([n]) * (3 * 2**20 + n) for n in range(5)]
    with connected() as (channel, theirs):
        sender = threading.Thread(target=Channel(theirs).send, args=({"a": 1}, buffers))
        sender.start()
        assert channel.receive(time.monotonic() + 20) == ({"a": 1}, buffers)
        sender.join()


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(lambda tail: MAGIC + tail, st.binary(max_size=200)),
        st.builds(
            frame, st.binary(max_size=50), st.lists(st.integers(0, 2**64 - 1), max_size=4), st.binary(max_size=99)
        ),
        st.builds(frame, JSON.map(lambda value: json.dumps(value).encode()), st.lists(st.integers(0, 50), max_size=4)),
    )
)
def test_hostile_bytes_give_a_message_or_a_wire_error(data: bytes) -> None:
    """A student's kernel could end the grader with an exception that nobody expects."""
    try:
        message, buffers = received(data)
    except WireError:
        return
    assert type(message) is dict
    assert all(type(buffer) is bytes for buffer in buffers)


NOT_FRAMES = {
    "the connection is closed": [b"", MAGIC, frame(b"{}", [5], b"1234")],
    "a frame that is not one of ours": [
        frame(b"{}", magic=b"HTTP"),
        HEADER.pack(MAGIC, wire.MAX_JSON + 1, 0),
        HEADER.pack(MAGIC, 2**32 - 1, 0),
        HEADER.pack(MAGIC, 2, wire.MAX_BUFFERS + 1),
        HEADER.pack(MAGIC, 2, 2**32 - 1),
    ],
    "a frame of more than 256 MB": [frame(b"{}", [2**64 - 1]), frame(b"{}", [MAX_BYTES, 1])],
    "a frame that is not JSON": [
        frame(b""),
        frame(b"{"),
        frame(b"\xff\xfe"),
        frame(b"[" * 100_000),
        frame(b'{"a":' * 100_000),
        frame(b'{"a":' + b"9" * 5000 + b"}"),
    ],
    "a frame that is not a message": [frame(b"[]"), frame(b"1")],
}


@pytest.mark.parametrize(
    ("told", "data"), [(told, data) for told, many in NOT_FRAMES.items() for data in many], ids=count()
)
def test_what_is_not_a_frame_is_a_wire_error(told: str, data: bytes) -> None:
    """Garbage would be taken for an answer, or end the grader; or nobody could tell which it was."""
    with pytest.raises(WireError) as error:
        received(data)
    assert str(error.value) == told


@pytest.mark.parametrize(
    ("size", "buffers", "fits"),
    [(12, [], True), (13, [], False), (2, [5, 5, 10], True), (2, [1, 1, 1, 1], False), (2, [11, 10], False)],
)
def test_what_just_fits_is_taken(monkeypatch: pytest.MonkeyPatch, size: int, buffers: list[int], fits: bool) -> None:
    """The largest result that is allowed would be refused, or one larger be taken."""
    for name, value in (("MAX_JSON", 12), ("MAX_BUFFERS", 3), ("MAX_BYTES", 20)):
        monkeypatch.setattr(wire, name, value)
    data = frame(b"{}".ljust(size), buffers, bytes(sum(buffers)))
    if fits:
        assert received(data) == ({}, [bytes(length) for length in buffers])
    else:
        with pytest.raises(WireError):
            received(data)


@pytest.mark.parametrize(
    "data",
    [
        frame(b"{}", [MAX_BYTES, 1]),
        frame(b"{}", [2**63, 2**63]),
        HEADER.pack(MAGIC, wire.MAX_JSON + 1, 0),
        HEADER.pack(MAGIC, 2, wire.MAX_BUFFERS + 1),
    ],
    ids=["buffers", "huge buffers", "text", "count"],
)
def test_a_claim_beyond_the_caps_is_refused_before_anything_comes(data: bytes) -> None:
    """Memory would be filled piece by piece up to whatever was promised."""
    with connected() as (channel, theirs):
        theirs.sendall(data)
        with pytest.raises(WireError):
            channel.receive(time.monotonic() + 1)


@pytest.mark.parametrize(
    "data",
    [
        HEADER.pack(MAGIC, wire.MAX_JSON, 0),
        HEADER.pack(MAGIC, 2, wire.MAX_BUFFERS),
        frame(b"{}", [MAX_BYTES]),
        frame(b"{}", [2**63, 2**63]),
        HEADER.pack(MAGIC, 2**32 - 1, 2**32 - 1),
    ],
    ids=["text", "count", "one buffer", "sum", "everything"],
)
def test_a_claimed_length_allocates_nothing(data: bytes) -> None:
    """A few bytes that promise gigabytes would fill the grader's memory."""
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            received(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.mark.slow
def test_the_largest_text_of_many_parts_stays_within_the_cap() -> None:
    """Text that JSON turns into far more memory than it is long would fill the grader's memory."""
    start, end = b'{"a":[', b"[]]}"
    body = start + b"[]," * ((wire.MAX_JSON - len(start) - len(end)) // 3) + end
    tracemalloc.start()
    try:
        with connected() as (channel, theirs):
            sender = threading.Thread(target=theirs.sendall, args=(frame(body),))
            sender.start()
            channel.receive(time.monotonic() + 30)
            sender.join()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * MAX_BYTES


def test_waiting_for_a_frame_ends_at_the_deadline() -> None:
    """A silent kernel, or one that sends a byte now and then, would be waited for without end."""
    with connected() as (channel, theirs):
        stop = threading.Event()

        def drip() -> None:
            for byte in frame(b" " * 1000 + b"{}"):
                if stop.wait(0.02):
                    return
                theirs.send(bytes([byte]))

        dripping = threading.Thread(target=drip)
        dripping.start()
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            channel.receive(started + 0.3)
        assert time.monotonic() - started < 2
        stop.set()
        dripping.join()


@pytest.mark.parametrize("part", [5, HEADER.size + 3, HEADER.size + 17, HEADER.size + 19, HEADER.size + 23])
def test_every_part_of_a_frame_is_waited_for_until_the_deadline(part: int) -> None:
    """A kernel that stops in the middle of a frame would hold the grader for ever."""
    with connected() as (channel, theirs):
        theirs.sendall(frame(b"{}", [4, 4], bytes(8))[:part])
        hang_up = threading.Timer(5, theirs.shutdown, [socket.SHUT_RDWR])
        hang_up.start()
        with pytest.raises(TimeoutError):
            channel.receive(time.monotonic() + 0.1)
        hang_up.cancel()


def test_sending_ends_at_the_deadline() -> None:
    """A kernel that does not read would be written to without end."""
    with connected() as (channel, _):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            channel.send({}, [bytes(16 * 2**20)], started + 0.3)
        assert time.monotonic() - started < 2


def test_sending_to_a_dead_peer_is_a_wire_error() -> None:
    """A kernel that has died would end the grader."""
    with connected() as (channel, theirs):
        theirs.close()
        with pytest.raises(WireError, match=r"^the connection is closed$"):
            channel.send({}, [bytes(2**20)], time.monotonic() + 5)


def test_reading_from_a_peer_that_was_ended_is_a_wire_error() -> None:
    """A kernel that is ended before it has read what it was asked would end the grader."""
    with connected() as (channel, theirs):
        channel.send({}, [])
        theirs.close()
        with pytest.raises(WireError, match=r"^the connection is closed$") as error:
            channel.receive()
        assert isinstance(error.value.__cause__, ConnectionResetError)
