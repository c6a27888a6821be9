"""Run a command as an unprivileged user who can still read what root can.

Other users cannot reach root's files (a Python below /root, say) by path. So in a mount namespace of its own, this
process first shows each source in /tmp under its number; then it becomes the user and runs the command. /tmp exists
everywhere, every user can reach it, and nothing of it is left afterwards.
"""

from __future__ import annotations

import os
import stat

from autograder.sandbox.inside.libc import checked, libc

__all__ = ["FOLDER", "main"]

MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
CLONE_NEWNS = 0x20000
FOLDER = "/tmp"


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2). Raises OSError."""
    checked(libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()), f"mount {target}")


def main(uid: str, *arguments: str) -> None:
    """Show the sources, become the user `uid`, and run the command: `arguments` are sources, then `--`, then the
    command. Raises OSError."""
    split = arguments.index("--")
    if split:  # without sources, nothing needs to be mounted, which takes a capability that containers lack
        checked(libc.unshare(CLONE_NEWNS), "unshare")
        mount("none", "/", "", MS_REC | MS_PRIVATE)
        show(arguments[:split])
    os.chdir("/")
    os.setgroups([])
    os.setresgid(int(uid), int(uid), int(uid))
    os.setresuid(int(uid), int(uid), int(uid))
    command = arguments[split + 1 :]
    os.execv(command[0], command)


def show(sources: tuple[str, ...]) -> None:
    """Show each source in `FOLDER` under its number."""
    handles = [os.open(source, os.O_PATH) for source in sources]  # those in /tmp are about to be covered
    mount("tmpfs", FOLDER, "tmpfs", 0, "mode=0755")
    for number, handle in enumerate(handles):
        target = f"{FOLDER}/{number}"
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT))
        mount(f"/proc/self/fd/{handle}", target, "", MS_BIND | MS_REC)
