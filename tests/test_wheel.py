"""The wheel, as students install it: alone in a fresh environment, it runs every check cell, and it is small.

The packages come from PyPI; where it cannot be reached, these tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from nbgrader import utils

from autograder.authoring.install_cell import add_install_lines
from autograder.distribution import build_wheel

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.name for path in (ROOT / "assignments").iterdir())
UV = Path(sysconfig.get_path("scripts"), "uv")
MAX_MEGABYTES = 220  # NumPy with its BLAS, and matplotlib with its fonts, are four fifths of it

# Runs a notebook in a kernel of the environment's own and prints the outputs of each code cell.
RUN = """\
import json, sys
from jupyter_client.manager import run_kernel
notebook = json.load(open(sys.argv[1], encoding="utf-8"))
cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
with run_kernel() as client:
    for number, cell in enumerate(cells):
        outputs = []
        client.execute_interactive("".join(cell["source"]), output_hook=outputs.append, timeout=120)
        content = [message["content"] for message in outputs]
        cells[number] = [text.get("data") or text.get("text") or text.get("evalue", "") for text in content]
print(json.dumps(cells))
"""

# Runs a notebook without what Pyodide's Python lacks (its documentation, "Pyodide Python compatibility"): modules that
# are not there, and threads, processes and sockets, which are there and raise. Prints the headings of its check cells.
WITHOUT = """\
import os, socket, subprocess, sys, threading
os.environ["MPLBACKEND"] = "agg"
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
        if source.startswith("%%check"):
            done.raise_error()
            shown.append(done.result.heading)
print(json.dumps(shown))
"""


def uv(*args: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(UV), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=300)


class Environment:
    """A fresh environment with the wheel in it."""

    def __init__(self, folder: Path, *packages: object) -> None:
        self.folder = folder
        made = uv("venv", "--python", sys.executable, folder)
        assert made.returncode == 0, made.stderr
        self.install(*packages)

    def install(self, *packages: object) -> None:
        done = uv("pip", "install", "--python", self.folder / "bin/python", *packages)
        assert done.returncode == 0, done.stderr

    def run(self, *command: object, here: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's programs, in a folder that is no course."""
        environment = {"PATH": f"{self.folder}/bin:/usr/bin:/bin", "HOME": str(self.folder), "PYTHONUTF8": "1"}
        name, *args = map(str, command)
        return subprocess.run(
            [self.folder / "bin" / name, *args],
            capture_output=True,
            text=True,
            cwd=here or self.folder,
            env=environment,
            timeout=300,
        )

    @property
    def megabytes(self) -> float:
        (packages,) = self.folder.glob("lib/python*/site-packages")
        return sum(path.stat().st_size for path in packages.rglob("*") if path.is_file()) / 1e6


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel; the tests are skipped where its dependencies cannot be had."""
    asked = uv("pip", "install", "--dry-run", "--no-deps", "--reinstall", "--python", sys.executable, "click")
    if asked.returncode:
        pytest.skip(f"PyPI cannot be reached: {asked.stderr.strip().splitlines()[-1]}")
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What a student has who installs the wheel and nothing else."""
    return Environment(tmp_path_factory.mktemp("base") / "environment", wheel)


def test_a_student_s_install_is_small(base: Environment) -> None:
    """A student with a slow line or a full disk would wait for what only graders need."""
    assert base.megabytes < MAX_MEGABYTES


def solved(name: str, folder: Path) -> Path:
    """A release with the answer key's answers in it, without the demonstrations."""
    book = nbformat.read(ROOT / "release" / name / f"{name}.ipynb", as_version=4)
    source = nbformat.read(ROOT / "source" / name / f"{name}.ipynb", as_version=4)
    answers = {c.metadata.nbgrader.grade_id: c.source for c in source.cells if utils.is_solution(c)}
    book.cells = [cell for cell in book.cells if "nbgrader" in cell.metadata]
    for cell in book.cells:
        cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
    nbformat.write(book, folder / "solved.ipynb")
    return folder / "solved.ipynb"


