"""Students' own modules: released without the solution, tried by validation, handed in and graded."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import tiny_course
from tiny_course import HEAD, NAME, SETUP, code

from autograder.authoring.release import release
from autograder.authoring.validate import validate
from autograder.checking.outcomes import GraderFault
from autograder.course.answer_modules import released_module
from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.errors import AutograderError
from autograder.grading.grader import Grader
from autograder.grading.notebook_run import GradingJob
from autograder.sandbox.inside.zygote import write_files
from autograder.submission.graded import GradedSubmission, Submission
from autograder.submission.incidents import IncidentKind
from autograder.submission.submitted_modules import module_cells, with_modules

OWN = "c.Autograde.exclude_overwriting = {'tiny': ['nndl/knn.py']}\n"
RECORDS = 'c.GenerateAssignment.preprocessors.append("autograder.authoring.record_step.AddRecords")\n'
MODULE = '''\
import numpy as np

class KNN:
    """The nearest of the rows of X."""

    def fit(self, X, y):
        ### BEGIN SOLUTION
        self.X, self.y = X, y
        ### END SOLUTION

    def predict(self, x):
        ### BEGIN SOLUTION
        return self.y[np.argmin(((self.X - x) ** 2).sum(axis=1))]
        ### END SOLUTION
'''
RIGHT = re.sub(r" *### .*\n", "", MODULE)
CHECK = '''%%check
def test_nearest(student):
    """The nearest row gives the label."""
    knn = student.KNN()
    knn.fit(np.array([[0.0, 0.0], [5.0, 5.0]]), np.array([3, 4]))
    assert_same(knn.predict(np.array([4.0, 6.0])), 4)

### BEGIN HIDDEN TESTS
@points(3)
def test_random(student, reference, rng):
    """Right on random rows."""
    X, y, x = rng.normal(size=(9, 3)), np.arange(9), rng.normal(size=3)
    knn, right = student.KNN(), reference.KNN()
    knn.fit(X, y)
    right.fit(X, y)
    assert_same(knn.predict(x), right.predict(x))
### END HIDDEN TESTS'''
LABEL = "def label(x):\n    knn = KNN()\n    knn.fit(np.eye(2), np.array([3, 4]))\n    return knn.predict(x)"
LABEL_CHECK = '''%%check
### BEGIN HIDDEN TESTS
@given("KNN")
def test_label(student):
    """The label of the nearer unit vector, with a right KNN."""
    assert_same(student.label(np.array([0.1, 0.9])), 4)
### END HIDDEN TESTS'''
TEXT = "\n".join(
    [
        HEAD,
        SETUP.replace("import numpy as np", "%forbid fractions\nimport numpy as np\nfrom nndl.knn import KNN"),
        "# Neighbours\n",
        code("knn_checks", CHECK, grade=True, points=4),
        code("label", f"### BEGIN SOLUTION\n{LABEL}\n### END SOLUTION", solution=True),
        code("label_checks", LABEL_CHECK, grade=True, points=1),
    ]
)
FARTHEST = RIGHT.replace("argmin", "argmax")
MISTAKES = (
    f"{HEAD}\n## The farthest\n\n```{{code-cell}} ipython3\n:replaces: nndl/knn.py\n"
    f':loses: [test_nearest, test_random]\n:says: "you took the farthest row"\n{FARTHEST}```\n'
)


def make_course(root: Path, config: str = OWN + RECORDS, module: str = MODULE) -> Course:
    course = tiny_course.make_course(root, TEXT, MISTAKES, HEAD, config)
    (course.source(NAME) / "nndl").mkdir()
    (course.source(NAME) / "nndl" / "knn.py").write_text(module, encoding="utf-8")
    return course


def test_students_get_a_module_without_its_solution(tmp_path: Path) -> None:
    """nbgrader copies every file that is no notebook as it is."""
    course = make_course(tmp_path)
    released = released_module(MODULE.encode(), course).decode()
    assert "argmin" not in released
    assert "SOLUTION" not in released
    assert released.count("raise NotImplementedError()") == 2
    assignment = load_assignment(course, NAME)
    assert assignment.files == {"nndl/knn.py": released.encode()}
    assert assignment.key_files(assignment.notebooks[0]) == {"nndl/knn.py": MODULE.encode()}


@pytest.mark.parametrize(
    ("config", "module", "why"),
    [
        (RECORDS, MODULE, "add the line c.Autograde.exclude_overwriting = {'tiny': ['nndl/knn.py']} to "),
        (OWN, MODULE, "add the line c.GenerateAssignment.preprocessors.append('autograder.authoring.record_step.AddR"),
        (OWN + RECORDS, f"{MODULE}### END SOLUTION\n", "knn.py, line 15: ### END SOLUTION without its ### BEGIN"),
    ],
)
def test_a_module_whose_solution_would_get_out_is_refused(tmp_path: Path, config: str, module: str, why: str) -> None:
    """nbgrader's own commands would release it, or put it beside a graded notebook in the place of the student's."""
    with pytest.raises(AutograderError, match=re.escape(why)):
        load_assignment(make_course(tmp_path, config, module), NAME)


def test_a_module_is_found_or_missed() -> None:
    """Who hands in a flat folder, or forgets the module, would get a silent zero."""
    wanted = {"nndl/knn.py": b"solved"}
    assert with_modules({"nndl/knn.py": b"mine"}, wanted) == ({"nndl/knn.py": b"mine"}, [])
    files, told = with_modules({"knn.py": b"mine"}, wanted)
    assert files["nndl/knn.py"] == b"mine"
    assert [(i.kind, i.text) for i in told] == [(IncidentKind.FOUND, "nndl/knn.py was found as knn.py")]
    files, told = with_modules({"a/knn.py": b"1", "b/knn.py": b"2"}, wanted)
    assert "nndl/knn.py" not in files
    assert [i.kind for i in told] == [IncidentKind.MISSING]


@pytest.mark.parametrize(
    "rival",
    ["nndl/knn/__init__.py", "nndl/knn/__init__.pyc", "nndl/knn.so", "nndl/knn.cpython-311-x86_64-linux-gnu.so"],
)
def test_what_python_would_import_in_a_module_s_place_is_left_out(rival: str) -> None:
    """The graders would read one module, and another would have run."""
    own = {"nndl/knn.py": b"shown", rival: b"runs", "nndl/knn.csv": b"data", "nndl/knn/other.py": b"", "knn.so": b""}
    files, told = with_modules(own, {"nndl/knn.py": b"solved"})
    assert files == {name: data for name, data in own.items() if name != rival}
    text = f"{rival} was left out: Python would import it in the place of nndl/knn.py"
    assert [(i.kind, i.text) for i in told] == [(IncidentKind.UNSURE, text)]


def test_a_module_of_the_course_s_own_keeps_its_place(tmp_path: Path) -> None:
    """A student's package would be imported in its place by the course's own cells, and compiled code in the place of
    what a person reads."""
    course = make_course(tmp_path)
    (course.source(NAME) / "tools.py").write_text("the course's")
    with Grader.of(course, load_assignment(course, NAME), course.settings.limits()) as grader:
        own = {
            "tools.py": b"mine",
            "tools/__init__.py": b"mine",
            "tools.so": b"mine",
            "__pycache__/tools.cpython-311.pyc": b"mine, whatever tools.py says",
            "tools/a.py": b"",
            "helpers.py": b"what is read",
            "helpers.cpython-311-x86_64-linux-gnu.so": b"what would run",
            "a/tools.so": b"",
        }
        beside = grader.files_beside(own)
    assert beside.keys() - grader.assignment.files.keys() == {"tools/a.py", "helpers.py"}
    assert beside["tools.py"] == b"the course's"


def test_no_file_takes_the_place_of_a_folder_and_no_folder_that_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file `data` would keep the assignment's data from the notebook, and nobody would know why it fails."""
    course, home = make_course(tmp_path), tmp_path / "home"
    (course.source(NAME) / "data").mkdir()
    (course.source(NAME) / "data" / "x.csv").write_text("1")
    (course.source(NAME) / "tools.py").write_text("the course's")
    notebook = (course.source(NAME) / f"{NAME}.ipynb").read_bytes()
    names = ("tools.py/x", "data", "tools.py/y.ipynb", "data/x.csv/y.ipynb", "data/y.csv")
    files = dict.fromkeys(names, b"2") | {f"{NAME}.ipynb": notebook}
    beside: dict[str, bytes] = {}

    def no_kernel(job: GradingJob) -> None:
        beside.update(job.files)
        raise GraderFault("its files are enough")

    with Grader.of(course, load_assignment(course, NAME), course.settings.limits()) as grader:
        monkeypatch.setattr(grader, "grade_notebook", no_kernel)
        grader.grade(Submission("ada", files, "the digest"))
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)  # back to where it was, when the test ends
    write_files(list(beside), list(beside.values()))
    assert (home / "tools.py").read_text() == "the course's"
    assert [(home / "data" / name).read_text() for name in ("x.csv", "y.csv")] == ["1", "2"]


