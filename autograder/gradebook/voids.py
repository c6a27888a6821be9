"""Checks that are void for everybody by command: kept in the gradebook, beside the grades that they no longer touch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from sqlalchemy import and_, delete, insert, select

from autograder.checking.cell import CheckCellError
from autograder.course.assignment import Assignment, Template, TemplateCell
from autograder.errors import AutograderError
from autograder.gradebook import tables

__all__ = ["voided_anew", "with_voids"]

SHOWN = 8
NO_REASON = "the check was not right"
CheckId = tuple[str, str, str]
Voids = dict[CheckId, str]


def voided_anew(
    session: Any, assignment: Assignment, void: Iterable[str], unvoid: Iterable[str], why: str
) -> Assignment:
    """The assignment with its checks as they count from now on: those in `unvoid` do again, those in `void` don't.
    Raises AutograderError, and changes nothing, if one of them cannot be found."""
    unvoid_checks(session, assignment, unvoid)
    void_checks(session, assignment, void, why)
    session.commit()
    return with_voids(session, assignment)


def void_checks(session: Any, assignment: Assignment, checks: Iterable[str], why: str) -> None:
    """Void `checks` (`grade_id::test`, or the test's name alone where it is the only one) for everybody. Without
    `why` the reason that was given before stays.

    Raises AutograderError if one of them cannot be found.
    """
    found, before = [one_check(assignment, check) for check in checks], read_voids(session, assignment.name)
    for check in found:
        session.execute(delete(tables.voids).where(row_of(assignment.name, check)))
        names = dict(zip(("notebook", "cell", "name"), check, strict=True))
        session.execute(
            insert(tables.voids), [names | {"assignment": assignment.name, "why": why or before.get(check, NO_REASON)}]
        )


def unvoid_checks(session: Any, assignment: Assignment, checks: Iterable[str]) -> None:
    """Let `checks` count again. Raises AutograderError for one that is not void by command."""
    voids = read_voids(session, assignment.name)
    found = {check: one_check(assignment, check, known=list(voids)) for check in checks}
    for name, check in found.items():
        if check not in voids:
            advice = ": remove its @void in the assignment" if all_checks(assignment)[check] else ""
            raise AutograderError(f"{name} was not voided by command, so it cannot be unvoided{advice}.")
    for check in found.values():
        session.execute(delete(tables.voids).where(row_of(assignment.name, check)))


def with_voids(session: Any, assignment: Assignment) -> Assignment:
    """The assignment with the checks void that are void by command."""
    voids = read_voids(session, assignment.name)

    def cell_with_voids(notebook: Template, cell: TemplateCell) -> TemplateCell:
        place = (notebook.name, cell.grade_id)
        return replace(cell, voids={check[2]: why for check, why in voids.items() if check[:2] == place})

    return replace(
        assignment,
        notebooks=tuple(
            replace(notebook, cells=tuple(cell_with_voids(notebook, cell) for cell in notebook.cells))
            for notebook in assignment.notebooks
        ),
    )


def read_voids(session: Any, assignment: str) -> Voids:
    """The checks that are void by command, with the reasons."""
    rows = session.execute(select(tables.voids).where(tables.voids.c.assignment == assignment)).mappings()
    return {(row["notebook"], row["cell"], row["name"]): row["why"] for row in rows}


def row_of(assignment: str, check: CheckId) -> Any:
    columns = (tables.voids.c.notebook, tables.voids.c.cell, tables.voids.c.name)
    same = (column == value for column, value in zip(columns, check, strict=True))
    return and_(tables.voids.c.assignment == assignment, *same)


def all_checks(assignment: Assignment) -> dict[CheckId, str]:
    """Every check by notebook, grade id and name, with the reason for which the assignment itself voids it."""
    try:
        return {
            (notebook.name, cell.grade_id, test.name): test.void
            for notebook in assignment.notebooks
            for cell in notebook.cells
            if cell.is_check
            for test in cell.check.tests()
        }
    except CheckCellError as error:
        raise AutograderError(f"A check cell of {assignment.name} cannot be read: {error}.") from None


def one_check(assignment: Assignment, wanted: str, known: Sequence[CheckId] = ()) -> CheckId:
    """The check that a person means. Raises AutograderError if it is none, or one of several; the error lists
    those `known` to be void if one of these may have been meant."""
    checks = all_checks(assignment)
    found = [check for check in checks if wanted in names_of(check)]
    if len(found) == 1:
        return found[0]
    many = len(assignment.notebooks) > 1
    names = [names_of(check)[2 if many else 1] for check in found or known or checks]
    if found:
        raise AutograderError(f"{wanted} may be any of {', '.join(names)}: name one of them in full.")
    near = get_close_matches(wanted, names, SHOWN, cutoff=0) if len(names) > SHOWN else names
    some = "Void" if known else "Its checks" if near == names else f"Of its {len(names)} checks the nearest"
    raise AutograderError(f"{assignment.name} has no check {wanted}. {some}: {', '.join(near) or 'none'}.")


def names_of(check: CheckId) -> tuple[str, str, str]:
    """The ways in which a check may be called."""
    notebook, cell, name = check
    return name, f"{cell}::{name}", f"{notebook}/{cell}::{name}"
