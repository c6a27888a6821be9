"""`autograder new`: what it makes, and what it refuses in one sentence. That it may be released says test_term.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.authoring import new
from autograder.authoring.new import new_assignment
from autograder.authoring.new_course import missing_settings, start_course
from autograder.cli import cli
from autograder.course.course import Course
from autograder.errors import AutograderError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course without any assignment."""
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return tmp_path


def test_a_folder_without_a_course_becomes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the wheel alone would have to copy settings from somewhere, and could miss a line."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["new", "weather"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"{tmp_path} is a course now: its settings are in nbgrader_config.py.\n")
    ours, made = ((root / "nbgrader_config.py").read_text().splitlines() for root in (ROOT, tmp_path))
    assert made[5:] == ours[5:]  # above stands the course's name
    assert (tmp_path / "jupytext.toml").read_text() == (ROOT / "jupytext.toml").read_text()
    again = CliRunner().invoke(cli, ["new", "climate"])
    assert again.exit_code == 0
    assert "is a course now" not in again.output


def test_settings_that_are_there_stay(tmp_path: Path) -> None:
    """Somebody's own would be lost."""
    (tmp_path / "jupytext.toml").write_text("mine")
    start_course(tmp_path)
    assert (tmp_path / "jupytext.toml").read_text() == "mine"
    assert (tmp_path / "nbgrader_config.py").is_file()


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (("", ""), []),
        (('course_id = "course"', 'course_id = "other"'), []),
        (('    "autograder.grading.preprocessors.Grade",\n', ""), ["c.Autograde.autograde_preprocessors"]),
        (("c.ExchangeFactory.collect =", "# "), ["c.ExchangeFactory.collect"]),
        (("c.GenerateFeedback.preprocessors = []", ""), ["c.GenerateFeedback.preprocessors"]),
        (("c.GenerateAssignment.preprocessors.append", "print"), ["c.GenerateAssignment.preprocessors"]),
        (('    "highlight_code"', '    "another"'), ["c.HTMLExporter.filters"]),
        (("c.HTMLExporter.filters = {", 'c.HTMLExporter.filters = {\n    "own": "mine",'), []),
        (('"autograder.grading.preprocessors.Grade"', "Grade"), []),
    ],
)
def test_settings_that_a_course_lacks_are_named(tmp_path: Path, change: tuple[str, str], missing: list[str]) -> None:
    """nbgrader's own commands would go on running student code as the instructor, and nobody would know."""
    start_course(tmp_path)
    config = tmp_path / "nbgrader_config.py"
    text = config.read_text(encoding="utf-8").replace(*change)
    config.write_text(f"from autograder.grading.preprocessors import Grade\n{text}", encoding="utf-8")
    assert missing_settings(Course(tmp_path)) == missing


def test_the_docs_have_the_settings_of_a_new_course(tmp_path: Path) -> None:
    """Who copies them from there would lack a line."""
    start_course(tmp_path)
    lines = (tmp_path / "nbgrader_config.py").read_text(encoding="utf-8")
    docs = (ROOT / "docs" / "migrate.md").read_text(encoding="utf-8")
    assert lines[lines.index("c.Autograde.exporter_class") :] in docs


def everything(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_documents_and_notebook_carry_the_name(root: Path) -> None:
    """The placeholder is gone everywhere, and nothing else is left in the course's folder."""
    documents = new_assignment(root, "weather")
    assert [path.name for path in documents] == ["weather.md", "mistakes.md", "alternatives.md"]
    assert everything(root) == [
        "assignments",
        "assignments/weather",
        "assignments/weather/alternatives.md",
        "assignments/weather/mistakes.md",
        "assignments/weather/weather.md",
        "nbgrader_config.py",
        "source",
        "source/weather",
        "source/weather/weather.ipynb",
    ]
    for path in (*documents, root / "source" / "weather" / "weather.ipynb"):
        assert "NAME" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["", "two words", "../up", "1st", "sem-1", "naïve", "_hidden", "a/b", "x\n"])
def test_a_name_that_cannot_be_one_is_refused(root: Path, name: str) -> None:
    """Neither folders above nor odd characters: the name is used in paths and in Python."""
    before = everything(root)
    with pytest.raises(AutograderError, match="cannot be the name of an assignment"):
        new_assignment(root, name)
    assert everything(root) == before


@pytest.mark.parametrize("folder", ["assignments", "source"])
def test_a_name_that_is_taken_is_refused(root: Path, folder: str) -> None:
    """Whatever is there already stays as it is."""
    (root / folder / "weather").mkdir(parents=True)
    (root / folder / "weather" / "mine.txt").write_text("mine")
    before = everything(root)
    with pytest.raises(AutograderError, match=f"There is already {folder}/weather: take another name"):
        new_assignment(root, "weather")
    assert everything(root) == before


def test_a_failure_half_way_leaves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second folder cannot be moved into place: the first one is taken back."""
    (root / "source").write_text("in the way")
    with pytest.raises(AutograderError, match="weather could not be made in"):
        new_assignment(root, "weather")
    assert [name for name in everything(root) if "weather" in name or "new-" in name] == []

    def fails(root: Path, name: str) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(new, "make_notebook", fails)
    with pytest.raises(AutograderError, match="No space left on device"):
        new_assignment(root, "weather")
    assert [name for name in everything(root) if "weather" in name or "new-" in name] == []


def test_the_command_says_what_to_edit_and_what_comes_next(root: Path) -> None:
    """Three documents and one command."""
    result = CliRunner().invoke(cli, ["--course", str(root), "new", "weather"])
    assert result.exit_code == 0
    for part in ("weather.md", "mistakes.md", "alternatives.md", "autograder validate weather"):
        assert part in result.output


def test_the_command_comes_before_release() -> None:
    """Commands are listed in the order in which a course meets them."""
    names = cli.list_commands(None)  # type: ignore[arg-type]
    assert names.index("new") < names.index("release")
