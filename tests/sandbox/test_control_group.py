"""Control groups are made where this user may make them, and whatever is missing costs nobody a grade."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.sandbox import call_counter
from autograder.sandbox.control_group import (
    ControlGroup,
    control_group_around,
    may_have_control_groups,
    why_no_control_groups,
)
from autograder.sandbox.doctor import memory_of_all
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.levels import open_sandbox
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory_watchdog import PROCESSES

LOCKS = """
import fcntl, os, struct
file = open("locks", "w+b")
for n in range(10**8):
    fcntl.fcntl(file, fcntl.F_SETLK, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 2 * n, 1, 0))
"""


def test_a_group_is_made_only_where_it_limits_memory_and_processes(tmp_path: Path) -> None:
    """One without these controllers would limit nothing, and be believed to."""
    assert not may_have_control_groups(tmp_path)
    (tmp_path / "cgroup.procs").touch()
    for controllers, expected in (("", False), ("cpu memory\n", False), ("cpu memory pids\n", True)):
        (tmp_path / "cgroup.subtree_control").write_text(controllers)
        assert may_have_control_groups(tmp_path) is expected


def test_only_its_own_limit_is_a_submission_s_doing(tmp_path: Path) -> None:
    """A kernel that ends since the machine has no memory is tried again, and one that took too much is not."""
    group = ControlGroup(tmp_path / "group", Limits(memory_mb=1000, disk_mb=100, processes=8))
    assert (group.folder / "memory.max").read_text() == str(1625 << 20)
    assert (group.folder / "pids.max").read_text() == "24"
    for events, expected in (("", False), ("oom 0\noom_kill 2\n", False), ("max 3\noom 1\noom_kill 1\n", True)):
        (group.folder / "memory.events").write_text(events)
        assert group.exceeded is expected


def test_doctor_says_whether_groups_can_be_had() -> None:
    """Who grades would rely on a limit that is not there."""
    finding, why = memory_of_all(), why_no_control_groups()
    assert finding.good is not bool(why)
    assert why in finding.text
    assert not finding.needed


def test_a_process_that_is_gone_has_no_group() -> None:
    """A kernel that ends early would be a fault of the grader."""
    assert control_group_around(2**22, Limits()) is None


@pytest.mark.slow
@pytest.mark.skipif(bool(why_no_control_groups()), reason=why_no_control_groups())
def test_what_linux_holds_for_a_notebook_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks on a file are memory that no process holds. Their number has an end too, which is not what is seen here."""
    monkeypatch.setattr(call_counter, "LOCKS", 10**8)
    limits = Limits(memory_mb=300, disk_mb=16)
    with open_sandbox(limits) as sandbox, Kernel(sandbox, {}) as kernel:
        assert kernel.execute(LOCKS, 300).died
        assert kernel.ended_for == PROCESSES
        assert not kernel.ended_by_itself
