"""The strong sandbox: bubblewrap's namespaces, with a warm process that makes more of them for each job."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from autograder.sandbox import as_nobody, walls
from autograder.sandbox.box import Box
from autograder.sandbox.fonts import font_folder

__all__ = ["NamespaceBox"]

NOBODYS = 200_000


class NamespaceBox(Box):
    """Each job sees nothing of the others, of the network and of this machine but what `walls` shows."""

    def _command(self, control: int) -> list[str]:
        """bubblewrap's command line; as root, run by somebody who is not."""
        if os.geteuid() != 0:
            return walls.command(control, self.limits, lambda path: path)
        shown = [*walls.readable_paths(), walls.package_folder(), *filter(None, [font_folder()])]
        sources = [path for path in shown if not path.is_symlink()]
        uid = str(NOBODYS + os.getpid() % 50_000)
        helper = [sys.executable, "-I", "-S", as_nobody.__file__, uid]
        command = walls.command(control, self.limits, lambda path: staged(path, sources))
        return [*helper, *map(str, sources), "--", *command]

    def _environment(self) -> dict[str, str]:
        """bubblewrap is given the student's environment, and needs none of its own."""
        return {}


def staged(path: Path, sources: list[Path]) -> Path:
    """Where `path` is reached once `as_nobody` shows the `sources` by their numbers."""
    for number, source in enumerate(sources):
        if path.is_relative_to(source):
            return Path(as_nobody.FOLDER, str(number), path.relative_to(source))
    return path