@pytest.mark.parametrize("name", NAMES)
def test_every_check_cell_needs_the_base_install_only_and_nothing_that_a_browser_lacks(
    base: Environment, name: str, tmp_path: Path
) -> None:
    """A student would miss a package in the middle of the work, or in a site a thread, a process or a socket."""
    done = base.run("python", "-c", WITHOUT, solved(name, tmp_path), here=tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    headings = json.loads(done.stdout.splitlines()[-1])
    assert headings
    assert all(re.match(r"(\d+) of \1 visible checks hold", heading) for heading in headings), headings


def test_the_base_install_has_a_kernel(base: Environment, tmp_path: Path) -> None:
    """Check cells are run in Jupyter's kernels."""
    done = base.run("python", "-c", RUN, solved("xor", tmp_path), here=tmp_path)
    assert done.returncode == 0, done.stderr
    tables = [table for table in map(str, json.loads(done.stdout)) if "visible checks hold" in table]
    assert tables
    for table in tables:
        assert re.search(r"\b(\d+) of \1 ", table), table


def test_a_command_that_needs_more_says_which_extra(base: Environment, tmp_path: Path) -> None:
    """A student would read a traceback."""
    (tmp_path / "nbgrader_config.py").touch()
    for command, extra in [
        (["pdf", ROOT / "release/knn/knn.ipynb", "-o", tmp_path / "knn.pdf"], "pdf"),
        (["grade", "knn"], "grade"),
        (["validate", "knn"], "grade"),
        (["scores", "knn"], "grade"),
    ]:
        done = base.run("autograder", *command, here=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("autograder: ")
        assert f".whl[{extra}]'." in done.stderr
        assert len(done.stderr.splitlines()) == 1
    doctor = base.run("autograder", "doctor")
    assert doctor.returncode == 1
    assert "✓ package" in doctor.stdout
    assert "✗ grading: Grading needs the extra [grade]" in doctor.stdout
    assert base.run("autograder", "--version").stdout.startswith("autograder")


def test_nbconvert_is_not_broken(base: Environment, tmp_path: Path) -> None:
    """nbconvert loads every exporter that is installed, whatever it is to write."""
    base.install("nbconvert")
    notebook = ROOT / "release/xor/xor.ipynb"
    done = base.run("jupyter-nbconvert", "--to", "html", "--output-dir", tmp_path, notebook)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "xor.html").is_file()
    done = base.run("jupyter-nbconvert", "--to", "PDF_without_LaTeX", "--output-dir", tmp_path, notebook)
    assert done.returncode == 2
    assert "PDF without LaTeX needs the extra [pdf]" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_extra_pdf_makes_pdfs(base: Environment, wheel: Path, tmp_path: Path) -> None:
    """The extra would lack what the command needs."""
    base.install("nbconvert", f"{wheel}[pdf]")
    notebook = ROOT / "release/xor/xor.ipynb"
    done = base.run("autograder", "pdf", notebook, "-o", tmp_path / "command.pdf")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "command.pdf").read_bytes().startswith(b"%PDF")
    done = base.run("jupyter-nbconvert", "--to", "PDF_without_LaTeX", "--output-dir", tmp_path, notebook)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "xor.pdf").read_bytes().startswith(b"%PDF")
    assert base.run("autograder", "grade", "knn").returncode == 2


# --- what a released notebook finds elsewhere ---

COLAB = ["ipykernel==6.17.1", "ipython==7.34.0", "numpy>=2", "matplotlib", "pytest"]


def other_project(folder: Path) -> Path:
    """A wheel named as PyPI's unrelated project, with files where that one has them."""
    path = folder / "autograder-3.7.7-py3-none-any.whl"
    about = "autograder-3.7.7.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("autograder/__init__.py", "__version__ = '3.7.7'\n")
        wheel.writestr("autograder/__main__.py", "def main(): raise SystemExit('the other project')\n")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: autograder\nVersion: 3.7.7\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/entry_points.txt", "[console_scripts]\nautograder=autograder.__main__:main\n")
        wheel.writestr(f"{about}/RECORD", "")
    return path


def setup_and_check(folder: Path, what: str) -> Path:
    """A notebook with the setup cell of a release, and an answer with its check cell."""
    cells = ["%load_ext autograder", "def double(x):\n    return 2 * x"]
    cells += ['%%check\ndef test_double(student):\n    """A number is doubled."""\n    assert student.double(2) == 4']
    path = folder / "lab.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells))), path)
    add_install_lines(path, what)
    return path


@pytest.fixture(scope="module")
def colab(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with what Colab has in its own versions, pip, and not this package."""
    made = Environment(tmp_path_factory.mktemp("colab") / "environment", "pip", *COLAB)
    before = made.run("python", "-m", "pip", "freeze").stdout
    assert "ipykernel==6.17.1" in before
    return made


def test_the_first_cell_installs_from_the_course_s_address(colab: Environment, wheel: Path, tmp_path: Path) -> None:
    """A student in Colab, or in VS Code, would have to find, upload and install the wheel."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(wheel.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{wheel.name}"
        done = colab.run("python", "-c", RUN, setup_and_check(tmp_path, address), here=tmp_path)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert "1 of 1 visible checks hold" in done.stdout
    assert "ipykernel==6.17.1" in colab.run("python", "-m", "pip", "freeze").stdout


def test_the_other_project_in_the_way_is_said(colab: Environment, wheel: Path, tmp_path: Path) -> None:
    """A student would read that `autograder` is no IPython extension, and an instructor a traceback."""
    notebook = setup_and_check(tmp_path, "")
    colab.install("--no-deps", other_project(tmp_path))
    instead = colab.run("python", "-c", RUN, notebook, here=tmp_path).stdout
    assert "that is an unrelated project; `%pip uninstall -y autograder` removes it." in instead
    colab.install("--no-deps", "--reinstall", wheel)
    beside = colab.run("python", "-c", RUN, notebook, here=tmp_path).stdout
    assert "PyPI's unrelated project `autograder` 3.7.7 is installed in the same folder" in beside
    colab.install("--no-deps", "--reinstall", other_project(tmp_path))
    doctor = colab.run("python", "-m", "autograder.cli", "doctor")
    assert doctor.returncode == 1
    assert "✗ package: PyPI's unrelated project `autograder` 3.7.7 is installed" in doctor.stdout
    remedies = re.search("run `pip (.*)`, then `pip install (.*) [^ ]*[.]whl`", doctor.stdout)
    assert remedies is not None
    assert colab.run("python", "-m", "pip", *remedies[1].split()).returncode == 0
    assert colab.run("python", "-m", "pip", "install", *remedies[2].split(), wheel).returncode == 0
    assert "1 of 1 visible checks hold" in colab.run("python", "-c", RUN, notebook, here=tmp_path).stdout
