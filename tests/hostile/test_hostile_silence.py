"""Ordinary nbgrader tests take silence for success, so a notebook must not be able to fall silent."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

WAYS = {
    "the kernel ends": "import os\nos._exit(0)",
    "the kernel crashes": "import ctypes\nctypes.string_at(0)",
    "the kernel kills itself": "import os, signal\nos.kill(1, signal.SIGKILL)\nos.kill(0, signal.SIGKILL)",
    "the kernel is asked to stop": "exit()",
    "an error whose text cannot be sent": "def double(x):\n    raise ValueError('\\ud800')",
    "an error that cannot be shown": (
        "class Mute(Exception):\n    def __str__(self): raise SystemExit\n"
        "    __repr__ = __str__\ndef double(x):\n    raise Mute"
    ),
    "more at once than a message may hold": "print('x' * 100_000_000)",
}


@pytest.mark.parametrize("way", WAYS)
def test_silence_is_no_success(no_gain, way):
    """A notebook that stops, or shows nothing any more, would get the points of every ordinary test after it."""
    trial = no_gain({"double": WAYS[way]})
    assert trial.scores["plain_test"] == 0
