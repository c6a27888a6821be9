"""Which sandbox this machine has: the strongest, unless the course asks for a certain one."""

from __future__ import annotations

import os
import sys
from functools import cache

from autograder.sandbox.box import FOR_KERNELS, Box
from autograder.sandbox.errors import SandboxError, SandboxMissing
from autograder.sandbox.inside import landlock, seccomp
from autograder.sandbox.limits import Limits
from autograder.sandbox.namespace_box import NamespaceBox
from autograder.sandbox.plain_box import PlainBox
from autograder.sandbox.user_box import UserBox, out_of_reach

__all__ = ["SANDBOXES", "chosen", "no_namespaces", "no_user", "open_box"]

SANDBOXES: dict[str, type[Box]] = {"namespaces": NamespaceBox, "user": UserBox, "none": PlainBox}
ELSEWHERE = "grade on Linux (WSL on Windows, a virtual machine on macOS), or without any sandbox with --unsafe"


def open_box(limits: Limits, preload: tuple[str, ...] = FOR_KERNELS) -> Box:
    """A new sandbox of the kind that was chosen, or the best, in which the modules `preload` are loaded when the first
    job comes. Raises SandboxMissing where there is none.

    What was chosen is not tried out again: if it does not work any more, it says so when it is given a job."""
    return SANDBOXES[chosen("best") if limits.sandbox == "best" else limits.sandbox](limits, preload)


def chosen(wanted: str) -> str:
    """The kind of sandbox for `wanted`: "best" is the strongest that there is here. Raises SandboxMissing."""
    if wanted == "none":
        return wanted
    reasons = {"namespaces": no_namespaces(), "user": no_user()}
    if wanted != "best":
        if not reasons[wanted]:
            return wanted
        raise SandboxMissing(f"the sandbox {wanted!r} is asked for and cannot be had here: {reasons[wanted]}")
    # Without Landlock, what everybody may read student code may read, the course's own files perhaps.
    if landlock.abi() == 0:
        reasons["user"] = reasons["user"] or "this Linux has no Landlock"
    for kind, reason in reasons.items():
        if not reason:
            return kind
    raise SandboxMissing(
        f"student code cannot be confined here ({reasons['namespaces']}; another user: {reasons['user']}): {ELSEWHERE}"
    )


@cache
def no_namespaces() -> str:
    """Why bubblewrap makes no sandbox here; nothing if it does. Found out by trying, once in a process."""
    try:
        with NamespaceBox(Limits(start_seconds=30), preload=()) as box:
            box.wait_until_ready()
            return ""
    except (SandboxError, OSError) as error:
        return str(error).strip().split("\n")[-1]


@cache
def no_user() -> str:
    """Why student code cannot run as a user of its own here; nothing if it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "only root on Linux can become somebody else"
    try:
        seccomp.filter_program(os.uname().machine, namespaces=False)
    except OSError as error:
        return str(error.strerror)
    hidden = out_of_reach()
    return "" if hidden is None else f"other users cannot reach Python in {hidden}"
