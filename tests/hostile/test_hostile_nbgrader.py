"""What a submission may do where nbgrader's own command, or formgrader's button in a Jupyter server, grades it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import small_course
from small_course import NAME, submission

from autograder.collecting.exchange import copy_regular_files

pytestmark = pytest.mark.slow

# As a process ends that computes on after its time, or that the system ends for want of memory.
ENDS = '''\
%%check
def test_small(student):
    """A small number."""
    import os
    if student.mean(np.array([1.0, 3.0])) > 10**9:
        os._exit(1)'''
HEADING = {"cell_type": "heading", "level": 10**7, "source": "Large", "metadata": {}}


def autograded(root: Path) -> str:
    """What `nbgrader autograde` says."""
    command = [sys.executable, "-m", "nbgrader", "autograde", NAME]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=280, check=False).stderr


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Its gradebook knows the assignment; nobody has handed in."""
    root = tmp_path / "course"
    course = small_course.make_course(root, students=[])
    small_course.write(root / "source" / NAME / f"{NAME}.ipynb", small_course.source_notebook(ENDS))
    small_course.make_known(course)
    return root


def test_nothing_that_is_handed_in_ends_the_process_or_fills_it(course: Path) -> None:
    """It grades the class, or it is the Jupyter server with everything else that runs there."""
    small_course.submit(course, "abe", submission(mean="def mean(a):\n    return 10**15"))
    parts = json.loads(json.dumps(submission())) | {"metadata": {"deep": [[]] * 2_500_000}}
    small_course.submit(course, "bea", json.dumps(parts))
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"metadata": {}, "cells": [HEADING]}]}
    small_course.submit(course, "cal", json.dumps(old))
    link = course / "submitted" / "dot" / NAME / f"{NAME}.ipynb"
    link.parent.mkdir(parents=True)
    link.symlink_to(course / "source" / NAME / f"{NAME}.ipynb")
    small_course.submit(course, "zoe", submission())
    said = autograded(course)
    assert "abe could not be graded: the process that graded it ended by itself" in said
    assert "has millions of parts" in said
    assert "is a link, or not a regular file" in said
    graded = {path.parent.parent.name: path for path in (course / "autograded").glob(f"*/{NAME}/{NAME}.ipynb")}
    assert graded.keys() == {"cal", "zoe"}
    assert graded["cal"].stat().st_size < 2**20


def test_no_link_in_the_exchange_is_followed(course: Path) -> None:
    """Students can write there themselves: by a link, hidden tests and the gradebook would lie beside the notebook."""
    config = f"""
c.Exchange.root = "{course}/exchange"
c.CourseDirectory.course_id = "c"
c.CourseDirectory.max_dir_size = 100
c.ExchangeFactory.collect = "autograder.collecting.exchange.CollectRegularFiles"
"""
    with open(course / "nbgrader_config.py", "a") as file:
        file.write(config)
    inbound = course / "exchange" / "c" / "inbound"
    mine, large, yours = (inbound / f"{who}+{NAME}+2026-10-01 10:00:00 UTC+1" for who in ("abe", "bea", "zoe"))
    for folder in (mine, large, yours):
        small_course.write(folder / f"{NAME}.ipynb", submission())
    (mine / "file.txt").symlink_to(course / "gradebook.db")
    (mine / "folder").symlink_to(course / "source")
    os.mkfifo(mine / "pipe")
    small_course.write(yours / "data" / "own.csv", "1,2")
    small_course.write(yours / "timestamp.txt", "no time")  # formgrader would show nobody
    (large / "large.bin").touch()
    os.truncate(large / "large.bin", 10**9)
    command = [sys.executable, "-m", "nbgrader", "collect", NAME]
    said = subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=200, check=False)
    assert said.returncode == 0, said.stderr
    assert "larger than c.CourseDirectory.max_dir_size allows" in said.stderr
    submitted, book = course / "submitted", f"{NAME}/{NAME}.ipynb"
    found = {str(path.relative_to(submitted)) for path in submitted.rglob("*") if not path.is_dir()}
    times = {f"{who}/{NAME}/timestamp.txt" for who in ("abe", "zoe")}
    assert found == {f"abe/{book}", f"zoe/{book}", f"zoe/{NAME}/data/own.csv"} | times
    assert {(submitted / name).read_text() for name in times} == {"2026-10-01 10:00:00 UTC"}


@pytest.mark.parametrize("kind", ["files", "folders", "one large file"])
def test_what_is_copied_from_the_exchange_has_an_end(tmp_path: Path, kind: str) -> None:
    """Millions of empty files hold no bytes, and collecting would go on for hours."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "small.ipynb").write_text("x" * 5000)
    copy_regular_files(str(source), tmp_path / "copied", 10_000)
    assert (tmp_path / "copied" / "small.ipynb").read_text() == "x" * 5000
    for number in range(30):
        if kind == "files":
            (source / f"{number}").touch()
        elif kind == "folders":
            (source / f"{number}").mkdir()
    if kind == "one large file":
        (source / "large").write_text("x" * 90_000)
    with pytest.raises(ValueError, match="larger than"):
        copy_regular_files(str(source), tmp_path / "again", 90_000)
    copy_regular_files(str(source), tmp_path / "more", 140_000)


def test_a_path_without_end_in_the_exchange_is_not_copied(tmp_path: Path) -> None:
    """What nbgrader's own commands do with it afterwards would end in a RecursionError."""
    (tmp_path / "source" / "/".join(["a"] * 600)).mkdir(parents=True)
    with pytest.raises(ValueError, match="a path of more than 1000 bytes"):
        copy_regular_files(str(tmp_path / "source"), tmp_path / "copied", 10**9)
