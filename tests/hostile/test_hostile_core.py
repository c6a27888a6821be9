"""What must hold behind every sandbox level. `test_hostile_weaker` runs this file again where namespaces are refused.

So nothing here is about how it is held: what is tried may be impossible, refused or without effect.
"""

from __future__ import annotations

import ast
import errno
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.sandbox import call_counter
from autograder.sandbox.inside.seccomp import CAN_CONTINUE, linux_version

pytestmark = pytest.mark.slow

MARK = "cnry_mark_900001"
FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/opt", "/")

TRY = """\
import os, signal, socket, subprocess, sys, time
def tried(f, *args):
    try:
        return f(*args)
    except BaseException as error:
        return type(error).__name__
"""


def assert_others_get_theirs(classroom) -> None:
    """Whoever comes next, in the same worker, gets full marks for right answers."""
    trial = classroom.grade(classroom.solved())
    assert trial.checks == 15
    assert trial.graded.incidents == []


def others() -> str:
    """Code that sets `OTHERS`: the processes outside, but for numbers that are one's own inside."""
    running = [int(path.name) for path in Path("/proc").glob("[0-9]*") if int(path.name) > 1]
    own = "tried(os.listdir, '/proc') + tried(os.listdir, '/proc/self/task')"
    return f"""\
OTHERS = {running}
if type(tried(os.listdir, "/proc")) is list:
    OTHERS = [pid for pid in OTHERS if str(pid) not in {own}]
"""


def running(mark: str) -> list[str]:
    """The processes on this machine that have `mark` in their command line or are named so."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "cmdline").read_bytes() + (folder / "comm").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


@pytest.fixture
def careless() -> Iterator[Path]:
    """A folder with a file that everybody may read and write, as in a course whose owner set no modes."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        (Path(folder) / "open.txt").write_text("as it was")
        (Path(folder) / "open.txt").chmod(0o666)
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_files_that_are_not_the_student_s_cannot_be_read(classroom, no_gain, careless):
    """Tests, answers, the secret and others' work would be copied into the next submission."""
    root = classroom.course.root
    classroom.hand_in("neighbour", b"cnry_other_900002")
    paths = [str(careless), f"{careless}/open.txt"]
    paths += [str(path) for path in root.rglob("*") if path.is_file()] + ["/etc/shadow", "/etc/gshadow", str(root)]
    assert any("gradebook.secret" in path for path in paths)
    look = "print([p for p in PATHS if tried(os.path.isdir, p) is True and type(tried(os.listdir, p)) is list])"
    read = "print([p for p in PATHS if type(tried(lambda: open(p, 'rb').read(1))) is bytes])"
    trial = no_gain(classroom.cheat(f"{TRY}PATHS = {paths!r}\n{read}\n{look}"))
    assert trial.printed() == "[]\n[]\n"


def test_nothing_outside_can_be_written(classroom, no_gain, careless):
    """Grades, tests, or what a neighbour finds in a shared folder would be the student's."""
    root = classroom.course.root
    places = [*FOLDERS, str(careless), str(root), str(root / "source"), os.path.dirname(os.__file__)]
    write = (
        f"for p in PLACES:\n for n in ({MARK!r}, 'open.txt'): tried(lambda: open(os.path.join(p, n), 'w').write('x'))"
    )
    no_gain(classroom.cheat(f"{TRY}PLACES = {places!r}\n{write}"))
    assert [place for place in places if os.path.exists(os.path.join(place, MARK))] == []
    assert (careless / "open.txt").read_text() == "as it was"


def test_the_files_of_a_submission_are_gone_with_it(classroom, no_gain):
    """Disks would fill, and the next student find what the last one left."""
    leave = "print(os.path.abspath('.'))\nfor folder in ('.', os.environ['TMPDIR']):\n"
    leave += f"    os.makedirs(os.path.join(folder, '/'.join(['{MARK}'] * 100)))\n"
    trial = no_gain(classroom.cheat(TRY + leave))
    folder = trial.printed().strip()
    look = f"print([tried(os.listdir, {folder!r}), {MARK!r} in str(tried(os.listdir, os.environ['TMPDIR']))])"
    shown = classroom.grade(classroom.cheat(TRY + look)).printed()
    assert MARK not in shown
    assert "True" not in shown
    assert folder == "/home/student" or not os.path.exists(folder)


def test_no_process_can_be_signalled(classroom, no_gain):
    """A student who stops or ends the grader, the answer key or a neighbour decides who gets points."""
    shoot = """\
for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
    print(len([pid for pid in OTHERS if tried(os.kill, pid, number) is None]))
    tried(os.kill, -1, number)
    tried(os.killpg, 0, 0)
"""
    trial = no_gain(classroom.cheat(TRY + others() + shoot))
    assert trial.printed().split() == ["0", "0", "0"]
    assert_others_get_theirs(classroom)


def test_no_process_outlives_its_submission(classroom, no_gain):
    """What goes on running could disturb, or help, those who come after."""
    leave = f"""\
for _ in range(3):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "{MARK}"], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", "{MARK}"])
        os._exit(0)
time.sleep(0.5)
print("left")
"""
    trial = no_gain(classroom.cheat(TRY + leave))
    assert "left" in trial.printed()
    until = time.monotonic() + 10
    while running(MARK) and time.monotonic() < until:
        time.sleep(0.1)
    assert running(MARK) == []


