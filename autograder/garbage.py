"""Importing this lets a process look for garbage seldom, and not at its end: for a command, and for the process that
workers are forked from. Nearly all that they load stays until then, and looking through it costs a tenth of a second
and more."""

from __future__ import annotations

import atexit
import gc

__all__ = ["USUAL"]

USUAL = gc.get_threshold()

gc.set_threshold(100_000)
atexit.register(gc.freeze)
