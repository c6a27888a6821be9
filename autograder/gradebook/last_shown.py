"""Which changes of scores have been shown: to a student on the page of a notebook, to the course in the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from autograder.gradebook import tables

__all__ = ["REPORT", "LastShown", "Reader", "keep_last_shown", "read_last_shown"]

Reader = tuple[str, str]  # a student and a notebook
REPORT: Reader = ("", "")


@dataclass(frozen=True)
class LastShown:
    """The number of the last change that a reader saw before (`seen`), and of the last one that the page or report
    shows now (`shown`)."""

    seen: int
    shown: int


def read_last_shown(session: Any, assignment: str) -> dict[Reader, LastShown]:
    """The marks of all readers of the assignment."""
    of = tables.shown.c
    rows = session.execute(select(of.student, of.notebook, of.seen, of.shown).where(of.assignment == assignment))
    return {(student, notebook): LastShown(seen, shown) for student, notebook, seen, shown in rows}


def keep_last_shown(session: Any, assignment: str, shown: Mapping[Reader, LastShown]) -> None:
    """Keep what readers are shown now."""
    if not shown:
        return
    of = tables.shown.c
    keys = [{"who": student, "book": notebook} for student, notebook in shown]
    condition = (of.assignment == assignment, of.student == bindparam("who"), of.notebook == bindparam("book"))
    session.connection().execute(delete(tables.shown).where(*condition), keys)
    rows = [
        {"assignment": assignment, "student": student, "notebook": notebook, **vars(pair)}
        for (student, notebook), pair in shown.items()
    ]
    session.execute(insert(tables.shown), rows)
    session.commit()