def test_a_fork_bomb_ends_with_its_submission(classroom, no_gain):
    """One student's bomb would stop the class."""
    bomb = "import ctypes\nctypes.CDLL(None).prctl(15, b'cnry_bomb')\nwhile True:\n    tried(os.fork)\n"
    no_gain(classroom.cheat(TRY + bomb))
    assert running("cnry_bomb") == []
    assert_others_get_theirs(classroom)


def test_the_grader_s_environment_cannot_be_read(classroom, no_gain, monkeypatch):
    """Tokens of whoever grades would be in students' hands."""
    monkeypatch.setenv("TOKEN", "cnry_token_900003")
    look = """\
found = [os.environ.get("TOKEN")]
for pid in OTHERS:
    for name in ("environ", "cwd", "root", "fd", "maps"):
        path = f"/proc/{pid}/{name}"
        got = tried(lambda: open(path, "rb").read()) if name in ("environ", "maps") else tried(os.listdir, path)
        if type(got) in (bytes, list):
            found.append(path)
print(found)
"""
    assert no_gain(classroom.cheat(TRY + others() + look)).printed() == "[None]\n"


def assert_nothing_came(stream: socket.socket, datagrams: socket.socket) -> None:
    """Nobody connected to the one, and nobody sent to the other."""
    with pytest.raises(TimeoutError):
        stream.accept()
    with pytest.raises(TimeoutError):
        datagrams.recv(1)


def test_no_network_not_even_here(classroom, no_gain):
    """Answers would be fetched, and tests sent away; what listens on the grader's machine could be asked."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        tcp.settimeout(0.2)
        udp.settimeout(0.2)
        reach = f"""\
def tell():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {udp.getsockname()[1]}))
print(tried(socket.create_connection, ("127.0.0.1", {tcp.getsockname()[1]}), 1))
tried(tell)
"""
        assert "socket" not in no_gain(classroom.cheat(TRY + reach)).printed()
        assert_nothing_came(tcp, udp)


def test_no_message_is_left_for_the_next(classroom, no_gain):
    """Shared memory, queues and key rings outlive processes: students would pass each other answers."""
    leave = """\
import ctypes
libc = ctypes.CDLL(None)
libc.shmget(0x900001, 4096, 0o1666); libc.semget(0x900001, 1, 0o1666); libc.msgget(0x900001, 0o1666)
libc.mq_open(b"/cnry_queue", os.O_CREAT | os.O_RDWR, 0o666, None)
libc.syscall(248, b"user", b"cnry", b"left", 4, -4)
"""
    look = """\
import ctypes
libc = ctypes.CDLL(None)
print([libc.shmget(0x900001, 0, 0), libc.semget(0x900001, 0, 0), libc.msgget(0x900001, 0),
       libc.mq_open(b"/cnry_queue", os.O_RDWR), libc.syscall(250, 10, -4, b"user", b"cnry", 0)])
"""
    no_gain(classroom.cheat(TRY + leave))
    assert no_gain(classroom.cheat(TRY + look)).printed() == "[-1, -1, -1, -1, -1]\n"


def test_the_times_of_devices_are_no_message_for_the_next(classroom, no_gain):
    """A first try, or a friend, could say something by when it touched /dev/null: 0 to 10 of 10 points."""
    times = (
        "{p: os.stat(p).st_mtime_ns for p in ('/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom')}"
    )
    leave = f"before = {times}\nfor p in before: tried(os.utime, p)\nafter = {times}\n"
    leave += "print({p: t for p, t in after.items() if t != before[p]})"
    left = ast.literal_eval(no_gain(classroom.cheat(TRY + leave)).printed())
    found = ast.literal_eval(no_gain(classroom.cheat(f"import os\nprint({times})")).printed())
    assert {path for path, time in left.items() if found[path] == time} == set()


def test_the_host_s_kernel_keeps_what_is_its_own(classroom, no_gain):
    """Its log tells of the host and takes messages; its core handler runs as root with the student's memory; it tells
    what files others open; and memory that no process holds is in no limit."""
    ask = """\
