"""How much of each thing student code may use, and in which sandbox it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["BEST", "MB", "Limits"]

MB = 2**20
BEST = "best"


@dataclass(frozen=True)
class Limits:
    """Times in seconds, sizes in MB (2**20 bytes) unless the name says otherwise.

    `sandbox` is the name of a level (`levels.LEVELS`), or "best" for the strongest that this machine has.
    """

    cell_seconds: float = 30
    notebook_seconds: float = 600
    start_seconds: float = 60
    memory_mb: int = 2048
    processes: int = 64
    file_mb: int = 64
    disk_mb: int = 128
    output_kb: int = 512
    sandbox: str = BEST

    def with_run_time(self, times: float) -> Limits:
        """The limits of somebody whose code may run so many times as long."""
        seconds = {name: times * getattr(self, name) for name in ("cell_seconds", "notebook_seconds")}
        return replace(self, **seconds)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, to be sent to the other side."""
        return asdict(self)
