"""The first cell of a released notebook: it installs the package where it is missing and can be had, or says how."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import small_course
from nbgrader.utils import compute_checksum
from small_course import Run

from autograder.authoring.install_cell import add_install_lines, check_address
from autograder.course.course import Course
from autograder.errors import AutograderError

ROOT = Path(__file__).parents[2]
ADDRESS = "https://example.org/autograder_coursework-0.1.0-py3-none-any.whl"


def setup_of(path: Path) -> nbformat.NotebookNode:
    """The cell that loads the checks."""
    cells = nbformat.read(path, as_version=4).cells
    return next(cell for cell in cells if "%load_ext autograder" in cell.source)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A notebook whose setup cell only loads the checks."""
    cell = nbformat.v4.new_code_cell("import os\n%load_ext autograder\n\nx = 1")
    cell.metadata.nbgrader = {"grade_id": "setup", "grade": False, "solution": False, "locked": True, "task": False}
    path = tmp_path / "lab.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("a = 1"), cell]), path)
    return path


def test_the_lines_stand_before_the_checks_are_loaded(released: Path) -> None:
    """They would come too late, or the author's own lines would be lost."""
    add_install_lines(released)
    cell = setup_of(released)
    first, last = cell.source.split("%load_ext autograder")
    assert first.startswith("import os\ntry:")
    assert last == "\n\nx = 1"
    assert "%pip install" not in first.split("try:")[0]
    assert cell.metadata.nbgrader["checksum"] == compute_checksum(cell)


def test_a_course_with_an_address_installs_from_it(released: Path) -> None:
    """A student in Colab would have to upload the wheel in every session."""
    add_install_lines(released, ADDRESS)
    assert f"    %pip install --quiet {ADDRESS}\n" in setup_of(released).source


def test_a_course_s_packages_are_installed_where_they_are_missing(released: Path, tmp_path: Path) -> None:
    """A student in Colab would read that a module of the course is missing; where it is there, pip is not asked."""
    add_install_lines(released, ADDRESS, ["numpy>=1.24", "no-such-thing[all]==1.2"])
    before = setup_of(released).source.split("import importlib.util")[0]
    assert before.startswith("import os\nimport importlib.metadata\n")
    assert '    %pip install --quiet "numpy>=1.24" "no-such-thing[all]==1.2"\n' in before
    code = before.replace("%pip install --quiet", "print('pip', ").replace('2"\n', '2")\n').replace('" "', '", "')
    assert run_python(code) == "pip numpy>=1.24 no-such-thing[all]==1.2\n"
    assert run_python(code.replace("'no-such-thing'", "'pytest'")) == ""


def test_a_package_that_nobody_named_is_asked_for_and_not_installed(released: Path) -> None:
    """A student would see a traceback alone; and what no author has named must not be fetched by itself."""
    (released.parent / "helper.py").touch()
    released.with_name("data").mkdir()
    add_cell(released, "import helper, data, numpy, yaml\nimport no_such.thing\ntry:\n    import torch\nexcept: pass")
    add_install_lines(released, ADDRESS)
    before = setup_of(released).source.split("import os\n")[1].split('if importlib.util.find_spec("autograder")')[0]
    assert "pip" not in run_python(before.replace("'no_such'", "'json'"))
    assert "elsewhere run `%pip install no_such PyYAML` in a new cell" in run_python(before)
    add_install_lines(released, "", ["pyyaml>=6", "No-Such"])
    assert "elsewhere run" not in setup_of(released).source


def test_what_is_no_package_is_not_asked_for(released: Path) -> None:
    """Every student's first cell would fail, or send them to install an unrelated project."""
    add_cell(released, "import __main__\n%run other.py\n%run -i 'third'")
    add_install_lines(released)
    assert "elsewhere run" not in setup_of(released).source
    add_cell(released, "if True:\n    %run other.py\nfrom no_such import *")
    add_install_lines(released)
    assert "elsewhere run `%pip install no_such` in a new cell" in setup_of(released).source


