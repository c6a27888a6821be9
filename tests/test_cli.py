"""The command line as people meet it: examples in every help, one sentence for every mistake, exit codes."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import click
import pytest
import small_course
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from small_course import NAME, Run

from autograder.authoring.new_course import start_course
from autograder.cli import cli
from autograder.course import course
from autograder.course.course import Course
from autograder.grading import preconditions


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A course without students."""
    return small_course.make_course(tmp_path / "course", students=[]).root


def commands() -> list[str]:
    return cli.list_commands(click.Context(cli))


@pytest.mark.parametrize("command", commands())
def test_every_help_has_an_example(run: Run, command: str) -> None:
    """People copy an example sooner than they read a list of options."""
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"autograder {command}" in out.split("\n", 2)[2], out


def test_help_names_every_command(run: Run) -> None:
    """A command that help does not show is not found."""
    _, out, _ = run("--help")
    for command in commands():
        assert f"\n  {command} " in out


def test_help_tells_what_every_command_does_in_a_whole_sentence(run: Run) -> None:
    """A summary that is cut in the middle tells nobody what to type."""
    _, out, _ = run("--help")
    lines = out[out.index("Commands:") :].splitlines()[1:]
    assert len(lines) == len(commands())
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []


def one_sentence(err: str) -> str:
    """What was said, which must be one line of ours and no traceback."""
    assert err.startswith("autograder: ")
    assert err.count("\n") == 1, err
    return err.removeprefix("autograder: ").rstrip("\n")


def test_without_a_course_it_says_how_to_name_one(run: Run, tmp_path: Path) -> None:
    """The first thing that goes wrong for a newcomer: the wrong folder."""
    code, out, err = run("grade", NAME, here=tmp_path)
    assert (code, out) == (2, "")
    assert one_sentence(err) == (
        f"No course here: no nbgrader_config.py in {tmp_path} or above it; name one with --course DIR."
    )


def test_a_student_s_configuration_is_never_run(run: Run, empty: Path) -> None:
    """A command that is typed in a submission's folder would run the student's code as the instructor."""
    for folder in (f"submitted/ada/{NAME}", f"autograded/ada/{NAME}"):
        (empty / folder).mkdir(parents=True)
        (empty / folder / "nbgrader_config.py").write_text("raise SystemExit(7)")
        assert run("scores", NAME, here=empty / folder)[0] == 2


@pytest.mark.skipif(os.getuid() != 0, reason="another user's file is made")
def test_a_configuration_that_anybody_may_have_put_above_is_not_run(run: Run, tmp_path: Path) -> None:
    """On a machine that is shared with students, /tmp is above many folders."""
    here, config = tmp_path / "mine", tmp_path / "nbgrader_config.py"
    here.mkdir()
    config.write_text("raise SystemExit(7)")
    tmp_path.chmod(0o1777)
    os.chown(config, 4321, -1)
    code, _, err = run("scores", "x", here=here)
    assert (code, err.split(":")[1]) == (2, " No course here")
    os.chown(config, 0, -1)
    assert run("scores", "x", here=here)[0] == 7
    os.chown(config, 4321, -1)
    tmp_path.chmod(0o755)  # a colleague's, in a team's folder
    assert run("scores", "x", here=here)[0] == 7


