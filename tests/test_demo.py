"""The demo that a newcomer runs first: a whole class, good, wrong, broken and hostile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from small_course import COMMAND, autograder

pytestmark = pytest.mark.slow

HERE = Path(__file__).parents[1]
NAME = "softmax"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo course, made and graded twice."""
    folder = tmp_path_factory.mktemp("demo") / "course"
    for _ in range(2):
        done = autograder(HERE, "demo", "-o", str(folder), timeout=300)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert "Graded notebooks:" in done.stdout
    return folder


@pytest.fixture(scope="module")
def scores(demo: Path) -> dict[str, dict[str, object]]:
    """What the demo says of each student."""
    return {score["student"]: score for score in json.loads(autograder(demo, "scores", NAME, "--json").stdout)}


def passed(score: dict[str, object]) -> list[bool]:
    return [check["passed"] for cell in score["cells"].values() for check in cell["checks"]]  # type: ignore[attr-defined]


def test_the_right_ones_hold_every_check(scores: dict[str, dict[str, object]]) -> None:
    """A demo in which right answers lose points convinces nobody."""
    for student in ("ada", "alan"):
        assert all(passed(scores[student]))
        assert len(passed(scores[student])) > 10


def test_each_cheat_and_the_unsolved_have_nothing(scores: dict[str, dict[str, object]]) -> None:
    """It is what the demo is there to show."""
    for student in ("frank", "kurt", "lofty", "mallory"):
        assert scores[student]["score"] == 0.0


def test_each_mistake_costs_something_and_not_all(scores: dict[str, dict[str, object]]) -> None:
    """Partial credit is what instructors look for."""
    for student in ("blaise", "carl", "emmy", "grace", "hedy"):
        assert 0 < sum(passed(scores[student])) < len(passed(scores[student]))


def test_what_happened_is_told(scores: dict[str, dict[str, object]]) -> None:
    """A kernel that ended and memory that ran out must be seen at a glance."""
    kinds = {student: {i["kind"] for i in score["incidents"]} for student, score in scores.items()}  # type: ignore[attr-defined]
    assert "kernel died" in kinds["john"]
    assert "memory limit" in kinds["isaac"]
    assert kinds["ada"] == set()


def test_a_demo_that_is_stopped_says_how_to_go_on(tmp_path: Path) -> None:
    """`autograder demo` again would begin anew, and `grade` needs the course's name."""
    folder = tmp_path / "course"
    command = [*COMMAND, "demo", "-o", str(folder)]
    with subprocess.Popen(command, cwd=HERE, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while not (folder / "gradebook.db").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, complained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complained.splitlines()[-1] == f"Stopped. Go on with: autograder --course {folder} grade softmax"
    assert "Traceback" not in complained


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    """The demo clears its folder first: never somebody's own."""
    (tmp_path / "thesis.tex").write_text("years of work")
    done = autograder(HERE, "demo", "-o", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        f"autograder: {tmp_path} is not an earlier demo, so nothing was written there: name another with -o.\n"
    )
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
