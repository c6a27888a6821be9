"""Nothing of one submission reaches the next one in the same worker, and nobody's files are anybody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytestmark = pytest.mark.slow

# Looks for canaries in the memory of the process itself, in what it knows of others, and in every file it can find
# but the system's. The pattern does not match its own text.
SCAN = r"""
import gc, os, re, sys
PATTERN = re.compile(rb"cn[r]y_[a-z]+_[0-9]{6}")

def in_memory():
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            parts = line.split()
            if "r" not in parts[1] or parts[-1].startswith("[v"):
                continue
            start, end = (int(part, 16) for part in parts[0].split("-"))
            for at in range(start, end, 1 << 22):
                try:
                    memory.seek(at)
                    yield memory.read(min(1 << 22, end - at))
                except (OSError, ValueError, OverflowError):
                    pass

def in_files():
    for top in ("/", "/proc"):
        for base, folders, names in os.walk(top):
            skipped = {"usr", "lib", "lib64", "bin", "sbin", "proc", "sys", "task", "map_files", "site-packages", "opt"}
            prefixes = (sys.prefix, sys.base_prefix)
            folders[:] = [f for f in folders if f not in skipped and not os.path.join(base, f).startswith(prefixes)]
            yield " ".join([base, *names]).encode(errors="replace")
            for name in names:
                path = os.path.join(base, name)
                if name in ("mem", "kmsg", "kcore", "pagemap", "kpagecgroup", "kpagecount", "kpageflags", "clear_refs"):
                    continue
                try:
                    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                    try:
                        yield os.read(handle, 1 << 20)
                    finally:
                        os.close(handle)
                except OSError:
                    pass

def in_descriptors():
    for number in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink("/proc/self/fd/" + number).encode()
        except OSError:
            pass

def scan():
    found = set()
    for source in (in_memory, in_files, in_descriptors):
        for data in source():
            found |= {match.decode() for match in PATTERN.findall(data)}
    for thing in gc.get_objects():
        if isinstance(thing, (dict, list, tuple)):
            for part in thing.values() if isinstance(thing, dict) else thing:
                if isinstance(part, (str, bytes)):
                    data = part.encode(errors="replace") if isinstance(part, str) else part
                    found |= {match.decode() for match in PATTERN.findall(data)}
    for frame in sys._current_frames().values():
        while frame is not None:
            found |= {match.decode() for match in PATTERN.findall(repr(list(frame.f_locals)).encode())}
            frame = frame.f_back
    return sorted(f.replace("cnry", "CANARY") for f in found)
"""
# The search happens while hidden checks wait for their answers, when there would be most to find.
SEARCHER = (
    SCAN
    + """
found = set()
def double(x):
    if not found:
        found.update(scan())
    return x
"""
)


def test_one_student_s_files_are_not_in_the_next_one_s_memory(classroom):
    """A warm process that reads a submission before it forks would hand every student their predecessors' files."""
    theirs = {"notes.txt": b"cnry_other_600001" * 50, "data.bin": b"cnry_large_600002" * 200_000}
    classroom.grade(classroom.unsolved(), files=theirs)
    own = classroom.cheat(SCAN + "\nprint(scan())")
    printed = classroom.grade(own, files={"mine.txt": b"cnry_own_600003"}).printed()
    assert "CANARY_own_600003" in printed
    assert "CANARY_other" not in printed
    assert "CANARY_large" not in printed


def test_no_test_answer_or_secret_can_be_found(classroom, limits):
    """What is found nowhere in memory, files, processes and descriptors cannot be handed in."""
    notebook = classroom.cheat("planted = 'cnry_' + 'own_600004'", last="print(found)", double=SEARCHER)
    trial = classroom.grade(notebook, limits=replace(limits, cell_seconds=30))
    assert trial.printed().strip() == "{'CANARY_own_600004'}"
    assert trial.checks == 0
