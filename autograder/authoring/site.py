"""A static website in which released notebooks run in the browser: JupyterLite, with a Python that is WebAssembly."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import is_zipfile

import nbformat

from autograder.authoring.install_cell import add_install_lines
from autograder.course.course import Course
from autograder.distribution import DISTRIBUTION, build_wheel, clone, extras_explained
from autograder.errors import AutograderError
from autograder.files import atomic_dir

__all__ = ["make_site"]

KERNEL = Path(sys.prefix, "share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension")
OWN = "jupyter-lite.json"  # every site that JupyterLite builds has it at its top


def make_site(course: Course, names: Sequence[str], folder: Path, wheel: Path | None = None) -> list[str]:
    """Write the site to `folder`, with the released assignments `names`, or all that there are; returns their names.

    The wheel is built from the clone if none is given. Raises AutograderError, and leaves what was there, if an
    assignment is not released, `folder` holds something other than a site, or JupyterLite cannot build it.
    """
    with extras_explained("A site"):
        import jupyterlite_core  # noqa: F401
        import jupyterlite_pyodide_kernel  # noqa: F401
    releases = {name: course.path("release", ".", name) for name in names or released_assignments(course)}
    refuse(releases, folder)
    if wheel and not (wheel.match(f"{DISTRIBUTION.replace('-', '_')}-*.whl") and is_zipfile(wheel)):
        raise AutograderError(f"{wheel} is not a wheel of {DISTRIBUTION}.")
    try:
        with TemporaryDirectory(prefix="site-") as scratch, atomic_dir(folder.resolve()) as fresh:
            contents = Path(scratch, "contents")
            for name, release in releases.items():
                shutil.copytree(release, contents / name, ignore=shutil.ignore_patterns(".*"))
                for notebook in (contents / name).glob("*.ipynb"):
                    add_install_lines(notebook, DISTRIBUTION, course.settings.packages)
                    name_language(notebook)
            build(contents, wheel or build_wheel(clone("The wheel of the site"), Path(scratch)), fresh)
    except OSError as error:
        raise AutograderError(f"{folder} cannot be written: {error.strerror or error}.") from None
    return list(releases)


def name_language(path: Path) -> None:
    """Say in a notebook that it is Python: JupyterLite, which has no kernel `python3`, then takes its only one for the
    language, and would else ask."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


def released_assignments(course: Course) -> list[str]:
    """The assignments that have been released."""
    return sorted(path.parent.name for path in course.path("release", ".", "x").parent.glob("*/*.ipynb"))


def refuse(releases: dict[str, Path], folder: Path) -> None:
    """Raise AutograderError if there is nothing to show, or if other things would be lost."""
    if not releases:
        raise AutograderError("No assignment has been released: run `autograder release NAME` first.")
    for name, release in releases.items():
        if not any(release.glob("*.ipynb")):
            raise AutograderError(f"{name} has not been released: run `autograder release {name}` first.")
    if folder.exists() and not (folder / OWN).is_file() and any(folder.iterdir()):
        raise AutograderError(f"{folder} holds something else than a site: name another folder, or an empty one.")


def build(contents: Path, wheel: Path, output: Path) -> None:
    """Have JupyterLite write its site. Raises AutograderError with its last words if it cannot."""
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", ".", "--output-dir", str(output)]
    command += ["--contents", str(contents), "--piplite-wheels", str(wheel.resolve()), "--apps", "lab"]
    command += ["--apps", "notebooks", "--no-sourcemaps", "--no-unused-shared-packages", "--no-libarchive"]
    # No extension of JupyterLab but the kernel: nbgrader's and others ask a server that is not there.
    command += ["--ignore-sys-prefix", f"--LiteBuildConfig.federated_extensions={KERNEL}"]
    done = subprocess.run(command, cwd=contents.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise AutograderError(f"JupyterLite could not build the site: {last}.")
