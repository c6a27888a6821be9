"""What this machine can promise about student code, found out by trying."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from autograder.sandbox import landlock
from autograder.sandbox.box import Box, SandboxBroken
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.limits import Limits
from autograder.sandbox.walls import SandboxMissing, bubblewrap

__all__ = ["Finding", "examine"]


@dataclass(frozen=True)
class Finding:
    """One thing about this machine. Grading cannot do without what is `needed`."""

    what: str
    good: bool
    text: str
    needed: bool = True


def examine() -> list[Finding]:
    """Every finding, the needed ones first."""
    return [python(), namespaces(), *inside(), second_wall()]


def python() -> Finding:
    good = sys.version_info >= (3, 11)
    return Finding("Python", good, f"{sys.version.split()[0]}" + ("" if good else ": 3.11 or newer is needed"))


def namespaces() -> Finding:
    """Whether there is a bubblewrap at all."""
    try:
        return Finding("bubblewrap", True, bubblewrap())
    except SandboxMissing as error:
        return Finding("bubblewrap", False, str(error))


def second_wall() -> Finding:
    version = landlock.abi()
    text = (
        f"version {version}" if version else "this Linux has none: student code has one wall less, grading still works"
    )
    return Finding("Landlock", version > 0, text, needed=False)


TRIALS: list[tuple[str, str, str]] = [
    ("network", "__import__('socket').create_connection(('192.0.2.1', 80), 1)", "student code reaches no network"),
    ("files", f"open({os.path.abspath(__file__)!r}).read()", "student code does not see this program's own folder"),
    ("home", "open('/etc/shadow')", "student code sees no system secrets"),
    ("memory", "bytearray(1 << 33)", "memory is limited"),
]


def inside() -> list[Finding]:
    """What student code finds in a real sandbox."""
    try:
        with Box(Limits(start_seconds=30, memory_mb=1024)) as box, Kernel(box, {}) as kernel:
            return [tried(kernel.execute, *trial) for trial in TRIALS]
    except (SandboxBroken, SandboxMissing) as error:
        said = str(error).split("\n")[0]
        return [
            Finding(
                "sandbox",
                False,
                f"{said}. On Ubuntu, `apt install bubblewrap` brings the permission it needs; "
                "in a container, allow user namespaces.",
            )
        ]


def tried(execute: Callable[..., object], what: str, code: str, promise: str) -> Finding:
    """Run code that must fail in a sandbox."""
    outputs = execute(code, 10).outputs.cells  # type: ignore[attr-defined]
    failed = any(output["output_type"] == "error" for output in outputs)
    return Finding(what, failed, promise if failed else f"not so: {promise}")
