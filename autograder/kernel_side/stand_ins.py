"""What stands for a value that did not cross as itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Parts", "Unsupported"]


@dataclass(frozen=True, eq=False)
class Unsupported:
    """Stands in for a value whose type does not cross; only the name of the type does. It equals nothing else."""

    type_name: str


@dataclass(frozen=True)
class Parts:
    """A value that was taken apart: what it was, and its parts by name."""

    kind: str
    parts: dict[str, Any]
