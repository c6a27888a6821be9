"""The data that the notebooks use: digits (embedded, real) and CIFAR-10 (fetched once, checksummed).

Both loaders return `(X_train, y_train, X_test, y_test)`: rows of X are images as float64 in [0, 1],
labels are integers from 0. `as_images` turns rows back into pictures. Importing this module is cheap:
pooch is loaded by the function that needs it.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CIFAR10_CLASSES", "DatasetError", "as_images", "data_folder", "load_cifar10", "load_digits"]

Array = npt.NDArray[Any]
Split = tuple[Array, Array, Array, Array]
Subset = int | tuple[int, int] | None

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

DIGITS = Path(__file__).with_name("data") / "digits.csv.gz"
NUM_TEST_DIGITS = 360
RECORD_BYTES = 1 + 3 * 32 * 32  # the label, then the red, the green and the blue plane, row by row


class DatasetError(RuntimeError):
    """A data set is not here and cannot be fetched; the message is one sentence that says what to do."""


@dataclass(frozen=True)
class Archive:
    """Where the binary version of CIFAR-10 lies and what must be in it."""

    base_url: str = "https://www.cs.toronto.edu/~kriz/"
    name: str = "cifar-10-binary.tar.gz"
    sha256: str = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    folder: str = "cifar-10-batches-bin"
    train: tuple[str, ...] = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
    test: tuple[str, ...] = ("test_batch.bin",)
    images_per_file: int = 10_000

    @property
    def file_bytes(self) -> int:
        return self.images_per_file * RECORD_BYTES


CIFAR10 = Archive()


def load_digits(subset: Subset = None) -> Split:
    """Handwritten digits of 8 × 8 pixels, which come with this package: no network is needed.

    The 1797 images are put in the order of `np.random.RandomState(0).permutation(1797)` (NumPy keeps that
    generator's stream fixed for ever); the last 360 are the test set. Images of one writer are in both sets.

    `subset` says how many training and how many test images to keep, as one number or a pair; the first ones are kept.

    Returns X_train (1437, 64), y_train (1437,), X_test (360, 64), y_test (360,): pixels 0 … 16 divided by 16, float64,
    row by row (`X.reshape(-1, 8, 8)` gives pictures), labels 0 … 9. Raises ValueError if `subset` is not a positive
    number or a pair of them.
    """
    num_train, num_test = counts_of(subset)
    table = np.loadtxt(DIGITS, delimiter=",", dtype=np.uint8)
    order = np.random.RandomState(0).permutation(len(table))
    train, test = order[:-NUM_TEST_DIGITS][:num_train], order[-NUM_TEST_DIGITS:][:num_test]
    X, y = table[:, :-1] / 16.0, table[:, -1].astype(np.int64)
    return X[train], y[train], X[test], y[test]


def load_cifar10(subset: Subset = None) -> Split:
    """CIFAR-10: photographs of 32 × 32 pixels in ten classes (`CIFAR10_CLASSES`).

    The binary version (162 MB) is fetched once from its home at the University of Toronto into
    `data_folder()`, with a progress bar, and its SHA-256 is checked. Nothing is unpickled. Later calls only
    read the files, so that the folder may then be read-only.

    `subset` says how many training and how many test images to keep, as one number or a pair; the first ones are kept.
    All of them take 1.4 GB of memory.

    Returns X_train (50000, 3072), y_train (50000,), X_test (10000, 3072), y_test (10000,): float64 in [0, 1], labels
    0 … 9. A row holds the red, then the green, then the blue plane: `X.reshape(-1, 3, 32, 32)` gives (image, colour,
    row, column), and `as_images` what `plt.imshow` wants. Raises ValueError if `subset` is not a positive number or a
    pair of them, and DatasetError if the files are not here and cannot be fetched.
    """
    num_train, num_test = counts_of(subset)
    folder = data_folder() / CIFAR10.folder
    if not all(is_complete(folder / name) for name in CIFAR10.train + CIFAR10.test):
        fetch(folder)
    return *read_images(folder, CIFAR10.train, num_train), *read_images(folder, CIFAR10.test, num_test)


def as_images(X: Array) -> Array:
    """Rows of pixels as pictures for `plt.imshow`: (n, 64) → (n, 8, 8) and (n, 3072) → (n, 32, 32, 3).
    Raises ValueError if the rows are neither 64 nor 3072 long."""
    if X.shape[-1] == 64:
        return X.reshape(-1, 8, 8)
    if X.shape[-1] == 3072:
        return X.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    raise ValueError(f"rows of 64 (digits) or 3072 (CIFAR-10) pixels are expected, not of {X.shape[-1]}")


def data_folder() -> Path:
    """Where fetched data are kept: the environment variable AUTOGRADER_DATA, or the user's cache folder."""
    named = os.environ.get("AUTOGRADER_DATA")
    if named:
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("autograder"))


