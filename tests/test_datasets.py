"""The data module: the digits against scikit-learn's own, CIFAR-10 on a small archive served locally."""

import hashlib
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from autograder import datasets

PER_FILE = 7
RECORDS = np.random.default_rng(0).integers(0, 256, size=(6 * PER_FILE, 3073)).astype(np.uint8)
RECORDS[:, 0] %= 10
NAMES = [f"cifar-10-batches-bin/{name}.bin" for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")]
FIRST_TRAIN = [2, 8, 2, 6, 6, 7, 1, 9, 8, 5, 2, 8]
FIRST_TEST = [7, 9, 4, 7, 0, 2, 6, 1, 3, 1, 3, 7]


# --- digits ---


def test_digits_are_scikit_learns_split_once() -> None:
    """Every image is in exactly one set, with its own label, scaled to [0, 1]."""
    X_train, y_train, X_test, y_test = datasets.load_digits()
    original = sklearn.datasets.load_digits()
    assert X_train.shape == (1437, 64)
    assert X_test.shape == (360, 64)
    assert X_train.dtype == X_test.dtype == np.float64
    ours = np.column_stack([np.vstack([X_train, X_test]) * 16, np.concatenate([y_train, y_test])])
    theirs = np.column_stack([original.data, original.target])
    np.testing.assert_array_equal(np.array(sorted(ours.tolist())), np.array(sorted(theirs.tolist())))


def test_digits_split_never_changes() -> None:
    """The split is part of the course: published numbers depend on it."""
    _, y_train, _, y_test = datasets.load_digits()
    assert y_train[:12].tolist() == FIRST_TRAIN
    assert y_test[:12].tolist() == FIRST_TEST
    assert np.bincount(y_test).min() >= 25


def test_digits_subset_is_the_first_of_both() -> None:
    """A number or a pair keeps the first images; more than there are keeps all."""
    everything = datasets.load_digits()
    for subset, sizes in [(50, (50, 50)), ((30, 20), (30, 20)), ((5000, 4), (1437, 4))]:
        some = datasets.load_digits(subset)
        for part, whole, size in zip(some, everything, np.repeat(sizes, 2), strict=True):
            np.testing.assert_array_equal(part, whole[:size])


@pytest.mark.parametrize("subset", [0, -3, 2.5, (1, 2, 3), (0, 5)])
def test_a_senseless_subset_is_refused(subset: object) -> None:
    """A subset is a positive number or a pair of them."""
    with pytest.raises(ValueError, match="subset must be a positive number or a pair"):
        datasets.load_digits(subset)  # type: ignore[arg-type]


def test_callers_may_write_into_the_arrays() -> None:
    """What one call returns is its own copy."""
    first = datasets.load_digits(5)[0]
    first[:] = -1
    assert datasets.load_digits(5)[0].min() >= 0


# --- CIFAR-10 ---


def tar_of(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """A .tar.gz with these files and symbolic links."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return buffer.getvalue()


def good_members() -> dict[str, bytes]:
    return {name: part.tobytes() for name, part in zip(NAMES, np.split(RECORDS, 6), strict=True)}


Publish = Callable[[bytes], list[str]]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publish]:
    """Serves an archive on this machine in the place of Toronto's; returns the list of requests made."""
    www, requests = tmp_path / "www", []
    www.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            requests.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(www)))
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    monkeypatch.setenv("AUTOGRADER_DATA", str(tmp_path / "cache"))

    def put(archive: bytes) -> list[str]:
        (www / "cifar-10-binary.tar.gz").write_bytes(archive)
        served = replace(
            datasets.CIFAR10,
            base_url=f"http://127.0.0.1:{server.server_port}/",
            sha256=hashlib.sha256(archive).hexdigest(),
            images_per_file=PER_FILE,
        )
        monkeypatch.setattr(datasets, "CIFAR10", served)
        return requests

    yield put
    server.shutdown()
    server.server_close()


def test_cifar10_is_fetched_once_and_read_back(publish: Publish) -> None:
    """Pixels and labels are the bytes of the records; a second call needs no network."""
    requests = publish(tar_of({"cifar-10-batches-bin/readme.html": b"hello", **good_members()}))
    for _ in range(2):
        X_train, y_train, X_test, y_test = datasets.load_cifar10()
        X, y = np.vstack([X_train, X_test]), np.concatenate([y_train, y_test])
        assert X_train.shape == (5 * PER_FILE, 3072)
        assert X.dtype == np.float64
        np.testing.assert_array_equal(np.rint(X * 255), RECORDS[:, 1:])
        np.testing.assert_array_equal(y, RECORDS[:, 0])
    assert X.min() >= 0
    assert X.max() <= 1
    assert len(requests) == 1


