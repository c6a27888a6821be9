"""What workers do in tests of their limits. It imports little, since each worker imports it."""

from __future__ import annotations

import os


def for_ever(job: str) -> str:
    while True:
        pass


def without_end(job: str) -> str:
    return "x" * (len(bytearray(3_000 * 2**20)) // 2**30)


def ends_its_process(job: str) -> str:
    os.abort()


def ill(job: str) -> str:
    raise ValueError(job)


def plain(job: str) -> str:
    return f"plain {job}"
