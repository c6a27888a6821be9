"""What tests share: an IPython with the extension, and a small course, made once for each test process."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import small_course
from small_course import Run

from autograder.cli import main
from autograder.course.course import Course

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# nbgrader's own way to a gradebook starts `alembic` by name: it is beside this Python.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
# What a shell starts in the background ignores Ctrl-C, and so would these tests and all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)  # when what is not asked for is gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal out the files that take long: each of xdist's processes, which get the list in equal parts, begins with
    some. The others would wait for one that starts last."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0"))
    long = list(dict.fromkeys(item.path for item in items if item.get_closest_marker("long")))
    short = [item for item in items if item.path not in long]
    dealt = []
    for number in range(processes):
        dealt += [item for path in long[number::processes] for item in items if item.path == path]
        dealt += short[number * len(short) // processes : (number + 1) * len(short) // processes]
    items[:] = dealt or items


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """An IPython with the extension loaded."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell(config=config)
    made.run_line_magic("load_ext", "autograder")
    yield made
    made.run_line_magic("unload_ext", "autograder")


@pytest.fixture(scope="session")
def graded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small course after one run of `grade_class`: copy it, don't change it."""
    from autograder.grading.class_run import grade_class

    course = small_course.make_course(tmp_path_factory.mktemp("graded") / "course")
    grade_class(course, small_course.NAME, jobs=2)
    return course.root


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """The small course with its class's submissions, nothing graded yet."""
    return small_course.make_course(tmp_path / "course")


@pytest.fixture
def graded(graded_once: Path, tmp_path: Path) -> Course:
    """A copy of the small course of one's own, graded once."""
    shutil.copytree(graded_once, tmp_path / "course")
    return Course(tmp_path / "course")


@pytest.fixture(scope="session")
def recorded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ada and s00001 of the small course have 1 of 3 points for test_mean, 2 of 2 for test_double, and wait for a
    person's 3: copy it, don't change it."""
    from made_class import make_class
    from recorded_class import LATE

    course = small_course.make_course(tmp_path_factory.mktemp("recorded") / "course", LATE, ["ada"])
    make_class(course, small_course.NAME, 2)
    return course.root


@pytest.fixture
def recorded(recorded_once: Path, tmp_path: Path) -> Course:
    """A copy of that class of one's own."""
    shutil.copytree(recorded_once, tmp_path / "course")
    return Course(tmp_path / "course")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `autograder` in this process: exit code, standard output, standard error. Tables are as wide as here,
    whatever the terminal."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*args: str, here: Path | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, args)])
        if here is not None:
            monkeypatch.chdir(here)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run
