"""One job without a sandbox: the process that `no_sandbox.NoSandbox` starts."""

from __future__ import annotations

import os
import resource
import socket

from autograder.kernel_side.wire import Channel
from autograder.sandbox.descriptors import SERVE_DESCRIPTOR, receive_descriptors, send_descriptors
from autograder.sandbox.inside.zygote import do

__all__ = ["main"]


def main(control: str, preload: str) -> None:
    """Do the one job that comes over the socket `control`; nothing is preloaded for it. A pipe shows its end."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SERVE_DESCRIPTOR + 24, most))  # some systems begin with 256
    sock = socket.socket(fileno=int(control))
    channel = Channel(sock)
    channel.send({"reusable": False}, [])
    descriptors = receive_descriptors(sock)
    job, contents = channel.receive()
    ended, _ = os.pipe()  # the other end is open as long as this process is
    send_descriptors(sock, [ended])
    os.close(ended)
    do(job, contents, descriptors, sock, lambda limits, keep: None)
