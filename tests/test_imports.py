"""Imports point one way, nothing heavy is loaded before it is needed, and `__all__` says what is there."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest
from import_figure import GRAPH, MODULES, PAGE, imported, part, section

ROOT = Path(__file__).parents[1]
LEAVES = {
    "errors", "progress", "datasets", "imports", "text", "files", "options", "workers", "interrupts", "distribution",
    "version", "garbage", "threads",
}  # fmt: skip
MAY_IMPORT = {
    "kernel_side": set(),
    "checking": {"kernel_side"},
    "sandbox": {"kernel_side"},
    "course": {"kernel_side", "checking", "sandbox"},
    "submission": {"kernel_side", "checking", "sandbox", "course"},
    "gradebook": {"kernel_side", "checking", "sandbox", "course", "submission"},
    "grading": {"kernel_side", "checking", "sandbox", "course", "submission", "gradebook"},
    "collecting": {"kernel_side", "checking", "sandbox", "course", "submission", "gradebook"},
    "publishing": {"kernel_side", "checking", "sandbox", "course", "submission", "gradebook", "grading"},
    "authoring": {"kernel_side", "checking", "sandbox", "course", "submission", "gradebook", "grading"},
}
TOP = {"cli", "demo", "demo_command", "doctor_command", "grade_command", "", "__main__"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    """Code with answers or databases in it would be loaded where student code runs, or parts could not be understood
    one by one."""
    here = part(module)
    if here in TOP:
        return
    allowed = MAY_IMPORT.get(here, set()) | {here} | ({"errors", "progress"} if here in MAY_IMPORT else set())
    if here in ("kernel_side", "checking", "sandbox"):
        allowed -= {"progress"} | ({"errors"} if here == "kernel_side" else set())
    allowed |= {"datasets"} if here in ("publishing", "authoring", "course") else set()
    allowed |= {"imports"} if here in ("sandbox", "course") else set()
    allowed |= {"text", "files"} if here in {"progress", *MAY_IMPORT} - {"kernel_side"} else set()
    allowed |= {"options"} if here in ("collecting", "publishing", "authoring") else set()
    allowed |= {"workers"} if here in ("grading", "authoring", "publishing") else set()
    allowed |= {"interrupts"} if here in ("gradebook", "grading", "workers") else set()
    allowed |= {"garbage"} if here == "workers" else set()
    allowed |= {"threads"} if here in ("workers", "sandbox") else set()
    allowed |= (
        {"distribution", "version"}
        if here in ("sandbox", "grading", "publishing", "authoring", "distribution")
        else set()
    )
    allowed |= {"errors"} if here == "distribution" else set()
    allowed |= {"course"} if here == "options" else set()  # inside a function: it finds the course
    wrong = {name for name in GRAPH[module] if part(name) and part(name) not in allowed}
    assert not wrong


def test_there_is_no_part_that_this_test_does_not_know() -> None:
    """A new folder could import whatever it likes."""
    assert {part(module) for module in MODULES} <= set(MAY_IMPORT) | LEAVES | TOP


def test_no_module_imports_itself_in_a_circle() -> None:
    """The order in which modules are imported would decide whether they work."""
    assert len(list(TopologicalSorter(GRAPH).static_order())) == len(MODULES)


def test_a_search_finds_one() -> None:
    """Whoever looks for a module or a class by its name would find another one."""
    modules = Counter(path.name for path in MODULES.values() if path.name != "__init__.py")
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in MODULES.values()]
    classes = Counter(node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    assert [name for name, count in (modules + classes).items() if count > 1] == []


def test_checks_and_sandbox_know_nothing_of_the_gradebook() -> None:
    """A check or a sandbox could write grades."""
    for module, path in MODULES.items():
        if part(module) in ("kernel_side", "checking", "sandbox"):
            text = path.read_text(encoding="utf-8")
            names = {name.split(".")[0] for name in imported(ast.parse(text))}
            assert not names & {"nbgrader", "sqlalchemy"}, module


def test_the_kernel_side_needs_only_numpy() -> None:
    """A student's kernel would load, and could read, more than what serves calls."""
    for module, path in MODULES.items():
        if part(module) == "kernel_side":
            names = {name.split(".")[0] for name in imported(ast.parse(path.read_text(encoding="utf-8")))}
            assert names - set(sys.stdlib_module_names) <= {"autograder", "numpy"}, module


