"""Nothing of one submission reaches the next one in the same worker, and nobody's files are anybody else's."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import replace

import pytest

from autograder.sandbox import bubblewrap
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.levels import open_sandbox

pytestmark = pytest.mark.slow

# Looks for canaries in the memory of the process itself, in what it knows of others, and in every file it can find
# but the system's. The pattern does not match its own text.
SCAN = r"""
import gc, os, re, sys
PATTERN = re.compile(rb"cn[r]y_[a-z]+_[0-9]{6}")

def in_memory():
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            parts = line.split()
            if "r" not in parts[1] or parts[-1].startswith("[v"):
                continue
            start, end = (int(part, 16) for part in parts[0].split("-"))
            for at in range(start, end, 1 << 22):
                try:
                    memory.seek(at)
                    yield memory.read(min(1 << 22, end - at))
                except (OSError, ValueError, OverflowError):
                    pass

def in_files():
    for top in ("/", "/proc"):
        for base, folders, names in os.walk(top):
            skipped = {"usr", "lib", "lib64", "bin", "sbin", "proc", "sys", "task", "map_files", "site-packages", "opt"}
            prefixes = (sys.prefix, sys.base_prefix)
            folders[:] = [f for f in folders if f not in skipped and not os.path.join(base, f).startswith(prefixes)]
            yield " ".join([base, *names]).encode(errors="replace")
            for name in names:
                path = os.path.join(base, name)
                if name in ("mem", "kmsg", "kcore", "pagemap", "kpagecgroup", "kpagecount", "kpageflags", "clear_refs"):
                    continue
                try:
                    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                    try:
                        yield os.read(handle, 1 << 20)
                    finally:
                        os.close(handle)
                except OSError:
                    pass

def in_descriptors():
    for number in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink("/proc/self/fd/" + number).encode()
        except OSError:
            pass

def scan():
    found = set()
    for source in (in_memory, in_files, in_descriptors):
        for data in source():
            found |= {match.decode() for match in PATTERN.findall(data)}
    for thing in gc.get_objects():
        if isinstance(thing, (dict, list, tuple)):
            for part in thing.values() if isinstance(thing, dict) else thing:
                if isinstance(part, (str, bytes)):
                    data = part.encode(errors="replace") if isinstance(part, str) else part
                    found |= {match.decode() for match in PATTERN.findall(data)}
    for frame in sys._current_frames().values():
        while frame is not None:
            found |= {match.decode() for match in PATTERN.findall(repr(list(frame.f_locals)).encode())}
            frame = frame.f_back
    return sorted(f.replace("cnry", "CANARY") for f in found)
"""
# The search happens while hidden checks wait for their answers, when there would be most to find.
SEARCHER = (
    SCAN
    + """
found = set()
def double(x):
    if not found:
        found.update(scan())
    return x
"""
)


def test_one_student_s_files_are_not_in_the_next_one_s_memory(classroom, patient):
    """A warm process that reads a submission before it forks would hand every student their predecessors' files."""
    theirs = {"notes.txt": b"cnry_other_600001" * 50, "data.bin": b"cnry_large_600002" * 200_000}
    classroom.grade(classroom.unsolved(), theirs, patient)
    own = classroom.cheat(SCAN + "\nprint(scan())")
    printed = classroom.grade(own, {"mine.txt": b"cnry_own_600003"}, patient).printed()
    assert "CANARY_own_600003" in printed
    assert "CANARY_other" not in printed
    assert "CANARY_large" not in printed


def test_no_test_answer_or_secret_can_be_found(classroom, patient):
    """What is found nowhere in memory, files, processes and descriptors cannot be handed in."""
    notebook = classroom.cheat("planted = 'cnry_' + 'own_600004'", last="print(found)", double=SEARCHER)
    trial = classroom.grade(notebook, limits=patient)
    assert trial.printed().strip() == "{'CANARY_own_600004'}"
    assert trial.checks == 0


