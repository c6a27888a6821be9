"""The demo that a newcomer runs first: a whole class, good, wrong, broken and hostile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from small_course import COMMAND, Run, autograder

from autograder import demo
from autograder.course.course import Course
from autograder.demo import make_demo
from autograder.errors import AutograderError

HERE = Path(__file__).parents[1]
NAME = "forecast"


def passed(score: dict[str, object]) -> list[bool]:
    return [check["passed"] for cell in score["cells"].values() for check in cell["checks"]]  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.long
def test_a_demo_that_was_stopped_says_how_to_go_on_and_starts_anew_where_there_is_no_clone(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`autograder demo` again would begin anew, and `grade` needs the course's name. What the class then shows is what
    the demo is there for."""
    folder = tmp_path / "course"
    stop_a_demo(folder)
    monkeypatch.setattr(demo, "SETTINGS", "\nc.Autograder.cell_seconds = 3\n")  # a loop without an end takes it all
    code, out, err = run("demo", "-o", str(folder), here=tmp_path)
    assert code == 0, err
    assert "Traceback" not in err
    assert "Graded notebooks:" in out
    scores = {score["student"]: score for score in json.loads(run("scores", NAME, "--json", here=folder)[1])}
    check_points(scores)
    kinds = {student: {i["kind"] for i in score["incidents"]} for student, score in scores.items()}
    assert "kernel died" in kinds["john"]
    assert "memory limit" in kinds["isaac"]
    assert kinds["ada"] == set()


def stop_a_demo(folder: Path) -> None:
    """Start a demo and stop it with Ctrl-C while it grades."""
    command = [*COMMAND, "demo", "-o", str(folder)]
    with subprocess.Popen(
        command, cwd=folder.parent, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while not (folder / "gradebook.db").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, complained = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complained.splitlines()[-1] == f"Stopped. Go on with: autograder --course {folder} grade forecast"
    assert "Traceback" not in complained


def check_points(scores: dict[str, dict[str, object]]) -> None:
    """Right answers hold every check, cheats and the unsolved have nothing, mistakes cost something and not all."""
    for student in ("ada", "alan"):
        assert passed(scores[student]) == [True] * 7
    for student in ("frank", "kurt", "lofty", "mallory"):
        assert scores[student]["score"] == 0.0
    for student in ("blaise", "carl", "emmy", "grace", "hedy"):
        assert 0 < sum(passed(scores[student])) < len(passed(scores[student]))


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
