"""A small class, graded with real kernels into a real gradebook: what is recorded, graded again and kept."""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import small_course
from alembic.runtime.migration import MigrationContext
from nbgrader.api import Gradebook
from small_course import NAME, rows
from sqlalchemy import select

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook import tables, write_results
from autograder.gradebook.gradebook import open_gradebook
from autograder.grading import class_run
from autograder.grading.class_run import grade_class
from autograder.submission.graded import GradedSubmission, Submission

pytestmark = pytest.mark.slow

SCORES = {
    ("ada", "test_mean"): 3.0,
    ("ada", "test_double"): 2.0,
    ("ada", "why"): None,
    ("bob", "test_mean"): 1.0,
    ("bob", "test_double"): 2.0,
    ("bob", "why"): None,
    ("cyd", "test_mean"): 3.0,
    ("cyd", "test_double"): 0.0,
    ("cyd", "why"): 0.0,
    ("dan", "test_mean"): 0.0,
    ("dan", "test_double"): 0.0,
    ("dan", "why"): None,
    ("eve", "test_mean"): 0.0,
    ("eve", "test_double"): 2.0,
    ("eve", "why"): None,
    ("fay", "test_mean"): 0.0,
    ("fay", "test_double"): 0.0,
    ("fay", "why"): 0.0,
}


def test_every_cell_gets_its_score(graded: Course) -> None:
    """Full, partial and no marks, from a right answer to a kernel that ended: the heart of it all."""
    assert small_course.auto_scores(graded.root) == SCORES


def test_what_waits_for_a_person_is_marked(graded: Course) -> None:
    """A written answer that nobody is sent to read is a grade that nobody gave."""
    query = small_course.NBGRADER_ROWS
    waiting = {student for student, _, grade_id, *_, manual, _ in rows(graded.root, query) if manual}
    assert waiting == {"ada", "bob", "dan", "eve"}
    assert {grade_id for _, _, grade_id, *_, manual, _ in rows(graded.root, query) if manual} == {"why"}


def test_only_an_untouched_answer_is_called_no_response(graded: Course) -> None:
    """nbgrader's formgrader shows this comment to the student."""
    comments = {(s, g): auto for s, _, g, auto, _ in rows(graded.root, small_course.COMMENT_ROWS) if auto}
    assert comments == {("cyd", "why"): "No response."}


def test_incidents_say_what_happened_and_where(graded: Course) -> None:
    """An instructor must find the submissions that misbehaved without opening all."""
    assert rows(graded.root, small_course.INCIDENT_ROWS) == [
        ("dan", "graded twice", "cell 3"),
        ("dan", "kernel died", "cell 3"),
        ("eve", "time limit", "cell 3"),
        ("fay", "refused", ""),
    ]


def test_verdicts_are_kept_one_by_one(graded: Course) -> None:
    """Feedback and reports are made from them."""
    found = {(s, name): outcome for s, _, _, name, outcome, *_ in rows(graded.root, small_course.CHECK_ROWS)}
    assert {name: outcome for (s, name), outcome in found.items() if s == "bob"} == {
        "test_two_numbers": "passed",
        "test_like_the_answer_key": "wrong",
    }
    assert found["dan", "test_two_numbers"] == "raised"


def test_graded_notebooks_can_be_read(graded: Course) -> None:
    """formgrader and feedback open them: valid notebooks, with a table where a check was and its score as text."""
    for student in ("ada", "bob", "cyd", "dan", "eve"):
        book = nbformat.read(graded.path("autograded", student, NAME) / f"{NAME}.ipynb", as_version=4)
        nbformat.validate(book)
        (output,) = small_course.cells_by_id(book)["test_mean"].outputs
        assert output.data["text/plain"] == repr(SCORES[student, "test_mean"])
        assert output.data["text/html"].count("<tr>") == 2


