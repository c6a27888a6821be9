"""Processes that are killed, runs that are stopped, answer keys that fail: nothing lost, nothing graded twice."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import small_course
from processes import descendants, gone_within
from small_course import COMMAND, NAME, Run, autograder, rows
from sqlalchemy import event
from sqlalchemy.orm import Session

from autograder.checking.outcomes import GraderFault
from autograder.course.assignment import KeyCell
from autograder.course.course import Course
from autograder.grading.answer_key import AnswerKey
from autograder.grading.class_run import grade_class
from autograder.sandbox.limits import Limits
from autograder.submission.graded import GradedSubmission
from autograder.submission.incidents import IncidentKind

pytestmark = [pytest.mark.slow, pytest.mark.long]

QUICK = ("ada", "bob", "cyd", "dan")


@contextlib.contextmanager
def grading(root: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`autograder grade` in the background, in a process group of its own; killed at the end if it still runs."""
    with subprocess.Popen(
        [*COMMAND, "grade", NAME, *options],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def until_graded(root: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until `count` submissions are recorded."""
    deadline = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            if len(small_course.graded_at(root)) >= count:
                return
        time.sleep(0.02)


def whole_notebooks(root: Path) -> bool:
    """Whether all that is in autograded/ can be read."""
    for path in (root / "autograded").glob("*/*/*.ipynb"):
        nbformat.validate(nbformat.read(path, as_version=4))
    return True


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """What an uninterrupted run gives."""
    course = Course(fresh(tmp_path_factory.mktemp("undisturbed") / "course"))
    grade_class(course, NAME, jobs=2)
    return course


def fresh(root: Path) -> Path:
    """The same course, with nothing graded. One submission takes a while, so that a run can be met at work."""
    small_course.make_course(root, students=QUICK)
    slow = "import time\ntime.sleep(2)\ndef double(x):\n    return 2 * x"
    small_course.submit(root, "zoe", small_course.submission(double=slow))
    (root / "gradebook.secret").write_bytes(bytes(32))
    return root


def test_killed_at_random_moments_a_run_ends_in_the_same_gradebook(
    undisturbed: Course, tmp_path: Path, run: Run
) -> None:
    """Power cuts and the system's memory killer come at any moment; grades must not depend on when."""
    chance = random.Random(os.environ.get("FAULT_SEED", "3"))
    root = fresh(tmp_path / "course")
    known: dict[str, str] = {}
    for victim in ("group", "main", "any", "any", "any"):
        with grading(root, "--jobs", "2") as process:
            time.sleep(chance.uniform(0.5, 4))
            below = descendants(process.pid)
            with contextlib.suppress(ProcessLookupError):
                if victim == "any" and below:
                    os.kill(chance.choice(below), signal.SIGKILL)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(chance.uniform(0, 2))
                os.killpg(process.pid, signal.SIGKILL) if victim == "group" else process.kill()
            process.wait()
        assert gone_within(10, below), f"left running after {victim} was killed"
        with contextlib.suppress(Exception):
            after = small_course.graded_at(root)
            assert known.items() <= after.items(), "graded twice"
            known = after
        assert whole_notebooks(root)
    code, _, complained = run("grade", NAME, here=root)
    assert code == 0, complained
    assert known.items() <= small_course.graded_at(root).items(), "graded twice"
    assert small_course.everything(root) == small_course.everything(undisturbed.root)
    assert whole_notebooks(root)


@pytest.mark.parametrize("moment", range(2))
def test_any_process_below_may_be_killed_and_the_run_goes_on(
    moment: int, undisturbed: Course, tmp_path: Path, run: Run
) -> None:
    """A worker, a sandbox or a kernel that dies must cost neither the run nor a student's points."""
    root = fresh(tmp_path / "course")
    chance = random.Random(moment)
    with grading(root, "--jobs", "2") as process:
        until_graded(root, 1, process)
        time.sleep(chance.uniform(0, 0.3))
        below = descendants(process.pid)
        if below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(below), signal.SIGKILL)
        said, complained = process.communicate(timeout=120)
    assert "Traceback" not in complained, complained
    assert run("grade", NAME, here=root)[0] == 0, said + complained
    assert small_course.everything(root) == small_course.everything(undisturbed.root)


def test_ctrl_c_ends_in_a_sentence_and_resumes(undisturbed: Course, tmp_path: Path, run: Run) -> None:
    """Whoever stops a run must know that nothing is lost, and see no traceback of ours or of a worker's."""
    root = fresh(tmp_path / "course")
    with grading(root, "--jobs", "2") as process:
        until_graded(root, 1, process)
        below = descendants(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        _, complained = process.communicate(timeout=30)
    assert process.returncode == 130, complained
    assert "Stopped. Nothing is lost or half-written: the same command goes on, or starts again." in complained
    assert "Traceback" not in complained
    assert gone_within(10, below)
    before = small_course.graded_at(root)
    assert run("grade", NAME, here=root)[0] == 0
    assert before.items() <= small_course.graded_at(root).items()
    assert small_course.everything(root) == small_course.everything(undisturbed.root)


def test_ctrl_c_in_the_middle_of_a_commit_waits_for_its_end(undisturbed: Course, tmp_path: Path) -> None:
    """SQLAlchemy cannot go back from there: the run would end in a traceback, and without its late penalties."""
    course = Course(fresh(tmp_path / "course"))

    def interrupt_the_next_commit(total: int, unchanged: int) -> None:
        event.listen(Session, "after_commit", lambda session: signal.raise_signal(signal.SIGINT), once=True)

    with pytest.raises(KeyboardInterrupt):
        grade_class(course, NAME, jobs=2, on_start=interrupt_the_next_commit)
    before = small_course.graded_at(course.root)
    assert len(before) == 1
    grade_class(course, NAME, jobs=2)
    assert before.items() <= small_course.graded_at(course.root).items()
    assert small_course.everything(course.root) == small_course.everything(undisturbed.root)


def test_ctrl_c_while_it_still_loads_ends_in_a_sentence(tmp_path: Path) -> None:
    """The process that workers are forked from would show a traceback of its own."""
    root = fresh(tmp_path / "course")
    with grading(root) as process:
        deadline = time.monotonic() + 60
        while not descendants(process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        _, complained = process.communicate(timeout=30)
    assert process.returncode == 130, complained
    assert complained == "Stopped. Nothing is lost or half-written: the same command goes on, or starts again.\n"


def test_of_two_runs_the_second_says_so_and_leaves(tmp_path: Path) -> None:
    """Two writers of one gradebook would grade everything twice."""
    root = fresh(tmp_path / "course")
    with grading(root) as first:
        deadline = time.monotonic() + 60
        while not any(root.glob("*gradebook.db*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        first.send_signal(signal.SIGSTOP)  # it could be done before the second has loaded
        second = autograder(root, "grade", NAME)
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=120)
    assert second.returncode == 2
    assert second.stderr.splitlines()[-1] == (
        f"autograder: Another run is at work in {root.resolve()}: wait for it to end, then start again."
    )
    assert first.returncode == 0


FAULTY = '''\
%%check
### BEGIN HIDDEN TESTS
def test_like_the_answer_key(student, reference):
    """As the answer key says."""
    assert_close(reference.mean(student.mean(np.array([2.0]))), 2.0)
### END HIDDEN TESTS'''


def waits_for_a_person(root: Path, done: list[GradedSubmission], cells: set[str]) -> None:
    """No score, a mark for a person, and an incident that says so."""
    assert all(any(i.kind is IncidentKind.FAULT for i in graded.incidents) for graded in done)
    found = {row[2]: row[3:7] for row in rows(root, small_course.NBGRADER_ROWS)}
    assert {found[cell] for cell in cells} == {(None, None, None, 1)}


def test_an_answer_key_that_fails_gives_no_zero(tmp_path: Path, run: Run) -> None:
    """Our own fault must wait for a person, be tried again, and show in the exit code until it is mended."""
    course = small_course.make_course(tmp_path / "c", students=["ada"])
    broken = small_course.MEAN.replace("return np.sum(a)", "raise RuntimeError('broken key')\n    return np.sum(a)")
    path = course.source(NAME) / f"{NAME}.ipynb"
    small_course.write(path, small_course.source_notebook(mean=broken))
    waits_for_a_person(course.root, grade_class(course, NAME).graded, {"test_mean"})
    code, _, complained = run("grade", NAME, here=course.root)
    assert code == 1
    assert "ada: could not be graded test_mean" in complained
    small_course.write(path, small_course.source_notebook())
    assert run("grade", NAME)[0] == 0
    assert small_course.auto_scores(course.root)["ada", "test_mean"] == 3.0


def test_a_student_s_value_cannot_keep_the_answer_key_at_work(tmp_path: Path) -> None:
    """One endless call for each check would take the machine from the rest of the class, long after its own check."""
    endless = "def wait(forever):\n    while forever:\n        pass\n    return 1"
    cells = (KeyCell("wait", endless, False), KeyCell("checks", "", True))
    with AnswerKey(cells, {}, Limits(cell_seconds=1)) as key:
        before = descendants(key.sandbox.process.pid)
        with key.at("checks") as reference, pytest.raises(GraderFault, match="it took longer than 1 s"):
            reference.wait(True)
        assert gone_within(5, [pid for pid in descendants(key.sandbox.process.pid) if pid not in before])
        with key.at("checks") as reference:
            assert reference.wait(False) == 1


def test_an_answer_key_that_a_student_s_value_breaks_gives_no_full_marks(tmp_path: Path) -> None:
    """A value made to crash the answer key must cost its author the comparison, and nobody else anything."""
    course = small_course.make_course(tmp_path / "c", students=[])
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", small_course.source_notebook(check=FAULTY))
    small_course.submit(course.root, "mallory", small_course.submission(mean="def mean(a):\n    return 'a string'"))
    scalar = "def mean(a):\n    return [np.mean(a)]"
    small_course.submit(course.root, "ada", small_course.submission(mean=scalar))
    grade_class(course, NAME, jobs=1)
    scores = small_course.auto_scores(course.root)
    assert (scores["ada", "test_mean"], scores["mallory", "test_mean"]) in ((3.0, 0.0), (3.0, None))


def test_a_sandbox_that_does_not_start_gives_no_zero(tmp_path: Path) -> None:
    """A machine that refuses sandboxes half-way through must not fail a class."""
    course = small_course.make_course(tmp_path / "c", students=["ada"])
    script = (
        "from pathlib import Path; import autograder.sandbox.bubblewrap as b; b.bwrap_path = lambda: '/bin/false'\n"
        "from autograder.grading import grader; from autograder.course import source_notebooks\n"
        "from autograder.course.course import Course; from dataclasses import replace\n"
        "from autograder.submission.reading import read_submission\n"
        f"course = Course(Path({str(course.root)!r})); made = source_notebooks.load_assignment(course, 'small')\n"
        "one = read_submission('ada', course.path('submitted', 'ada', 'small'), 64)\n"
        "limits = replace(course.settings.limits(), sandbox='namespaces')\n"
        "with grader.Grader(made, limits, bytes(32)) as grader:\n"
        "    done = grader.grade(one)\n"
        "print(done.needs_a_person, done.incidents[0].text)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True the sandbox did not start: it said nothing\n", done.stderr


def test_nothing_is_left_of_a_run(tmp_path: Path) -> None:
    """Temporary folders and processes of every run would fill a server over a term."""
    root = fresh(tmp_path / "course")
    places = Path(tempfile.mkdtemp())
    done = autograder(root, "grade", NAME, env=os.environ | {"TMPDIR": str(places)})
    assert done.returncode == 0, done.stderr
    assert [path.name for path in places.iterdir() if not path.name.startswith("pymp-")] == []
    assert {path.name for path in root.iterdir()} == {
        ".autograder.lock",
        "autograded",
        "gradebook.db",
        "gradebook.secret",
        "nbgrader_config.py",
        "source",
        "submitted",
    }
    shutil.rmtree(places)
