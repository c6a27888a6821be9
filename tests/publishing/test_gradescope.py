"""The zip for Gradescope: what is in it, what students may hand in there, and grading in a container like theirs."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
import small_course
from container import Container
from small_course import NAME, submission

from autograder.course.source_notebooks import load_assignment
from autograder.publishing.gradescope.bundle import make_bundle
from autograder.publishing.gradescope.gradescope_run import run, who, writer_of
from autograder.publishing.gradescope.results_json import Results
from autograder.submission.graded import CellGrade
from autograder.submission.handed_in import handed_in
from autograder.submission.reading import SubmissionRefused

CANARY = "cnry_answer_910001"
MEAN = small_course.MEAN.replace("    return", f"    # {CANARY}\n    return")
MISTAKES = f"""\
## Doubled

```{{code-cell}} ipython3
:replaces: mean
:loses: [test_two_numbers, test_like_the_answer_key]
:says: "you count every number twice"
def mean(a):
    return a.mean() + a.mean()  # {CANARY}
```
"""
METADATA = {
    "id": 1,
    "users": [{"email": "b@x.org", "id": 22, "name": "B"}, {"email": "a@x.org", "id": 11, "name": "A"}],
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip of the small course."""
    root = tmp_path_factory.mktemp("course") / "course"
    course = small_course.make_course(root, "c.Autograder.packages = ['numpy>=1.24', 'matplotlib']\n", students=[])
    small_course.write(root / "source" / NAME / f"{NAME}.ipynb", small_course.source_notebook(mean=MEAN))
    (root / "source" / NAME / "data.csv").write_text("1,2\n")
    small_course.write(root / "assignments" / NAME / "mistakes.md", MISTAKES)
    make_bundle(course, NAME, root / "small.zip", "after_published")
    return root / "small.zip"


class Gradescope:
    """Gradescope's folder, and a container that runs in it."""

    def __init__(self, bundle: Path, folder: Path, landlock: bool = True) -> None:
        self.root = folder / "autograder"
        for name in ("source", "submission", "results"):
            (self.root / name).mkdir(parents=True)
        with zipfile.ZipFile(bundle) as archive:
            archive.extractall(self.root / "source")  # without the modes: even so, nothing may be readable
        (self.root / "source/course/planted.txt").write_text(CANARY)
        shutil.copy(self.root / "source/run_autograder", self.root)
        (self.root / "run_autograder").chmod(0o755)
        (self.root / "submission_metadata.json").write_text(json.dumps(METADATA | {"note": CANARY}))
        with zipfile.ZipFile(next((self.root / "source").glob("*.whl"))) as wheel:
            wheel.extractall(folder / "package")
        self.container = Container(folder, {"/autograder": self.root}, landlock)

    def hand_in(self, files: dict[str, str | bytes]) -> None:
        shutil.rmtree(self.root / "submission")
        (self.root / "results/results.json").unlink(missing_ok=True)
        for name, content in files.items():
            path = self.root / "submission" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def results(self) -> dict[str, Any]:
        document = json.loads((self.root / "results/results.json").read_text())
        check_form(document)
        return document

    def grade(self, files: dict[str, str | bytes]) -> tuple[dict[str, Any], str]:
        """Gradescope's results, and what it shows to instructors only."""
        self.hand_in(files)
        done = self.container.run("/autograder/run_autograder")
        assert done.returncode == 0, done.stdout
        return self.results(), done.stdout


