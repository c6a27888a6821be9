"""What grading costs beside the students' own computing: processor seconds for each tiny notebook, and where they go.

    python benchmarks/overhead.py            # 20 notebooks, each with one answer and one check cell
    python benchmarks/overhead.py -n 100

Every notebook is read, executed in the sandbox and recorded in a gradebook by the code that `autograder grade` runs,
here all in one process so that its time can be told apart. Its answer is one line, so nearly all of this is overhead.
What runs once for a worker (imports, the sandbox, the answer key) is shown by itself.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import nbformat

from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.gradebook import write_results
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.gradebook_sync import sync_assignment
from autograder.grading import grader as grader_module
from autograder.grading import notebook_run
from autograder.grading.grader import Grader
from autograder.grading.notebook_run import NotebookRun
from autograder.sandbox.base import Sandbox
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.memory_watchdog import tree
from autograder.submission import handed_in
from autograder.submission.reading import read_submission

ROOT = Path(__file__).parents[1]
NAME = "tiny"
CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
ANSWER = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
CHECKS = '''%%check
def test_two(student):
    """Twice two is four."""
    assert_close(student.double(2.0), 4.0)

### BEGIN HIDDEN TESTS
def test_random(student, reference, rng):
    """Right on random numbers."""
    x = rng.normal(size=7)
    assert_close(student.double(x), reference.double(x))
### END HIDDEN TESTS'''


class Stopwatch:
    """Processor seconds of this process by what it is doing: the innermost thing that is timed."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.doing = ["the rest"]
        self.since = time.process_time()

    def turn(self) -> None:
        now = time.process_time()
        self.seconds[self.doing[-1]] += now - self.since
        self.since = now

    def timed(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            self.turn()
            self.doing.append(what)
            try:
                return function(*args, **kwargs)
            finally:
                self.turn()
                self.doing.pop()

        return wrapper

    def watch(self, owner: Any, name: str, what: str) -> None:
        setattr(owner, name, self.timed(what, getattr(owner, name)))


WATCHED = [
    (handed_in, "read_notebook", "grader: reading the notebook"),
    (grader_module, "restore", "grader: restoring it"),
    (Kernel, "__init__", "grader: starting the kernel"),
    (Kernel, "close", "grader: ending the kernel"),
    (NotebookRun, "_execute", "grader: asking for cells, taking outputs"),
    (NotebookRun, "check", "grader: check cells but for pytest"),
    (notebook_run, "with_checks", "grader: checks (pytest and calls)"),
    (grader_module.nbformat, "writes", "grader: writing the notebook as text"),
    (write_results, "write_autograded", "grader: writing it to disk"),
    (write_results, "submission_rows", "grader: nbgrader's rows"),
    (write_results, "write_result", "grader: writing results, the rest"),
]


def processor_seconds(sandbox: Sandbox) -> float:
    """Processor seconds of a sandbox: of all that runs in it, and of all that has ended in it."""
    total = 0
    for pid in tree(sandbox.process.pid):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile: its parent has its seconds
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / TICKS


def of_process(pid: int) -> float:
    """Processor seconds of one process and its threads, by its clock (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def make_course(root: Path, count: int) -> Course:
    """A course with one small assignment and `count` right submissions."""
    (root / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'tiny'\n")
    cells = []
    for grade_id, source, flags in (
        ("double", ANSWER, {"solution": True}),
        ("checks", CHECKS, {"grade": True, "locked": True, "points": 2}),
    ):
        off = {"grade": False, "solution": False, "locked": False, "task": False}
        about = {"schema_version": 3, "grade_id": grade_id} | off | flags
        cells.append(nbformat.v4.new_code_cell(source, metadata={"nbgrader": about}))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    text = nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}))
    for folder in (root / "source" / NAME, *(root / "submitted" / f"s{n:03}" / NAME for n in range(count))):
        folder.mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_text(text)
    return Course(root)


def measure(course: Course) -> tuple[dict[str, float], dict[str, float], int]:
    """Processor seconds for every notebook but the first by what they went into, what a worker costs once, and how
    many notebooks there were."""
    watch, starts = Stopwatch(), Counter[str]()
    for owner, name, what in WATCHED:
        watch.watch(owner, name, what)
    close = Kernel.close
    started = Kernel.__init__

    def start(kernel: Kernel, *args: Any) -> None:
        started(kernel, *args)
        starts["kernel: starting"] += of_process(kernel.process.pid)

    def end(kernel: Kernel) -> None:
        starts["kernel: in all"] += of_process(kernel.process.pid)
        close(kernel)

    Kernel.__init__, Kernel.close = start, end  # type: ignore[method-assign]
    limits, assignment = course.settings.limits(), load_assignment(course, NAME)
    students = course.submissions(NAME)
    before = time.process_time()
    grader = Grader(assignment, limits, course.secret)
    with grader, open_gradebook(course) as gradebook:
        sync_assignment(gradebook, course, NAME)
        for number, (student, folder) in enumerate(students.items()):
            submission = read_submission(student, folder, 64)
            graded = grader.grade(submission)
            assert graded.notebooks[0].grades[0].score == 2, graded.incidents
            write_results.write_result(gradebook, course, NAME, graded)
            if number == 0:
                sandboxes = [grader.sandbox(), grader.answer_key(assignment.notebooks[0]).sandbox]
                once = {"this process, from its start": time.process_time()}
                once |= dict(zip(("sandbox", "answer key"), map(processor_seconds, sandboxes), strict=True))
                watch.turn()
                watch.seconds.clear()
                starts.clear()
                before = time.process_time()
        watch.turn()
        spent = dict(watch.seconds)
        assert abs(sum(spent.values()) - (time.process_time() - before)) < 0.05
        sandbox, key = (
            processor_seconds(sandbox) - once[name]
            for sandbox, name in zip(sandboxes, ("sandbox", "answer key"), strict=True)
        )
    spent["sandbox: forking the kernel's process"] = sandbox - starts["kernel: in all"]
    spent["kernel: starting"] = starts["kernel: starting"]
    spent["kernel: cells and calls, the student's code in them"] = starts["kernel: in all"] - starts["kernel: starting"]
    spent["answer key: a fresh copy for each check cell"] = key
    return spent, once, len(students) - 1


def of_command(root: Path, name: str, *options: str, code: Path = ROOT) -> float:
    """Processor seconds of `autograder grade` and of all that it starts, also of what is ended from outside. `code` is
    the checkout whose autograder runs."""
    ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1, 0, 0, 0)  # whoever loses its parent becomes this process's child
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "autograder.cli", "grade", name, *options]
    environment = os.environ | {"PYTHONPATH": str(code)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    with suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=20, metavar="COUNT", help="how many notebooks (default: 20)")
    wanted = parser.parse_args().n
    with tempfile.TemporaryDirectory() as folder:
        course = make_course(Path(folder), wanted + 1)
        of_command(course.root, NAME, "--student", "s000")  # what a course costs once: its gradebook
        command = of_command(course.root, NAME)
        nothing = of_command(course.root, NAME)
    with tempfile.TemporaryDirectory() as folder:
        spent, once, count = measure(make_course(Path(folder), wanted + 1))
    print(f"| of {count} tiny notebooks, each | processor seconds |\n| --- | ---: |")
    for what, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"| {what} | {seconds / count:.3f} |")
    print(f"| **in all** | **{sum(spent.values()) / count:.3f}** |")
    print(f"\n| `autograder grade`, {os.cpu_count()} workers | processor seconds |\n| --- | ---: |")
    print(f"| {wanted} notebooks | {command:.2f} |\n| **each** | **{command / wanted:.3f}** |")
    print(f"| nothing to grade | {nothing:.2f} |")
    print("\n| once for a worker | processor seconds |\n| --- | ---: |")
    for what, seconds in once.items():
        print(f"| {what} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
