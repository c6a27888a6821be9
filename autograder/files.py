"""Writing files that are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["whole", "write_whole"]


@contextmanager
def whole(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """A new, empty file beside `path`, which takes its place when the block ends, and vanishes if it raises. A link
    in the place of either is replaced, not followed. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, and the folders above it. Raises OSError."""
    with whole(path) as part:
        part.write_bytes(content)
