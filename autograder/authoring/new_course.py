"""A new course: the settings that it begins with, and which of them an older course lacks."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from traitlets.config import LazyConfigValue, PyFileConfigLoader

from autograder.course.course import CONFIG_FILE, Course

__all__ = ["missing_settings", "start_course"]

TEMPLATE = files("autograder.authoring") / "template"
CONFIGURATION = {CONFIG_FILE: "course_config.txt", "jupytext.toml": "jupytext.toml"}
OWN = ("CourseDirectory",)  # a course's name and folders are its own


def start_course(root: Path) -> None:
    """Make the folder `root` a course without assignments: write its configuration files. Files that are there stay."""
    for name, template in CONFIGURATION.items():
        with suppress(FileExistsError), (root / name).open("x", encoding="utf-8") as file:
            file.write((TEMPLATE / template).read_text(encoding="utf-8"))


def missing_settings(course: Course) -> list[str]:
    """The settings of a new course that this one lacks, or has with another value. Without them nbgrader's own commands
    and formgrader's buttons do what they do in stock nbgrader, such as running student code without a sandbox."""
    with as_file(TEMPLATE / CONFIGURATION[CONFIG_FILE]) as path:
        wanted = PyFileConfigLoader(path.name, path=str(path.parent)).load_config()
    return [
        f"c.{owner}.{name}"
        for owner, settings in wanted.items()
        for name, value in settings.items()
        if owner not in OWN and not holds(plain(value), plain(course.config[owner].get(name)))
    ]


def holds(wanted: Any, found: Any) -> bool:
    """Whether a setting is as wanted; lists and dictionaries may have more."""
    if isinstance(wanted, list) and wanted and isinstance(found, list):
        return all(entry in found for entry in wanted)
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted.items() <= found.items()
    return bool(wanted == found)


def plain(value: Any) -> Any:
    """A setting that can be compared: appended values as a list, classes by their names."""
    if isinstance(value, LazyConfigValue):
        value = value.get_value([])
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return f"{value.__module__}.{value.__name__}" if isinstance(value, type) else value
