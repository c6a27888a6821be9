"""Limits how many epoll watches and file locks student code may ask Linux for: they take memory that no process holds,
so no other limit counts it."""

from __future__ import annotations

import errno
import os
import select
import struct
import threading
from contextlib import suppress
from fcntl import ioctl

__all__ = ["LOCKS", "WATCHES", "CallCounter"]

# Each takes some 200 bytes. Locks that are given back still count: moving a lock's end is the same call as setting a
# lock, so nobody knows how many a call gives back.
WATCHES, LOCKS = 20_000, 1_000_000
# linux/seccomp.h: a call that waits (id, process, flags, the call and its arguments), and the answer to it.
WAITING, ANSWER = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
RECEIVE, SEND = 0xC0502100, 0xC0182101
CONTINUE = 1
EPOLL_CTL_ADD = 1


class CallCounter:
    """A thread that answers at the descriptor `asked`, which it closes, until the process `pidfd` has ended."""

    def __init__(self, asked: int, pidfd: int) -> None:
        self.asked, self.pidfd = asked, os.dup(pidfd)
        self.left = {"watches": WATCHES, "locks": LOCKS}
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        poller = select.poll()
        for descriptor in (self.asked, self.pidfd):
            poller.register(descriptor, select.POLLIN)
        while poller.poll() == [(self.asked, select.POLLIN)]:
            with suppress(OSError):  # whoever asked is gone
                self._answer()
        os.close(self.asked)
        os.close(self.pidfd)

    def _answer(self) -> None:
        """Let one call go on, or refuse it as Linux does where its own limit is reached."""
        number, *_, second, _, _, _, _ = WAITING.unpack(ioctl(self.asked, RECEIVE, bytes(WAITING.size)))
        kind, refusal = ("watches", errno.ENOSPC) if second == EPOLL_CTL_ADD else ("locks", errno.ENOLCK)
        self.left[kind] -= 1
        goes_on = self.left[kind] >= 0
        ioctl(self.asked, SEND, ANSWER.pack(number, 0, 0 if goes_on else -refusal, CONTINUE if goes_on else 0))

    def close(self) -> None:
        """Wait for its end; the process has ended."""
        self.thread.join()
