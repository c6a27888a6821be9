"""Run a command as somebody unprivileged who can still read what root can.

    as_nobody.py UID SOURCE… -- COMMAND…

Root's files (a Python below /root, say) are out of reach for anybody else by path. So, in a mount
namespace of its own, each SOURCE is first shown in /tmp by its number; then this process becomes UID and
runs COMMAND. /tmp, because it is there everywhere, everybody can reach it, and nothing is left of it
afterwards. Standard library only, and no import of the package: it runs before anything else.
"""

import ctypes
import os
import stat
import sys

__all__ = ["main"]

MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
CLONE_NEWNS = 0x20000
FOLDER = "/tmp"

libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2). Raises OSError."""
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def main(uid: int, sources: list[str], command: list[str]) -> None:
    """Show the sources, become `uid`, run the command. Raises OSError."""
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    handles = [os.open(source, os.O_PATH) for source in sources]  # those in /tmp are about to be covered
    mount("tmpfs", FOLDER, "tmpfs", 0, "mode=0755")
    for number, handle in enumerate(handles):
        target = f"{FOLDER}/{number}"
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT))
        mount(f"/proc/self/fd/{handle}", target, "", MS_BIND | MS_REC)
    os.chdir("/")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execv(command[0], command)


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(int(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1 :])
