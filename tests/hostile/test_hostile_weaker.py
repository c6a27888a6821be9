"""The core of the attacks again, where namespaces are refused and the weaker sandbox is taken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from container import PYTHON, Container

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """A container with the package, this folder's tests and nothing else of the project."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "tests/hostile", project / "tests/hostile", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("nbgrader_config.py", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    return Container(tmp_path, {"/project": project})


def test_the_core_holds_where_namespaces_are_refused(container: Container) -> None:
    """In the weaker sandbox a submission could read answers, gain points, or disturb others."""
    core = "/project/tests/hostile/test_hostile_core.py"
    done = container.run(PYTHON, "-m", "pytest", "-q", "--rootdir", "/project", core, timeout=420)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "16 passed" in done.stdout
