"""Up to which change of a score somebody was told: a student by the page of a notebook, the course by the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from autograder.grading import tables

__all__ = ["REPORT", "LastTold", "Reader", "keep_last_told", "read_last_told"]

Reader = tuple[str, str]  # a student and a notebook
REPORT: Reader = ("", "")


@dataclass(frozen=True)
class LastTold:
    """The number of the last change that a reader knows from before (`seen`), and of the last one that the page or
    report tells them now (`told`)."""

    seen: int
    told: int


def read_last_told(session: Any, assignment: str) -> dict[Reader, LastTold]:
    """What each reader of the assignment was told."""
    of = tables.told.c
    rows = session.execute(select(of.student, of.notebook, of.seen, of.told).where(of.assignment == assignment))
    return {(student, notebook): LastTold(seen, told) for student, notebook, seen, told in rows}


def keep_last_told(session: Any, assignment: str, told: Mapping[Reader, LastTold]) -> None:
    """Keep what readers are told now."""
    if not told:
        return
    of = tables.told.c
    keys = [{"who": student, "book": notebook} for student, notebook in told]
    here = (of.assignment == assignment, of.student == bindparam("who"), of.notebook == bindparam("book"))
    session.connection().execute(delete(tables.told).where(*here), keys)
    rows = [
        {"assignment": assignment, "student": student, "notebook": notebook, **vars(pair)}
        for (student, notebook), pair in told.items()
    ]
    session.execute(insert(tables.told), rows)
    session.commit()
