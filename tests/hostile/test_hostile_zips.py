"""Zips that students pack, read by the grader itself: they give no more than they say, and are not read before that."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import pytest

from autograder.submission.archive import unzipped, zip_items
from autograder.submission.reading import SubmissionRefused


def says_little(method: int) -> bytes:
    """A zip with a file of 50 MB that says that it has a few hundred bytes, as many as it has when packed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive, archive.open("lab.ipynb", "w", force_zip64=False) as file:
        for _ in range(50):
            file.write(bytes(1 << 20))
    data = bytearray(packed.getvalue())
    for start, size, packed_size in ((data.find(b"PK\x03\x04"), 22, 18), (data.find(b"PK\x01\x02"), 24, 20)):
        (real,) = struct.unpack_from("<I", data, start + packed_size)
        struct.pack_into("<I", data, start + size, real)
    return bytes(data)


def many_entries(count: int) -> bytes:
    """A zip that names one small file `count` times."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", b"")
    data = packed.getvalue()
    body, entry = data[: data.find(b"PK\x01\x02")], data[data.find(b"PK\x01\x02") : data.find(b"PK\x05\x06")]
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(entry) * count, len(body), 0)
    return body + entry * count + end


def without_name() -> bytes:
    """A zip with a file whose name has no letters: Python's own zipfile looks at the last one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", b"x")
    data = bytearray(packed.getvalue())
    central, end = data.find(b"PK\x01\x02"), data.find(b"PK\x05\x06")
    for start, length, name in ((central, 28, 46), (0, 26, 30)):
        struct.pack_into("<H", data, start + length, 0)
        del data[start + name]
    struct.pack_into("<2I", data, end - 2 + 12, end - central - 1, central - 1)
    return bytes(data)


def named(*names: str) -> bytes:
    """A zip with files of these names."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(zipfile.ZipInfo(name), str(number))
    return packed.getvalue()


def far_away() -> bytes:
    """A zip with a file that begins behind the end of all files."""
    name, extra = b"a.ipynb", struct.pack("<HHQ", 1, 8, 2**63)
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, *[0] * 7, len(name), 0) + name
    lengths = (len(name), len(extra), 0, 0, 0, 0)
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, *[0] * 7, *lengths, 0xFFFFFFFF) + name + extra
    return local + entry + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(local), 0)


ZIPS = {
    "bzip2": (lambda: says_little(zipfile.ZIP_BZIP2), "lab.ipynb, which is packed in a way that is not read here"),
    "lzma": (lambda: says_little(zipfile.ZIP_LZMA), "lab.ipynb, which is packed in a way that is not read here"),
    "deflate": (lambda: says_little(zipfile.ZIP_DEFLATED), "lab.ipynb cannot be unpacked"),
    "far away": (far_away, "a.ipynb cannot be unpacked: Python int too large"),
    "no name": (without_name, "its zip holds a file, which has no name"),
    "one name": (lambda: named("caf\u00e9.ipynb", "cafe\u0301.ipynb"), "its zip holds several files caf\u00e9.ipynb"),
    "longer": (lambda: named("\U0001d160" * 45), "which has a name that is too long"),
    "entries": (lambda: many_entries(200_000), "its zip holds more than 64 MB or 1000 files"),
}


@pytest.mark.parametrize("what", ZIPS)
def test_a_zip_is_read_in_little_memory(what: str) -> None:
    """A kilobyte, handed in, would take the memory of the machine on which a class is collected and graded."""
    make, told = ZIPS[what]
    data = make()
    tracemalloc.start()
    try:
        with pytest.raises(SubmissionRefused, match=told):
            unzipped(data, 64)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_zips_as_systems_make_them_are_read() -> None:
    """Limits that no honest zip stays below would be no limits but walls."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lab/lab.ipynb", b"{}" * 10_000)
        archive.writestr("lab/plot.png", b"\x89PNG", zipfile.ZIP_STORED)
    assert unzipped(packed.getvalue(), 64) == {"lab/lab.ipynb": b"{}" * 10_000, "lab/plot.png": b"\x89PNG"}


@pytest.mark.parametrize("name", ["/etc/cron.d/x", "../x", "a/../../x", "C:x", "..\\x"])
def test_nothing_of_a_zip_has_a_place_outside(name: str) -> None:
    """Gradescope's image unpacks before any sandbox is there: a file with an absolute name went where it said."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    with zipfile.ZipFile(packed) as archive:
        assert [item.problem for item in zip_items(archive, 200)] != [""]
    with pytest.raises(SubmissionRefused, match="its zip holds"):
        unzipped(packed.getvalue(), 64)
