"""Why student code could not be run at all: never because of the student."""

from __future__ import annotations

__all__ = ["SandboxBroken", "SandboxError", "SandboxMissing"]


class SandboxError(Exception):
    """Student code cannot be run here; the text says why."""


class SandboxMissing(SandboxError):
    """This machine cannot confine student code; the text says what to do."""


class SandboxBroken(SandboxError):
    """The sandbox itself failed before student code ran in it; the message has its output."""
