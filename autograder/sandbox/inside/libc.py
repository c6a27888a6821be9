"""The C library, for the system calls that Python has no functions for."""

from __future__ import annotations

import ctypes
import os

__all__ = ["PR_SET_NO_NEW_PRIVS", "checked", "libc"]

PR_SET_NO_NEW_PRIVS = 38

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> int:
    """`result`, unless it says that the call failed: then an OSError that names `what`."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return int(result)
