"""The same attacks where namespaces are refused, and what the choice of a sandbox says there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from container import PYTHON, Container

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """A container with the package, this folder's tests and nothing else of the project."""
    package, tests = tmp_path / "package", tmp_path / "project"
    shutil.copytree(ROOT / "autograder", package / "autograder", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests/hostile", tests / "tests/hostile", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("nbgrader_config.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tests)
    return Container(tmp_path, package, {"/project": tests})


def test_the_core_holds_where_namespaces_are_refused(container: Container) -> None:
    """Behind the weaker walls a submission could read answers, gain points, or disturb others."""
    core = "/project/tests/hostile/test_hostile_core.py"
    done = container.run(PYTHON, "-m", "pytest", "-q", "--rootdir", "/project", core, timeout=420)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "11 passed" in done.stdout
