"""`autograder site`: what it refuses, and what it never does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.preprocessors import ClearHiddenTests
from small_course import Run

from autograder.authoring.install_cell import add_install_lines

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course with one released assignment."""
    root = tmp_path / "course"
    (root / "release" / "lab").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text(encoding="utf-8"))
    nbformat.write(nbformat.v4.new_notebook(), root / "release" / "lab" / "lab.ipynb")
    return root


@pytest.mark.parametrize("names", [["nothing"], ["lab", "nothing"]])
def test_an_assignment_that_is_not_released_is_named(root: Path, run: Run, names: list[str]) -> None:
    """The site would lack it, and students find that out."""
    code, _, err = run("--course", str(root), "site", *names, "-o", str(root / "site"))
    assert code == 2
    assert err.strip().endswith("nothing has not been released: run `autograder release nothing` first.")
    assert not (root / "site").exists()


def test_a_course_without_a_release_is_told_so(root: Path, run: Run) -> None:
    """An empty site would be written."""
    (root / "release" / "lab" / "lab.ipynb").unlink()
    code, _, err = run("--course", str(root), "site", "-o", str(root / "site"))
    assert code == 2
    assert "No assignment has been released" in err


def test_a_folder_with_other_things_is_left(root: Path, run: Run) -> None:
    """A slip in DIR would replace somebody's home."""
    code, _, err = run("--course", str(root), "site", "-o", str(root))
    assert code == 2
    assert "holds something else than a site" in err
    assert (root / "nbgrader_config.py").is_file()


@pytest.mark.parametrize("name", ["numpy-2.4.0-py3-none-any.whl", "autograder_coursework-0.1.0-py3-none-any.whl"])
def test_a_wheel_that_is_none_is_told_in_a_sentence(root: Path, run: Run, name: str) -> None:
    """The site would look whole, and no student could load the checks."""
    wheel = root / name
    wheel.write_text("no wheel")
    code, _, err = run("--course", str(root), "site", "-o", str(root / "site"), "--wheel", str(wheel))
    assert code == 2
    assert err.strip().endswith("is not a wheel of autograder-coursework.")
    assert not (root / "site").exists()


def test_the_lines_of_the_release_are_replaced(tmp_path: Path) -> None:
    """The browser would be told to install from an address that it may not ask, or twice."""
    path = tmp_path / "lab.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%load_ext autograder")]), path)
    add_install_lines(path)
    plain = path.read_text()
    add_install_lines(path, "https://example.org/a.whl")
    add_install_lines(path, "autograder-coursework")
    (cell,) = nbformat.read(path, as_version=4).cells
    assert cell.source.count("%load_ext") == cell.source.count("--quiet") == cell.source.count("try:") == 1
    assert "--quiet autograder-coursework\n" in cell.source
    add_install_lines(path)
    assert path.read_text() == plain


# What Pyodide's Python lacks (its documentation, "Pyodide Python compatibility"): modules that are not there, and
# threads, processes and sockets, which are there and raise.
WITHOUT = """\
import socket, subprocess, sys, threading
GONE = {"fcntl", "termios", "resource", "pwd", "grp", "sqlite3", "_sqlite3", "ssl", "_ssl", "curses", "readline",
        "zmq", "ipykernel", "pooch", "_multiprocessing", "tkinter"}
for name in GONE:
    sys.modules[name] = None

def no_thread(*args, **kwargs):
    raise RuntimeError("can't start new thread")

def no_process_or_socket(*args, **kwargs):
    raise OSError("emscripten does not support this")

threading.Thread.start = no_thread
socket.socket.__init__ = subprocess.Popen.__init__ = no_process_or_socket
import os
del os.fork, os.kill
import json
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
shown = []
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code" and "nbgrader" in cell["metadata"]:
        source = "".join(cell["source"])
        done = shell.run_cell(source.replace("%matplotlib inline", ""), store_history=True)
        done.raise_error()
        if source.startswith("%%check"):
            shown.append(done.result.heading)
print(json.dumps(shown))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["knn", "xor"])
def test_checks_need_nothing_that_a_browser_lacks(name: str, tmp_path: Path) -> None:
    """A check that asks for a thread, a process or a socket could not run in a site."""
    solved, _ = ClearHiddenTests().preprocess(nbformat.read(ROOT / "source" / name / f"{name}.ipynb", 4), {})
    nbformat.write(solved, tmp_path / "solved.ipynb")
    command = [sys.executable, "-c", WITHOUT, str(tmp_path / "solved.ipynb")]
    environment = {"MPLBACKEND": "agg", "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    headings = json.loads(done.stdout.splitlines()[-1])
    assert headings
    assert all(heading.split()[0] == heading.split()[2] for heading in headings), headings
