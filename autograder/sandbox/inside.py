"""The first code inside a sandbox: takes a job, closes the last doors, becomes a kernel or the answer key."""

from __future__ import annotations

import os
import resource
import socket
from pathlib import Path

from autograder.kernel_side.wire import Channel, Message
from autograder.sandbox import landlock
from autograder.sandbox.descriptors import receive_descriptors
from autograder.sandbox.limits import MB

__all__ = ["main"]

WRITABLE = ("/home/student", "/tmp", "/dev/shm", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def main(control: int) -> None:
    """Wait for the job on the socket `control`, and do it. Never returns normally."""
    sock = socket.socket(fileno=control)
    descriptors = receive_descriptors(sock)
    channel = Channel(sock)
    job, contents = channel.receive()
    write_files(job["files"], contents)
    confine(job["limits"])
    if job["kind"] == "kernel":
        from autograder.sandbox.inside_kernel import run_kernel

        sock.close()
        run_kernel(dict(zip(job["sockets"], descriptors, strict=True)), job["key"])
    else:
        from autograder.sandbox.inside_reference import run_reference

        run_reference(channel)


def write_files(names: list[str], contents: list[bytes]) -> None:
    """The assignment's and the student's own files, into the student's folder."""
    for name, content in zip(names, contents, strict=True):
        path = Path.home() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def confine(limits: Message) -> None:
    """Limits and the second wall; from here on nothing can be taken back."""
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    caps = {
        resource.RLIMIT_DATA: int(limits["memory_mb"] * MB),
        resource.RLIMIT_NPROC: int(limits["processes"]),
        resource.RLIMIT_FSIZE: int(limits["file_mb"] * MB),
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 1024,
    }
    for which, value in caps.items():
        resource.setrlimit(which, (value, value))
    if landlock.abi():
        landlock.restrict(path for path in WRITABLE if os.path.exists(path))
