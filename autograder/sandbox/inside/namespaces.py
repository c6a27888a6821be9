"""Linux namespaces inside a sandbox: a child sees nothing of its siblings, and its end is the end of all it started."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct

from autograder.sandbox.inside.libc import PR_SET_NO_NEW_PRIVS, checked, libc

__all__ = ["can_nest", "drop_capabilities", "setup_mounts", "unshare"]

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER = 0x00020000, 0x08000000, 0x10000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC = 2, 4, 8, 0x1000, 0x4000
PR_CAPBSET_DROP = 24
CAPABILITY_VERSION_3 = 0x20080522
CAPABILITIES = 64
KEYCTL, JOIN_SESSION_KEYRING = 250 if os.uname().machine == "x86_64" else 219, 1
KEY_LISTS = ("/proc/keys", "/proc/key-users")
MS_RDONLY, MS_REMOUNT = 1, 32
HOST_DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "pts"))
FOLDERS = ("/home/student", "/tmp", "/dev/shm")
PAGES_PER_MB = 2**20 // os.sysconf("SC_PAGE_SIZE")
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def can_nest() -> bool:
    """Whether `unshare` and `setup_mounts` work here, found out by a child that tries."""
    child = os.fork()
    if child == 0:
        try:
            unshare()
            first = os.fork()
            if first == 0:
                setup_mounts(1)
                os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]))
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def unshare() -> None:
    """Make new user, mount, PID (for children), IPC and network namespaces, with the same user. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def setup_mounts(disk_mb: int) -> None:
    """Mount fresh folders, each of at most `disk_mb` MB, and a /proc of this PID namespace without the lists of keys,
    which belong to a user and to no namespace; start the loopback network. Then drop every capability, and with it the
    right to make namespaces. Raises OSError."""
    os.setsid()
    owner = f"mode=0755,uid={os.getuid()},gid={os.getgid()}"
    for folder in FOLDERS:
        # As many files as pages: those without content take the kernel's memory and none of the folder's.
        mount_fresh(folder, f"size={disk_mb}m,nr_inodes={disk_mb * PAGES_PER_MB},{owner}")
    for device in filter(os.path.exists, HOST_DEVICES):
        make_read_only(device)
    start_loopback()
    mount("proc", "/proc", "")
    for keys in filter(os.path.exists, KEY_LISTS):
        checked(libc.mount(b"/dev/null", keys.encode(), None, MS_BIND, None), f"mount {keys}")
    with open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")
    drop_capabilities()


def start_loopback() -> None:
    """Let processes of this network namespace reach each other at 127.0.0.1. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def drop_capabilities() -> None:
    """Drop every capability for good, and leave the inherited key ring. Raises OSError."""
    libc.syscall(KEYCTL, JOIN_SESSION_KEYRING, None, 0, 0, 0)
    for capability in range(CAPABILITIES):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    checked(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def mount_fresh(folder: str, options: str) -> None:
    """Mount an empty folder over `folder`, keeping mounts below it: Python itself may lie in /tmp."""
    shown = {path: os.open(path, os.O_PATH) for path in mounted_below(folder)}
    mount("tmpfs", folder, options)
    for path, handle in shown.items():
        os.makedirs(path, exist_ok=True)
        source = f"/proc/self/fd/{handle}"
        checked(libc.mount(source.encode(), path.encode(), None, MS_BIND | MS_REC, None), f"mount {path}")
        os.close(handle)


def make_read_only(path: str) -> None:
    """Make the mount at `path` read-only. A device still takes and gives data, but nobody can leave a message for the
    next submission in its times or its mode. Raises OSError."""
    kept = os.statvfs(path).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    checked(libc.mount(None, path.encode(), None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept, None), f"remount {path}")


def mounted_below(folder: str) -> list[str]:
    """The folders below `folder` on which something is mounted, outermost first."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        escaped = [line.split()[4] for line in file]
    paths = [path.encode().decode("unicode_escape").encode("latin-1").decode() for path in escaped]
    return sorted(path for path in paths if path.startswith(folder + "/"))


def mount(kind: str, target: str, options: str) -> None:
    flags = MS_NOSUID | MS_NODEV | (MS_NOEXEC if kind == "proc" else 0)
    checked(libc.mount(kind.encode(), target.encode(), kind.encode(), flags, options.encode()), f"mount {target}")