def counts_of(subset: Subset) -> tuple[int | None, int | None]:
    """How many training and test images to keep; None keeps all."""
    if subset is None:
        return None, None
    sizes = subset if isinstance(subset, tuple) else (subset, subset)
    if len(sizes) != 2 or not all(isinstance(size, (int, np.integer)) and size > 0 for size in sizes):
        raise ValueError(f"subset must be a positive number or a pair (train, test) of them, not {subset!r}")
    return int(sizes[0]), int(sizes[1])


def is_complete(file: Path) -> bool:
    return file.is_file() and file.stat().st_size == CIFAR10.file_bytes


def read_images(folder: Path, names: tuple[str, ...], limit: int | None) -> tuple[Array, Array]:
    """The first `limit` images of these files: X (n, 3072) in [0, 1] and y (n,)."""
    left = len(names) * CIFAR10.images_per_file if limit is None else limit
    parts: list[Array] = []
    for name in names:
        count = min(left, CIFAR10.images_per_file)
        parts.append(np.fromfile(folder / name, np.uint8, count * RECORD_BYTES).reshape(-1, RECORD_BYTES))
        left -= count
    records = np.concatenate(parts)
    return records[:, 1:] / 255.0, records[:, 0].astype(np.int64)


def fetch(folder: Path) -> None:
    """Fetch the archive, check it, and unpack the expected files into `folder`."""
    import pooch

    pooch.get_logger().setLevel("WARNING")
    home = pooch.create(folder.parent, CIFAR10.base_url, registry={CIFAR10.name: f"sha256:{CIFAR10.sha256}"})
    url = CIFAR10.base_url + CIFAR10.name
    try:
        archive = home.fetch(CIFAR10.name, downloader=pooch.HTTPDownloader(progressbar=True, timeout=60))
        unpack(Path(archive), folder)
    except (OSError, ValueError, tarfile.TarError) as error:
        raise DatasetError(
            f"CIFAR-10 could not be fetched from {url} into {folder.parent} ({type(error).__name__}): check "
            "the network and that the folder can be written (AUTOGRADER_DATA names another), or put that "
            "file there yourself."
        ) from error


def unpack(archive: Path, folder: Path) -> None:
    """Write the expected members, and nothing else, under names of our own; each appears whole or not at all.
    Raises ValueError if an expected file is missing, is not a regular file or has the wrong size."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = {f"{CIFAR10.folder}/{name}": folder / name for name in CIFAR10.train + CIFAR10.test}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.name in missing and member.isreg() and member.size == CIFAR10.file_bytes:
                source = tar.extractfile(member)
                assert source is not None  # a regular file
                with source:
                    write_whole(missing.pop(member.name), source.read())
    if missing:
        raise ValueError(f"the archive lacks {', '.join(sorted(missing))}")


def write_whole(target: Path, content: bytes) -> None:
    """Write through a temporary file beside `target`, so that a reader never sees half of it."""
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        try:
            file.write(content)
            file.close()
            os.chmod(file.name, 0o644)
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise
