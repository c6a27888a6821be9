"""Which sandbox is taken, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_course
from container import PYTHON, Container
from small_course import NAME

pytestmark = pytest.mark.slow

GRADE = """
import os, sys
user, *options = sys.argv[1:]
os.setuid(int(user))
sys.argv = ["autograder", "--course", "/course", "grade", "NAME", *options]
from autograder.cli import main
main()
""".replace("NAME", NAME)


def test_nothing_is_graded_where_nothing_can_be_confined(tmp_path: Path) -> None:
    """Student code would run among the answers because a wall is missing, and nobody would notice."""
    course = small_course.make_course(tmp_path / "course", students=["ada"])
    container = Container(tmp_path, {"/course": course.root})
    for path in (course.root, *course.root.rglob("*")):
        path.chmod(0o777)  # for somebody who is not root
    refused = container.run(PYTHON, "-c", GRADE, "12345")
    assert refused.returncode == 2, refused.stdout
    assert refused.stdout.startswith("autograder: student code cannot be confined here")
    assert "WSL" in refused.stdout
    assert "--unsafe" in refused.stdout
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "c.Autograder.sandbox = 'namespaces'\n")
    refused = container.run(PYTHON, "-c", GRADE, "0")
    assert refused.returncode == 2, refused.stdout
    assert "the sandbox 'namespaces' is asked for and cannot be had here" in refused.stdout
    unsafe = container.run(PYTHON, "-c", GRADE, "12345", "--unsafe")
    assert unsafe.returncode == 0, unsafe.stdout
    assert unsafe.stdout.startswith("NO SANDBOX.")
    assert "ran without a sandbox" in unsafe.stdout
    assert "5" in unsafe.stdout


DOCTOR = """
import os, sys
os.environ["container"] = "oci"
os.setuid(int(sys.argv[1]))
from autograder.sandbox.doctor import sandbox
found = sandbox()
print(found.good, found.text)
"""
BOTH = ("seccomp=unconfined", "unmask=ALL")


@pytest.mark.parametrize(("options", "needs"), [((), BOTH), (BOTH[:1], BOTH[1:])])
def test_a_container_is_told_what_it_lacks(tmp_path: Path, options: tuple[str, ...], needs: tuple[str, ...]) -> None:
    """Whoever grades in a container would be sent to another machine, though two options are missing."""
    container = Container(tmp_path, {}, options=options)
    for user in ("12345", "0"):
        said = container.run(PYTHON, "-c", DOCTOR, user).stdout
        assert said.startswith("False")
        assert [option for option in BOTH if option in said] == list(needs), said


def test_root_with_both_options_needs_no_more_rights_than_others(tmp_path: Path) -> None:
    """Root in such a container would get the weaker sandbox, and everybody else the strong one."""
    container = Container(tmp_path, {}, options=BOTH)
    for user in ("12345", "0"):
        assert container.run(PYTHON, "-c", DOCTOR, user).stdout.startswith("True namespaces, by "), user
