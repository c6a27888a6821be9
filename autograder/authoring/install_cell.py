"""The lines of a released notebook that install what the checks need, or say how to.

They stand in the setup cell, before `%load_ext autograder`, and only in the release: the source has no need of them.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbgrader.utils import compute_checksum

from autograder.errors import AutograderError

__all__ = ["add_install_lines", "check_address"]

LOAD = "%load_ext autograder"
ADDRESS = re.compile(r"https?://[^\s'\"%{}$]+\.whl")

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


EARLIER = re.compile(re.escape(INSTALL).replace(re.escape("{what}"), "[^\n]*").join(("(?:", ")?")) + re.escape(LINES))


def add_install_lines(path: Path, what: str = "") -> None:
    """Put the lines before `%load_ext autograder` in a released notebook, in place of those that an earlier call put
    there; `what`, if given, is what pip installs."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and LOAD in cell.source.splitlines():
            lines = (INSTALL.format(what=what) if what else "") + LINES
            cell.source = EARLIER.sub("", cell.source).replace(LOAD, lines + LOAD, 1)
            if "nbgrader" in cell.metadata:
                cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
            nbformat.write(notebook, path)
            return
