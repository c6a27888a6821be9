"""A filter of system calls: it refuses what namespaces and Landlock leave open.

- What belongs to no namespace and so reaches other submissions or the host: key rings, sockets other than Unix and
  internet ones (AF_VSOCK leads to the host of a virtual machine), the kernel's log, notices of files that others open.
- Memory that no process holds: System V segments, queues, `memfd_create`.
- Interfaces of the kernel that no coursework needs.
- The limit on core dumps: lowered from 1 to 0, it would let the host's core handler run.
- Without namespaces also every socket but Unix ones (no network, not even UDP), other processes' memory, and new
  namespaces.

Classic BPF, assembled by hand; numbers are Linux's own (asm/unistd.h, linux/seccomp.h).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from autograder.sandbox.inside.libc import checked, libc

__all__ = ["filter_program", "restrict"]

LOAD, EQUALS, ALL_OF, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE = 0, 4
FIRST_ARGUMENT, SECOND_ARGUMENT, THIRD_ARGUMENT, WORD = 16, 24, 32, 4
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
PR_SET_SECCOMP, MODE_FILTER = 22, 2
CLONE_NEWUSER = 0x10000000
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
NETLINK_ROUTE, RLIMIT_CORE = 0, 4
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
    "syslog": (103, 116),
    "inotify_init": (253, -1),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
REFUSED_WITHOUT_NAMESPACES = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
}
SOCKET, SOCKETPAIR, CLONE, CLONE3 = (41, 198), (53, 199), (56, 220), (435, 435)
SETRLIMIT, PRLIMIT = (160, 164), (302, 261)


def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction; the jumps say how many instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def refuse(number: int) -> bytes:
    return step(RETURN, REFUSE | number)


ALLOWED = step(RETURN, ALLOW)


def when(value: int, then: list[bytes]) -> list[bytes]:
    """Do the instructions `then`, which must end in a return, if what was loaded last is `value`."""
    return [step(EQUALS, value, 0, len(then)), *then]


def filter_program(machine: str, namespaces: bool) -> bytes:
    """The filter for a processor, as `os.uname()` names it, and for a process with `namespaces` of its own or without.
    Raises OSError for an unknown processor."""
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"there is no system call filter for {machine} processors")
    column = list(MACHINES).index(machine)
    program = [step(LOAD, ARCHITECTURE), step(EQUALS, MACHINES[machine], 1, 0), refuse(errno.ENOSYS)]
    program += [step(LOAD, NUMBER), step(AT_LEAST, SECOND_SET, 0, 1), refuse(errno.ENOSYS)]
    for numbers in (REFUSED if namespaces else REFUSED | REFUSED_WITHOUT_NAMESPACES).values():
        if numbers[column] >= 0:
            program += when(numbers[column], [refuse(errno.EPERM)])
    program += core_limit(column)
    program += when(SOCKETPAIR[column], [step(LOAD, FIRST_ARGUMENT), *when(AF_UNIX, [ALLOWED]), refuse(errno.EPERM)])
    program += sockets(column) if namespaces else without_namespaces(column)
    return b"".join([*program, ALLOWED])


def core_limit(column: int) -> list[bytes]:
    """Refuse to change the limit on core dumps, but let it be read."""
    unchanged = [step(EQUALS, 0, 1, 0), refuse(errno.EPERM)]
    new_limit = [step(LOAD, THIRD_ARGUMENT), *unchanged, step(LOAD, THIRD_ARGUMENT + WORD), *unchanged, ALLOWED]
    program = when(SETRLIMIT[column], [step(LOAD, FIRST_ARGUMENT), *when(RLIMIT_CORE, [refuse(errno.EPERM)]), ALLOWED])
    return program + when(PRLIMIT[column], [step(LOAD, SECOND_ARGUMENT), *when(RLIMIT_CORE, new_limit), ALLOWED])


def sockets(column: int) -> list[bytes]:
    """Allow sockets that a network namespace holds: Unix, internet, and netlink to look at the own network."""
    netlink = [step(LOAD, THIRD_ARGUMENT), *when(NETLINK_ROUTE, [ALLOWED]), refuse(errno.EPROTONOSUPPORT)]
    families = [step(LOAD, FIRST_ARGUMENT)]
    for family in (AF_UNIX, AF_INET, AF_INET6):
        families += when(family, [ALLOWED])
    return when(SOCKET[column], [*families, *when(AF_NETLINK, netlink), refuse(errno.EAFNOSUPPORT)])


def without_namespaces(column: int) -> list[bytes]:
    """Refuse calls for some arguments: those that make namespaces, and those that make network sockets."""
    # No filter can read clone3's flags, which lie in memory. Without it the C library uses clone.
    program = when(CLONE3[column], [refuse(errno.ENOSYS)])
    flags = [step(LOAD, FIRST_ARGUMENT), step(ALL_OF, CLONE_NEWUSER, 0, 1), refuse(errno.EPERM), ALLOWED]
    program += when(CLONE[column], flags)
    # ZeroMQ takes this error as "no such thing here"; at any other it would end the process.
    families = [step(LOAD, FIRST_ARGUMENT), *when(AF_UNIX, [ALLOWED]), refuse(errno.EOPNOTSUPP)]
    return program + when(SOCKET[column], families)


def restrict(namespaces: bool) -> None:
    """Filter the system calls of this process and of all that it starts; it must have given up new privileges
    before. Raises OSError."""
    program = ctypes.create_string_buffer(filter_program(os.uname().machine, namespaces))
    count = len(program.raw) // 8
    pointer = struct.pack("@HP", count, ctypes.addressof(program))
    checked(libc.prctl(PR_SET_SECCOMP, MODE_FILTER, pointer, 0, 0), "prctl, to set the system call filter")