def test_cifar10_subset_crosses_files(publish: Publish) -> None:
    """A subset larger than one file takes the rest from the next ones."""
    publish(tar_of(good_members()))
    for subset, sizes in [
        (3, (3, 3)),
        ((PER_FILE + 2, 1), (PER_FILE + 2, 1)),
        (1000, (5 * PER_FILE, PER_FILE)),
    ]:
        X_train, y_train, X_test, y_test = datasets.load_cifar10(subset)
        assert (len(X_train), len(X_test)) == sizes
        np.testing.assert_array_equal(y_train, RECORDS[: sizes[0], 0])
        np.testing.assert_array_equal(y_test, RECORDS[5 * PER_FILE :][: sizes[1], 0])


def test_only_expected_members_are_written(publish: Publish, tmp_path: Path) -> None:
    """Names that climb out, links and strangers in the archive leave no trace."""
    evil = {"../escaped.bin": b"x", "/tmp/absolute-escaped.bin": b"x", "cifar-10-batches-bin/more.bin": b"x"}
    publish(tar_of({**evil, **good_members()}, links={"cifar-10-batches-bin/link.bin": "/etc/passwd"}))
    datasets.load_cifar10()
    written = {path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    assert written == {"cifar-10-binary.tar.gz", *(Path(name).name for name in NAMES)}
    assert not list(tmp_path.rglob("*escaped*"))


@pytest.mark.parametrize("fault", ["missing", "short", "link"])
def test_a_wrong_archive_is_refused(publish: Publish, fault: str) -> None:
    """A missing, short or linked file is an error and not an array with holes."""
    members, links = good_members(), {}
    content = members.pop(NAMES[2])
    if fault == "short":
        members[NAMES[2]] = content[:-1]
    if fault == "link":
        links = {NAMES[2]: "data_batch_1.bin"}
    publish(tar_of(members, links))
    with pytest.raises(datasets.DatasetError, match="could not be fetched") as caught:
        datasets.load_cifar10()
    assert "data_batch_3.bin" in str(caught.value.__cause__)


def test_a_changed_archive_is_refused(publish: Publish, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An archive whose checksum differs is never unpacked."""
    publish(tar_of(good_members()))
    monkeypatch.setattr(datasets, "CIFAR10", replace(datasets.CIFAR10, sha256="0" * 64))
    with pytest.raises(datasets.DatasetError):
        datasets.load_cifar10()
    assert not list((tmp_path / "cache").rglob("*.bin"))


def test_no_network_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a network the message is one line that says where from, where to and what to do."""
    monkeypatch.setenv("AUTOGRADER_DATA", str(tmp_path))
    monkeypatch.setattr(datasets, "CIFAR10", replace(datasets.CIFAR10, base_url="http://127.0.0.1:9/"))
    with pytest.raises(datasets.DatasetError) as caught:
        datasets.load_cifar10()
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "http://127.0.0.1:9/cifar-10-binary.tar.gz",
        str(tmp_path),
        "AUTOGRADER_DATA",
        "check the network",
    ):
        assert part in message


def test_a_half_written_file_is_fetched_again(publish: Publish, tmp_path: Path) -> None:
    """A file of the wrong size counts as absent; the archive that is still there serves again."""
    requests = publish(tar_of(good_members()))
    datasets.load_cifar10()
    (tmp_path / "cache" / NAMES[0]).write_bytes(b"half")
    np.testing.assert_array_equal(datasets.load_cifar10()[1], RECORDS[: 5 * PER_FILE, 0])
    assert len(requests) == 1


def test_the_real_archive_is_torontos() -> None:
    """The address and the published size of a file."""
    assert (
        datasets.CIFAR10.base_url + datasets.CIFAR10.name == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    )
    assert datasets.CIFAR10.file_bytes == 30_730_000


def test_the_data_folder_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """AUTOGRADER_DATA wins; without it, it is a folder of the user's cache."""
    monkeypatch.setenv("AUTOGRADER_DATA", "~/somewhere")
    assert datasets.data_folder() == Path.home() / "somewhere"
    monkeypatch.delenv("AUTOGRADER_DATA")
    assert datasets.data_folder().name == "autograder"


# --- both ---


def test_pictures_are_pixels_in_their_places() -> None:
    """Row r, column c of a digit is pixel 8 r + c; colour k of CIFAR-10 is pixel 1024 k + 32 r + c."""
    digits, photos = np.arange(2 * 64).reshape(2, 64), np.arange(2 * 3072).reshape(2, 3072)
    assert datasets.as_images(digits)[1, 3, 5] == digits[1, 8 * 3 + 5]
    assert datasets.as_images(photos).shape == (2, 32, 32, 3)
    assert datasets.as_images(photos)[1, 9, 4, 2] == photos[1, 2 * 1024 + 32 * 9 + 4]
    with pytest.raises(ValueError, match="not of 10"):
        datasets.as_images(np.zeros((3, 10)))


def test_importing_is_light() -> None:
    """Every notebook that draws digits, and every sandbox, would pay a second for scikit-learn."""
    heavy = {"sklearn", "pooch", "requests", "rich"}
    code = f"import sys, autograder.datasets as d; d.load_digits(); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
