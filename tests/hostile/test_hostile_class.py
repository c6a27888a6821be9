"""Hostile submissions in a class: nobody else's grade changes, and every one of them ends as a result."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys

import pytest
from hostile_sources import BOMBS, WAYS
from processes import descendants, gone_within
from small_course import COMMAND, make_known

from autograder.publishing.scores import read_scores

pytestmark = [pytest.mark.slow, pytest.mark.long]

NAME = "trust"
SECRET = "cnry_secret_500001"


def broken_submissions(room):
    """Everything that a submission can be and a notebook should not: (notebook, other files) by student."""
    release = room.unsolved()
    text = json.loads(json.dumps(release))
    double = text["cells"][1]
    half = json.loads(json.dumps(text))
    half["cells"][1]["source"] = "x = '\ud800 \\u0000 \0'\ndef double(x):\n    raise ValueError('\\udc80')"
    picture = json.loads(json.dumps(text))
    picture["cells"][8]["attachments"] = {"a\ud800.png": {"image/png": "\ud800"}}
    deep = json.loads(json.dumps(text))
    deep["cells"][8]["attachments"] = nested(400)
    ids = json.loads(json.dumps(text))
    ids["cells"] = [{**cell, "id": "same"} for cell in ids["cells"]]
    many = json.loads(json.dumps(text))
    many["cells"] += [{"cell_type": "markdown", "metadata": {}, "source": "x"}] * 9_970 + [double] * 30
    alien = text | {"metadata": {"kernelspec": {"name": "ir", "language": "R"}, "language_info": {"name": "R"}}}
    display = room.cheat(
        "from IPython.display import display\nfor make in (lambda d: {'a': d}, lambda d: [d]):\n    d = make(1)\n"
        "    for _ in range(700): d = make(d)\n    display({'application/json': d}, raw=True)\n"
        "    display({'text/plain': 'x'}, raw=True, metadata={'m': d})"
    )
    half_shown = room.cheat(
        "from IPython.display import display\nhalf = {'a\\ud800': '\\ud800'}\n"
        "import autograder.kernel_side.serve\nfrom jupyter_client import session\n"
        "session.json_packer = lambda m: __import__('json').dumps(m).encode()\n"
        "get_ipython().kernel.session.pack = session.json_packer\n"
        "display({'text/plain': 'x', 'application/json': half}, raw=True, metadata=half)"
    )
    whole = json.dumps(text).encode()
    return {
        "empty": (b"", {}),
        "not_json": (b"\xff\xfe{", {}),
        "no_cells": (b'{"nbformat": 4, "cells": 7}', {}),
        "version_3": (json.dumps(version_3(text)).encode(), {}),
        "version_99": (json.dumps(text | {"nbformat": 99}).encode(), {}),
        "deep_json": (b"[" * 100_000, {}),
        "half_characters": (json.dumps(half).encode(), {}),
        "half_attachment": (json.dumps(picture).encode(), {}),
        "half_output": (json.dumps(half_shown).encode(), {}),
        "deep_attachment": (json.dumps(deep).encode(), {}),
        "deep_output": (json.dumps(display).encode(), {}),
        "ids_twice": (json.dumps(ids).encode(), {}),
        "ten_thousand": (json.dumps(many).encode(), {}),
        "alien": (json.dumps(alien).encode(), {}),
        "two_notebooks": (whole, {"other.ipynb": whole, "folder/trust.ipynb": whole}),
        "file_for_folder": (whole, {"data": b"a file where the assignment has a folder"}),
        "folder_for_file": (whole, {"data/numbers.csv/x": b"1", "trust.ipynb.d/x": b"1"}),
        "modules": (whole, dict.fromkeys(MODULES, b"import os\nos._exit(3)\n")),
        "bomb": (whole, {"bomb.pkl": b"cos\nsystem\n(S'touch /tmp/cnry_unpickled'\ntR."}),
    }


MODULES = (
    *("numpy.py", "sklearn.py", "sitecustomize.py", "usercustomize.py", "conftest.py", "nbgrader_config.py"),
    *("autograder/__init__.py", "autograder/kernel_side/__init__.py", "pytest.py", "json.py", "ipython_config.py"),
    *("ipykernel_config.py", "jupyter_config.py", ".ipython/profile_default/startup/x.py", "zmq.py", "__main__.py"),
)


def nested(depth):
    made = {"text/plain": "x"}
    for _ in range(depth):
        made = {"a": made}
    return made


def version_3(notebook):
    """The same cells as an old Jupyter wrote them."""
    cells = [
        {
            "cell_type": c["cell_type"],
            "metadata": c["metadata"],
            "language": "python",
            "outputs": [],
            "collapsed": False,
        }
        | {"input" if c["cell_type"] == "code" else "source": c["source"]}
        for c in notebook["cells"]
    ]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "x"}, "worksheets": [{"cells": cells}]}


def hostile_notebooks(room):
    """Notebooks that take all there is, fall silent, or reach for what is not theirs, by student."""
    reaches = {
        "outside": room.cheat("open('/usr/lib/x', 'w')"),
        "network": room.cheat("import socket\nsocket.create_connection(('192.0.2.1', 80), 1)"),
        "channel": room.cheat("import os\nos.write(1000, b'GET / HTTP/1.1' * 100)"),
        "children": room.cheat(
            "import os, time\nfor _ in range(20):\n    if os.fork() == 0:\n        held = b'x' * (90 << 20)\n"
            "        time.sleep(60)\nos.wait()"
        ),
    }
    takes = {f"takes {what}": room.cheat(source) for what, source in BOMBS.items()}
    return reaches | takes | {f"silent {way}": room.answered(double=source) for way, source in WAYS.items()}


# What is certain of each, and the end that it may come to first on a slow machine.
NAMED = {
    **{broken: {"refused"} for broken in ("empty", "not_json", "no_cells", "version_99", "deep_json")},
    "outside": {"wrote outside"},
    "network": {"tried the network"},
    "channel": {"touched the grader's side"},
    "children": {"memory limit", "time limit"},
    "takes memory": {"memory limit", "time limit"},
    "takes prints": {"output limit", "time limit"},
    "takes displays": {"output limit", "time limit"},
    "takes no end, not to be interrupted": {"time limit"},
    "silent the kernel ends": {"kernel died"},
    "silent the kernel crashes": {"kernel died"},
    "silent more at once than a message may hold": {"output limit", "time limit", "kernel died"},
}
CHILD_SUBREAPER = 36


def test_a_class_of_forty_survives_every_kind_of_submission(new_classroom):
    """One submission that stops the run, or changes somebody else's grade, would leave a class without grades."""
    room = new_classroom
    honest = {"ada": 16, "zoe": 16, "half": 8}
    room.hand_in("ada", room.solved(), {"notes.txt": b"cnry_other_600010"})
    room.hand_in("half", room.solved(mean_loss="", train=""))
    room.hand_in("zoe", room.solved())
    broken = broken_submissions(room) | {who: (book, {}) for who, book in hostile_notebooks(room).items()}
    for student, (data, files) in broken.items():
        room.hand_in(student, data, files)
    links = room.hand_in("links", room.unsolved())
    (links / "ada.ipynb").symlink_to(room.course.path("submitted", "ada", NAME) / f"{NAME}.ipynb")
    (links / "secret.txt").symlink_to(room.course.root / "gradebook.secret")
    os.mkfifo(links / "pipe.ipynb")
    before = set(descendants(os.getpid()))
    ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1, 0, 0, 0)  # what a run leaves behind becomes this process's
    done = subprocess.run([*COMMAND, "grade", NAME], cwd=room.course.root, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr  # some could not be read: somebody must look
    assert gone_within(10, [pid for pid in descendants(os.getpid()) if pid not in before])
    scores = {score["student"]: score for score in read_scores(room.course, NAME)}
    assert len(scores) >= 40
    assert set(scores) == {"links", *honest, *broken}
    assert {who: scores[who]["score"] for who in (*honest, *broken)} == honest | dict.fromkeys(broken, 0)
    named = {who: {incident["kind"] for incident in scores[who]["incidents"]} for who in scores}
    assert {who: named[who] for who in NAMED if not named[who] & NAMED[who]} == {}
    assert not any(named[who] for who in honest)
    graded = [path for path in (room.course.root / "autograded").rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in graded if "ten_thousand" not in path.parts) < 1_000_000
    text = "".join(path.read_text() for path in graded if path.suffix == ".ipynb" or path.stat().st_size < 10_000)
    assert "GOT IT" not in text
    assert SECRET not in text
    assert not os.path.exists("/tmp/cnry_unpickled")


def test_nbgrader_itself_follows_no_link_into_the_sandbox(new_classroom):
    """nbgrader copies what a link points at: the course's secret would lie beside the student's notebook."""
    room = new_classroom
    read = "import pathlib\nprint([p.read_text(errors='replace')[4:] for p in pathlib.Path().glob('*.txt')])"
    folder = room.hand_in("links", room.cheat(read), {"own.txt": b"mineTEXT"})
    (folder / "secret.txt").symlink_to(room.course.root / "gradebook.secret")
    kept = room.course.source(NAME) / ".git" / "x"  # what nbgrader grades beside, it gives back with the feedback
    kept.parent.mkdir()
    for path in (kept, kept.parents[1] / f".{NAME}.ipynb.swp"):
        path.write_text("cnry_key_200099")
    command = [sys.executable, "-m", "nbgrader", "autograde", NAME, "--create"]
    make_known(room.course, NAME)
    done = subprocess.run(command, cwd=room.course.root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    graded = (room.course.path("autograded", "links", NAME) / f"{NAME}.ipynb").read_text()
    assert "TEXT" in graded
    assert SECRET[4:] not in graded
    copied = [path for path in room.course.path("autograded", "links", NAME).rglob("*") if path.is_file()]
    assert b"cnry_key_200099" not in b"".join(path.read_bytes() for path in copied)
