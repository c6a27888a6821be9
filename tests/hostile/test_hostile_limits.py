"""Student code that takes all there is: it hits a limit, and what runs beside or after it does not notice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell

from autograder.publishing.doctree import parsed_notebook
from autograder.sandbox import memory_watchdog
from autograder.submission.incidents import IncidentKind

pytestmark = pytest.mark.slow

CHILDREN = """\
import os
for _ in range(20):
    if os.fork() == 0:
        HOLD
        os.read(here, 1)
        os._exit(0)
"""
SLICES = "import os\nhere, there = os.pipe()\n" + CHILDREN.replace("HOLD", "held = b'x' * (100 << 20)")


@pytest.mark.parametrize("when", ["in a cell", "in a check"])
def test_memory_is_limited_for_all_processes_together(classroom, patient, when):
    """Sixty-four processes, each within its limit, would take the machine's memory and with it the class."""
    if when == "in a cell":
        trial = classroom.grade(classroom.cheat(SLICES + "os.read(here, 1)"), limits=patient)
    else:
        body = (SLICES + "os.read(here, 1)").replace("\n", "\n    ")
        trial = classroom.grade(classroom.answered(double=f"def double(x):\n    {body}"), limits=patient)
    told = "your notebook and what it had started took more than 768 MB of memory together"
    assert [(i.kind.value, i.text.startswith(told)) for i in trial.graded.incidents] == [("memory limit", True)]
    assert told in trial.messages["test_loss"]
    assert trial.checks == 0


def test_memory_that_processes_share_counts_once(classroom, patient):
    """Honest code that works in parallel on one large array holds it once, whatever each process shows."""
    shared = "here, there = os.pipe()\nbig = np.ones(25_000_000)\n" + CHILDREN.replace("HOLD", "big.sum()")
    wait = "import time\ntime.sleep(2)\nos.write(there, bytes(20))\nfor _ in range(20): os.wait()\nprint('all there')"
    trial = classroom.grade(classroom.cheat("import os\n" + shared + wait), limits=patient)
    assert trial.printed().strip() == "all there"
    assert trial.graded.incidents == []


def test_the_system_out_of_memory_ends_student_code_first(classroom):
    """Else many processes, each within its limit, could have the system end the grader."""
    trial = classroom.grade(classroom.cheat("print(open('/proc/self/oom_score_adj').read())"))
    assert trial.printed().strip() == "1000"


def resident() -> int:
    """Bytes of memory that this process, the judge, holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def growth() -> Iterator[list[int]]:
    """By how many bytes this process, the judge, grows at most while the block runs."""
    before, most, done = resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02) and most[0] < 4 << 30:
            most[0] = max(most[0], resident() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        done.set()
        watcher.join()


# Writes to the sockets of the kernel's connections as ZeroMQ does: parts of one message, and never the last one.
ENDLESS = """\
import os, socket, struct, threading
def connections():
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            sock = socket.socket(fileno=os.dup(number))
            if sock.family == socket.AF_UNIX and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                if number != 1000: yield sock
        except OSError:
            pass
part = b"\\x03" + struct.pack("!Q", 1 << 22) + bytes(1 << 22)
def pour(sock):
    sock.setblocking(True)
    while True:
        sock.sendall(part)
"""
POURS = "for sock in connections(): threading.Thread(target=pour, args=(sock,), daemon=True).start()\n"


@pytest.mark.parametrize("when", ["in a cell", "in a check"])
def test_the_judge_s_memory_is_not_the_student_s_to_fill(classroom, monkeypatch, when):
    """A message without end, kept until it is whole, would end the worker and then the machine."""
    wait = "import time\ntime.sleep(60)"
    if when == "in a cell":
        notebook = classroom.cheat(ENDLESS + POURS + wait)
    else:
        notebook = classroom.answered(
            double=f"{ENDLESS}def double(x):\n    {POURS.strip()}\n    import time; time.sleep(60)"
        )
    classroom.grade(classroom.unsolved())
    monkeypatch.setattr(memory_watchdog, "MOST", 300 << 20)
    with growth() as most:
        trial = classroom.grade(notebook)
    assert trial.checks == 0
    assert most[0] < 2**30


NESTED = """
kernel = get_ipython().kernel
content = b'{"data":{"application/json":[' + b"[]," * (20 << 20) + b'[]]},"metadata":{}}'
kernel.session.send(kernel.iopub_socket, "display_data", content, parent=kernel.get_parent())
print("sent")
"""


def test_a_message_is_not_read_before_its_size_is_known(classroom, patient):
    """Sixty megabytes of empty lists become five gigabytes of Python's."""
    classroom.grade(classroom.unsolved())
    with growth() as most:
        trial = classroom.grade(classroom.cheat(NESTED), limits=patient)
    assert "[output cut here: more at once than can be read]" in trial.printed()
    assert most[0] < 500 << 20


