"""Keeps libraries from importing what nobody needs here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ADDRESS_PARSER", "unimportable"]

# To check a kind of address that no notebook has, jsonschema would make a parser of it: a second for every process.
ADDRESS_PARSER = "rfc3987_syntax"


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
