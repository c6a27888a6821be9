"""Hostile submissions in a class: nobody else's grade changes, and every one of them ends as a result."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from autograder.grading.classes import grade_class
from autograder.publishing.scores import read_scores

pytestmark = pytest.mark.slow

NAME = "trust"
SECRET = "cnry_secret_500001"


def broken_submissions(room):
    """Everything that a submission can be and a notebook should not: (notebook, other files) by student."""
    release = room.unsolved()
    text = json.loads(json.dumps(release))
    double = text["cells"][1]
    half = json.loads(json.dumps(text))
    half["cells"][1]["source"] = "x = '\ud800 \\u0000 \0'\ndef double(x):\n    raise ValueError('\\udc80')"
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
    whole = json.dumps(text).encode()
    return {
        "empty": (b"", {}),
        "not_json": (b"\xff\xfe{", {}),
        "no_cells": (b'{"nbformat": 4, "cells": 7}', {}),
        "version_3": (json.dumps(version_3(text)).encode(), {}),
        "version_99": (json.dumps(text | {"nbformat": 99}).encode(), {}),
        "deep_json": (b"[" * 100_000, {}),
        "half_characters": (json.dumps(half).encode(), {}),
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


def test_a_class_survives_every_kind_of_submission(new_classroom):
    """One submission that stops the run, or changes somebody else's grade, would leave a class without grades."""
    room = new_classroom
    room.hand_in("ada", room.solved(), {"notes.txt": b"cnry_other_600010"})
    broken = broken_submissions(room)
    for student, (data, files) in broken.items():
        room.hand_in(student, data, files)
    links = room.hand_in("links", room.unsolved())
    (links / "ada.ipynb").symlink_to(room.course.path("submitted", "ada", NAME) / f"{NAME}.ipynb")
    (links / "secret.txt").symlink_to(room.course.root / "gradebook.secret")
    os.mkfifo(links / "pipe.ipynb")
    room.hand_in("zoe", room.solved())
    progress = grade_class(room.course, NAME, jobs=2)
    scores = {score["student"]: score for score in read_scores(room.course, NAME)}
    assert set(scores) == {"ada", "zoe", "links", *broken}
    assert {scores[who]["score"] for who in ("ada", "zoe")} == {16}
    assert {who: scores[who]["score"] for who in broken} == dict.fromkeys(broken, 0)
    assert not progress.needs_a_person
    assert not os.path.exists("/tmp/cnry_unpickled")
    assert SECRET not in "".join(p.read_text() for p in (room.course.root / "autograded").rglob("*") if p.is_file())


def test_nbgrader_itself_follows_no_link_into_the_sandbox(new_classroom):
    """nbgrader copies what a link points at: the course's secret would lie beside the student's notebook."""
    room = new_classroom
    read = "import pathlib\nprint([p.read_text(errors='replace')[4:] for p in pathlib.Path().glob('*.txt')])"
    folder = room.hand_in("links", room.cheat(read), {"own.txt": b"mineTEXT"})
    (folder / "secret.txt").symlink_to(room.course.root / "gradebook.secret")
    command = [sys.executable, "-m", "nbgrader", "autograde", NAME, "--create"]
    generate = [sys.executable, "-m", "nbgrader", "generate_assignment", NAME, "--create", "--force"]
    for step in (generate, command):
        done = subprocess.run(step, cwd=room.course.root, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    graded = (room.course.path("autograded", "links", NAME) / f"{NAME}.ipynb").read_text()
    assert "TEXT" in graded
    assert SECRET[4:] not in graded
