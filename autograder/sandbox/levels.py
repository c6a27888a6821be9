"""The sandbox levels, and which of them this machine has: the strongest, unless the course asks for a certain one."""

from __future__ import annotations

from autograder.sandbox.base import PRELOAD_KERNEL, Sandbox
from autograder.sandbox.container import advice
from autograder.sandbox.limits import BEST, Limits
from autograder.sandbox.namespace_sandbox import NamespaceSandbox
from autograder.sandbox.no_sandbox import NoSandbox
from autograder.sandbox.paths import python_paths, unreachable_folder
from autograder.sandbox.sandbox_errors import SandboxMissing
from autograder.sandbox.user_sandbox import UserSandbox

__all__ = ["LEVELS", "STRONGEST", "UNSAFE", "choose_level", "confines", "open_sandbox", "remedy"]

STRONGEST, UNSAFE = NamespaceSandbox, NoSandbox
LEVELS: dict[str, type[Sandbox]] = {level.name: level for level in (STRONGEST, UserSandbox, UNSAFE)}  # strongest first
ELSEWHERE = "grade on Linux (WSL on Windows, a virtual machine on macOS)"
OR_UNSAFE = "or grade without any sandbox with --unsafe"


def open_sandbox(limits: Limits, preload: tuple[str, ...] = PRELOAD_KERNEL) -> Sandbox:
    """A new sandbox of the level `limits.sandbox`, which has imported the modules `preload` when the first job comes.
    Raises SandboxMissing where there is none.

    A level that was chosen is not tried out again: if it does not work any more, it says so when it gets a job."""
    level = choose_level(BEST) if limits.sandbox == BEST else LEVELS[limits.sandbox]
    return level(limits, preload)


def choose_level(wanted: str, *, alone: bool = False) -> type[Sandbox]:
    """The sandbox level named `wanted`; for "best" the strongest that can be had here. Raises SandboxMissing.

    `alone` says that nobody else's work is on this machine: then "best" takes one with a drawback too, if it confines.
    """
    if wanted != BEST:
        if reason := LEVELS[wanted].missing():
            raise SandboxMissing(f"the sandbox {wanted!r} is asked for and cannot be had here: {reason}")
        return LEVELS[wanted]
    reasons = {}
    for level in filter(lambda level: level.confines, LEVELS.values()):
        reason = level.missing() or ("" if alone else level.drawback())
        if not reason:
            return level
        reasons[level.name] = reason
    why = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise SandboxMissing(f"student code cannot be confined here ({why}): {remedy() or ELSEWHERE}, {OR_UNSAFE}")


def remedy() -> str:
    """How the container must be started for the strongest level; empty outside of containers."""
    return advice(unreachable_folder(python_paths()) is not None)


def confines(wanted: str) -> bool:
    """Whether the level named `wanted` confines student code; "best" always does."""
    return wanted == BEST or LEVELS[wanted].confines
