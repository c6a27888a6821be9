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

from autograder.demo import make_demo
from autograder.errors import AutograderError
from autograder.grading.course import Course

HERE = Path(__file__).parents[1]
NAME = "forecast"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo course, made and graded twice where there is neither a course nor a clone."""
    elsewhere = tmp_path_factory.mktemp("demo")
    folder = elsewhere / "course"
    for _ in range(2):
        done = autograder(elsewhere, "demo", "-o", str(folder), timeout=300)
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


@pytest.mark.slow
def test_the_right_ones_hold_every_check(scores: dict[str, dict[str, object]]) -> None:
    """A demo in which right answers lose points convinces nobody."""
    for student in ("ada", "alan"):
        assert all(passed(scores[student]))
        assert len(passed(scores[student])) == 7


@pytest.mark.slow
def test_each_cheat_and_the_unsolved_have_nothing(scores: dict[str, dict[str, object]]) -> None:
    """It is what the demo is there to show."""
    for student in ("frank", "kurt", "lofty", "mallory"):
        assert scores[student]["score"] == 0.0


@pytest.mark.slow
def test_each_mistake_costs_something_and_not_all(scores: dict[str, dict[str, object]]) -> None:
    """Partial credit is what instructors look for."""
    for student in ("blaise", "carl", "emmy", "grace", "hedy"):
        assert 0 < sum(passed(scores[student])) < len(passed(scores[student]))


@pytest.mark.slow
def test_what_happened_is_told(scores: dict[str, dict[str, object]]) -> None:
    """A kernel that ended and memory that ran out must be seen at a glance."""
    kinds = {student: {i["kind"] for i in score["incidents"]} for student, score in scores.items()}  # type: ignore[attr-defined]
    assert "kernel died" in kinds["john"]
    assert "memory limit" in kinds["isaac"]
    assert kinds["ada"] == set()


@pytest.mark.slow
def test_a_demo_that_is_stopped_says_how_to_go_on(tmp_path: Path) -> None:
    """`autograder demo` again would begin anew, and `grade` needs the course's name."""
    folder = tmp_path / "course"
    command = [*COMMAND, "demo", "-o", str(folder)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while not (folder / "gradebook.db").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, complained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complained.splitlines()[-1] == f"Stopped. Go on with: autograder --course {folder} grade forecast"
    assert "Traceback" not in complained


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    """The demo clears its folder first: never somebody's own."""
    (tmp_path / "thesis.tex").write_text("years of work")
    done = autograder(tmp_path, "demo", "-o", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        f"autograder: {tmp_path} is not an earlier demo, so nothing was written there: name another with -o.\n"
    )
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("name", sorted(path.name for path in (HERE / "assignments").iterdir()))
def test_every_assignment_of_the_project_has_a_demo(tmp_path: Path, name: str) -> None:
    """`make demo` is what people see first, and an instructor shows colleagues another."""
    stories = make_demo(tmp_path / "course", Course(HERE), name)
    assert len(stories) == 13
    book = {s: (tmp_path / "course" / "submitted" / s / name / f"{name}.ipynb").read_text() for s in stories}
    assert len(set(book.values())) == 13
    assert "Mark scheme" not in book["ada"]


def test_an_assignment_that_is_not_there_makes_no_demo(tmp_path: Path) -> None:
    """Half a course would be left."""
    with pytest.raises(AutograderError, match="There is no assignment nowhere in"):
        make_demo(tmp_path / "course", Course(HERE), "nowhere")
    assert not (tmp_path / "course").exists()
