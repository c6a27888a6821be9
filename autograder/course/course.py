"""A course on disk: where its folders are, what its configuration says, and the secret that seeds its tests."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from datetime import UTC, tzinfo
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nbgrader.coursedir import CourseDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from autograder.course.settings import Autograder
from autograder.course.sharing import SECRET_MODE, is_shared
from autograder.errors import AutograderError

__all__ = ["BUSY_SECONDS", "CONFIG_FILE", "SQLITE", "Course", "NoCourse", "find_course"]

CONFIG_FILE = "nbgrader_config.py"
SQLITE = "sqlite:///"
BUSY_SECONDS = 60
SECRET_BYTES = 32
ANYBODY = "any-student"  # stands for a student while a path is taken apart
STUDENTS = {"submitted", "replaced", "autograded", "feedback"}  # folders of a course whose files come from students


class NoCourse(AutograderError):
    """Neither here nor in a folder above is a course."""


def find_course(start: Path, given: Path | None) -> Course:
    """The course at `given`, or the nearest folder from `start` upwards that has a configuration file. To read it is to
    run it, so one that a student handed in is passed over, and one that anybody may have put there."""
    if given is not None:
        if not (given / CONFIG_FILE).is_file():
            raise AutograderError(f"{given} is not a course: it has no {CONFIG_FILE}.")
        return Course(given.resolve())
    folders = [folder for folder in (start.resolve(), *start.resolve().parents) if has_config(folder)]
    for number, folder in enumerate(folders):
        if not any(STUDENTS.intersection(folder.relative_to(above).parts) for above in folders[number + 1 :]):
            return Course(folder)
    raise NoCourse(f"No course here: no {CONFIG_FILE} in {start} or above it; name one with --course DIR.")


def has_config(folder: Path) -> bool:
    """Whether a folder has a configuration file that is the owner's: in /tmp, say, anybody could put one above."""
    path = folder / CONFIG_FILE
    if not path.is_file():
        return False
    is_open = os.name == "posix" and folder.stat().st_mode & stat.S_IWOTH
    return not is_open or path.lstat().st_uid == os.getuid()


