"""The sandbox by itself: what is seen from inside, and what is left when it ends."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from autograder.sandbox import bubblewrap, namespace_sandbox
from autograder.sandbox.doctor import examine
from autograder.sandbox.inside import seccomp
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory_watchdog import tree
from autograder.sandbox.namespace_sandbox import NamespaceSandbox
from autograder.sandbox.sandbox_errors import SandboxBroken
from autograder.sandbox.user_sandbox import UserSandbox

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sandbox() -> Iterator[NamespaceSandbox]:
    with NamespaceSandbox(Limits(memory_mb=512, disk_mb=16, file_mb=8, processes=64)) as sandbox:
        yield sandbox


def said(kernel: Kernel, code: str) -> Any:
    """The text that a cell printed, or the name of the error it raised."""
    outputs = kernel.execute(code, 20).outputs.cells
    return outputs[-1].get("ename", outputs[-1].get("text", "")).strip() if outputs else ""


def test_the_folders_are_fresh_for_each_job(sandbox: NamespaceSandbox) -> None:
    """What one student left in a folder would be there for the next."""
    folders = ("/tmp", "/dev/shm", ".")
    for _ in range(2):
        with Kernel(sandbox, {"data/own.txt": b"mine"}) as kernel:
            found = f"import os; print([f for f in {folders} if 'left' in os.listdir(f)], open('data/own.txt').read())"
            assert said(kernel, found) == "[] mine"
            assert said(kernel, f"for f in {folders}: open(f + '/left', 'w').write('behind')") == ""


def test_a_figure_is_shown_without_being_asked_for(sandbox: NamespaceSandbox) -> None:
    """Plots would be missing where a person must grade them, in every notebook without `%matplotlib inline`."""
    with Kernel(sandbox, {}) as kernel:
        outputs = kernel.execute("import matplotlib.pyplot as plt\nplt.plot([1, 2]);", 20).outputs.cells
        assert [list(output.get("data", {})) for output in outputs] == [["text/plain", "image/png"]]


def test_a_notebook_may_leave_by_exit(sandbox: NamespaceSandbox) -> None:
    """A shell that was made before its kernel, and knows none, would show an error that no student's Jupyter shows."""
    with Kernel(sandbox, {}) as kernel:
        left = kernel.execute("exit", 10)
    assert (left.failed, left.outputs.cells) == (False, [])


