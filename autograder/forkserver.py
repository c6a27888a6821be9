"""The process that workers are forked from: it has loaded what they need, and may do so while others still load."""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

__all__ = ["context", "start"]

PRELOAD = ["autograder.grading.execute"]


def context() -> ForkServerContext:
    """How worker processes are made."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(PRELOAD)
    return made


def start() -> None:
    """Start it now; it ends with this process. Ctrl-C, which reaches every process of a terminal, is not for it."""
    context()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it takes this over
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, before)