def test_a_module_in_which_a_comment_may_be_code_is_reported() -> None:
    """Python runs the second line in UTF-7, where it is two lines, and graders would read a comment."""
    code = b"# coding: %s\n# the nearest +AAo-import fractions\n"
    for encoding, told in ((b"utf-7", True), (b"utf-8", False), (b"latin-1", False), (b"cp1252", False), (b"x", False)):
        _, incidents = with_modules({"knn.py": code % encoding}, {"knn.py": b"solved"})
        assert [i.kind for i in incidents] == [IncidentKind.UNSURE] * told
    text = "knn.py is written in utf-7: read it so, since it may hold other code than what is shown"
    assert [i.text for i in with_modules({"knn.py": code % b"utf-7"}, {"knn.py": b"solved"})[1]] == [text]


def test_a_module_is_shown_up_to_a_length() -> None:
    """A module of gigabytes, or one that is no text, would stop the page."""
    heading, shown = module_cells({"a.py": b"\xff" + b"x" * 10**6}, {"a.py": b""})
    assert heading.source == "## The module a.py"
    assert len(shown.source) < 300_000


def grade(grader: Grader, course: Course, files: dict[str, str]) -> tuple[float | None, GradedSubmission]:
    """The points of a submission of the released notebook and these files."""
    released = nbformat.read(course.path("release", ".", NAME) / f"{NAME}.ipynb", as_version=4)
    (label,) = [cell for cell in released.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "label"]
    label.source = LABEL
    notebook = nbformat.writes(released).encode()
    own = {name: text.encode() for name, text in files.items()}
    graded = grader.grade(Submission("ada", {f"{NAME}.ipynb": notebook, **own}, str(hash(str(files)))))
    return graded.notebooks[0].grades[0].score, graded