def test_a_kernel_that_does_not_come_up_leaves_nothing_open(
    sandbox: NamespaceSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker would run out of descriptors on a machine that often fails."""
    with Kernel(sandbox, {}):
        pass
    gc.collect()  # what earlier tests have left open would be closed in between
    before = len(os.listdir("/proc/self/fd"))

    def fail(kernel: Kernel) -> None:
        raise SandboxBroken("it did not start")

    monkeypatch.setattr(Kernel, "_wait_until_ready", fail)
    with pytest.raises(SandboxBroken) as raised:  # its traceback holds the kernel
        Kernel(sandbox, {})
    assert len(os.listdir("/proc/self/fd")) <= before, raised


def test_the_warm_process_has_no_file_open(sandbox: NamespaceSandbox) -> None:
    """Every kernel begins as a copy of it and closes what was open; a font that matplotlib then closes once more is by
    now one of the kernel's sockets, and the kernel dies in the middle of a plot."""
    sandbox.wait_until_ready()
    # bubblewrap's own process, and a kernel that is just ending, may be closed to anybody but root.
    folders = [Path(f"/proc/{pid}/fd") for pid in tree(sandbox.process.pid) if os.access(f"/proc/{pid}/fd", os.R_OK)]
    links = [os.readlink(link) for folder in folders for link in folder.iterdir()]
    assert len(links) > 4
    assert [link for link in links if link.startswith("/") and link != "/dev/null" and "(deleted)" not in link] == []


def test_a_kernel_computes_with_one_thread(sandbox: NamespaceSandbox) -> None:
    """Kernels side by side would slow each other down, and a time limit would depend on how many there are."""
    count = "import os, numpy as np; before = len(os.listdir('/proc/self/task'))"
    work = "a = np.ones((600, 600)); a @ a; print(len(os.listdir('/proc/self/task')) - before)"
    with Kernel(sandbox, {}) as kernel:
        assert said(kernel, f"{count}; {work}") == "0"


LIMITED = {
    "memory": ("x = bytearray(600 * 2**20)", "MemoryError"),
    "disk": ("for n in range(4):\n with open(f'/tmp/{n}', 'wb') as f: f.write(bytes(6 * 2**20))", "OSError"),
    "a large file": ("with open('/dev/shm/f', 'wb') as f: f.write(bytes(9 * 2**20))", "OSError"),
    "processes": ("import subprocess\nall = [subprocess.Popen(['sleep', '60']) for _ in range(70)]", "BlockingIOError"),
    "the system": ("open('/usr/planted', 'w')", "OSError"),
    "the network": ("import socket; socket.create_connection(('192.0.2.1', 80), 2)", "OSError"),
}


@pytest.mark.parametrize("what", LIMITED)
def test_a_limit_is_an_error_in_the_cell_and_the_kernel_lives(sandbox: NamespaceSandbox, what: str) -> None:
    """A submission could take what belongs to the machine or to others."""
    code, error = LIMITED[what]
    with Kernel(sandbox, {}) as kernel:
        assert said(kernel, code) == error
        assert said(kernel, "print('alive')") == "alive"


def test_python_may_lie_below_a_folder_of_the_students(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a clone below /tmp no submission could be graded, since the sandbox's own /tmp would hide Python."""
    environment = tmp_path / "shown"
    environment.mkdir()
    (environment / "module.txt").write_text("here")
    (tmp_path / "not_shown").mkdir()
    shown = (*bubblewrap.readable_paths(), environment)
    monkeypatch.setattr(bubblewrap, "readable_paths", lambda: shown)
    monkeypatch.setattr(namespace_sandbox, "readable_paths", lambda: shown)
    with NamespaceSandbox(Limits()) as sandbox, Kernel(sandbox, {}) as kernel:
        assert sandbox.reusable
        assert said(kernel, f"print(open('{environment}/module.txt').read())") == "here"
        assert said(kernel, f"open('{environment}/module.txt', 'w')") == "OSError"
        assert said(kernel, f"import os; print(os.listdir('{tmp_path}'))") == "['shown']"


MARK = str(7_000_000 + os.getpid())  # seconds of sleep that nothing else on this machine asks for
OWNER = f"""
import time
from autograder.sandbox.namespace_sandbox import NamespaceSandbox
from autograder.sandbox.memory_watchdog import tree
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.limits import Limits
kernel = Kernel(NamespaceSandbox(Limits()), {{}})
kernel.execute("import subprocess; subprocess.Popen(['sleep', '{MARK}'])", 20)
print("started", flush=True)
time.sleep(600)
"""


def test_nothing_is_left_when_its_owner_is_killed() -> None:
    """Student code would go on running on a grader's machine after a crash."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    owner.stdout.readline()
    assert running(MARK)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    until = time.monotonic() + 20
    while running(MARK) and time.monotonic() < until:
        time.sleep(0.05)
    assert not running(MARK)


def running(word: str) -> bool:
    """Whether any process of this machine has `word` as an argument."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if word.encode() in path.read_bytes().split(b"\0"):
                return True
    return False


def test_the_doctor_finds_what_grading_needs() -> None:
    """It would send a course away from a machine that is good, or find good what is not."""
    findings = {finding.what: finding for finding in examine()}
    assert [finding.what for finding in findings.values() if finding.needed and not finding.good] == []
    assert {"sandbox", "network", "files", "system", "memory"} <= set(findings)


def test_the_doctor_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that cannot confine student code it would promise that it can."""
    monkeypatch.setattr(bubblewrap, "bwrap_path", lambda: "/bin/false")
    monkeypatch.setattr(seccomp, "MACHINES", {})
    NamespaceSandbox.missing.cache_clear()
    UserSandbox.missing.cache_clear()
    try:
        assert [finding.what for finding in examine() if finding.needed and not finding.good] == ["sandbox"]
    finally:
        NamespaceSandbox.missing.cache_clear()
        UserSandbox.missing.cache_clear()


def test_python_may_be_called_by_a_path_that_leads_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`../.venv/bin/python -m autograder.cli` would find no sandbox: the folder it leads through is not in there."""
    up = str(tmp_path) + "/.." * len(tmp_path.parts[1:])
    monkeypatch.setattr(sys, "executable", up + sys.executable)
    with NamespaceSandbox(Limits(), preload=()) as sandbox:
        sandbox.wait_until_ready()
