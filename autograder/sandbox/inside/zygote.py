"""The zygote, the first process inside a sandbox: it imports what jobs need, never runs student code, and forks a child
for each job.

A child lives in namespaces of its own with fresh folders: when its first process ends, everything in it is gone. Where
namespaces cannot be nested, the zygote does one job itself, and the sandbox is used once.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from autograder.imports import unimportable
from autograder.kernel_side.wire import Channel, Message
from autograder.sandbox.descriptors import receive_descriptors, send_descriptors
from autograder.sandbox.fonts import take_fonts
from autograder.sandbox.inside import namespaces, seccomp
from autograder.sandbox.inside.confine import confine, limit_descriptors
from autograder.sandbox.inside.libc import libc
from autograder.sandbox.inside.matplotlib_caches import fill_caches

__all__ = ["do", "fork_for_each_job", "load", "main", "pass_on"]


def main(control: str, preload: str) -> None:
    """Import the modules in `preload` (comma-separated), then do jobs that come over the socket `control`."""
    load(preload)
    if "autograder.sandbox.inside.ipython_kernel" in sys.modules:
        from autograder.sandbox.inside.ipython_kernel import prepare

        prepare()
    sock = socket.socket(fileno=int(control))
    channel = Channel(sock)
    reusable = namespaces.can_nest()
    channel.send({"reusable": reusable}, [])
    if not reusable:
        descriptors = receive_descriptors(sock)
        job, contents = channel.receive()
        send_descriptors(sock, [os.pidfd_open(os.getpid())])
        do(job, contents, descriptors, sock)
    fork_for_each_job(sock, enter)


def load(preload: str) -> None:
    """Import those modules of `preload` (comma-separated) that are installed. From now on, and so in every child,
    garbage is collected less often than usual: one figure is ten thousand objects."""
    gc.set_threshold(10_000)
    take_fonts()
    with unimportable("debugpy"):  # nobody debugs here, and it is a third of a kernel
        for name in filter(None, preload.split(",")):
            with suppress(ImportError):
                import_module(name)
    if "matplotlib_inline.backend_inline" in sys.modules:
        fill_caches()


def fork_for_each_job(sock: socket.socket, enter: Callable[[socket.socket], None]) -> None:
    """Have a child `enter` whenever a job has come, until the other side closes.

    This process only looks whether something has come and does not read it: the next submission begins as a copy of
    this process, and could find in its memory what the last one handed in.
    """
    prepare_to_fork()
    while sock.recv(1, socket.MSG_PEEK):
        child = os.fork()
        if child == 0:
            enter(sock)
        os.waitpid(child, 0)


def prepare_to_fork() -> None:
    """Keep children from writing to shared pages, each of which is then copied: a garbage collection marks all objects,
    and the first large allocation sorts the free memory.
    """
    gc.collect()
    gc.freeze()
    with suppress(AttributeError):  # other C libraries have none
        libc.malloc_trim(0)


def enter(sock: socket.socket) -> None:
    """In a child: make new namespaces, and in them a first process that does the job. Send its pidfd, and what
    it sends."""
    status = 1
    try:
        descriptors = receive_descriptors(sock)
        job, contents = Channel(sock).receive()
        namespaces.unshare()
        ours, theirs = socket.socketpair()
        first = os.fork()
        if first == 0:
            sock.close()
            ours.close()
            namespaces.setup_mounts(int(job["limits"]["disk_mb"]))
            do(job, contents, descriptors, theirs)
        theirs.close()
        send_descriptors(sock, [os.pidfd_open(first)])
        pass_on(ours, sock)
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Pass on the descriptors that come from `source`; none if it ends before."""
    descriptors: list[int] = []
    with suppress(EOFError):
        descriptors = receive_descriptors(source)
    send_descriptors(sink, descriptors)


def drop_privileges(limits: dict[str, Any], keep: list[int]) -> int | None:
    """Limit a process that has namespaces of its own; the system call filter exists for the usual processors. Returns
    the filter's descriptor, if it has one."""
    confine(limits, keep)
    return seccomp.restrict(namespaces=True) if os.uname().machine in seccomp.MACHINES else None


def do(
    job: Message,
    contents: list[bytes],
    descriptors: list[int],
    parent: socket.socket,
    drop: Callable[[dict[str, Any], list[int]], int | None] = drop_privileges,
) -> NoReturn:
    """Drop privileges by `drop` and send `parent` the descriptor of the system call filter, then become a kernel or an
    answer key, as the job says. Never returns."""
    try:
        write_files(job["files"], contents)
        asked = drop(job["limits"], [*descriptors, parent.fileno()])
        with parent:
            send_descriptors(parent, [] if asked is None else [asked])
        if asked is not None:
            os.close(asked)  # who has it may say yes
        limit_descriptors()
        names = dict(zip(job["sockets"], descriptors, strict=True))
        if job["kind"] == "kernel":
            from autograder.sandbox.inside.ipython_kernel import run_kernel

            run_kernel(names, job["key"])
        else:
            from autograder.sandbox.inside.reference import run_reference

            run_reference(Channel(socket.socket(fileno=names["control"])), float(job["limits"]["cell_seconds"]))
    except Exception:
        traceback.print_exc()  # to the sandbox's log, until privileges are dropped
    finally:
        os._exit(1)


def write_files(names: list[str], contents: list[bytes]) -> None:
    """Write the assignment's and the student's own files to the student's folder; leave out what cannot be written."""
    os.chdir(Path.home())
    for name, content in zip(names, contents, strict=True):
        try:
            path = Path.home() / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (OSError, ValueError):
            continue
