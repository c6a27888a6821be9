"""Reading files out of a folder that somebody else filled."""

import os
import stat
from pathlib import Path

__all__ = ["read_inside"]


def read_inside(folder: Path, name: str | Path, limit: int) -> bytes:
    """The first ``limit`` bytes of a regular file that lies in the folder, links followed.

    Raises:
        OSError: when there is no such file, or it lies elsewhere.
    """
    try:
        root = folder.resolve(strict=True)
        path = (root / name).resolve(strict=True)
    except (ValueError, RuntimeError) as error:
        raise FileNotFoundError(str(error)) from None
    if not path.is_relative_to(root):
        raise PermissionError(f"{name} lies outside of the folder")
    # Non-blocking: opening a pipe must not wait for a writer that never comes.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileNotFoundError(f"{name} is not a regular file")
        return file.read(limit)