def test_a_course_that_student_code_could_read_is_not_graded(
    run: Run, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A course in the folder of its own environment would show answers and gradebook to every submission."""
    small_course.submit(empty, "ada", small_course.submission())
    monkeypatch.setattr(preconditions, "readable_paths", lambda: (Path("/usr"), empty.parent))
    code, _, err = run("grade", NAME, here=empty)
    assert code == 2
    assert one_sentence(err) == (
        f"The course {empty} lies in {empty.parent}, which student code can read: move it elsewhere."
    )


def test_a_secret_that_was_cut_short_is_reported(run: Run, empty: Path) -> None:
    """Random inputs could be guessed, for ever and in silence."""
    small_course.submit(empty, "ada", small_course.submission())
    (empty / "gradebook.secret").write_bytes(b"")
    code, _, err = run("grade", NAME, here=empty)
    assert code == 2
    assert "gradebook.secret was cut short" in one_sentence(err.splitlines()[-1] + "\n")


@pytest.mark.parametrize(
    "check",
    ["%%check\ndef test_a(student):\n    pass\ndef test_a(student):\n    pass", "%%check\n@points(x)\ndef test_a(): 0"],
)
def test_a_check_cell_that_cannot_be_read_stops_before_anybody_is_graded(run: Run, empty: Path, check: str) -> None:
    """Every student would get a fault of the grader's, or the run would end in a traceback."""
    small_course.submit(empty, "ada", small_course.submission())
    path = empty / "source" / NAME / f"{NAME}.ipynb"
    small_course.write(path, small_course.source_notebook(check=check))
    code, _, err = run("grade", NAME, here=empty)
    assert code == 2
    assert one_sentence(err).startswith(f"{path}, test_mean: line ")


def test_a_folder_that_is_no_course_is_named(run: Run, tmp_path: Path) -> None:
    """A mistyped --course must not make a gradebook somewhere."""
    code, _, err = run("--course", str(tmp_path), "scores", NAME)
    assert code == 2
    assert one_sentence(err) == f"{tmp_path} is not a course: it has no nbgrader_config.py."
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_assignment_names_the_known_ones(run: Run, empty: Path) -> None:
    """A typing error is found fastest beside the right names."""
    code, _, err = run("grade", "smal", here=empty)
    assert code == 2
    folder = empty / "source" / "smal"
    assert one_sentence(err) == f"There is no assignment 'smal': no notebook in {folder}. Assignments here: {NAME}."


def test_an_assignment_that_nobody_submitted_says_where_to_put_it(run: Run, empty: Path) -> None:
    """Otherwise an empty table looks as if all were done."""
    code, _, err = run("grade", NAME, here=empty)
    assert code == 2
    folder = empty / "submitted" / "*" / NAME
    assert one_sentence(err.splitlines()[-1] + "\n") == (
        f"Nobody has submitted {NAME} yet: no folder matches {folder}."
    )


def test_an_unknown_student_is_named(run: Run, empty: Path) -> None:
    """`--student` with a typing error must not grade nobody in silence."""
    small_course.submit(empty, "ada", small_course.submission())
    code, _, err = run("grade", NAME, "--student", "eda", here=empty)
    assert code == 2
    folder = empty / "submitted" / "eda" / NAME
    assert one_sentence(err.splitlines()[-1] + "\n") == (f"eda has submitted nothing for {NAME}: there is no {folder}.")


def test_a_slip_in_taking_out_a_check_is_reported(run: Run, empty: Path) -> None:
    """A slip of the keyboard must not change a class's grades, nor pass unseen."""
    small_course.submit(empty, "ada", small_course.submission())
    code, out, err = run("grade", NAME, "--void", "test_two_numbers", "--void", "test_to_numbers", here=empty)
    assert (code, out) == (2, "")
    assert one_sentence(err.splitlines()[-1] + "\n") == (
        "small has no check test_to_numbers. Its checks: test_mean::test_two_numbers, "
        "test_mean::test_like_the_answer_key."
    )
    assert small_course.rows(empty, "SELECT * FROM autograder_void") == []
    code, _, err = run("grade", NAME, "--void", "test_two_numbers", "--unvoid", "test_two_numbers", here=empty)
    assert (code, one_sentence(err)) == (
        2,
        "test_two_numbers cannot be void and count at once: give --void or --unvoid.",
    )
    code, _, err = run("grade", NAME, "--why", "Because.", here=empty)
    assert (code, one_sentence(err)) == (
        2,
        "--why TEXT says why a check is void: give it together with --void CHECK.",
    )


def test_scores_before_grading_say_what_to_run(run: Run, empty: Path) -> None:
    """The order of the commands is the first thing to learn."""
    code, out, err = run("scores", NAME, here=empty)
    assert (code, out) == (2, "")
    assert (
        one_sentence(err)
        == f"Nothing of {NAME} was graded yet: run `autograder grade {NAME}` first. Assignments here: small."
    )
    assert not (empty / "gradebook.db").exists()  # who asks changes nothing


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("c.Autograder.memory_mb = 'much'", "wrong kind"),
        ("c.Autograder.jobs =", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("c.CourseDirectory.root = 3", ""),
    ],
)
def test_a_broken_configuration_is_reported_in_one_sentence(run: Run, empty: Path, line: str, told: str) -> None:
    """A traceback through traitlets says nothing to somebody who mistyped one line."""
    with open(empty / "nbgrader_config.py", "a") as file:
        file.write(line + "\n")
    code, _, err = run("scores", NAME, here=empty)
    assert code == 2
    assert told in one_sentence(err)
    assert not told or str(empty / "nbgrader_config.py") in err


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("cell_seconds = 0", "not be less than 0.1"),
        ("cell_seconds = -1", "not be less than 0.1"),
        ("cell_seconds = float('inf')", "not be greater than 604800"),
        ("notebook_seconds = float('inf')", "not be greater than 604800"),
        ("start_seconds = 0", "not be less than 0.1"),
        ("memory_mb = 0", "not be less than 1"),
        ("processes = 0", "not be less than 1"),
        ("file_mb = -1", "not be less than 1"),
        ("disk_mb = 0", "not be less than 1"),
        ("output_kb = 0", "not be less than 1"),
        ("submission_mb = 0", "not be less than 1"),
        ("collect_mb = 0", "not be less than 1"),
        ("collect_files = 0", "not be less than 1"),
        ("collect_ratio = 0", "not be less than 1"),
        ("jobs = -2", "not be less than 0"),
    ],
)
def test_a_limit_out_of_range_is_reported(run: Run, empty: Path, setting: str, told: str) -> None:
    """Everybody would get zero for a cell that took too long, because of a sign that was mistyped."""
    configure(empty, f"c.Autograder.{setting}")
    small_course.submit(empty, "ada", small_course.submission())
    code, out, err = run("grade", NAME, here=empty)
    assert (code, out) == (2, "")
    assert f"The value of the '{setting.split()[0]}' trait" in one_sentence(err)
    assert told in err
    assert str(empty / "nbgrader_config.py") in err


