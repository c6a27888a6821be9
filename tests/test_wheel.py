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
from pathlib import Path

import nbformat
import pytest
from nbgrader.preprocessors import ClearHiddenTests

from autograder.publishing.gradescope.bundle import build_wheel

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


@pytest.mark.parametrize("name", NAMES)
def test_every_check_cell_runs_in_the_base_install(base: Environment, name: str, tmp_path: Path) -> None:
    """A student would miss a package in the middle of the work."""
    solved = nbformat.read(ROOT / "source" / name / f"{name}.ipynb", as_version=4)
    notebook, _ = ClearHiddenTests().preprocess(solved, {})
    notebook.cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]  # without the demonstrations
    nbformat.write(notebook, tmp_path / "solved.ipynb")
    done = base.run("python", "-c", RUN, tmp_path / "solved.ipynb", here=tmp_path)
    assert done.returncode == 0, done.stderr
    codes = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    shown = zip(codes, map(str, json.loads(done.stdout)), strict=True)
    tables = [outputs for code, outputs in shown if code.startswith("%%check")]
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
    done = base.run("jupyter-nbconvert", "--to", "typst-pdf", "--output-dir", tmp_path, notebook)
    assert done.returncode != 0
    assert "PDF (Typst) needs the extra [pdf]" in done.stderr


def test_the_extra_pdf_makes_pdfs(base: Environment, wheel: Path, tmp_path: Path) -> None:
    """The extra would lack what the command needs."""
    base.install("nbconvert", f"{wheel}[pdf]")
    notebook = ROOT / "release/xor/xor.ipynb"
    done = base.run("autograder", "pdf", notebook, "-o", tmp_path / "command.pdf")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "command.pdf").read_bytes().startswith(b"%PDF")
    done = base.run("jupyter-nbconvert", "--to", "typst-pdf", "--output-dir", tmp_path, notebook)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "xor.pdf").read_bytes().startswith(b"%PDF")
    assert base.run("autograder", "grade", "knn").returncode == 2