@pytest.mark.slow
def test_a_module_is_validated_released_and_graded(tmp_path: Path) -> None:
    """An assignment of modules could not be given at all, or its solution be handed out."""
    course = make_course(tmp_path)
    assert [str(problem) for problem in validate(course, NAME, seeds=1)] == []
    release(course, NAME)
    released = (course.path("release", ".", NAME) / "nndl" / "knn.py").read_text(encoding="utf-8")
    assert "NotImplementedError" in released
    assert "argmin" not in released
    with Grader.of(course, load_assignment(course, NAME), course.settings.limits()) as grader:
        score, graded = grade(grader, course, {"nndl/knn.py": RIGHT})
        assert (score, graded.incidents) == (4.0, [])
        assert graded.files["nndl/knn.py"] == RIGHT.encode()
        shown = nbformat.reads(graded.notebooks[0].text, as_version=4).cells
        assert [cell.source for cell in shown[-2:]] == ["## The module nndl/knn.py", RIGHT]
        score, graded = grade(grader, course, {"nndl/knn.py": FARTHEST})
        assert score == 0
        verdicts = graded.notebooks[0].grades[0].verdicts
        assert all(verdict.mistake == "The farthest" for verdict in verdicts)
        score, graded = grade(grader, course, {"nndl/knn.py": released})
        assert (score, graded.incidents) == (0.0, [])
        assert "still raises NotImplementedError" in graded.notebooks[0].grades[0].verdicts[0].message
        assert graded.notebooks[0].grades[1].score == 1  # with the answer key's KNN
        _, graded = grade(
            grader, course, {"nndl/knn.py": f"import fractions\n{RIGHT}        return fractions.Fraction(1)"}
        )
        told = "Answers may not use fractions, and KNN does."
        assert [verdict.message for verdict in graded.notebooks[0].grades[0].verdicts] == [told, told]
        score, graded = grade(grader, course, {"nndl/knn.py": FARTHEST, "nndl/knn/__init__.py": RIGHT})
        assert (score, [i.kind for i in graded.incidents]) == (0.0, [IncidentKind.UNSURE])
        score, graded = grade(grader, course, {})
        assert (score, [i.kind for i in graded.incidents]) == (0.0, [IncidentKind.MISSING])
        hostile = (
            "import os\nopen('tiny.ipynb', 'w').write('{}')\nclass KNN:\n    def __getattr__(self, name): os._exit(0)"
        )
        score, _ = grade(grader, course, {"nndl/knn.py": hostile, "numpy.py": "1 / 0"})
        assert score == 0
        assert grade(grader, course, {"nndl/knn.py": RIGHT})[0] == 4.0


@pytest.mark.slow
def test_nbgrader_s_own_release_has_no_solution_and_no_private_file(tmp_path: Path) -> None:
    """Formgrader's button would hand out what `autograder release` does not."""
    course = make_course(tmp_path, OWN + RECORDS + 'c.CourseDirectory.ignore.append("private")\n')
    (course.source(NAME) / "private").mkdir()
    (course.source(NAME) / "private" / "labels.csv").write_text("1\n")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", NAME, "--create", "--force"]
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    folder = course.path("release", ".", NAME)
    made = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert made == ["nndl/knn.py", "tiny.ipynb"]
    assert "argmin" not in (folder / "nndl" / "knn.py").read_text(encoding="utf-8")
