"""A copy of the answer key in the place of a student's kernel, for validation."""

from __future__ import annotations

import time

from autograder.kernel_side.wire import Frames, WireError
from autograder.sandbox.cell_outputs import Outputs
from autograder.sandbox.kernel import Execution
from autograder.sandbox.limits import Limits

__all__ = ["CopiedKernel"]

GRACE = 3.0  # seconds until a copy has interrupted itself


class CopiedKernel:
    """A copy of the answer key as it is before one of its cells. It runs the cells that follow as a kernel would, but
    starts by a fork, and shows no outputs."""

    ended_for, ended_by_itself, peak_mb = "", False, 0.0

    def __init__(self, channel: Frames, limits: Limits) -> None:
        self.channel, self.limits = channel, limits
        self.alive = True
        self.tampering: set[str] = set()

    def execute(self, code: str, seconds: float) -> Execution:
        """Run a cell. At the end of `seconds` the copy interrupts itself."""
        execution = Execution(Outputs(0))
        deadline = time.monotonic() + seconds + GRACE
        try:
            self.channel.send({"op": "run", "id": 0, "source": code, "seconds": seconds}, [], deadline)
            reply, _ = self.channel.receive(deadline)
        except (TimeoutError, WireError):
            self.kill()
            execution.died = True
            return execution
        execution.failed, execution.count = bool(reply["error"]), reply["count"]
        return execution

    def start_serving(self) -> str:
        """A copy serves whenever it runs no cell."""
        return ""

    def stop_serving(self, asked: str) -> bool:
        return False

    def interrupt(self) -> None:
        """A copy interrupts itself."""

    def kill(self) -> None:
        """Ask nothing more of it. The copy ends when its channel is closed."""
        self.alive = False
