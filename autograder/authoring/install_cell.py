"""The lines of a released notebook that install what is missing, or say how to.

They stand in the setup cell, before `%load_ext autograder`, and only in the release: the source has no need of them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
from nbgrader.utils import compute_checksum

from autograder.checking.bindings import imported_modules
from autograder.course.packages import name_of
from autograder.errors import AutograderError

__all__ = ["add_install_lines", "check_address", "unnamed_packages"]

# `__main__` is the notebook itself.
STUDENTS_HAVE = {"IPython", "PIL", "__main__", "autograder", "matplotlib", "mpl_toolkits", "numpy", "pytest"}

LOAD = "%load_ext autograder"
PIP = re.compile(r"^\s*[%!]pip install (.*)$", re.MULTILINE)
WORD = re.compile(r"[\w.-]+")
ADDRESS = re.compile(r"https?://[^\s'\"%{}$]+\.whl")

PACKAGES = """\
import importlib.metadata

try:
    [importlib.metadata.version(name) for name in {names}]
except importlib.metadata.PackageNotFoundError:
    %pip install --quiet {what}
"""
# Nothing that the course has not named is installed by itself.
UNNAMED = """\
import importlib.util

if any(importlib.util.find_spec(name) is None for name in {modules}):
    print(
        "A package that this notebook needs is missing here. On the course's hub, choose the course's kernel; "
        "elsewhere run `%pip install {names}` in a new cell, and then this cell again."
    )
"""
INSTALL = """\
import importlib.util

if importlib.util.find_spec("autograder") is None:
    %pip install --quiet {what}
"""
LINES = """\
try:
    from autograder import load_ipython_extension
except ImportError:
    raise ModuleNotFoundError(
        "The checks need the course's package autograder-coursework. On a laptop or in Colab, run `%pip install` with "
        "the wheel that your course gives out and restart the kernel; on the course's hub, choose the course's kernel. "
        "If you ran `pip install autograder`: that is an unrelated project; `%pip uninstall -y autograder` removes it."
    ) from None
"""


def check_address(address: str) -> None:
    """Raise AutograderError unless `c.Autograder.wheel_url` is empty or the address of a wheel."""
    if address and not ADDRESS.fullmatch(address):
        raise AutograderError(
            f"c.Autograder.wheel_url is {address!r}, but must be the address of the wheel: https://…/NAME.whl."
        )


def maybe(lines: str) -> str:
    """A pattern for these lines, whatever was filled in, or none."""
    return "(?:" + re.sub(r"\\\{\w+\\\}", "[^\n]*", re.escape(lines)) + ")?"


EARLIER = re.compile(maybe(PACKAGES) + maybe(UNNAMED) + maybe(INSTALL) + re.escape(LINES))


def add_install_lines(path: Path, what: str = "", packages: Sequence[str] = ()) -> None:
    """Put the lines before `%load_ext autograder` in a released notebook, in place of those of an earlier call; `what`,
    if given, is the argument for pip, and `packages` are the further packages of the course."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    unnamed = unnamed_packages(code, [file.name for file in path.parent.iterdir()], packages)
    for cell in notebook.cells:
        if cell.cell_type == "code" and LOAD in cell.source.splitlines():
            lines = (INSTALL.format(what=what) if what else "") + LINES
            if unnamed:
                lines = UNNAMED.format(modules=[*unnamed], names=" ".join(unnamed.values())) + lines
            if packages:
                quoted = " ".join(f'"{package}"' for package in packages)
                lines = PACKAGES.format(names=[*map(name_of, packages)], what=quoted) + lines
            cell.source = EARLIER.sub("", cell.source).replace(LOAD, lines + LOAD, 1)
            if "nbgrader" in cell.metadata:
                cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
            nbformat.write(notebook, path)
            return


def unnamed_packages(sources: Sequence[str], beside: Collection[str], packages: Sequence[str]) -> dict[str, str]:
    """The packages, by imported module, that cells need and that nobody has named: neither a student's install nor one
    of `packages` has the module, no file of those `beside` is it, and no cell installs the package."""
    imported = set[str]().union(*map(imported_modules, sources))
    wanted = imported - sys.stdlib_module_names - STUDENTS_HAVE - {name.removesuffix(".py") for name in beside}
    has = packages_distributions() if wanted else {}  # it reads what is installed
    named = {canonical(name_of(package)) for package in packages}
    named |= {canonical(word) for source in sources for line in PIP.findall(source) for word in WORD.findall(line)}
    found = {module: has.get(module, [module]) for module in sorted(wanted)}
    return {module: names[0] for module, names in found.items() if named.isdisjoint(map(canonical, names))}


def canonical(name: str) -> str:
    """The name of a distribution, in its canonical spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()
