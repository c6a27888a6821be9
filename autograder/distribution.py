"""How this package is installed: its name, its extras, and the unrelated project that shares its import name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from autograder.errors import AutograderError
from autograder.version import __version__

__all__ = [
    "DISTRIBUTION",
    "EXTRAS",
    "build_wheel",
    "clone",
    "extras_explained",
    "installed_extras",
    "lacks_grading",
    "other_autograder",
]

DISTRIBUTION = "autograder-coursework"
WHEEL = f"autograder_coursework-{__version__}-py3-none-any.whl"
OTHER = DISTRIBUTION.split("-")[0]  # both are imported under this name

# The modules that an extra installs and the base does not. Each is named once; `grade` includes `pdf`.
EXTRAS = {
    "pdf": ("PIL", "defusedxml", "manimgx_fonts", "manimgx_fonts_cjk", "nh3", "pypandoc", "pygments", "rich", "typst"),
    "grade": ("alembic", "hatchling", "jinja2", "jupytext", "nbconvert", "nbformat", "nbgrader", "sqlalchemy", "yaml"),
    "cluster": ("dask", "distributed"),
    "site": ("jupyterlite_core", "jupyterlite_pyodide_kernel"),
}


def first_missing(extra: str) -> str:
    """A module of an extra that is not installed, or nothing."""
    return next((module for module in EXTRAS[extra] if find_spec(module) is None), "")


def installed_extras() -> list[str]:
    """The extras of which nothing is missing."""
    return [extra for extra in EXTRAS if not first_missing(extra)]


def lacks_grading() -> str:
    """One sentence if what `autograder grade` needs is not installed, else nothing."""
    module = first_missing("pdf") or first_missing("grade")
    return needs("grade", "Grading", module) if module else ""


@contextmanager
def extras_explained(what: str) -> Iterator[None]:
    """Where `what` needs a module that an extra installs, raise AutograderError that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").split(".")[0]
        for extra, modules in EXTRAS.items():
            if module in modules:
                raise AutograderError(needs(extra, what, module)) from None  # nbconvert shows what it came from
        raise


def needs(extra: str, what: str, module: str) -> str:
    """One sentence: `what` needs an extra, since `module` is not installed."""
    return f"{what} needs the extra [{extra}] ({module} is not installed): pip install '{WHEEL}[{extra}]'."


def other_autograder() -> str:
    """One sentence if PyPI's unrelated project `autograder` is installed beside or over this package, else nothing."""
    try:
        other = distribution(OTHER)
    except PackageNotFoundError:
        return ""
    if any(script.value.endswith("cli:main") for script in other.entry_points):
        return ""  # this package, as it was called before
    return (
        f"PyPI's unrelated project `autograder` {other.version} is installed in the same folder and may have replaced "
        f"files of this one: run `pip uninstall -y autograder`, then `pip install --force-reinstall --no-deps {WHEEL}`."
    )


def clone(what: str) -> Path:
    """The folder of this project. Raises AutograderError, naming the product that is made from it, where only the
    package is installed."""
    project = Path(__file__).resolve().parents[1]
    for name in ("pyproject.toml", "requirements.lock"):
        if not (project / name).is_file():
            raise AutograderError(f"{what} is made from the project, and {project} has no {name}: run it in a clone.")
    return project


def build_wheel(project: Path, folder: Path) -> Path:
    """Build the project's wheel in `folder`, without network."""
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(project)).build(directory=str(folder), versions=["standard"])
    return Path(wheel)