HEAVY = (
    "numpy", "pytest", "nbgrader", "nbconvert", "sqlalchemy", "matplotlib", "scipy", "sklearn", "jupytext", "zmq",
    "typst", "PIL", "rich", "pygments",
)  # fmt: skip
REPORT = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"


@pytest.mark.parametrize(
    "code",
    [
        "import autograder",
        "import autograder\nfrom unittest.mock import Mock\nautograder.load_ipython_extension(Mock())",
        "sys.argv = ['autograder', '--help']\nimport autograder.cli as c\ntry: c.main()\nexcept SystemExit: pass",
        "sys.argv = ['autograder', 'grade', '-h']\nimport autograder.cli as c\ntry: c.main()\nexcept SystemExit: pass",
    ],
    ids=["import", "load_ext", "--help", "grade --help"],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str) -> None:
    """`autograder --help` and the first cell of every notebook would take seconds."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{REPORT}"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_workers_are_forked_from_loads_no_nbgrader() -> None:
    """Each run would cost half a second more, and workers would hold a library that opens the gradebook."""
    names = ("nbgrader", "nbconvert", "sqlalchemy", "jupyter_server", "rich")
    code = f"import sys, autograder.grading.grader\nprint([name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_with_nothing_to_grade_loads_neither_numpy_nor_pytest() -> None:
    """Only workers need them: each run would start a tenth of a second later."""
    code = "import sys, autograder.grading.class_run\nprint([n for n in ('numpy', 'pytest') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", ["scores", "report", "feedback", "changes"])
def test_no_command_makes_the_parser_of_jsonschema(command: str, tmp_path: Path) -> None:
    """Each of them would start a second later."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    code = f"import sys, autograder.cli as c\nsys.argv = ['autograder', {command!r}, 'nothing']\n"
    code += "try: c.main()\nexcept SystemExit: pass\n"
    code += "print('jsonschema' in sys.modules, 'rfc3987_syntax.syntax_helpers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines()[-1] == "True False"


@pytest.mark.parametrize("module", ["autograder.authoring.trials", "autograder.grading.grader"])
def test_no_worker_makes_the_parser_of_jsonschema(module: str) -> None:
    """The process that workers are forked from would take a second more."""
    code = f"import sys, {module}\nprint('jsonschema' in sys.modules, 'rfc3987_syntax.syntax_helpers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "True False"


@pytest.mark.parametrize("path", sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("docs/*.py")]), ids=lambda p: p.name)
def test_scripts_import_what_is_there(path: Path) -> None:
    """A benchmark runs seldom, and would end at a name that has moved."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in nodes if (node.module or "").startswith("autograder")]
    names = [(str(node.module), name.name) for node in ours for name in node.names]
    assert [name for name in names if not hasattr(import_module(name[0]), name[1])] == []


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_is_public_and_has_it(module: str) -> None:
    """A name that is promised would be missing, or what is public be unclear."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    defines = any(isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Assign)) for node in tree.body)
    loaded = import_module(module)
    if module == "autograder" or (not defines and not hasattr(loaded, "__all__")):
        return
    assert len(loaded.__all__) == len(set(loaded.__all__))
    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []


def test_the_figure_of_the_imports_is_today_s() -> None:
    """Who looks for the way in would be sent along arrows that are not there: run `python docs/import_figure.py`."""
    text = PAGE.read_text(encoding="utf-8")
    assert "flowchart TD" in text
    assert section(text) == text


def test_what_one_module_takes_from_another_is_offered() -> None:
    """A change of what looks like a module's own business would break another."""
    taken = {
        (node.module, name.name)
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in MODULES
        for name in node.names
        if f"{node.module}.{name.name}" not in MODULES and node.module != "autograder"
    }
    offered = {module: {"*", *import_module(module).__all__} for module, _ in taken}
    assert not {(module, name) for module, name in taken if name not in offered[module]}