DATABASES = {
    "nonsense": "Could not parse SQLAlchemy URL",
    "": "Could not parse SQLAlchemy URL",
    "nosuch://here": "Can't load plugin",
    "postgresql://me:secret:port@here/grades": "c.CourseDirectory.db_url",
    "postgresql+no_such_driver://me:secret@here/grades": "Can't load plugin",
    "sqlite://": "nothing would be kept",
    "sqlite:///:memory:": "nothing would be kept",
    "sqlite:///ROOT/none/gradebook.db": "there is no folder ROOT/none",
    "sqlite:///ROOT/nbgrader_config.py/gradebook.db": "there is no folder ROOT/nbgrader_config.py",
    "sqlite:////dev/null/none/gradebook.db": "there is no folder /dev/null/none",
    "sqlite:///ROOT/source": "ROOT/source is a folder",
}


@pytest.mark.parametrize("url", DATABASES)
def test_a_gradebook_that_cannot_be_is_told_before_anybody_is_graded(run: Run, empty: Path, url: str) -> None:
    """Whoever mistypes the database's address would read tracebacks, or look for grades that nothing has kept."""
    configure(empty, f"c.CourseDirectory.db_url = {url.replace('ROOT', str(empty))!r}")
    small_course.submit(empty, "ada", small_course.submission())
    for command in ("grade", "scores"):
        code, out, err = run(command, NAME, here=empty)
        assert (code, out) == (2, "")
        said = one_sentence(err.splitlines()[-1] + "\n")
        assert DATABASES[url].replace("ROOT", str(empty)) in said
        assert str(empty / "nbgrader_config.py") in said
        assert "secret" not in said
    assert not (empty / "autograded").exists()