@pytest.fixture(scope="module")
def gradescope(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Gradescope:
    return Gradescope(bundle, tmp_path_factory.mktemp("gradescope"))


def check_form(document: dict[str, Any]) -> None:
    """That a document is as Gradescope's specification says, and can be read by its students."""
    kinds: dict[str, tuple[type, ...]] = {"score": (int, float), "output": (str,), "tests": (list,)}
    formats = ("output_format", "test_output_format", "test_name_format")
    assert {document[kind] for kind in formats if kind in document} <= {"text", "html", "simple_format", "md", "ansi"}
    kinds |= dict.fromkeys(formats, (str,))
    of_tests: dict[str, tuple[type, ...]] = {
        "score": (int, float),
        "max_score": (int, float),
        "name": (str,),
        "number": (str,),
        "output": (str,),
        "visibility": (str,),
        "status": (str,),
    }
    assert "tests" in document or "score" in document
    for entry, allowed in ((document, kinds), *((test, of_tests) for test in document.get("tests", []))):
        assert set(entry) <= set(allowed)
        assert [name for name, value in entry.items() if type(value) not in allowed[name]] == []
    for test in document.get("tests", []):
        assert test["visibility"] in ("hidden", "after_due_date", "after_published", "visible")
        assert test.get("status", "passed") in ("passed", "failed")
        assert 0 <= test["score"] <= test["max_score"]
    json.dumps(document, allow_nan=False).encode("ascii")


def text(book: Any) -> str:
    return str(nbformat.writes(book))


def scores(document: dict[str, Any]) -> list[float]:
    return [test["score"] for test in document["tests"]]


def test_the_zip_holds_what_gradescope_needs_and_is_private(bundle: Path) -> None:
    """Gradescope would refuse it, or leave tests and answers readable for students' code."""
    with zipfile.ZipFile(bundle) as archive:
        modes = {entry.filename: stat.S_IMODE(entry.external_attr >> 16) for entry in archive.infolist()}
        secret = archive.read("course/gradebook.secret")
        lock = archive.read("requirements.lock")
        packages = archive.read("packages.txt")
    assert {"setup.sh", "run_autograder", "requirements.lock", f"course/source/{NAME}/{NAME}.ipynb"} <= set(modes)
    assert f"course/source/{NAME}/data.csv" in modes
    assert f"course/assignments/{NAME}/mistakes.md" in modes
    assert [name for name, mode in modes.items() if mode & 0o077] == []
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    assert modes["setup.sh"] == modes["run_autograder"] == 0o700
    assert len(secret) == 32
    assert b"--hash=sha256:" in lock
    assert packages == b"numpy>=1.24\nmatplotlib\n"
    for script in ("setup.sh", "run_autograder"):
        with zipfile.ZipFile(bundle) as archive:
            subprocess.run(["bash", "-n"], input=archive.read(script), check=True)


def zipped(files: Mapping[Any, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.fixture
def handed(bundle: Path, tmp_path: Path) -> Callable[..., Any]:
    """Sort out files that were handed in for the small course."""
    assignment = load_assignment(small_course.Course(bundle.parent), NAME)
    return lambda files, max_mb=1: handed_in(files, assignment, max_mb)


def test_a_zip_that_is_damaged_in_the_middle_is_refused(handed: Callable[..., Any]) -> None:
    """The student would read that the grader failed, and wait for a person instead of handing in again."""
    whole = zipped({"small.ipynb": "".join(map(str, range(2_000)))})
    start = 30 + len("small.ipynb")  # of the data, behind the file's own header
    for at in (start, start + 9, start + 40):
        with pytest.raises(SubmissionRefused, match=r"cannot be (read|unpacked)"):
            handed({"a.zip": whole[:at] + bytes(b ^ 0xFF for b in whole[at : at + 60]) + whole[at + 60 :]})


def test_a_zip_that_cannot_be_read_is_refused(handed: Callable[..., Any]) -> None:
    """The grader would fail, or fill its memory, because of a student's file."""
    with pytest.raises(SubmissionRefused, match="cannot be read"):
        handed({"a.zip": zipped({"small.ipynb": "x"})[:-30]})
    bomb = zipped({"small.ipynb": "0" * 3 * 2**20})
    with pytest.raises(SubmissionRefused, match="more than 1 MB"):
        handed({"a.zip": bomb})


@pytest.mark.parametrize("name", ["/autograder/results/results.json", "../outside.py", "a/../../outside.py", "C:/x.py"])
def test_a_zip_with_names_that_lead_elsewhere_is_refused(handed: Callable[..., Any], name: str) -> None:
    """The file would be written over results.json before the student's code runs, and outside its folder."""
    with pytest.raises(SubmissionRefused, match=r"which (has an absolute name|leads out of its folder)"):
        handed({"a.zip": zipped({"small.ipynb": "x", name: '{"score": 100}'})})


def test_a_link_in_a_zip_is_refused(handed: Callable[..., Any]) -> None:
    """What it points at would be taken for the student's file."""
    link = zipfile.ZipInfo("small.ipynb")
    link.external_attr = 0o120777 << 16
    with pytest.raises(SubmissionRefused, match="is a link"):
        handed({"a.zip": zipped({link: "/autograder/source/course/gradebook.secret"})})


def test_a_group_is_the_same_student_at_every_submission(tmp_path: Path) -> None:
    """Other random inputs at each submission would let a group learn the hidden checks one by one."""
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(METADATA))
    first = who(path)
    path.write_text(json.dumps(METADATA | {"users": METADATA["users"][::-1]}))  # type: ignore[index]
    assert who(path) == first != who(tmp_path / "none.json")


@pytest.mark.parametrize("metadata", ["", "[]", '{"users": [null]}', "[" * 100_000, '{"users": [{"id": "\\ud800"}]}'])
def test_metadata_of_any_form_name_somebody(tmp_path: Path, metadata: str) -> None:
    """A form that Gradescope has not documented would cost every student the random checks, or all of them."""
    (tmp_path / "metadata.json").write_text(metadata)
    assert who(tmp_path / "metadata.json").encode().startswith(b"gradescope")


def test_a_disk_that_student_code_has_filled_does_not_end_the_run(bundle: Path, tmp_path: Path) -> None:
    """The checks after it would not be reached, and the student would read that the grader failed."""
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path]).returncode:
        pytest.skip("only root can mount a small disk, and not everywhere")
    try:
        results = Results(load_assignment(small_course.Course(bundle.parent), NAME), "visible", tmp_path / "r.json")
        with suppress(OSError), open(tmp_path / "full", "wb", buffering=0) as full:
            while full.write(bytes(4096)):
                pass
        writer_of(results)(NAME, CellGrade("test_double", 2.0, 2.0))
        (tmp_path / "full").unlink()
        results.write("")
        assert scores(json.loads((tmp_path / "r.json").read_text())) == [0, 0, 2]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_broken_bundle_still_leaves_a_result(bundle: Path, tmp_path: Path) -> None:
    """Without results.json Gradescope tells the student that the autograder failed, and gives zero."""
    for name in ("source/course", "submission", "results"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "source/gradescope.json").write_text('{"assignment": "small", "hidden_checks": "hidden"}')
    (tmp_path / "source/course/nbgrader_config.py").write_text("1 / 0")
    command = [sys.executable, "-m", "autograder.cli", "gradescope-run", "--root", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    document = json.loads((tmp_path / "results/results.json").read_text())
    check_form(document)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    assert "ZeroDivisionError" not in document["output"]
    assert "a person has to look at it" in document["output"]


@pytest.mark.parametrize("missing", ["source", "submission", "results"])
def test_a_missing_folder_still_leaves_a_result(tmp_path: Path, missing: str) -> None:
    """It would look like a crash of Gradescope's, and nobody would be told to look."""
    for name in {"source", "submission", "results"} - {missing}:
        (tmp_path / name).mkdir()
    assert run(tmp_path)
    document = json.loads((tmp_path / "results/results.json").read_text())
    check_form(document)
    assert "a person has to look at it" in document["output"]


@pytest.mark.slow
def test_right_and_wrong_work_in_a_container(gradescope: Gradescope) -> None:
    """Students would get other points on Gradescope than at home, or see hidden checks before they may."""
    right, said = gradescope.grade({"hw/Small (3).ipynb": text(submission())})
    assert scores(right) == [1, 2, 2], said
    assert [test["visibility"] for test in right["tests"]] == ["visible", "after_published", "after_published"]
    assert [test["max_score"] for test in right["tests"]] == [1, 2, 2]
    assert right["tests"][0]["name"] == "test_mean: The mean of 1 and 3 is 2."
    assert "why (3 points)" in right["output"]
    assert "Small (3).ipynb" in right["output"]
    wrong, said = gradescope.grade({"small.ipynb": text(submission(mean="def mean(a):\n    return 2 * np.mean(a)"))})
    assert scores(wrong) == [0, 0, 2]
    assert [test["status"] for test in wrong["tests"]] == ["failed", "failed", "passed"]
    assert "4" in wrong["tests"][0]["output"]
    assert [test["output"] for test in wrong["tests"][1:]] == ["You count every number twice.", ""]
    assert "test_like_the_answer_key: wrong (known mistake: Doubled)" in said


HOSTILE = """\
import os, signal
def reads():
    for top in ("/autograder", "/tmp", "/proc", "/var/tmp", "/dev/shm"):
        for base, _, names in os.walk(top):
            for name in names:
                if base.startswith("/proc") and name not in ("environ", "cmdline", "status"): continue
                try:
                    if b"cnry_answer" in open(os.path.join(base, name), "rb").read(): yield os.path.join(base, name)
                except OSError: pass
    for name in ("source/course/planted.txt", "source/course/source/small/small.ipynb", "submission_metadata.json",
                 "source/course/gradebook.secret", "results/results.json", "submission/small.ipynb"):
        try: yield open("/autograder/" + name, "rb").read(1) and name
        except OSError: pass
def writes():
    for path in ("/autograder/results/results.json", "/autograder/run_autograder", "/autograder/x", "/opt/x"):
        try: yield open(path, "w").write("x") and path
        except OSError: pass
def kills():
    for number in (signal.SIGKILL, signal.SIGTERM):
        for pid in [os.getppid(), *range(1, 6)]:
            try: yield os.kill(pid, number) or pid
            except OSError: pass
FOUND = [*reads(), *writes(), *kills()]
if os.fork() == 0:
    os.setsid()
    import time
    while True:
        time.sleep(0.01)
        list(writes())
def mean(a):
    raise ValueError(f"found {FOUND}")
"""


@pytest.mark.slow
@pytest.mark.parametrize("landlock", [True, False])
def test_hostile_code_reads_nothing_and_gains_nothing(bundle: Path, tmp_path: Path, landlock: bool) -> None:
    """On Gradescope everybody may submit as often as they like, and would have the answers after one try."""
    gradescope = Gradescope(bundle, tmp_path, landlock)
    document, said = gradescope.grade({"small.ipynb": text(submission(mean=HOSTILE, double="def double(x): pass"))})
    assert scores(document) == [0, 0, 0], said
    assert "ValueError: found []" in document["tests"][0]["output"]
    assert "cnry" not in json.dumps(document)
    assert "found" not in document["tests"][1]["output"]
    assert "sandbox: user" in said
    assert ("Landlock: 0" in said) is not landlock


@pytest.mark.slow
def test_what_cannot_be_graded_is_told_in_words(gradescope: Gradescope) -> None:
    """A student would see a bare zero, and not what was expected of them."""
    broken, _ = gradescope.grade({"small.ipynb": "not a notebook"})
    assert scores(broken) == [0, 0, 0]
    assert "small.ipynb" in broken["output"]
    missing, _ = gradescope.grade({"report.pdf": "x"})
    assert "small.ipynb: no notebook was handed in" in missing["output"]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_what_it_knows(gradescope: Gradescope, how: signal.Signals) -> None:
    """At Gradescope's time limit a student would get zero for everything, and not be told why."""
    gradescope.hand_in({"small.ipynb": text(submission(double="import time\ntime.sleep(1000)"))})
    process = gradescope.container.start("/autograder/run_autograder")
    until = time.monotonic() + 100
    path = gradescope.root / "results/results.json"
    while time.monotonic() < until and not (path.exists() and "passed" in path.read_text()):
        time.sleep(0.05)
    for child in psutil.Process(process.pid).children(recursive=True):
        if "gradescope-run" in child.cmdline():
            os.kill(child.pid, how)
    process.communicate(timeout=60)
    document = gradescope.results()
    assert scores(document) == [1, 2, 0]
    assert "Grading was stopped before it was done" in document["output"]
