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

from autograder.course.course import Course
from autograder.grading.class_run import grade_class
from autograder.publishing.scores import read_scores
from tests import small_course
from tests.small_course import NAME, Run, submission

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
    assert not any(graded.needs_a_person for graded in grade_class(course, NAME).graded)
    return course


def scores(course: Course) -> dict[str, float]:
    return {score["student"]: score["score"] for score in read_scores(course, NAME)}


def test_a_class_is_graded_and_its_scores_are_read(course: Course) -> None:
    """Our tables and migrations must work where nbgrader's do."""
    assert scores(course) == {"ada": 5.0, "bob": 3.0}
    assert not (course.root / "gradebook.db").exists()


def test_what_is_unchanged_is_not_graded_again(course: Course, run: Run) -> None:
    """A hub's class would be graded from the start whenever one student hands in."""
    small_course.submit(course.root, "bob", submission())
    _, said, complained = run("grade", NAME, here=course.root)
    assert "1 unchanged" in said + complained
    assert scores(course) == {"ada": 5.0, "bob": 5.0}
    (change,) = json.loads(run("changes", NAME, "--json")[1])
    assert [change[key] for key in ("student", "from", "to", "why")] == ["bob", 1.0, 3.0, "new submission"]


def test_voids_extensions_and_pages_are_kept_there_too(course: Course, run: Run) -> None:
    """Each has a table of its own, or reads many."""
    void = ("grade", NAME, "--void", "test_two_numbers", "--why", "it was wrong")
    for command in (void, ("extend", NAME, "ada", "--days", "3"), ("feedback", NAME), ("report", NAME)):
        code, _, complained = run(*command, here=course.root)
        assert code == 0, complained
    page = next((course.root / "feedback" / "ada" / NAME).glob("*.html")).read_text(encoding="utf-8")
    assert "it was wrong" in page


def test_no_text_of_a_student_stops_the_class(course: Course, run: Run) -> None:
    """PostgreSQL takes no zero character: one message with it would end the run for everybody."""
    stop = "def mean(a):\n    raise ValueError('\\0 \\x1b[2J \\u202e')"
    small_course.submit(course.root, "abe", submission(mean=stop))
    small_course.submit(course.root, "zoe", submission())
    code, _, complained = run("grade", NAME, here=course.root)
    assert code == 0, complained
    assert scores(course)["zoe"] == 5.0


def test_no_name_stops_the_others_from_being_collected(course: Course, tmp_path: Path, run: Run) -> None:
    """Who chooses a name may choose a longer one than nbgrader's columns hold, which PostgreSQL alone refuses."""
    people = {"1": ("mia", "Long" * 60), "2": ("ned", "Short")}
    entry = "submission_{}:\n  :submitters:\n  - :name: Ms {}\n    :email: {}@x.org\n"
    entries = [entry.format(number, name, student) for number, (student, name) in people.items()]
    small_course.write(tmp_path / "export" / "submission_metadata.yml", "---\n" + "".join(entries))
    for number in people:
        small_course.write(tmp_path / "export" / f"submission_{number}" / f"{NAME}.ipynb", submission())
    code, _, complained = run("collect", str(tmp_path / "export"), NAME, here=course.root)
    assert code == 0, complained
    assert {"mia@x.org", "ned@x.org"} <= course.submissions(NAME).keys()
