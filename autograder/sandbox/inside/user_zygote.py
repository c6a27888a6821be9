"""The weaker sandbox from inside, for root in a container that refuses namespaces.

The zygote is root's and never runs student code. For each job it forks a child, which becomes a system user of its own
with a folder of its own, and drops its privileges: limits, Landlock, a filter of system calls.
"""

from __future__ import annotations

import os
import socket
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from autograder.kernel_side.wire import Channel
from autograder.sandbox.cleanup_user import cleanup_all
from autograder.sandbox.descriptors import receive_descriptors, send_descriptors
from autograder.sandbox.inside import seccomp, system_users
from autograder.sandbox.inside.confine import DEVICES, confine
from autograder.sandbox.inside.zygote import do, fork_for_each_job, load, pass_on
from autograder.sandbox.paths import environment, package_folder, readable_paths

__all__ = ["main"]

READABLE = ("/proc/cpuinfo", "/proc/meminfo", *DEVICES)


def main(control: str, folder: str, preload: str) -> None:
    """Do jobs that come over the socket `control`; each user has a folder in `folder`. When the other side is gone,
    remove everything of every user."""
    os.chdir("/")
    load(preload)
    sock = socket.socket(fileno=int(control))
    Channel(sock).send({"reusable": True}, [])
    fork_for_each_job(sock, partial(enter, Path(folder)))
    cleanup_all(folder)


def enter(folder: Path, sock: socket.socket) -> None:
    """In a child of the zygote: start the process that does the job, and send its pidfd, its user, and its messages."""
    status = 1
    try:
        descriptors = receive_descriptors(sock)
        job, contents = Channel(sock).receive()
        ours, theirs = socket.socketpair()
        first = os.fork()
        if first == 0:
            sock.close()
            ours.close()
            home = become_user(folder, system_users.user_of(os.getpid()))
            do(job, contents, descriptors, theirs, partial(drop_privileges, home))
        theirs.close()
        send_descriptors(sock, [os.pidfd_open(first)])
        Channel(sock).send({"user": system_users.user_of(first)}, [])
        pass_on(ours, sock)
        status = 0
    finally:
        os._exit(status)


def become_user(folder: Path, user: int) -> Path:
    """Make the user's folder, become the user, and return the folder."""
    own = folder / str(user)
    for path in (own, own / "student", own / "tmp"):
        path.mkdir(mode=0o700)
        os.chown(path, user, user)
    system_users.become(user)
    os.environ.update(environment(str(own / "student"), str(own / "tmp")))
    tempfile.tempdir = None
    return own


def drop_privileges(own: Path, limits: dict[str, Any], keep: list[int]) -> int | None:
    """Limit this process: it can write only in the user's own folder, and read only an allow-list of the system.
    Returns the descriptor of the system call filter, if it has one."""
    readable = [*readable_paths(), package_folder(), *READABLE]
    confine(limits, keep, [str(own), *DEVICES], map(str, readable))
    return seccomp.restrict(namespaces=False)
