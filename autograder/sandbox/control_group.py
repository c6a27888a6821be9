"""A control group (cgroup v2) for each kernel, where this process may make one: then Linux itself limits the memory of
a notebook's processes, with what it holds for them, and their number. Elsewhere the watchdog alone looks at memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path

from autograder.sandbox.limits import MB, Limits

__all__ = ["ControlGroup", "control_group_around", "why_no_control_groups"]

CONTROLLERS = {"memory", "pids"}
FOLDERS = 3  # in memory, each of `disk_mb`
# Room for memory that Linux holds and the watchdog does not know: so the watchdog is the first to notice an honest
# notebook.
SPARE = 1.25
OWN_PROCESSES = 16
PATIENCE = 2.0
NUMBERS = count()


class ControlGroup:
    """The control group in `folder`, which is made and limited. Raises OSError."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        folder.mkdir()
        try:
            most = int(SPARE * (limits.memory_mb + FOLDERS * limits.disk_mb) * MB)
            self._write("memory.max", most)
            self._write("memory.oom.group", 1)
            self._write("pids.max", limits.processes + OWN_PROCESSES)
            with suppress(OSError):  # a Linux without swap has no such limit
                self._write("memory.swap.max", 0)
        except OSError:
            self.close()
            raise

    def _write(self, name: str, value: int) -> None:
        (self.folder / name).write_text(str(value))

    def add(self, pid: int) -> None:
        """Take in a process, and all that it starts from now on. Raises OSError."""
        self._write("cgroup.procs", pid)

    @property
    def exceeded(self) -> bool:
        """Whether Linux has ended the processes for their own limit, and not because the machine had no memory."""
        try:
            events = dict(line.split() for line in (self.folder / "memory.events").read_text().splitlines())
        except (OSError, ValueError):
            return False
        return all(events.get(event, "0") != "0" for event in ("oom", "oom_kill"))

    def close(self) -> None:
        """Remove the control group, and end what is still in it."""
        with suppress(OSError):
            self._write("cgroup.kill", 1)
        until = time.monotonic() + PATIENCE
        while self.folder.is_dir() and time.monotonic() < until:
            try:
                self.folder.rmdir()
            except OSError:
                time.sleep(0.02)


def control_group_around(pid: int, limits: Limits) -> ControlGroup | None:
    """A new control group with the process `pid`, or None where none can be made."""
    parent = parent_control_group()
    if parent is None:
        return None
    try:
        control_group = ControlGroup(parent / f"autograder-{os.getpid()}-{next(NUMBERS)}", limits)
    except OSError:
        return None
    try:
        control_group.add(pid)
    except OSError:
        control_group.close()
        return None
    return control_group


@cache
def why_no_control_groups() -> str:
    """Why no control groups can be made here; nothing if they can. Found out by trying."""
    if not sys.platform.startswith("linux") or not cgroup_mount():
        return "this system has no cgroup v2"
    if parent_control_group() is None:
        return "none that limits memory and processes is this user's"
    with subprocess.Popen(["sleep", "60"]) as child:
        control_group = control_group_around(child.pid, Limits())
        child.kill()
    if control_group is None:
        return "processes may not be moved into one"
    control_group.close()
    return ""


@cache
def parent_control_group() -> Path | None:
    """The nearest control group above this process in which it may make others that limit memory and processes."""
    mount, own = cgroup_mount(), own_control_group()
    if not mount or own is None:
        return None
    above = (Path(mount, path) for path in (Path(own), *Path(own).parents))
    return next(filter(may_have_control_groups, above), None)


def may_have_control_groups(folder: Path) -> bool:
    """Whether this process may make control groups in `folder` that limit memory and processes, and move its
    children there."""
    try:
        given = set((folder / "cgroup.subtree_control").read_text().split())
    except OSError:
        return False
    return given >= CONTROLLERS and os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)


def cgroup_mount() -> str:
    """Where control groups are mounted; empty if nowhere."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = [line.split(" - ") for line in file]
    return next((where.split()[4] for where, what in mounts if what.startswith("cgroup2 ")), "")


def own_control_group() -> str | None:
    """The path of this process's control group below the mount."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        found = [line.strip().removeprefix("0::/") for line in file if line.startswith("0::/")]
    return found[0] if found else None
