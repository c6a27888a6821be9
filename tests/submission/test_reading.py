"""What is read of a submission's folder: regular files below it, and never too much."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
from pathlib import Path

import pytest

from autograder.gradebook.write_results import write_file
from autograder.submission.reading import MAX_FILES, PATH_BYTES, SubmissionRefused, read_submission


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ada"
    made.mkdir()
    return made


def test_regular_files_are_read_with_their_folders(folder: Path) -> None:
    """A student's helper modules and data must reach the kernel under their own names."""
    (folder / "a.ipynb").write_bytes(b"notebook")
    (folder / "help").mkdir()
    (folder / "help" / "tools.py").write_bytes(b"x = 1")
    assert read_submission("ada", folder, 1).files == {"a.ipynb": b"notebook", "help/tools.py": b"x = 1"}


def test_links_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    """A link to the gradebook or to another student would be copied into the sandbox and shown back."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "gradebook.db").write_bytes(b"grades")
    (folder / "file.txt").symlink_to(secret / "gradebook.db")
    (folder / "folder").symlink_to(secret)
    (folder / "loop").symlink_to(folder)
    (folder / "itself").symlink_to(folder / "itself")
    assert read_submission("ada", folder, 1).files == {}


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_neither_hangs_nor_counts(folder: Path, kind: str) -> None:
    """Reading a named pipe would wait for ever, and a device would never end."""
    path = folder / "thing.ipynb"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        here = os.getcwd()
        os.chdir(folder)
        try:
            socket.socket(socket.AF_UNIX).bind(path.name)
        finally:
            os.chdir(here)
    else:
        try:
            os.mknod(path, 0o666 | 0o020000, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("only root may make a device")
    assert read_submission("ada", folder, 1).files == {}


def test_too_large_is_refused_by_name(folder: Path) -> None:
    """A student must be told which file to leave out."""
    (folder / "data.bin").write_bytes(bytes(600_000))
    (folder / "more.bin").write_bytes(bytes(600_000))
    with pytest.raises(SubmissionRefused, match=r"^it is too large \(at more.bin\)$"):
        read_submission("ada", folder, 1)


def test_a_file_with_a_hole_is_refused_before_it_is_read(folder: Path) -> None:
    """A sparse file of many GB costs its author nothing, and the grader all its memory."""
    with open(folder / "hole", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(SubmissionRefused):
        read_submission("ada", folder, 64)


def test_too_many_files_are_refused(folder: Path) -> None:
    """Unpacked archives must not fill the grader's folders."""
    for number in range(MAX_FILES + 1):
        (folder / str(number)).touch()
    with pytest.raises(SubmissionRefused, match=f"more than {MAX_FILES} files"):
        read_submission("ada", folder, 1)


@pytest.mark.parametrize("depth", [600, 1500, 3000])
def test_folders_inside_folders_without_end_are_refused(
    folder: Path, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own ways to walk through folders end in a RecursionError, and Linux looks into none of a longer path:
    the class's run would end, and on Gradescope the grader would seem to have failed."""
    monkeypatch.chdir(folder)
    for _ in range(depth):  # relative, since the whole path may be longer than Linux takes
        os.mkdir("a")
        os.chdir("a")
    with pytest.raises(SubmissionRefused, match=f"more than {PATH_BYTES} bytes"):
        read_submission("ada", folder, 1)
    os.chdir(folder)
    subprocess.run(["rm", "-r", "a"], check=True)


def test_unreadable_names_become_readable(folder: Path) -> None:
    """A name that is not UTF-8 must not stop the class when it is written down."""
    (Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.py"))).write_bytes(b"1")
    (name,) = read_submission("ada", folder, 1).files
    assert name.encode() == b"caf?.py"


def test_names_that_become_the_same_are_refused(folder: Path) -> None:
    """One of the two files would be left out, without a word."""
    for letter in (b"\xe4", b"\xf6"):
        Path(os.fsdecode(os.fsencode(folder) + b"/l" + letter + b"sung.py")).write_bytes(letter)
    with pytest.raises(SubmissionRefused, match=r"names that differ in no readable letter \(l\?sung.py\)"):
        read_submission("ada", folder, 1)


def test_the_digest_is_of_names_and_contents(folder: Path, tmp_path: Path) -> None:
    """A changed, renamed or split file must be graded again, and the same one not."""
    (folder / "a").write_bytes(b"xy")
    first = read_submission("ada", folder, 1).digest
    assert read_submission("ada", folder, 1).digest == first
    (folder / "a").rename(folder / "b")
    renamed = read_submission("ada", folder, 1).digest
    (folder / "b").write_bytes(b"xz")
    changed = read_submission("ada", folder, 1).digest
    assert len({first, renamed, changed}) == 3


@pytest.mark.parametrize("call", ["open", "scandir"])
def test_what_this_machine_cannot_read_is_no_empty_submission(
    folder: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails, or a folder of somebody else's, would give a student zero points."""
    (folder / "a.ipynb").write_bytes(b"notebook")

    def fail(*about: object, **more: object) -> None:
        raise OSError(errno.EIO, "Input/output error", "a.ipynb")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="Input/output error"):
        read_submission("ada", folder, 1)


def test_a_file_without_a_place_in_autograded_is_left_out(folder: Path) -> None:
    """One name would end the grading of a class, or write over the submission of somebody else."""
    outside = folder.parent / "outside"
    for name in ("help/more/tools.py", "a.ipynb"):
        write_file(folder, name, b"x")
    for name in ("../outside", "help/../../outside", str(outside), "a.ipynb/x", "a.ipynb/x/y", "help", "n" * 300):
        write_file(folder, name, b"left out")
    assert not outside.exists()
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == {"help/more/tools.py", "a.ipynb"}
    assert (folder / "a.ipynb").read_bytes() == b"x"


def test_a_full_disk_leaves_no_file_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A student's file would be missing from what was graded, and nobody told."""

    def fail(*about: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space left"):
        write_file(folder, "tools.py", b"x")
