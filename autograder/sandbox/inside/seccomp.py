"""A filter of system calls: it refuses what namespaces and Landlock leave open.

- What belongs to no namespace and so reaches other submissions or the host: key rings, sockets other than Unix and
  internet ones (AF_VSOCK leads to the host of a virtual machine), the kernel's log, notices of files that others open.
- Memory that no process holds: System V segments, queues, `memfd_create`.
- What all of the machine has only so much of: TCP's memory, events of asynchronous input and output, huge pages.
- Interfaces of the kernel that no coursework needs.
- The limit on core dumps: lowered from 1 to 0, it would let the host's core handler run.
- What Linux keeps for student code without limit, in memory that no process holds: watches of epoll, of which each of
  the machine's users has a number too, and locks on parts of files. Whoever started the process counts these
  (`call_counter`).
- Without namespaces also every socket but Unix ones (no network, not even UDP), and of these whatever leads to a
  service of this machine (`connect`, datagrams); other processes' memory, and new namespaces.

Classic BPF, assembled by hand; numbers are Linux's own (asm/unistd.h, linux/seccomp.h).
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

from autograder.sandbox.inside.libc import checked, libc

__all__ = ["filter_program", "restrict"]

LOAD, MASK, EQUALS, ALL_OF, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE = 0, 4
FIRST_ARGUMENT, SECOND_ARGUMENT, THIRD_ARGUMENT, FOURTH_ARGUMENT, WORD = 16, 24, 32, 40, 4
ALLOW, REFUSE, ASK = 0x7FFF0000, 0x00050000, 0x7FC00000
PR_SET_SECCOMP, MODE_FILTER = 22, 2
SET_MODE_FILTER, NEW_LISTENER, WAIT_KILLABLE = 1, 8, 32
LISTENING = (NEW_LISTENER | WAIT_KILLABLE, NEW_LISTENER)  # the first since Linux 5.19
CAN_CONTINUE = (5, 5)  # the Linux in which a call that was asked for may go on
CLONE_NEWUSER = 0x10000000
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_TYPES = 1, 2, 5, 0xF  # the other bits are flags
F_NOTIFY, MAP_HUGETLB = 1026, 0x40000
NETLINK_ROUTE, RLIMIT_CORE = 0, 4
EPOLL_CTL_ADD = 1
LOCKING = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW
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
    "io_setup": (206, 0),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
}
REFUSED_WITHOUT_NAMESPACES = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "connect": (42, 203),
}
SOCKET, SOCKETPAIR, CLONE, CLONE3 = (41, 198), (53, 199), (56, 220), (435, 435)
SETRLIMIT, PRLIMIT, FCNTL, MMAP = (160, 164), (302, 261), (72, 25), (9, 222)
SECCOMP, EPOLL_CTL = (317, 277), (233, 21)


def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction; the jumps say how many instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def refuse(number: int) -> bytes:
    return step(RETURN, REFUSE | number)


ALLOWED, ASKED = step(RETURN, ALLOW), step(RETURN, ASK)


def when(value: int, then: list[bytes]) -> list[bytes]:
    """Do the instructions `then`, which must end in a return, if the value loaded last is `value`."""
    return [step(EQUALS, value, 0, len(then)), *then]


def filter_program(machine: str, namespaces: bool, counted: bool = False) -> bytes:
    """The filter for a processor, as `os.uname()` names it, and for a process with `namespaces` of its own or without;
    `counted` asks whoever listens for each watch and each lock. Raises OSError for an unknown processor."""
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"there is no system call filter for {machine} processors")
    column = list(MACHINES).index(machine)
    program = [step(LOAD, ARCHITECTURE), step(EQUALS, MACHINES[machine], 1, 0), refuse(errno.ENOSYS)]
    program += [step(LOAD, NUMBER), step(AT_LEAST, SECOND_SET, 0, 1), refuse(errno.ENOSYS)]
    for numbers in (REFUSED if namespaces else REFUSED | REFUSED_WITHOUT_NAMESPACES).values():
        if numbers[column] >= 0:
            program += when(numbers[column], [refuse(errno.EPERM)])
    program += core_limit(column)
    locks = [when(command, [ASKED]) for command in LOCKING if counted]
    notices = [step(LOAD, SECOND_ARGUMENT), *when(F_NOTIFY, [refuse(errno.EPERM)]), *chain(*locks), ALLOWED]
    watches = [step(LOAD, SECOND_ARGUMENT), *when(EPOLL_CTL_ADD, [ASKED]), ALLOWED]
    program += when(EPOLL_CTL[column], watches) if counted else []
    huge = [step(LOAD, FOURTH_ARGUMENT), step(ALL_OF, MAP_HUGETLB, 0, 1), refuse(errno.EPERM), ALLOWED]
    program += when(FCNTL[column], notices) + when(MMAP[column], huge)
    pairs = [ALLOWED] if namespaces else CONNECTED
    program += when(SOCKETPAIR[column], [step(LOAD, FIRST_ARGUMENT), *when(AF_UNIX, pairs), refuse(errno.EPERM)])
    program += sockets(column) if namespaces else without_namespaces(column)
    return b"".join([*program, ALLOWED])


def core_limit(column: int) -> list[bytes]:
    """Refuse to change the limit on core dumps, but let it be read."""
    unchanged = [step(EQUALS, 0, 1, 0), refuse(errno.EPERM)]
    new_limit = [step(LOAD, THIRD_ARGUMENT), *unchanged, step(LOAD, THIRD_ARGUMENT + WORD), *unchanged, ALLOWED]
    program = when(SETRLIMIT[column], [step(LOAD, FIRST_ARGUMENT), *when(RLIMIT_CORE, [refuse(errno.EPERM)]), ALLOWED])
    return program + when(PRLIMIT[column], [step(LOAD, SECOND_ARGUMENT), *when(RLIMIT_CORE, new_limit), ALLOWED])


def only(*kinds: int) -> list[bytes]:
    """Allow sockets of these kinds. ZeroMQ takes the error as "no such thing here"; at most others it would end the
    process."""
    allowed = [when(kind, [ALLOWED]) for kind in kinds]
    return [step(LOAD, SECOND_ARGUMENT), step(MASK, SOCK_TYPES), *chain(*allowed), refuse(errno.EOPNOTSUPP)]


# Unix sockets that reach nothing by themselves: one without a connection could send to any path or name.
CONNECTED = only(SOCK_STREAM, SOCK_SEQPACKET)


def sockets(column: int) -> list[bytes]:
    """Allow sockets that a network namespace holds: Unix, internet, and netlink to look at the own network. No TCP:
    its memory is all of the machine's, and a connection holds ten times as much as other sockets do; Landlock lets
    MSG_FASTOPEN and MPTCP by."""
    netlink = [step(LOAD, THIRD_ARGUMENT), *when(NETLINK_ROUTE, [ALLOWED]), refuse(errno.EPROTONOSUPPORT)]
    families = [step(LOAD, FIRST_ARGUMENT), *when(AF_UNIX, [ALLOWED])]
    for family in (AF_INET, AF_INET6):
        families += when(family, only(SOCK_DGRAM))
    return when(SOCKET[column], [*families, *when(AF_NETLINK, netlink), refuse(errno.EAFNOSUPPORT)])


def without_namespaces(column: int) -> list[bytes]:
    """Refuse calls for some arguments: those that make namespaces, and those that make any sockets but connected Unix
    ones."""
    # No filter can read clone3's flags, which lie in memory. Without it the C library uses clone.
    program = when(CLONE3[column], [refuse(errno.ENOSYS)])
    flags = [step(LOAD, FIRST_ARGUMENT), step(ALL_OF, CLONE_NEWUSER, 0, 1), refuse(errno.EPERM), ALLOWED]
    program += when(CLONE[column], flags)
    families = [step(LOAD, FIRST_ARGUMENT), *when(AF_UNIX, CONNECTED), refuse(errno.EOPNOTSUPP)]
    return program + when(SOCKET[column], families)


def restrict(namespaces: bool) -> int | None:
    """Filter the system calls of this process and of all that it starts; it must have given up new privileges
    before. Returns the descriptor at which watches and locks are asked for, or None where nobody can be asked: Linux is
    too old, or the container's own filter has such a descriptor. Raises OSError."""
    machine = os.uname().machine
    with as_pointer(filter_program(machine, namespaces, counted=True)) as pointer:
        call = SECCOMP[list(MACHINES).index(machine)]
        for flags in LISTENING if linux_version() >= CAN_CONTINUE else ():
            listener = libc.syscall(call, SET_MODE_FILTER, flags, pointer)
            if listener >= 0:
                return int(listener)
    with as_pointer(filter_program(machine, namespaces)) as pointer:
        checked(libc.prctl(PR_SET_SECCOMP, MODE_FILTER, pointer, 0, 0), "prctl, to set the system call filter")
    return None


@contextmanager
def as_pointer(program: bytes) -> Iterator[bytes]:
    """A filter as Linux takes it (struct sock_fprog), as long as the block lasts."""
    held = ctypes.create_string_buffer(program, len(program))
    yield struct.pack("@HP", len(program) // 8, ctypes.addressof(held))


def linux_version() -> tuple[int, ...]:
    """Major and minor number."""
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
