"""Marks of a check by its author: its weight, the answers that it lends, and that it is void."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["given", "points", "void"]

Test = TypeVar("Test", bound=Callable[..., Any])


def points(weight: float) -> Callable[[Test], Test]:
    """The weight of a check within its cell; a check without it weighs 1. It is read from the cell's text."""
    return unchanged


def given(*names: str) -> Callable[[Test], Test]:
    """Lend the answer key's functions `names` to the student's notebook while the check runs, when it is graded."""

    def mark(test: Test) -> Test:
        test.__dict__["given"] = names
        return test

    return mark


def void(why: str) -> Callable[[Test], Test]:
    """Void the check for everybody: it is not run, its weight does not count, and students read why. It is read
    from the cell's text."""
    return unchanged


def unchanged(test: Test) -> Test:
    return test