def test_cells_after_a_kernel_s_end_say_why_they_did_not_run(graded: Course) -> None:
    """An ordinary test cell without outputs would get full marks from nbgrader's rule, and nobody would know why."""
    book = nbformat.read(graded.path("autograded", "dan", NAME) / f"{NAME}.ipynb", as_version=4)
    (output,) = small_course.cells_by_id(book)["test_double"].outputs
    assert output.evalue == "this cell was not run: your notebook's kernel had died in cell 3"


def test_a_second_run_grades_nothing(graded: Course) -> None:
    """Grading the same thing again wastes an hour, and could give another grade."""
    before = small_course.everything(graded.root), small_course.graded_at(graded.root)
    done = grade_class(graded, NAME)
    assert (done.graded, sorted(done.unchanged)) == ([], [*small_course.CLASS, "fay"])
    assert (small_course.everything(graded.root), small_course.graded_at(graded.root)) == before


def test_a_changed_submission_is_graded_again_and_only_that(graded: Course) -> None:
    """A late resubmission must count, and must not touch anybody else."""
    before = small_course.graded_at(graded.root)
    small_course.submit(graded.root, "bob", small_course.submission())
    done = grade_class(graded, NAME)
    assert [submission.student for submission in done.graded] == ["bob"]
    after = small_course.graded_at(graded.root)
    assert {student for student in after if after[student] != before[student]} == {"bob"}
    assert small_course.auto_scores(graded.root) == SCORES | {("bob", "test_mean"): 3.0}


def test_only_those_who_were_named_are_graded(course: Course) -> None:
    """`--student` is for looking at one submission while the rest stays as it is."""
    done = grade_class(course, NAME, ["ada"])
    assert [submission.student for submission in done.graded] == ["ada"]
    assert set(small_course.graded_at(course.root)) == {"ada"}


def test_a_class_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    """A class of ten thousand would fill the memory of whoever grades it."""
    course = small_course.make_course(tmp_path / "course", students=[])
    for number in range(10):
        small_course.submit(course.root, f"s{number}", small_course.submission())
    held: list[int] = []

    def count(graded: GradedSubmission) -> None:
        gc.collect()
        found = (each for each in gc.get_objects() if type(each) in (Submission, GradedSubmission))
        held.append(sum(bool(each.files or getattr(each, "notebooks", ())) for each in found))

    grade_class(course, NAME, jobs=1, on_graded=count)
    assert len(held) == 10
    assert max(held) < 7


def test_a_folder_lost_from_autograded_is_made_again(graded: Course) -> None:
    """Stopped between two renames, a run leaves a grade without its notebook; formgrader cannot open that."""
    folder = graded.path("autograded", "ada", NAME)
    folder.rename(folder.with_name(f".{NAME}.old"))
    grade_class(graded, NAME)
    assert [path.name for path in folder.parent.iterdir()] == [NAME]
    assert (folder / f"{NAME}.ipynb").is_file()


def test_too_large_a_submission_is_refused_once(tmp_path: Path) -> None:
    """It scores zero with a reason, stops nobody, and is not looked at again until it changes."""
    course = small_course.make_course(tmp_path / "c", "c.Autograder.submission_mb = 1\n", ["ada"])
    (course.root / "submitted" / "ada" / NAME / "data.bin").write_bytes(bytes(2 << 20))
    (refused,) = grade_class(course, NAME).graded
    assert [i.text for i in refused.incidents] == ["the submission was not read: it is too large (at data.bin)"]
    assert set(small_course.auto_scores(course.root).values()) == {0.0}
    assert grade_class(course, NAME).unchanged == ["ada"]
    (course.root / "submitted" / "ada" / NAME / "data.bin").unlink()
    grade_class(course, NAME)
    assert small_course.auto_scores(course.root)["ada", "test_mean"] == 3.0


