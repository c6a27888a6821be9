"""The lines of a released notebook that install the package where it is missing, or say how to. They stand in the setup
cell, before `%load_ext autograder`, and only in the release: the source has no need of them.

They stand in the setup cell, before `%load_ext autograder`, and only in the release: the source has no need of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbgrader.utils import compute_checksum

from autograder.course.packages import name_of
from autograder.errors import AutograderError

__all__ = ["add_install_lines", "check_address"]

LOAD = "%load_ext autograder"
ADDRESS = re.compile(r"https?://[^\s'\"%{}$]+\.whl")

PACKAGES = """\
import importlib.metadata

try:
    [importlib.metadata.version(name) for name in {names}]
except importlib.metadata.PackageNotFoundError:
    %pip install --quiet {what}
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


EARLIER = re.compile(maybe(PACKAGES) + maybe(INSTALL) + re.escape(LINES))


def add_install_lines(path: Path, what: str = "", packages: Sequence[str] = ()) -> None:
    """Put the lines before `%load_ext autograder` in a released notebook, in place of those of an earlier call; `what`,
    if given, is the argument for pip, and `packages` are the further packages of the course."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and LOAD in cell.source.splitlines():
            lines = (INSTALL.format(what=what) if what else "") + LINES
            if packages:
                quoted = " ".join(f'"{package}"' for package in packages)
                lines = PACKAGES.format(names=[*map(name_of, packages)], what=quoted) + lines
            cell.source = EARLIER.sub("", cell.source).replace(LOAD, lines + LOAD, 1)
            if "nbgrader" in cell.metadata:
                cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
            nbformat.write(notebook, path)
            return
