"""A limit on the time that one export may take."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["limited"]

SECONDS = 60


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """End this process when the time is over (where the system can do that).

    By the signal's own action, not a handler: Typst's compiler would not let a handler run.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