def test_a_package_that_a_cell_installs_is_not_asked_for(released: Path) -> None:
    """A student would be sent to do what the next line does."""
    add_cell(released, "try:\n    import x\nexcept ImportError:\n    %pip install -q 'no-such[all]>=2' x")
    add_cell(released, "import no_such\n!pip install nothing")
    add_install_lines(released)
    assert "elsewhere run" not in setup_of(released).source


def add_cell(path: Path, source: str) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(source))
    nbformat.write(notebook, path)


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_later_lines_take_the_place_of_earlier_ones(released: Path) -> None:
    """A site is made from a release: the lines would stand there twice."""
    add_install_lines(released, "", ["numpy"])
    add_install_lines(released, ADDRESS, ["numpy", "pandas"])
    once = setup_of(released).source
    assert once.count("importlib.metadata.version") == once.count("from autograder import load") == 1
    add_install_lines(released)
    assert "%pip" not in setup_of(released).source.split("try:")[0]
    assert "importlib.metadata" not in setup_of(released).source


@pytest.mark.parametrize("package", ["no-such-thing", "no-such-thing>=2,<3"])
def test_a_package_that_is_missing_is_told_before_anybody_is_graded(course: Course, run: Run, package: str) -> None:
    """Everybody's notebook would fail at an import."""
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + f"\nc.Autograder.packages = ['numpy', {package!r}]\n")
    for command in (["grade"], ["release", "--no-validate"], ["gradescope"]):
        code, _, err = run("--course", str(course.root), command[0], small_course.NAME, *command[1:])
        assert code == 2
        assert f"not installed where student code runs: {package}. Install what is missing: {sys.executable} -m" in err


@pytest.mark.parametrize("package", ["--index-url=x", "a; rm -rf ~", "git+https://x/y", "$HOME", "a {b}", ""])
def test_what_is_no_package_is_refused(course: Course, run: Run, package: str) -> None:
    """It would stand in everybody's first cell, in a line that pip reads."""
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + f"\nc.Autograder.packages = [{package!r}]\n")
    code, _, err = run("--course", str(course.root), "grade", small_course.NAME)
    assert code == 2
    assert f"c.Autograder.packages: {package!r} is not a package on PyPI" in err


@pytest.mark.parametrize("installed", ["nothing", "another project"])
def test_without_the_package_the_cell_says_what_to_do(released: Path, tmp_path: Path, installed: str) -> None:
    """A student would read that a module is missing, or is no IPython extension, and not what to do."""
    add_install_lines(released)
    if installed == "another project":
        (tmp_path / "autograder").mkdir()
        (tmp_path / "autograder" / "__init__.py").write_text('__version__ = "3.7.7"\n')
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + setup_of(released).source.split("%load_ext")[0]
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("ModuleNotFoundError: The checks need the course's package autograder-coursework.")
    assert all(place in said for place in ("laptop", "Colab", "%pip install", "hub", "%pip uninstall -y autograder"))


@pytest.mark.parametrize("address", ["wheel", "https://example.org/", f"{ADDRESS}; rm -rf ~", ADDRESS + " --pre"])
def test_an_address_that_is_none_of_a_wheel_is_refused(address: str) -> None:
    """Every student's first cell would fail, or run what stands in it."""
    with pytest.raises(AutograderError, match="must be the address of the wheel"):
        check_address(address)
    check_address(ADDRESS)
    check_address("")


def test_a_refused_address_leaves_the_release_that_was_there(course: Course, run: Run) -> None:
    """The address is looked at before anything is written."""
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + '\nc.Autograder.wheel_url = "ftp://example.org/x.whl"\n')
    code, _, err = run("--course", str(course.root), "release", small_course.NAME, "--no-validate")
    assert code == 2
    assert "c.Autograder.wheel_url" in err
    assert not course.path("release", ".", small_course.NAME).exists()


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "assignments").iterdir()))
def test_every_release_has_the_lines(name: str) -> None:
    """A student at home would read an error that says nothing."""
    released = setup_of(ROOT / "release" / name / f"{name}.ipynb").source
    assert "from autograder import load_ipython_extension" in released
    assert released.endswith(setup_of(ROOT / "source" / name / f"{name}.ipynb").source)