def test_what_a_notebook_shows_is_limited_in_all(classroom, limits):
    """Two hundred kilobytes became half a gigabyte in autograded/, with each cell within its limit."""
    notebook = classroom.unsolved()
    notebook.cells += [new_code_cell("print('x' * 4000)") for _ in range(60)]
    trial = classroom.grade(notebook, limits=replace(limits, output_kb=4))
    assert len(trial.graded.notebooks[0].text) < 200_000
    assert "too much in all" in trial.printed()


def test_many_values_are_not_called_many_bytes(classroom, patient):
    """A student would look for kilobytes of output where there are few."""
    many = NESTED.replace("20 << 20", "200_000")
    assert (
        "[output cut here: more at once than can be read]"
        in classroom.grade(classroom.cheat(many), limits=patient).printed()
    )


def test_json_under_a_name_that_is_no_type_is_not_kept(classroom, patient):
    """nbformat takes half a minute and gigabytes to say what is wrong with each of its numbers."""
    show = "from IPython.display import publish_display_data as show"
    code = f"{show}\nshow({{'x y+json': [1] * 20_000, 'a/b': 'c'}})"
    trial = classroom.grade(classroom.cheat(code), limits=patient)
    assert trial.notebook.cells[1].outputs[0].data == {"a/b": "c"}


READ = """
import resource, sys
from autograder.submission.sanitize import NotANotebook, read_notebook
read_notebook(b'{"nbformat": 4, "metadata": {}, "cells": []}')
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
data = sys.stdin.buffer.read()
try:
    cells = len(read_notebook(data).cells)
except NotANotebook as error:
    cells = str(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10, cells)
"""
MARKDOWN = b'{"cell_type": "markdown", "metadata": {}, "source": "%s", "attachments": {"a": {"image/png": %s}}}'
BOOKS = {
    "attachments of numbers": (MARKDOWN % (b"", b"[" + b"1," * 900_000 + b"1]"), "1"),
    "millions of cells": (b"{}," * (8 << 20) + b"{}", "the file has millions of parts"),
    "a text of commas and quotes": (MARKDOWN % (b'\\",[{' * (4 << 20), b'"x"'), "1"),
}


@pytest.mark.parametrize("what", BOOKS)
def test_a_notebook_is_read_in_little_memory(what):
    """Two hundred kilobytes would take a gigabyte of the grader's before any limit; an honest long text is read."""
    cells, result = BOOKS[what]
    data = b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [' + cells + b"]}"
    done = subprocess.run([sys.executable, "-c", READ], input=data, capture_output=True, check=True, timeout=120)
    megabytes, said = done.stdout.decode().split(maxsplit=1)
    assert said.startswith(result)
    assert int(megabytes) < 400


def test_a_heading_is_as_deep_as_headings_are(tmp_path):
    """Before version 4 of the format a heading had a number, and became so many signs: gigabytes of 142 bytes."""
    heading = b'{"cell_type": "heading", "source": "x", "level": 200000000}'
    data = b'{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [%s]}]}' % heading
    done = subprocess.run([sys.executable, "-c", READ], input=data, capture_output=True, check=True, timeout=120)
    megabytes, cells = done.stdout.decode().split(maxsplit=1)
    assert cells.strip() == "1"
    assert int(megabytes) < 100
    (tmp_path / "old.ipynb").write_bytes(data)
    assert [cell.source for cell in parsed_notebook.read(tmp_path / "old.ipynb").cells] == ["###### x"]


def test_a_slow_notebook_ends_in_a_check_too(classroom, limits):
    """Calls that each stay below their limit would together hold a worker for hours."""
    notebook = classroom.answered(double="import time\ndef double(x):\n    time.sleep(1)\n    return 2 * x")
    trial = classroom.grade(notebook, limits=replace(limits, notebook_seconds=2.5))
    last = trial.graded.notebooks[0].grades[0].verdicts[-1]
    assert "was stopped" in last.message
    assert "FAULT" not in trial.kinds


def test_a_notebook_does_not_fill_the_screen_of_whoever_grades(classroom):
    """Each of 5,000 cells could be told, above what the others' notebooks did."""
    notebook = classroom.solved()
    notebook.cells += [new_code_cell(f"open('/etc/{number}', 'w')") for number in range(50)]
    incidents = classroom.grade(notebook).graded.incidents
    assert len(incidents) == 21
    assert (incidents[0].kind, incidents[-1].text) == (IncidentKind.OUTSIDE, "30 more of this kind")
