"""A submission can write nothing that it shares with the host or with other submissions."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.slow

PROBE = r"""
import ctypes, os, resource, socket
libc = ctypes.CDLL(None)
def tried(f, *args):
    try:
        return f(*args)
    except BaseException as error:
        return type(error).__name__

# What is shown last at a place is what is there.
mounts = [line.split()[4].encode().decode("unicode_escape") for line in open("/proc/self/mountinfo")]
print("writable", sorted({path for path in mounts if not os.statvfs(path).f_flag & os.ST_RDONLY}))
places = ["/", "/dev", *("/dev/" + name for name in os.listdir("/dev") if name != "shm")]
places = [path for path in places if not os.path.islink(path)]
print("times", [path for path in places if tried(os.utime, path) is None or tried(os.chmod, path, 0o777) is None])
open("/dev/null", "w").write("x")
print("devices", open("/dev/zero", "rb").read(2), len(open("/dev/urandom", "rb").read(2)))
print("families", [f for f in range(46) if type(tried(socket.socket, f, socket.SOCK_DGRAM)) is socket.socket])
print("netlink", [p for p in range(32) if type(tried(socket.socket, 16, socket.SOCK_RAW, p)) is socket.socket])
one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
one.bind(("127.0.0.1", 0))
one.settimeout(5)
other.sendto(b"loopback works", one.getsockname())
print(one.recv(20).decode())
made = 0
os.mkdir("/tmp/many")
while tried(lambda: os.close(os.open(f"/tmp/many/{made}", os.O_CREAT))) is None:
    made += 1
print("files", made)
"""


def test_nothing_that_is_shared_can_be_written(classroom, patient):
    """A submission would leave a message for its own second try, or for a friend's submission, or fill the memory."""
    said = classroom.grade(classroom.cheat(PROBE), limits=patient).printed().splitlines()
    assert said == [
        "writable ['/dev/shm', '/home/student', '/proc', '/tmp']",
        "times []",
        "devices b'\\x00\\x00' 2",
        "families [1, 2, 10, 16]",
        "netlink [0]",
        "loopback works",
        said[-1],
    ]
    # As many as there are pages in 32 MB, but for what lies there anyway.
    assert 8000 < int(said[-1].split()[1]) < 32 * 256


def test_each_submission_has_a_network_of_its_own(classroom):
    """The counters of a network that submissions share would carry messages from one to the next."""
    sent = """
import os, socket
print(os.readlink("/proc/self/ns/net"), open("/proc/net/snmp").read().split("Udp:")[2].split()[3])
for _ in range(9):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("127.0.0.1", 9))
"""
    first, second = (classroom.grade(classroom.cheat(sent)).printed().split() for _ in range(2))
    assert first[1] == second[1]
    assert os.readlink("/proc/self/ns/net") not in (first[0], second[0])


MANY = """
import os, socket, time
for _ in range(5):
    if os.fork() == 0:
        held = [socket.socketpair() for _ in range(480)]
        time.sleep(30)
        os._exit(0)
time.sleep(30)
"""


def test_memory_in_sockets_counts(classroom, patient):
    """What is sent and not read is memory that no process holds: 1.75 GB beside a notebook of 768 MB."""
    trial = classroom.grade(classroom.cheat(MANY), limits=patient)
    assert [incident.kind.value for incident in trial.graded.incidents] == ["memory limit"]