def test_a_gradebook_is_made_as_nbgrader_makes_it(tmp_path: Path) -> None:
    """nbgrader could not use it, or never bring it to a later version."""
    course = small_course.make_course(tmp_path / "course", students=["ada"])
    with open_gradebook(course), Gradebook(f"sqlite:///{tmp_path}/theirs.db", course.course_id):
        pass
    ours, theirs = rows_of_all(course.root / "gradebook.db"), rows_of_all(tmp_path / "theirs.db")
    assert theirs["alembic_version"]
    assert {name: ours[name] for name in theirs} == theirs
    upgrade = [sys.executable, "-m", "nbgrader", "db", "upgrade"]
    done = subprocess.run(upgrade, cwd=course.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def rows_of_all(path: Path) -> dict[str, tuple[list[str], list[Any]]]:
    """The columns (name, type, whether it must be there) and the rows of every table of a database."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        columns = {
            name: database.execute(f'select name, type, "notnull" from pragma_table_info({name!r})').fetchall()
            for name in tables
        }
        return {name: (columns[name], database.execute(f"select * from {name}").fetchall()) for name in tables}


def test_a_gradebook_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader takes a gradebook that was left half made for a whole one, and could never upgrade it."""
    course = small_course.make_course(tmp_path / "course", students=["ada"])

    def stopped(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MigrationContext, "stamp", stopped)
    with pytest.raises(KeyboardInterrupt), open_gradebook(course):
        pass
    assert not list(course.root.glob("*gradebook.db*"))


def test_what_the_machine_cannot_read_waits_for_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails for a moment would give a student zero points for good."""
    course = small_course.make_course(tmp_path / "c", students=["ada"])

    def fail(*about: object) -> Submission:
        raise OSError(errno.EIO, "Input/output error", "small.ipynb")

    with monkeypatch.context() as patch:
        patch.setattr(class_run, "read_submission", fail)
        done = grade_class(course, NAME)
    assert done.needs_a_person
    assert [i.text for i in done.graded[0].incidents] == [
        "the submission cannot be read: Input/output error: small.ipynb"
    ]
    assert set(small_course.auto_scores(course.root).values()) == {None}
    assert grade_class(course, NAME).graded
    assert small_course.auto_scores(course.root)["ada", "test_mean"] == 3.0


def test_a_result_that_cannot_be_recorded_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever we have not thought of in one student's notebook would leave the whole class without grades."""
    course = small_course.make_course(tmp_path / "c", students=["ada", "bob"])
    write = write_results.write_autograded

    def fails_for_ada(course: Course, assignment: str, graded: GradedSubmission) -> None:
        if graded.student == "ada" and graded.notebooks:
            raise UnicodeError("a text that nobody can write")
        write(course, assignment, graded)

    monkeypatch.setattr(write_results, "write_autograded", fails_for_ada)
    done = grade_class(course, NAME)
    assert done.needs_a_person
    scores = small_course.auto_scores(course.root)
    assert {cell: scores["ada", cell] for _, cell in scores} == dict.fromkeys(("test_mean", "test_double", "why"))
    assert scores["bob", "test_double"] == 2.0


def test_a_source_without_a_kernel_s_name_is_graded(tmp_path: Path) -> None:
    """A text without that header would make every submission a fault of the grader's."""
    course = small_course.make_course(tmp_path / "c", students=["ada"])
    book = small_course.source_notebook()
    del book.metadata["kernelspec"]
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", book)
    assert not grade_class(course, NAME).needs_a_person
    assert small_course.auto_scores(course.root)["ada", "test_mean"] == 3.0


def test_the_memory_of_a_notebook_is_recorded(graded: Course) -> None:
    """Nobody would know who is near the limit, or where the limit should be."""
    with open_gradebook(graded) as gradebook:
        taken = dict(gradebook.db.execute(select(tables.graded.c.student, tables.graded.c.memory_mb)).all())
    assert 30 < taken["ada"] < 1000
    assert taken["fay"] == 0  # no notebook ran


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The small course with submissions that are odd in one way each, graded."""
    course = small_course.make_course(tmp_path_factory.mktemp("odd") / "course", students=[])
    (course.source(NAME) / "data.csv").write_text("1\n3\n")
    small_course.submit(course.root, "renamed", small_course.submission(), "small (1)")
    bash = small_course.submission()
    bash.metadata.kernelspec = {"name": "bash", "display_name": "Bash", "language": "bash"}
    small_course.submit(course.root, "bash", bash)
    reads = "with open('data.csv') as file:\n    text = file.read()\ndouble = lambda x: text == '1\\n3\\n' and 2 * x"
    small_course.submit(course.root, "forger", small_course.submission(double=reads))
    (course.root / "submitted" / "forger" / NAME / "data.csv").write_text("forged")
    liar = "class Many:\n    def __eq__(self, other):\n        return True\ndef double(x):\n    return Many()"
    small_course.submit(course.root, "liar", small_course.submission(mean=liar.replace("double", "mean")))
    grade_class(course, NAME, jobs=2)
    return course


def test_a_notebook_of_another_name_is_graded_and_noted(odd: Course) -> None:
    """Downloads are called `small (1).ipynb`, and the student's work counts all the same."""
    assert small_course.auto_scores(odd.root)["renamed", "test_mean"] == 3.0
    assert ("renamed", "changed the notebook", "") in rows(odd.root, small_course.INCIDENT_ROWS)


def test_another_language_s_notebook_is_refused(odd: Course) -> None:
    """It would run as Python, each cell an error and each check a zero; and its own kernel must not be started."""
    assert ("bash", "refused", "") in rows(odd.root, small_course.INCIDENT_ROWS)


def test_the_course_s_files_replace_a_student_s(odd: Course) -> None:
    """Otherwise a submission brings its own data to be tested on."""
    assert small_course.auto_scores(odd.root)["forger", "test_double"] == 2.0
    assert (odd.path("autograded", "forger", NAME) / "data.csv").read_text() == "1\n3\n"


def test_an_answer_that_equals_everything_gains_nothing(odd: Course) -> None:
    """The check must compare plain values, never ask the student's objects."""
    assert small_course.auto_scores(odd.root)["liar", "test_mean"] == 0.0


def test_late_penalties_come_from_the_course_s_plugin(tmp_path: Path) -> None:
    """A course's own rule for late work must hold for our grades as for nbgrader's."""
    plugin = "from nbgrader.plugins import BasePlugin\nclass Late(BasePlugin):\n    def late_submission_penalty("
    plugin += "self, student_id, score, total_seconds_late):\n        return score / 2\n"
    config = "import sys\nsys.path.insert(0, __file__.rsplit('/', 1)[0])\n"
    config += "c.AssignLatePenalties.plugin_class = 'late_by_half.Late'\n"
    course = small_course.make_course(tmp_path / "c", config, ["ada"])
    (course.root / "late_by_half.py").write_text(plugin)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2020-01-01 12:00:00 UTC")
    (course.root / "submitted" / "ada" / NAME / "timestamp.txt").write_text("2020-01-02 12:00:00 UTC")
    grade_class(course, NAME)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        submission = gradebook.find_submission(NAME, "ada")
        assert (submission.total_seconds_late, submission.late_submission_penalty) == (86400.0, 2.5)


def test_cells_that_came_or_went_are_refused_with_a_way_out(graded: Course) -> None:
    """nbgrader's own error for this is a traceback that names neither the assignment nor what to do."""
    book = small_course.source_notebook()
    book.cells.append(small_course.cell("new", "assert True", grade=True, locked=True, points=1))
    small_course.write(graded.source(NAME) / f"{NAME}.ipynb", book)
    with pytest.raises(AutograderError, match=f"nbgrader db assignment remove {NAME} --force"):
        grade_class(graded, NAME)


def test_the_gradebook_s_tables_are_nbgrader_s_and_ours(graded: Course) -> None:
    """nbgrader's own commands must go on working on the gradebook; ours are kept apart by name."""
    tables = {name for (name,) in rows(graded.root, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {name for name in tables if name.startswith("autograder_")} == {
        "autograder_cell",
        "autograder_check",
        "autograder_extension",
        "autograder_graded",
        "autograder_group",
        "autograder_incident",
        "autograder_score",
        "autograder_secret",
        "autograder_told",
        "autograder_version",
        "autograder_void",
    }
    json.dumps(small_course.everything(graded.root))
