"""A filter of system calls: it refuses what namespaces and Landlock leave open.

That is key rings, which belong to no namespace: the next submission of the same user would find what was left in them;
and interfaces of the kernel that no coursework needs. Without namespaces also sockets other than Unix ones (no network,
not even UDP), memory and queues that outlive their process, other processes' memory, new namespaces. Classic BPF,
assembled by hand; numbers are Linux's own (asm/unistd.h, linux/seccomp.h).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from autograder.sandbox.inside.libc import checked, libc

__all__ = ["filter_program", "restrict"]

LOAD, EQUALS, ALL_OF, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
PR_SET_SECCOMP, MODE_FILTER = 22, 2
AF_UNIX, CLONE_NEWUSER = 1, 0x10000000
# x86_64 has a second set of the same calls above this number; no other architecture has as many.
SECOND_SET = 0x40000000

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# By name: the call's number on each of these machines.
REFUSED = {
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
}
REFUSED_WITHOUT_NAMESPACES = {
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
}
SOCKET, CLONE, CLONE3 = (41, 198), (56, 220), (435, 435)


def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction; the jumps say how many instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def refuse(number: int) -> bytes:
    return step(RETURN, REFUSE | number)


def filter_program(machine: str, namespaces: bool) -> bytes:
    """The filter for a processor, as `os.uname()` names it, and for a process with `namespaces` of its own or without.
    Raises OSError for an unknown processor."""
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"there is no system call filter for {machine} processors")
    column = list(MACHINES).index(machine)
    program = [step(LOAD, ARCHITECTURE), step(EQUALS, MACHINES[machine], 1, 0), refuse(errno.ENOSYS)]
    program += [step(LOAD, NUMBER), step(AT_LEAST, SECOND_SET, 0, 1), refuse(errno.ENOSYS)]
    for numbers in (REFUSED if namespaces else REFUSED | REFUSED_WITHOUT_NAMESPACES).values():
        program += [step(EQUALS, numbers[column], 0, 1), refuse(errno.EPERM)]
    return b"".join([*program, *([] if namespaces else without_namespaces(column)), step(RETURN, ALLOW)])


def without_namespaces(column: int) -> list[bytes]:
    """Calls that are refused for some arguments: those that make namespaces, and those that make network sockets."""
    # No filter can read clone3's flags, which lie in memory. Without it the C library uses clone.
    program = [step(EQUALS, CLONE3[column], 0, 1), refuse(errno.ENOSYS)]
    program += [step(EQUALS, CLONE[column], 0, 4), step(LOAD, FIRST_ARGUMENT)]
    program += [step(ALL_OF, CLONE_NEWUSER, 0, 1), refuse(errno.EPERM), step(RETURN, ALLOW)]
    program += [step(EQUALS, SOCKET[column], 0, 3), step(LOAD, FIRST_ARGUMENT)]
    # ZeroMQ takes this error as "no such thing here"; at any other it would end the process.
    return [*program, step(EQUALS, AF_UNIX, 1, 0), refuse(errno.EOPNOTSUPP)]


def restrict(namespaces: bool) -> None:
    """Filter the system calls of this process and of all that it starts; it must have given up new privileges
    before. Raises OSError."""
    program = ctypes.create_string_buffer(filter_program(os.uname().machine, namespaces))
    count = len(program.raw) // 8
    pointer = struct.pack("@HP", count, ctypes.addressof(program))
    checked(libc.prctl(PR_SET_SECCOMP, MODE_FILTER, pointer, 0, 0), "prctl, to set the system call filter")
