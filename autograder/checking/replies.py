"""Reads a reply of a notebook's process, as far as it has the right form."""

from __future__ import annotations

from typing import Any

from autograder.checking.outcomes import Call
from autograder.kernel_side.wire import Message

__all__ = ["call_of", "raised_of"]


def call_of(name: str, reply: Message) -> Call:
    """The call as the other side describes it, as far as the reply has the right form."""
    cost = reply.get("cost")
    return Call(
        name,
        texts(reply.get("warnings")),
        texts(reply.get("changed")),
        {k: v for k, v in cost.items() if type(v) is int and v >= 0} if type(cost) is dict else {},
    )


def texts(value: Any) -> list[str]:
    """The short texts in `value`, if it is a list."""
    return [v[:200] for v in value[:100] if type(v) is str] if type(value) is list else []


def raised_of(reply: Message) -> tuple[str, str, list[list[Any]]]:
    """Type name, text and the student's frames of an exception, as far as they have the right form."""
    name, text, frames = reply.get("type"), reply.get("text"), reply.get("frames")
    good = [
        [frame[0][:100], frame[1], frame[2][:200]]
        for frame in (frames[:10] if isinstance(frames, list) else [])
        if type(frame) is list and [type(part) for part in frame] == [str, int, str]
    ]
    return (
        name[:100] if type(name) is str else "Exception",
        text[:2000] if type(text) is str else "",
        good,
    )
