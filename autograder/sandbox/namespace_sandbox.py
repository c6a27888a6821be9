"""The strong sandbox: bubblewrap's namespaces, and inside them a zygote that makes more of them for each job."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from autograder.sandbox import bubblewrap, run_unprivileged
from autograder.sandbox.base import Sandbox
from autograder.sandbox.boot import python_command
from autograder.sandbox.cleanup_user import touch_devices
from autograder.sandbox.container import may_mount
from autograder.sandbox.fonts import font_folder
from autograder.sandbox.limits import Limits
from autograder.sandbox.paths import package_folder, readable_paths, unreachable_folder
from autograder.sandbox.sandbox_errors import SandboxError

__all__ = ["NamespaceSandbox"]

FIRST_UID = 200_000


class NamespaceSandbox(Sandbox):
    """Each job sees nothing of the others, of the network and of this machine but what `bubblewrap` shows."""

    name = "namespaces"

    @classmethod
    @cache
    def missing(cls) -> str:
        """Why bubblewrap makes no sandbox here. Found out by trying, once in a process."""
        try:
            with cls(Limits(start_seconds=30), preload=()) as sandbox:
                sandbox.wait_until_ready()
                return ""
        except (SandboxError, OSError) as error:
            return str(error).strip().split("\n")[-1]

    @classmethod
    def summary(cls) -> str:
        return f"namespaces, by {bubblewrap.bwrap_path()}"

    def _command(self, control: int) -> list[str]:
        """bubblewrap's command line; root has it run by an unprivileged user."""
        fonts = font_folder()
        if os.geteuid() != 0:
            return bubblewrap.command(control, self.limits, fonts, lambda path: path)
        sources: list[Path] = []
        if may_mount():
            shown = [*readable_paths(), package_folder(), *filter(None, [fonts])]
            sources = [path for path in shown if not path.is_symlink()]
        elif fonts is not None and unreachable_folder([fonts]):
            fonts = None  # as in many containers: root's own folders stay root's, and bubblewrap does without
        command = bubblewrap.command(control, self.limits, fonts, lambda path: staged(path, sources))
        arguments = [str(FIRST_UID + os.getpid() % 50_000), *map(str, sources), "--", *command]
        here = str(package_folder().parent)
        return python_command(here, "autograder.sandbox.run_unprivileged", *arguments, site=False)

    def kill(self) -> None:
        super().kill()
        if self.reusable is False:  # only a child in namespaces of its own has devices that are read-only
            touch_devices()

    def _environment(self) -> dict[str, str]:
        """bubblewrap is given the student's environment, and needs none of its own."""
        return {}


def staged(path: Path, sources: list[Path]) -> Path:
    """Where `path` is reached once `run_unprivileged` shows the `sources` by their numbers."""
    for number, source in enumerate(sources):
        if path.is_relative_to(source):
            return Path(run_unprivileged.FOLDER, str(number), path.relative_to(source))
    return path
