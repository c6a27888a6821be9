"""Run a command as somebody unprivileged who can still read what root can.

    as_nobody.py UID FOLDER SOURCE… -- COMMAND…

Root's files (a Python below /root, say) are out of reach for anybody else by path. So, in a mount
namespace of its own, each SOURCE is first shown below FOLDER by its number; then this process becomes
UID and runs COMMAND. Standard library only, and no import of the package: it runs before anything else.
"""

import ctypes
import os
import sys

__all__ = ["main"]

MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
CLONE_NEWNS = 0x20000

libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2). Raises OSError."""
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def main(uid: int, folder: str, sources: list[str], command: list[str]) -> None:
    """Show the sources, become `uid`, run the command. Raises OSError."""
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    mount("tmpfs", folder, "tmpfs", 0, "mode=0755")
    for number, source in enumerate(sources):
        target = f"{folder}/{number}"
        if os.path.isdir(source):
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT))
        mount(source, target, "", MS_BIND | MS_REC)
    os.chdir("/")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execv(command[0], command)


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:split], sys.argv[split + 1 :])