# Leaves something of every kind that could outlive a process.
PLANT = """\
import ctypes, fcntl, os, random, socket, subprocess, sys, threading, time
from multiprocessing import shared_memory
libc = ctypes.CDLL(None, use_errno=True)
MARK = "cnry_" + "left_700001"
for folder in (".", "/tmp", "/dev/shm", os.path.expanduser("~")):
    open(os.path.join(folder, MARK), "w").write(MARK)
shared_memory.SharedMemory(name=MARK + "_posix", create=True, size=4096)
print("sysv", libc.shmget(0x700001, 4096, 0o1666) >= 0, libc.semget(0x700001, 1, 0o1666) >= 0,
      libc.msgget(0x700001, 0o1666) >= 0)
abstract = socket.socket(socket.AF_UNIX); abstract.bind("\\0" + MARK); abstract.listen()
path = socket.socket(socket.AF_UNIX); path.bind("/tmp/" + MARK + ".sock"); path.listen()
print("keys", *(libc.syscall(248, b"user", MARK.encode(), MARK.encode(), len(MARK), ring) for ring in (-3, -4, -5)),
      libc.syscall(250, 22, -1, -2), repr(open("/proc/keys").read()))
os.environ[MARK] = MARK
sys.modules[MARK] = sys
random.seed(1); np.random.seed(1)
np.pi = 3
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)
subprocess.Popen(["sleep", "601"], start_new_session=True)
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""

LOOK = """\
import ctypes, os, random, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
MARK = "cnry_" + "left_700001"
folders = (".", "/tmp", "/dev/shm", os.path.expanduser("~"))
found = [folder for folder in folders if any("left_700001" in name for name in os.listdir(folder))]
got = {"shmget": libc.shmget(0x700001, 0, 0), "semget": libc.semget(0x700001, 0, 0), "msgget": libc.msgget(0x700001, 0)}
found += [name for name, number in got.items() if number >= 0]
try:
    socket.socket(socket.AF_UNIX).connect("\\0" + MARK)
    found.append("abstract socket")
except OSError:
    pass
found += ["keyring"] * any(libc.syscall(250, 10, ring, b"user", MARK.encode(), 0) > 0 for ring in (-3, -4, -5))
persistent = libc.syscall(250, 22, -1, -2)
found += ["persistent keyring"] * (persistent > 0 and libc.syscall(250, 10, persistent, b"user", MARK.encode(), 0) > 0)
found += ["key list"] * (os.path.exists("/proc/keys") and "left_700001" in open("/proc/keys").read())
found += ["environment"] * (MARK in os.environ) + ["modules"] * (MARK in sys.modules) + ["numpy"] * (np.pi == 3)
mine = [n for n in os.listdir("/proc") if n.isdigit()]
found += ["processes"] * any(b"sleep" in open(f"/proc/{n}/cmdline", "rb").read() for n in mine)
found += ["forks"] * (len(mine) > 2)
found += ["unix sockets"] * ("left_700001" in open("/proc/net/unix").read())
state = (random.random(), float(np.random.rand()))
random.seed(1); np.random.seed(1)
found += ["random state"] * any(a == b for a, b in zip(state, (random.random(), float(np.random.rand()))))
print("found", found)
"""


def test_nothing_left_behind_is_there_for_the_next(classroom):
    """Whatever outlives a submission lets students pass each other answers, or disturb each other."""
    planted = classroom.grade(classroom.cheat(PLANT + LOOK)).printed()
    # The system forgets key rings when it has time, and counts segments as nobody's memory, so none may be made.
    assert "sysv False False False" in planted
    assert "keys -1 -1 -1 -1 ''" in planted
    for kind in (
        "/tmp",
        "/dev/shm",
        "abstract socket",
        "environment",
        "modules",
        "forks",
    ):
        assert kind in planted
    assert "found []" in classroom.grade(classroom.cheat(LOOK)).printed()


def test_random_numbers_differ_between_submissions(classroom):
    """Random state copied from the warm process would give every student the same random numbers."""
    draw = "import random\nprint(np.random.rand(), random.random())"
    first, second = (classroom.grade(classroom.cheat(draw)).printed().split() for _ in range(2))
    assert not set(first) & set(second)


def test_the_exchange_is_not_among_the_system_s_files(classroom, limits, monkeypatch):
    """nbgrader's exchange lies below /usr, which student code sees, and has everybody's submissions in it."""
    look = f"import os\nprint(len(os.listdir({os.path.dirname(os.__file__)!r})), os.listdir('/usr/share'))"
    assert not classroom.grade(classroom.cheat(look)).printed().strip().endswith(" []")
    monkeypatch.setattr(bubblewrap, "HIDDEN", ("/usr/share",))
    trial = classroom.grade(classroom.cheat(look), limits=replace(limits, output_kb=63))
    assert trial.printed().strip().endswith(" []")


SEND = """
import array, os, socket
null, held = os.open("/dev/null", os.O_RDONLY), []
try:
    for _ in range(20):
        held += socket.socketpair()
        held[-1].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * 250))])
except OSError as error:
    print(error.errno)
"""


@pytest.fixture
def usual_descriptors() -> Iterator[None]:
    """As many descriptors as most systems give a process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_descriptors_on_their_way_do_not_keep_a_neighbour_from_starting(limits, usual_descriptors):
    """Linux counts those that are in a socket per user: with a thousand of them nobody else's sandbox would start."""
    with open_sandbox(limits) as one, Kernel(one, {}) as hostile:
        assert hostile.execute(SEND, 20).outputs.cells[0].text == "109\n"
        with open_sandbox(limits) as other, Kernel(other, {}) as neighbour:
            assert neighbour.execute("print(1)", 20).outputs.cells[0].text == "1\n"
