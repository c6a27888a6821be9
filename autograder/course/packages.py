"""The packages that student code may import beside those of this program, as the course has named them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from autograder.errors import AutograderError

__all__ = ["check_packages", "name_of"]

# No address, option or marker: what is here stands in students' notebooks and on Gradescope, in a line of pip's.
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(\[[\w,.-]+\])?([<>=!~]=?[\w.*+!]+(,[<>=!~]=?[\w.*+!]+)*)?")


def name_of(package: str) -> str:
    """The name of a package in pip's form, such as pandas of `pandas>=2`. Raises AutograderError."""
    found = REQUIREMENT.fullmatch(package)
    if found is None:
        raise AutograderError(
            f"c.Autograder.packages: {package!r} is not a package on PyPI: write a name, or as pip does name==version."
        )
    return found["name"]


def check_packages(packages: Iterable[str]) -> None:
    """Raise AutograderError for a package that is not installed here, where student code runs."""
    missing = [package for package in packages if not installed(name_of(package))]
    if missing:
        pip = " ".join(f"'{package}'" for package in missing)
        raise AutograderError(
            f"c.Autograder.packages: not installed where student code runs: {', '.join(missing)}. Install what is "
            f"missing: {sys.executable} -m pip install {pip}"
        )


def installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
