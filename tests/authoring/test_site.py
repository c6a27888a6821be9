"""`autograder site`: what it refuses, and what it never does."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
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
