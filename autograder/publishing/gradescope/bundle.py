"""Makes the zip that Gradescope's autograder takes: the program, its lock, one assignment and a secret of its own."""

from __future__ import annotations

import json
import secrets
import tempfile
import zipfile
from pathlib import Path

from autograder.course.course import CONFIG_FILE, Course
from autograder.course.entries import mistakes_path
from autograder.course.made_from_text import refuse_stale
from autograder.course.packages import check_packages
from autograder.course.source_notebooks import load_assignment
from autograder.distribution import build_wheel, clone
from autograder.errors import AutograderError
from autograder.files import atomic_file
from autograder.grading.preconditions import refuse_without_points

__all__ = ["BUNDLE", "COURSE", "make_bundle"]

BUNDLE, COURSE = "gradescope.json", "course"
SCRIPTS = ("setup.sh", "run_autograder")
EXECUTABLE, PRIVATE = 0o100700, 0o100600


def make_bundle(course: Course, name: str, output: Path, hidden_checks: str) -> int:
    """Write the zip for the assignment `name` to `output`, and return how many minutes a run of it may take. Raises
    AutograderError if that cannot be.

    Its secret is a fresh one: random inputs differ from those of the course's own grading, and stay the same for as
    long as this zip is used.
    """
    assignment = load_assignment(course, name)
    refuse_without_points(assignment)
    refuse_stale(course, name)
    folder = course.source(name)
    if not folder.is_relative_to(course.root):
        raise AutograderError(f"{folder} lies outside the course {course.root}: Gradescope's zip needs it inside.")
    packages = course.settings.packages
    check_packages(packages)
    project = clone("The zip")
    settings = {"assignment": name, "hidden_checks": hidden_checks}
    try:
        with (
            atomic_file(output, 0o600) as part,
            tempfile.TemporaryDirectory() as build_folder,
            zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as bundle,
        ):
            for script in SCRIPTS:
                add(bundle, script, Path(__file__).with_name(script).read_bytes(), EXECUTABLE)
            wheel = build_wheel(project, Path(build_folder))
            add(bundle, wheel.name, wheel.read_bytes())
            add(bundle, "requirements.lock", (project / "requirements.lock").read_bytes())
            add(bundle, "packages.txt", "".join(f"{package}\n" for package in packages).encode())
            add(bundle, BUNDLE, json.dumps(settings, indent=2).encode())
            add(bundle, f"{COURSE}/{CONFIG_FILE}", (course.root / CONFIG_FILE).read_bytes())
            add(bundle, f"{COURSE}/gradebook.secret", secrets.token_bytes(32))
            for path in [mistakes_path(course.root, name), *sorted(folder.rglob("*"))]:
                if path.is_file():
                    add(bundle, f"{COURSE}/{path.relative_to(course.root).as_posix()}", path.read_bytes())
    except OSError as error:
        raise AutograderError(f"{output} could not be written: {error.strerror}.") from None
    return int(len(assignment.notebooks) * course.settings.notebook_seconds // 60 + 5)


def add(bundle: zipfile.ZipFile, name: str, data: bytes, mode: int = PRIVATE) -> None:
    """Add a file that only its owner may read: the zip holds tests and answers."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    bundle.writestr(entry, data)
