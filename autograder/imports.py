"""Keeps libraries from importing what nobody needs here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["unimportable"]


@contextmanager
def unimportable(name: str) -> Iterator[None]:
    """Let `import name` fail in the block, as if it were not installed; not if it is imported already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