class Course:
    """The course in the folder `root`, as nbgrader sees it."""

    def __init__(self, root: Path, config: Config | None = None) -> None:
        self.root = root
        self.config = config if config is not None else load_config(root)
        self.config.CourseDirectory.root = str(root)
        try:
            self.directory = CourseDirectory(config=self.config)
            self.settings = Autograder(config=self.config)
        except TraitError as error:
            raise self.wrong_setting(error) from None

    @property
    def config_file(self) -> Path:
        return self.root / CONFIG_FILE

    def wrong_setting(self, error: TraitError) -> AutograderError:
        """The error for a setting of the wrong kind or size."""
        return AutograderError(f"{self.config_file} has a setting of the wrong kind or size: {error}")

    @property
    def db_url(self) -> str:
        """The address of the gradebook. Opening it waits for a program that is writing to it."""
        address = str(self.directory.db_url)
        takes_timeout = address.startswith(SQLITE) and "?" not in address
        return f"{address}?timeout={BUSY_SECONDS}" if takes_timeout else address

    @property
    def gradebook_file(self) -> Path | None:
        """Where the gradebook is, or will be; None if it is on a database server. Raises AutograderError if there can
        be none, whichever it is."""
        try:
            url = create_engine(self.db_url).url
            return sqlite_file(url) if url.get_backend_name() == "sqlite" else None
        except (ArgumentError, ImportError, ValueError, OSError) as error:
            raise AutograderError(
                f"The gradebook cannot be used ({error}): mend that, or c.CourseDirectory.db_url in "
                f"{self.config_file}; without that line it is {SQLITE}{self.root}/gradebook.db."
            ) from None

    @property
    def course_id(self) -> str:
        return str(self.directory.course_id or "")

    @cached_property
    def zone(self) -> tzinfo:
        """The time zone in which formgrader shows times, `c.NbGraderAPI.timezone`, and so do we. Raises AutograderError
        for one that Python does not know, such as UTC+3."""
        name = self.config.NbGraderAPI.get("timezone") or "UTC"
        try:
            return UTC if name == "UTC" else ZoneInfo(name)
        except (KeyError, TypeError, ValueError, OSError):
            raise AutograderError(
                f"{self.config_file}: c.NbGraderAPI.timezone is {name!r}, which is not known here: write it as "
                "America/Los_Angeles."
            ) from None

    def path(self, step: str, student: str, assignment: str) -> Path:
        """nbgrader's folder for a step: source, release, submitted, autograded or feedback."""
        folder = getattr(self.directory, f"{step}_directory")
        return Path(self.directory.format_path(folder, student, assignment))

    def replaced(self, student: str, assignment: str) -> Path:
        """The folder of the submissions that a newer one has replaced."""
        return self.root / "replaced" / student / assignment

    def source(self, assignment: str) -> Path:
        return self.path("source", ".", assignment)

    def assignments(self) -> list[str]:
        """The names of the assignments that have a source."""
        folder = self.source("x").parent
        return sorted(p.name for p in folder.iterdir() if any(p.glob("*.ipynb"))) if folder.is_dir() else []

    def students(self, assignment: str) -> list[str]:
        """The students who have submitted something for `assignment`."""
        parts = self.path("submitted", ANYBODY, assignment).parts
        place = parts.index(ANYBODY)
        base, below = Path(*parts[:place]), parts[place + 1 :]
        return sorted(p.name for p in base.iterdir() if p.joinpath(*below).is_dir()) if base.is_dir() else []

    def submissions(self, assignment: str) -> dict[str, Path]:
        """The folder of each student's submission."""
        return {student: self.path("submitted", student, assignment) for student in self.students(assignment)}

    def own_files(self, assignment: str) -> frozenset[str]:
        """Names of the assignment's files that students may change (`c.Autograde.exclude_overwriting`)."""
        excluded: Any = self.config.Autograde.get("exclude_overwriting", {})
        return frozenset(excluded.get(assignment, []))

    @property
    def secret_file(self) -> Path:
        return self.root / "gradebook.secret"

    @cached_property
    def secret(self) -> bytes:
        """The course's secret, kept beside the gradebook and made when first needed."""
        path = self.secret_file
        try:
            if not path.exists():
                with tempfile.NamedTemporaryFile(dir=self.root, prefix=".gradebook.secret-") as file:
                    file.write(secrets.token_bytes(SECRET_BYTES))
                    file.flush()
                    os.fchmod(file.fileno(), SECRET_MODE if is_shared(self.root) else 0o600)
                    with suppress(FileExistsError):  # whoever was first made it, whole
                        os.link(file.name, path)
            secret = path.read_bytes()
        except OSError as error:
            raise AutograderError(f"{path} cannot be read or made: {error.strerror}.") from None
        if len(secret) < SECRET_BYTES:
            raise AutograderError(
                f"{path} was cut short. Restore it from a backup; if there is none, `autograder grade NAME "
                "--new-secret` begins a new one."
            )
        return secret


def sqlite_file(url: URL) -> Path:
    """The file of an SQLite database. Raises OSError if there is none, and none can be made."""
    if url.database in (None, "", ":memory:"):
        raise OSError("nothing would be kept in it")
    path = Path(url.database)
    if not os.path.isdir(path.parent):
        raise OSError(f"there is no folder {path.parent}")
    if os.path.isdir(path):
        raise OSError(f"{path} is a folder")
    if not os.path.exists(path) and not os.access(path.parent, os.W_OK | os.X_OK):
        raise OSError(f"nothing may be written in {path.parent}")
    return path


def load_config(root: Path) -> Config:
    """The course's configuration. Raises AutograderError if its file does not run."""
    try:
        return PyFileConfigLoader(CONFIG_FILE, path=str(root)).load_config()
    except ConfigFileNotFound:
        raise AutograderError(f"{root} is not a course: it has no {CONFIG_FILE}.") from None
    except Exception as error:
        raise AutograderError(f"{root / CONFIG_FILE} does not run: {type(error).__name__}: {error}.") from None
