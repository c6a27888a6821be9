"""Landlock limits what visible files may be used for: a second barrier behind the mounts.

The numbers are the kernel's own (include/uapi/linux/landlock.h). Rights that an older kernel does not know are left
out.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable

from autograder.sandbox.inside.libc import PR_SET_NO_NEW_PRIVS, checked, libc

__all__ = ["abi", "restrict"]

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
PATH_BENEATH = 1
EXECUTE, READ_FILE, READ_DIR = 1 << 0, 1 << 2, 1 << 3
RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 5: 16}
SCOPES = 0b11


def abi() -> int:
    """The Landlock version of the running kernel, 0 if it has none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(libc.syscall(CREATE_RULESET, None, 0, VERSION_FLAG)))


def restrict(writable: Iterable[str], readable: Iterable[str] = ("/",)) -> None:
    """Let this process and its children read and run only what is below `readable` (by default everything they can
    see), and write only below `writable`.

    They can reach no abstract socket, process or TCP port outside. Raises OSError.
    """
    version = abi()
    if version == 0:
        raise OSError("this kernel has no Landlock")
    bits = max(count for level, count in RIGHTS_BY_ABI.items() if level <= version)
    everything = (1 << bits) - 1
    network = 0b11 if version >= 4 else 0
    scopes = SCOPES if version >= 6 else 0
    attributes = struct.pack("=QQQ", everything, network, scopes)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = checked(libc.syscall(CREATE_RULESET, attributes, size, 0), "landlock_create_ruleset")
    try:
        for path in readable:
            allow(ruleset, path, EXECUTE | READ_FILE | READ_DIR)
        for path in writable:
            allow(ruleset, path, everything)
        checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
        checked(libc.syscall(RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def allow(ruleset: int, path: str, rights: int) -> None:
    """Allow `rights` below `path`."""
    if not os.path.isdir(path):
        rights &= ~READ_DIR & 0b1100000000000111
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, handle)
        checked(libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0), f"landlock_add_rule {path}")
    finally:
        os.close(handle)
