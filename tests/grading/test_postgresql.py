"""A course whose gradebook is a PostgreSQL server, for teams and hubs: a real server, started for the test."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.grading.course import Course
from tests import small_course
from tests.small_course import NAME, autograder, submission

pytestmark = pytest.mark.slow

# Where Debian, Fedora and the servers' own packages put what only administrators call.
PLACES = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt"]


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The folder of a server's socket. It listens at no address."""
    pytest.importorskip("pg8000", reason="there is no driver for PostgreSQL here")
    found = sorted(path for place in PLACES for path in Path(place).glob("*/bin/pg_ctl"))
    if not found:
        pytest.skip("there is no PostgreSQL server here (Debian: apt install postgresql)")
    owner = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else os.geteuid()
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        os.chown(folder, owner, -1)
        control = [str(found[-1]), "-D", str(folder / "data"), "-w", "-s", "-l", str(folder / "log")]
        options = f"-c listen_addresses='' -k {folder}"
        run = {"user": owner, "cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
        subprocess.run([*control, "-o", "-A trust -U ada", "init"], **run)  # type: ignore[call-overload]
        subprocess.run([*control, "-o", options, "start"], **run)  # type: ignore[call-overload]
        try:
            yield folder
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **run)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def course(server: Path, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course of two students with its gradebook on the server, graded."""
    address = f"postgresql+pg8000://ada@/postgres?unix_sock={server}/.s.PGSQL.5432"
    root = tmp_path_factory.mktemp("pg") / "c"
    course = small_course.make_course(root, f'c.CourseDirectory.db_url = "{address}"\n', students=["ada", "bob"])
    done = autograder(root, "grade", NAME)
    assert done.returncode == 0, done.stderr
    return course


def scores(course: Course) -> dict[str, float]:
    done = autograder(course.root, "scores", NAME, "--json")
    assert done.returncode == 0, done.stderr
    return {row["student"]: row["score"] for row in json.loads(done.stdout)}


def test_a_class_is_graded_and_its_scores_are_read(course: Course) -> None:
    """Our tables and migrations must work where nbgrader's do."""
    assert scores(course) == {"ada": 5.0, "bob": 3.0}
    assert not (course.root / "gradebook.db").exists()


def test_what_is_unchanged_is_not_graded_again(course: Course) -> None:
    """A hub's class would be graded from the start whenever one student hands in."""
    small_course.submit(course.root, "bob", submission())
    done = autograder(course.root, "grade", NAME)
    assert "1 unchanged" in done.stdout + done.stderr
    assert scores(course) == {"ada": 5.0, "bob": 5.0}
    (change,) = json.loads(autograder(course.root, "changes", NAME, "--json").stdout)
    assert [change[key] for key in ("student", "from", "to", "why")] == ["bob", 1.0, 3.0, "new submission"]


def test_voids_extensions_and_pages_are_kept_there_too(course: Course) -> None:
    """Each has a table of its own, or reads many."""
    assert autograder(course.root, "grade", NAME, "--void", "test_two_numbers", "--why", "it was wrong").returncode == 0
    assert autograder(course.root, "extend", NAME, "ada", "--days", "3").returncode == 0
    for command in ("feedback", "report"):
        done = autograder(course.root, command, NAME)
        assert done.returncode == 0, done.stderr
    page = next((course.root / "feedback" / "ada" / NAME).glob("*.html")).read_text(encoding="utf-8")
    assert "it was wrong" in page


def test_no_text_of_a_student_stops_the_class(course: Course) -> None:
    """PostgreSQL takes no zero character: one message with it would end the run for everybody."""
    stop = "def mean(a):\n    raise ValueError('\\0 \\x1b[2J \\u202e')"
    small_course.submit(course.root, "abe", submission(mean=stop))
    small_course.submit(course.root, "zoe", submission())
    done = autograder(course.root, "grade", NAME)
    assert done.returncode == 0, done.stderr
    assert scores(course)["zoe"] == 5.0


def test_no_name_stops_the_others_from_being_collected(course: Course, tmp_path: Path) -> None:
    """Who chooses a name may choose a longer one than nbgrader's columns hold, which PostgreSQL alone refuses."""
    people = {"1": ("mia", "Long" * 60), "2": ("ned", "Short")}
    entry = "submission_{}:\n  :submitters:\n  - :name: Ms {}\n    :email: {}@x.org\n"
    entries = [entry.format(number, name, student) for number, (student, name) in people.items()]
    small_course.write(tmp_path / "export" / "submission_metadata.yml", "---\n" + "".join(entries))
    for number in people:
        small_course.write(tmp_path / "export" / f"submission_{number}" / f"{NAME}.ipynb", submission())
    done = autograder(course.root, "collect", str(tmp_path / "export"), NAME)
    assert done.returncode == 0, done.stderr
    assert {"mia@x.org", "ned@x.org"} <= course.submissions(NAME).keys()
