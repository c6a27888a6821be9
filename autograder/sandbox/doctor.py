"""The promises of this machine about student code; each is tried."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from autograder.distribution import DISTRIBUTION, installed_extras, lacks_grading, other_autograder
from autograder.sandbox.control_group import why_no_control_groups
from autograder.sandbox.inside import landlock
from autograder.sandbox.levels import STRONGEST, choose_level, open_sandbox, remedy
from autograder.sandbox.limits import BEST, Limits
from autograder.sandbox.sandbox_errors import SandboxBroken, SandboxMissing
from autograder.version import __version__

__all__ = ["Finding", "examine"]


@dataclass(frozen=True)
class Finding:
    """One property of this machine. Grading is impossible without what is `needed`."""

    what: str
    good: bool
    text: str
    needed: bool = True

    @property
    def mark(self) -> str:
        """A cross only for a finding that must be mended before anybody can be graded."""
        return "✓" if self.good else "✗" if self.needed else "–"


def examine() -> list[Finding]:
    """Every finding, from the most needed to the least."""
    if lacks := lacks_grading():
        return [package(), python(), Finding("grading", False, lacks)]
    return [package(), python(), sandbox(), *inside(), second_barrier(), memory_of_all()]


def package() -> Finding:
    """Which of this package is installed, and whether another project has taken its place."""
    extras = installed_extras()
    text = f"{DISTRIBUTION} {__version__}, " + (f"with the extras {', '.join(extras)}" if extras else "without extras")
    other = other_autograder()
    return Finding("package", not other, other or text)


def python() -> Finding:
    good = sys.version_info >= (3, 11)
    return Finding("Python", good, f"{sys.version.split()[0]}" + ("" if good else ": 3.11 or newer is needed"))


def sandbox() -> Finding:
    """The finding on the sandbox there is, and on the gaps of a weaker one."""
    try:
        level = choose_level(BEST)
    except SandboxMissing as error:
        return Finding("sandbox", False, str(error))
    reason = STRONGEST.missing()
    text = f"{level.summary()} ({reason}); {remedy()}".removesuffix("; ") if reason else level.summary()
    return Finding("sandbox", not reason, text, needed=False)


def second_barrier() -> Finding:
    version = landlock.abi()
    text = f"version {version}" if version else "this Linux has none: grading works, with one barrier less"
    return Finding("Landlock", version > 0, text, needed=False)


def memory_of_all() -> Finding:
    """Whether Linux itself limits what a submission's processes hold together."""
    why = why_no_control_groups()
    text = (
        f"no control groups can be made here ({why}): the memory of a submission's processes is watched, but not what "
        "Linux holds for them; with systemd, run `systemd-run --user --scope -p Delegate=yes autograder grade NAME`"
    )
    good = "a control group for each submission limits all its memory, what Linux holds for it too, and its processes"
    return Finding("control groups", not why, text if why else good, needed=False)


TRIALS: list[tuple[str, str, str]] = [
    ("network", "__import__('socket').create_connection(('192.0.2.1', 80), 1)", "student code reaches no network"),
    ("system", "open('/etc/shadow')", "student code sees no system secrets"),
    ("memory", "bytearray(1 << 33)", "memory is limited"),
]


def inside() -> list[Finding]:
    """The properties of a real sandbox as student code finds it; empty where there is none."""
    from autograder.sandbox.kernel import Kernel

    try:
        with (
            tempfile.NamedTemporaryFile() as own,
            open_sandbox(Limits(start_seconds=30, memory_mb=1024)) as sandbox,
            Kernel(sandbox, {}) as kernel,
        ):
            files = ("files", f"open({own.name!r})", "student code does not see your files")
            return [try_code(kernel.execute, *trial) for trial in (*TRIALS, files)]
    except SandboxMissing:
        return []
    except SandboxBroken as error:
        return [Finding("sandbox", False, str(error).split("\n")[0])]


def try_code(execute: Callable[..., object], what: str, code: str, promise: str) -> Finding:
    """Run code that must fail in a sandbox."""
    outputs = execute(code, 10).outputs.cells  # type: ignore[attr-defined]
    failed = any(output["output_type"] == "error" for output in outputs)
    return Finding(what, failed, promise if failed else f"not so: {promise}")
