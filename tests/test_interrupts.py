"""Ctrl-C at moments that are hard to meet by chance."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from autograder.interrupts import uninterrupted

LOST = """\
import signal, time
from autograder.interrupts import keep_interrupts
class Collected:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
keep_interrupts()
try:
    Collected()
    time.sleep(20)
    print("went on")
except KeyboardInterrupt:
    print("stopped")
"""


def test_ctrl_c_while_an_object_is_collected_is_not_lost() -> None:
    """Python drops what is raised there: the run went on as if nobody had pressed a key."""
    done = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_what_else_is_dropped_there_is_told_as_before() -> None:
    """A fault in a library would be hidden."""
    script = LOST.replace("signal.raise_signal(signal.SIGINT)", "1 / 0").replace("sleep(20)", "sleep(0)")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "went on\n"
    assert "ZeroDivisionError" in done.stderr


def test_ctrl_c_waits_for_the_end_of_what_must_not_be_interrupted() -> None:
    """A commit would be cut in two."""
    done = []

    def commit() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("whole")
        done.append("and on")

    with pytest.raises(KeyboardInterrupt):
        commit()
    assert done == ["whole"]
