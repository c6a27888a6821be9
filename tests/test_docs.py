"""The documentation: everything that can be used is in it, its links work, and it is of no machine in particular."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from traitlets.config import Configurable

import autograder
from autograder.checking import comparisons, prelude
from autograder.cli import cli
from autograder.course.settings import Autograder
from autograder.gradebook.late_days import LateDays
from autograder.gradebook.score_history import Why
from autograder.submission.incidents import IncidentKind

ROOT = Path(__file__).parents[1]
PLACES = ("*.md", "docs/*.md", "benchmarks/*.md", "examples/*/*.md")
PAGES = [page for place in PLACES for page in sorted(ROOT.glob(place))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
TYPED = re.compile(r"(?m)(?:^ {4,}|`)autograder (?:--course \S+ )?([a-z][\w-]*)([^`\n]*)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
ABSOLUTE = re.compile(
    r"(?<![\w./:~])/(?:home|root|work|Users|mnt|opt|srv(?!/exchange)|tmp/\w)"
)  # hub.md makes the exchange
MAX_PICTURE = 200_000


def commands(group: click.Group, name: str = "autograder") -> Iterator[tuple[str, click.Command]]:
    """Every command by its full name, also those that are imported when asked for."""
    context = click.Context(group)
    for child in group.list_commands(context):
        command = group.get_command(context, child)
        assert command is not None
        yield f"{name} {child}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {child}")


COMMANDS = dict(commands(cli))
OPTIONS = [
    (name, option)
    for name, command in ({"autograder": cli} | COMMANDS).items()
    for parameter in command.params
    if isinstance(parameter, click.Option)
    for option in parameter.opts
]


def prose(page: Path) -> str:
    """A page without its code: neither blocks nor spans."""
    text = re.sub(r"(?ms)^(`{3,}).*?^\1$", "", page.read_text(encoding="utf-8"))
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page: Path) -> set[str]:
    """The names by which the headings of a page can be reached."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str) -> None:
    """Every command is in the docs."""
    assert re.search(rf"`?{name}\b", TEXT)


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_options(command: str, option: str) -> None:
    """Every option is on a page that has its command."""
    word = re.compile(rf"(?<![\w-]){re.escape(option)}(?![\w-])")
    assert any(word.search(text) for page in PAGES if command in (text := page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_pages_type_exists(page: Path) -> None:
    """A command or an option that a page shows as typed is there."""
    for name, rest in TYPED.findall(page.read_text(encoding="utf-8")):
        assert f"autograder {name}" in COMMANDS
        options = {option for parameter in COMMANDS[f"autograder {name}"].params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--?[a-z][\w-]*", rest)) <= options | {"-h", "--help"}


def configurables() -> list[type[Configurable]]:
    """Every class of ours that a configuration file can set something of."""
    for module in pkgutil.walk_packages(autograder.__path__, "autograder."):
        import_module(module.name)
    found, todo = [], [Configurable]
    while todo:
        todo += (children := todo.pop().__subclasses__())
        found += [child for child in children if child.__module__.startswith("autograder.")]
    return sorted(set(found), key=lambda kind: kind.__name__)


SETTINGS = [(kind, name) for kind in configurables() for name in kind.class_own_traits(config=True)]


@pytest.mark.parametrize(("kind", "name"), SETTINGS)
def test_every_setting_is_said(kind: type[Configurable], name: str) -> None:
    """A setting that no page names is found by nobody."""
    assert re.search(rf"`{name}`|\b{kind.__name__}\.{name}\b", TEXT)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, name in SETTINGS if kind in (Autograder, LateDays)])
def test_settings(kind: type[Configurable], name: str) -> None:
    """Every setting of a course is in a table of settings, with its default."""
    default = kind.class_own_traits()[name].default()
    rows = re.findall(rf"(?m)^\| `{name}` \| (\S+) \|", (ROOT / "docs/reference.md").read_text(encoding="utf-8"))
    assert rows == [f"{default:g}" if type(default) in (int, float) else str(default) or '""']


@pytest.mark.parametrize("name", prelude.__all__)
def test_helpers(name: str) -> None:
    """Every name that a check cell has is in the page for authors."""
    assert re.search(rf"`{name}[`(]", (ROOT / "docs/authoring.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [*comparisons.__all__, "measure", "assert_choice", "assert_figure"])
def test_signatures(name: str) -> None:
    """The helpers' parameters and defaults are as the page for authors says."""
    parameters = inspect.signature(getattr(prelude, name)).parameters
    found = re.search(rf"`{name}\(([^)]*)\)`", (ROOT / "docs/authoring.md").read_text(encoding="utf-8"))
    assert found is not None
    told = ast.parse(f"lambda {found[1]}: 0", mode="eval").body
    assert isinstance(told, ast.Lambda)
    assert [argument.arg for argument in told.args.args + told.args.kwonlyargs] == list(parameters)
    defaults = [value.default for value in parameters.values() if value.default is not inspect.Parameter.empty]
    assert [ast.literal_eval(value) for value in told.args.kw_defaults if value is not None] == defaults


@pytest.mark.parametrize("kind", IncidentKind)
def test_incidents(kind: IncidentKind) -> None:
    """Every kind of incident is explained to instructors."""
    assert f"\n| {kind} |" in (ROOT / "docs/reference.md").read_text(encoding="utf-8")


def test_why_scores_change() -> None:
    """Every reason for which a score changes is explained, and no other."""
    table = (ROOT / "docs/reference.md").read_text(encoding="utf-8").split("## Why a score changes")[1]
    rows = re.findall(r"(?m)^\| ([a-z][^|]*) \|", table)
    assert {why for row in rows for why in row.split(", ")} - {"why"} == set(Why)


def test_dependencies() -> None:
    """CONTRIBUTING says of every dependency why it is there, and names no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"base": project["dependencies"], **project["optional-dependencies"]}
    wanted = {(re.split(r"[\[>=<; ]", line)[0], group) for group, lines in groups.items() for line in lines}
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Dependencies")[1]
    rows = set(re.findall(r"(?m)^\| ([a-z][\w-]*) \| (\w+) \|", table)) - {("package", "in")}
    assert rows == {(name, group) for name, group in wanted if name != project["name"]}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path) -> None:
    """A link to a file finds it, and a link to a heading finds that."""
    for link in LINK.findall(prose(page)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", ["docs/how-it-works.md", "CONTRIBUTING.md"])
def test_files_named_are_there(page: str) -> None:
    """A file of the project that a page for contributors points to exists, and no other has its name."""
    below = [path for part in ("autograder", "tests", "docs") for path in (ROOT / part).rglob("*.*")]
    files = [f"/{path.relative_to(ROOT).as_posix()}" for path in [*ROOT.glob("*.*"), *below]]
    named = re.findall(r"`((?:\w+/)*\w+\.(?:py|typ|j2|md))`", (ROOT / page).read_text(encoding="utf-8"))
    assert named
    found = {name: [file for file in files if file.endswith(f"/{name}")] for name in named}
    assert {name: where for name, where in found.items() if len(where) != 1} == {}


def test_the_tests_behind_promises_are_there() -> None:
    """A test that the page on promises names exists, and each hostile test stands behind a promise."""
    page = (ROOT / "docs/security-tests.md").read_text(encoding="utf-8")
    named = {name if "/" in name else f"tests/hostile/{name}" for name in re.findall(r"`([\w/]+\.py)`", page)}
    assert {name for name in named if not (ROOT / name).is_file()} == set()
    assert {f"tests/hostile/{path.name}" for path in (ROOT / "tests/hostile").glob("test_*.py")} <= named


def test_every_page_is_linked() -> None:
    """Every page is in the README's list at its end."""
    further = (ROOT / "README.md").read_text(encoding="utf-8").split("## Further")[1]
    listed = {ROOT / link for link in LINK.findall(further)}
    assert {page for page in PAGES if page != ROOT / "README.md"} <= listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_path_of_a_machine(page: Path) -> None:
    """No page has a path that exists on one machine only."""
    assert not ABSOLUTE.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("assignment", [folder.name for folder in sorted((ROOT / "assignments").iterdir())])
def test_assignments(assignment: str) -> None:
    """Every assignment is in the README and in the table of lectures, and has a picture."""
    for page in ("README.md", "docs/lectures.md"):
        assert f"assignments/{assignment}/{assignment}.md" in (ROOT / page).read_text(encoding="utf-8")
    assert (ROOT / f"docs/images/{assignment}.png").is_file()


def test_lectures_name_real_exercises() -> None:
    """An exercise that the table of lectures names by number and function has that number in its assignment."""
    exercises = {
        pair
        for text in (ROOT / "assignments").glob("*/*.md")
        for pair in re.findall(r"(?m)^### Exercise (\d+): `(\w+)`", text.read_text(encoding="utf-8"))
    }
    named = re.findall(r"Ex (\d+) `(\w+)`", (ROOT / "docs/lectures.md").read_text(encoding="utf-8"))
    assert named
    assert set(named) <= exercises


@pytest.mark.parametrize("picture", sorted((ROOT / "docs/images").glob("*")), ids=lambda path: path.name)
def test_pictures(picture: Path) -> None:
    """Pictures are small, and used."""
    assert picture.stat().st_size < MAX_PICTURE
    assert f"images/{picture.name}" in TEXT