import ctypes, resource, socket
libc = ctypes.CDLL(None)
NUMBERS = {"x86_64": (103, 319, 294, 300), "aarch64": (116, 279, 26, 262)}[os.uname().machine]
print([libc.syscall(number, 0, 0, 0) for number in NUMBERS])
print(tried(socket.socket, 40, socket.SOCK_STREAM), tried(socket.socket, 38, socket.SOCK_SEQPACKET))
print(resource.getrlimit(resource.RLIMIT_CORE), tried(resource.setrlimit, resource.RLIMIT_CORE, (0, 0)))
"""
    said = no_gain(classroom.cheat(TRY + ask)).printed()
    assert said == "[-1, -1, -1, -1]\nOSError OSError\n(1, 1) ValueError\n"


def test_what_all_of_the_machine_shares_is_not_the_student_s_to_use_up(classroom, no_gain):
    """Nothing else on the machine could read files in the background, open a terminal or make a TCP connection; rules
    of Landlock are memory of the kernel's without limit; and notices tell what files others open."""
    take = """\
import ctypes, fcntl, mmap, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
IO_SETUP, LANDLOCK = {"x86_64": 206, "aarch64": 0}[os.uname().machine], 444
print(libc.syscall(IO_SETUP, 60_000, ctypes.byref(ctypes.c_ulong(0))))
print(libc.syscall(LANDLOCK, struct.pack("=QQQ", 0, 3, 0), 16, 0), ctypes.get_errno())
print(tried(fcntl.fcntl, os.open("/usr", os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_ACCESS))
print(tried(mmap.mmap, -1, 2 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000))
print([tried(socket.socket, socket.AF_INET, socket.SOCK_STREAM, protocol) for protocol in (0, 262)])
print(tried(os.open, "/dev/ptmx", os.O_RDONLY | os.O_NOCTTY))
"""
    said = no_gain(classroom.cheat(TRY + take)).printed().splitlines()
    assert said[:4] == ["-1", "-1 1", "PermissionError", "PermissionError"]
    assert said[4] == "['OSError', 'OSError']"
    assert said[5] in ("FileNotFoundError", "PermissionError")


@pytest.mark.skipif(linux_version() < CAN_CONTINUE, reason="this Linux lets nobody count calls")
def test_what_linux_keeps_in_memory_of_nobody_s_has_an_end(classroom, no_gain, monkeypatch):
    """Watches and locks take gigabytes that no process holds, and the watches of a user who grades are all of theirs:
    then their other programs fail. A thousandth of the limits is enough to see them."""
    monkeypatch.setattr(call_counter, "WATCHES", 500)
    monkeypatch.setattr(call_counter, "LOCKS", 300)
    hold = """\
import fcntl, select, struct
def until_refused(hold):
    for number in range(2000):
        try:
            hold(number)
        except OSError as error:
            return number, error.errno
seen, file, pipe = [], open("locks", "w+b"), os.pipe()[0]
copies = [os.dup(pipe) for _ in range(100)]
def watch(number):
    if number % 100 == 0:
        seen.append(select.epoll())
    seen[-1].register(copies[number % 100])
def lock(number):
    fcntl.fcntl(file, (fcntl.F_SETLK, 37)[number % 2], struct.pack("hhqqi", fcntl.F_WRLCK, 0, 2 * number, 1, 0))
print(until_refused(watch), until_refused(lock))
"""
    watches, locks = ast.literal_eval(f"[{no_gain(classroom.cheat(TRY + hold)).printed().replace(') (', '), (')}]")
    assert 400 < watches[0] < 500
    assert watches[1] == errno.ENOSPC
    assert locks == (300, errno.ENOLCK)
    assert_others_get_theirs(classroom)


def test_no_service_of_the_machine_is_reached(classroom, no_gain):
    """Logs, databases and message buses listen on paths that every user of a machine may connect to."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as stream:
        datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with datagrams:
            os.chmod(folder, 0o755)
            for service, name in ((stream, "stream"), (datagrams, "datagrams")):
                service.bind(f"{folder}/{name}")
                os.chmod(f"{folder}/{name}", 0o777)
                service.settimeout(0.2)
            stream.listen()
            reach = f"""\
import socket
one, other = socket.socketpair()
one.send(b"pairs work")
print(other.recv(20).decode())
tried(lambda: socket.socket(socket.AF_UNIX).connect("{folder}/stream"))
tried(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", "{folder}/datagrams"))
tried(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", "{folder}/datagrams"))
"""
            assert no_gain(classroom.cheat(TRY + reach)).printed() == "pairs work\n"
            assert_nothing_came(stream, datagrams)


def test_no_more_rights_can_be_had(classroom, no_gain):
    """A student who became root, or got a namespace in which to be root, could do all of the above. With a higher
    priority than others', they could hold up the class."""
    rise = """\
import ctypes
libc = ctypes.CDLL(None)
print(libc.unshare(0x10000000), libc.syscall(101, 16, os.getppid(), 0, 0))
tried(os.setuid, 0)
print(tried(os.nice, -1), tried(os.sched_setscheduler, 0, os.SCHED_RR, os.sched_param(1)))
print(os.getuid() > 0, "CapEff:\\t0000000000000000" in open("/proc/self/status").read() if MAY else True)
"""
    rise = rise.replace("MAY", "tried(lambda: open('/proc/self/status').close()) is None")
    assert no_gain(classroom.cheat(TRY + rise)).printed() == "-1 -1\nPermissionError PermissionError\nTrue True\n"


def test_forged_answers_gain_nothing(no_gain):
    """The socket to the judge is in the student's process in any sandbox."""
    forge = """\
import os, socket, struct, json
sock = socket.socket(fileno=os.dup(1000))
body = json.dumps({"op": "return", "id": 1, "value": 4.0}).encode()
sock.sendall(struct.pack("!4sII", b"AGR1", len(body), 0) + body)
def double(x):
    return x"""
    no_gain({"double": forge})