def test_a_gradebook_where_nothing_may_be_written_is_reported(
    run: Run, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of somebody else's would end a run in a traceback."""
    (empty / "theirs").mkdir()
    configure(empty, f"c.CourseDirectory.db_url = 'sqlite:///{empty}/theirs/gradebook.db'")
    small_course.submit(empty, "ada", small_course.submission())
    monkeypatch.setattr(course.os, "access", lambda path, mode: Path(path) != empty / "theirs")
    code, _, err = run("grade", NAME, here=empty)
    assert code == 2
    assert f"nothing may be written in {empty}/theirs" in one_sentence(err.splitlines()[-1] + "\n")


def test_an_address_with_options_is_that_of_the_same_file(empty: Path) -> None:
    """A gradebook with a name that nobody chose would be made beside the right one, and found empty."""
    for url in (f"sqlite:///{empty}/gradebook.db?timeout=9", f"sqlite+pysqlite:///{empty}/gradebook.db"):
        here = Course(empty)
        here.directory.db_url = url
        assert here.gradebook_file == empty / "gradebook.db"


def configure(root: Path, line: str) -> None:
    """Add a line to the course's configuration."""
    with open(root / "nbgrader_config.py", "a") as file:
        file.write(line + "\n")


@pytest.mark.parametrize(
    "text", ["", "not JSON", '{"nbformat": 4}', '{"cells": 3, "nbformat": 4, "nbformat_minor": 5}']
)
def test_a_broken_source_notebook_is_named(run: Run, empty: Path, text: str) -> None:
    """An instructor's unsaved or conflicted notebook must not look like a bug of ours."""
    path = empty / "source" / NAME / f"{NAME}.ipynb"
    path.write_text(text)
    small_course.submit(empty, "ada", small_course.submission())
    code, _, err = run("grade", NAME, here=empty)
    assert code == 2, err
    assert str(path) in one_sentence(err.splitlines()[-1] + "\n")


@pytest.mark.parametrize(
    "args",
    [
        "grade",
        f"grade {NAME} --jobs 0",
        "no-such-command",
        f"scores {NAME} --x",
        f"scores {NAME} --column x",
        f"validate {NAME} --seeds 0",
    ],
)
def test_wrong_use_ends_with_two_and_a_hint(run: Run, empty: Path, args: str) -> None:
    """Scripts tell wrong use from a failed grade by the exit code."""
    code, out, err = run(*args.split(), here=empty)
    assert (code, out) == (2, "")
    assert "Try 'autograder" in err


WHO = {"student", "group", "first_name", "last_name", "email", "lms_user_id", "submitted", "seconds_late"}
WHOLE = {"score", "late_penalty", "final_score", "max_score", "needs_manual_grade", "late_days"}
SHAPE = WHO | WHOLE | {"cells", "comments", "incidents"}
CHECK = {"name", "passed", "points", "hidden", "message", "void", "mistake"}


@pytest.mark.slow
def test_scores_as_json_have_the_documented_shape_and_nothing_else(run: Run, graded: Course) -> None:
    """Other people's scripts read this."""
    code, out, err = run("scores", NAME, "--json", here=graded.root)
    assert (code, err) == (0, "")
    scores = json.loads(out)
    assert [score["student"] for score in scores] == ["ada", "bob", "cyd", "dan", "eve", "fay"]
    for score in scores:
        assert set(score) == SHAPE
        assert set(score["cells"]) == {"test_mean", "test_double", "why"}
        for cell in score["cells"].values():
            assert set(cell) == {"score", "max_score", "checks"}
            assert all(set(check) == CHECK for check in cell["checks"])
        assert all(set(incident) == {"kind", "cell", "text"} for incident in score["incidents"])
    bob = scores[1]
    assert bob["cells"]["why"]["score"] is None
    assert (bob["score"], bob["max_score"], bob["needs_manual_grade"]) == (3.0, small_course.FULL, True)
    assert [(c["name"], c["passed"], c["points"], c["hidden"]) for c in bob["cells"]["test_mean"]["checks"]] == [
        ("test_two_numbers", True, 1.0, False),
        ("test_like_the_answer_key", False, 2.0, True),
    ]


@pytest.mark.slow
def test_scores_as_csv_cannot_run_in_a_spreadsheet(run: Run, graded: Course) -> None:
    """A student who is called `=cmd|…` must not run a program on the lecturer's machine."""
    with Gradebook(graded.db_url, graded.course_id) as gradebook:
        for student in ("=1+1", "@SUM(A1)", "-2", "+3"):
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission(NAME, student)
    code, out, _ = run("scores", NAME, "--csv", "scores.csv", here=graded.root)
    assert (code, out) == (0, "Written: scores.csv (8 still to be graded by hand)\n")
    with open(graded.root / "scores.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["student"] for line in lines][:4] == ["'+3", "'-2", "'=1+1", "'@SUM(A1)"]
    assert lines[4] == {
        "student": "ada",
        "last_name": "",
        "first_name": "",
        "comments": "",
        "score": "5.0",
        "late_penalty": "0.0",
        "final_score": "5.0",
        "max_score": "8.0",
        "needs_manual_grade": "True",
        "test_double": "2.0",
        "test_mean": "3.0",
        "why": "",  # it waits for a person: a zero would be taken for one
    }


@pytest.mark.slow
def test_grading_from_anywhere_shows_only_what_it_should(tmp_path: Path, graded: Course) -> None:
    """`--course` works from any folder, and no warning of a library's reaches the person."""
    small_course.submit(graded.root, "gil", small_course.submission())
    done = small_course.autograder(tmp_path, "--course", str(graded.root), "grade", NAME)
    assert done.returncode == 0, done.stderr
    assert "6 unchanged since they were graded (--regrade grades them again)." in done.stdout
    assert f"{NAME}: 7 submissions" in done.stdout
    assert "gil" in done.stdout
    assert [line for line in done.stderr.splitlines() if not line.startswith(f"grading {NAME}")] == []
    assert not (tmp_path / "gradebook.db").exists()


@pytest.mark.slow
def test_a_run_with_nothing_to_grade_says_so_and_shows_no_bar(run: Run, graded: Course) -> None:
    """An empty bar looks like a run that failed; and who takes a void back wants to read what counts again."""
    code, out, _ = run("grade", NAME, "--void", "test_two_numbers", "--why", "It asked too much.", here=graded.root)
    assert (code, "It asked too much." in out) == (0, True)
    code, out, err = run("grade", NAME, "--unvoid", "test_two_numbers", here=graded.root)
    assert (code, err) == (0, "")
    assert out.startswith("Counts again: test_two_numbers\n")
    assert "6 unchanged since they were graded (--regrade grades them again)." in out


@pytest.mark.slow
def test_doctor_says_what_this_machine_can_promise(run: Run) -> None:
    """Before a term starts, one command must tell whether grading is safe here, and scripts must be able to ask."""
    code, out, _ = run("doctor", "--json")
    findings = json.loads(out)
    assert {"Python", "sandbox"} <= {finding["what"] for finding in findings}
    assert code == (0 if all(finding["good"] for finding in findings if finding["needed"]) else 1)
    if os.environ.get("CI"):
        assert code == 0, out


@pytest.mark.slow
def test_doctor_says_what_nbgrader_s_commands_lack(run: Run, tmp_path: Path) -> None:
    """An instructor of an nbgrader course would click formgrader's button and run student code as themselves."""
    start_course(tmp_path)
    assert "✓ nbgrader: formgrader and nbgrader's own commands grade in the sandbox" in run("doctor", here=tmp_path)[1]
    settings = tmp_path / "nbgrader_config.py"
    lines = settings.read_text(encoding="utf-8").split("\n")
    settings.write_text("\n".join(line for line in lines if "preprocessors.Grade" not in line), encoding="utf-8")
    out = run("doctor", here=tmp_path)[1]
    assert "– nbgrader: formgrader and nbgrader's own commands do less than autograder and are less safe" in out
    assert "Missing in nbgrader_config.py: c.Autograde.autograde_preprocessors; docs/migrate.md" in out


def test_a_notebook_of_another_tool_is_not_graded(run: Run, tmp_path: Path) -> None:
    """Everybody would get 0 of 0, and nobody would see why."""
    course = small_course.make_course(tmp_path / "course", students=["ada"])
    otter = small_course.notebook([new_code_cell("q1 = 4 # SOLUTION"), new_code_cell('grader.check("q1")')])
    small_course.write(course.source(NAME) / f"{NAME}.ipynb", otter)
    code, out, err = run("grade", NAME, here=course.root)
    assert (code, out) == (2, "")
    assert err.startswith(f"autograder: {NAME} has no cell with points, so everybody would get 0 of 0")
    assert not course.path("autograded", "ada", NAME).exists()


def test_an_assignment_that_nobody_was_graded_in_has_no_scores(run: Run, empty: Path) -> None:
    """An empty table would look like a class without points."""
    with Gradebook(f"sqlite:///{empty}/gradebook.db", "small") as gradebook:
        gradebook.add_assignment(NAME)
    code, out, err = run("scores", NAME, here=empty)
    assert (code, out) == (2, "")
    assert one_sentence(err).startswith(f"Nothing of {NAME} was graded yet: run `autograder grade {NAME}` first.")
