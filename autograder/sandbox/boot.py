"""The command that runs a module of this package in a Python of its own, wherever the package lies."""

from __future__ import annotations

import os
import sys

__all__ = ["python_command"]

# The package's folder leaves the path again: what lies beside the package must not be imported.
BOOT = """\
import sys
from importlib import import_module
sys.path.insert(0, sys.argv[1])
import autograder
del sys.path[0]
import_module(sys.argv[2]).main(*sys.argv[3:])
"""


def python_command(folder: str, module: str, *arguments: str, site: bool = True) -> list[str]:
    """The command that calls `main(*arguments)` of `module`, whose package lies in `folder`. Python runs in isolated
    mode, and with `site` it finds installed packages."""
    # As it was typed, the path may lead through folders that a sandbox does not have: ../.venv/bin/python.
    python = os.path.abspath(sys.executable)
    return [python, "-I", *([] if site else ["-S"]), "-c", BOOT, folder, module, *arguments]
