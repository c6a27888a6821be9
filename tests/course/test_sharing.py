"""A course that a Unix group shares. No kernel runs."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_course
from small_course import NAME, Run

from autograder.course.course import Course
from autograder.course.locking import course_lock
from autograder.course.sharing import is_shared, share_what_is_made, sharing_problems
from autograder.files import undo_leftovers
from autograder.gradebook.gradebook import open_gradebook

ROOT = Path(__file__).parents[2]
SHARED = small_course.LIMITS + "c.CourseDirectory.groupshared = True\n"


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """The umask that most systems have."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def made(tmp_path: Path, mode: int) -> Path:
    """A course whose folder has `mode`, with what a first run makes in it."""
    course = small_course.make_course(tmp_path / "course", SHARED, students=[])
    for folder in (course.root / "source", course.root / "source" / NAME):
        folder.chmod(0o2775)
    course.root.chmod(mode)
    share_what_is_made(course.root)
    assert len(course.secret) == 32
    with course_lock(course.root), open_gradebook(course):
        pass
    (course.root / "submitted" / "ada").mkdir(parents=True)
    return course.root


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_in_a_shared_course_is_the_group_s(tmp_path: Path) -> None:
    """The second of two TAs could neither read the secret nor write the gradebook."""
    root = made(tmp_path, 0o2770)
    assert mode_of(root / "gradebook.secret") == 0o640
    assert mode_of(root / "gradebook.db") & 0o070 == 0o060
    assert mode_of(root / ".autograder.lock") & 0o070 == 0o060
    assert mode_of(root / "submitted" / "ada") & 0o070 == 0o070
    assert sharing_problems(root, groupshared=True) == []


def test_a_course_of_one_person_stays_theirs(tmp_path: Path) -> None:
    """The secret would be readable for everybody who is in the same group by chance."""
    root = made(tmp_path, 0o755)
    assert mode_of(root / "gradebook.secret") == 0o600
    assert mode_of(root / "gradebook.db") & 0o022 == 0


def test_doctor_names_what_the_group_cannot_use(tmp_path: Path, run: Run) -> None:
    """A folder that one TA has copied in would stop the other in the middle of a run."""
    root = made(tmp_path, 0o2770)
    assert "✓ shared course" in run("doctor", here=root)[1]
    (root / "submitted" / "ada").chmod(0o755)
    code, out, _ = run("doctor", here=root)
    assert code == 1
    assert "✗ shared course: its Unix group cannot use submitted/ada: run `chmod -R g+rwX` on" in out
    Course(root).root.chmod(0o755)
    assert "shared course" not in run("doctor", here=root)[1]


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o644])
def test_doctor_wants_the_secret_to_be_the_group_s_to_read_and_no_more(tmp_path: Path, mode: int) -> None:
    """The second TA could not grade, or the secret would be anybody's."""
    root = made(tmp_path, 0o2770)
    (root / "gradebook.secret").chmod(mode)
    (problem,) = sharing_problems(root, groupshared=True)
    assert "run `chmod 640 gradebook.secret` as its owner" in problem


def test_what_the_documentation_says_satisfies_doctor(tmp_path: Path) -> None:
    """Who follows it would be told to do something else."""
    root = made(tmp_path, 0o755)
    (root / "nbgrader_config.py").write_text("c = get_config()\n")
    assert sharing_problems(root, Course(root).directory.groupshared) != []
    text = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    commands = text.split("### A team\n")[1].split("\n###")[0]
    for line in re.findall(r"(?m)^    (.*)$", commands)[1:]:  # without chgrp: there may be no second group
        subprocess.run(["sh", "-c", line.replace("my-course", shlex.quote(str(root)))], check=True, timeout=60)
    assert is_shared(root)
    assert sharing_problems(root, Course(root).directory.groupshared) == []
    assert not any(mode_of(path) & 0o007 for path in (root, root / "source" / NAME))


def test_doctor_wants_nbgrader_to_share_what_it_makes(tmp_path: Path, run: Run) -> None:
    """What formgrader's Autograde button had made was the TA's who pressed it, and stopped everybody else's `grade`."""
    root = made(tmp_path, 0o2770)
    (root / "nbgrader_config.py").write_text("c = get_config()\n")
    code, out, _ = run("doctor", here=root)
    assert code == 1
    assert "add `c.CourseDirectory.groupshared = True` to nbgrader_config.py" in out


def test_a_leftover_that_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    """A folder of another TA's was left as it was, and the next run ended with “Directory not empty”."""
    (tmp_path / ".ada.old").symlink_to(tmp_path)  # root, as whom tests may run, could delete a folder
    (tmp_path / "ada").mkdir()
    with pytest.raises(PermissionError, match=r"it cannot be deleted, and is \w+'s: .*\.ada\.old"):
        undo_leftovers(tmp_path / "ada")
