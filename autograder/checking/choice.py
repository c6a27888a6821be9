"""Multiple choice: the answer is a variable of the notebook. Messages never say which option is right."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.checking.handles import type_name_of
from autograder.checking.outcomes import CheckFailed, GraderFault

__all__ = ["assert_choice"]

Option = str | int
SEVERAL = (set, frozenset, list, tuple)


def assert_choice(
    answer: Any,
    options: Sequence[Option],
    *,
    right: Option | Collection[Option] | None = None,
    several: bool = False,
    reasons: Mapping[Option, str] | None = None,
) -> None:
    """`answer` is the option `right`, or has all options of a set `right` and no others.

    Without `right` any option holds: for visible checks, whose text students read; `several` then says that a set is
    asked for. `reasons` maps wrong options to what a student who takes them is told. Case, and spaces at the ends, do
    not count unless options differ in nothing else. Raises CheckFailed, and GraderFault for arguments that make no
    sense.
    """
    several = several or isinstance(right, SEVERAL)
    spelled = same if len({folded(option) for option in options}) < len(options) else folded
    known = {spelled(option): str(option) for option in options}
    wanted = {spelled(option) for option in as_set(right)}
    reason_for = {spelled(option): reason for option, reason in (reasons or {}).items()}
    if not known or not wanted | reason_for.keys() <= known.keys():
        raise GraderFault("assert_choice: options, right and reasons do not belong together")
    if right is not None and not wanted:
        raise GraderFault("assert_choice: right has no option: if none applies, make that an option of its own")
    if wanted & reason_for.keys():
        raise GraderFault("assert_choice: a reason is given for an option that is right")
    chosen = {spelled(option) for option in chosen_of(answer, list(known.values()), several)}
    if not chosen <= known.keys():
        raise CheckFailed(f"this is not an option: choose {asked(known.values(), several)}", f"it is {answer!r}"[:200])
    if wanted and chosen != wanted:
        found = [reason_for[option] for option in known if option in chosen & reason_for.keys()]
        raise CheckFailed(found[0] if found else wrong(several))


def chosen_of(answer: Any, options: list[str], several: bool) -> set[Option]:
    """The options that an answer takes. Raises CheckFailed if it takes none, or is not of the right form."""
    if is_missing(answer):
        raise CheckFailed(f"not answered yet: choose {asked(options, several)}")
    taken = as_set(answer)
    if not all(isinstance(option, (str, int, np.integer, np.bool_)) for option in taken):
        raise CheckFailed(f"this is not an option: choose {asked(options, several)}", f"it is {answer!r}"[:200])
    if several and not isinstance(answer, SEVERAL) and len(str(answer).strip()) > max(map(len, options)):
        example = ", ".join(map(repr, options[:2]))
        raise CheckFailed(f"write the options as a set, for example {{{example}}}", f"it is {answer!r}"[:200])
    if not several and len(taken) > 1:
        raise CheckFailed("only one option may be chosen", f"there are {len(taken)}")
    return taken


def is_missing(answer: Any) -> bool:
    """Whether nothing was chosen: None, an empty text or set, or the `...` that stands for something to be written."""
    empty = isinstance(answer, (str, *SEVERAL)) and not answer
    return answer is None or empty or type_name_of(answer) == "ellipsis"


def as_set(value: Any) -> set[Any]:
    """One option or several as a set; None is the empty set."""
    if value is None:
        return set()
    try:
        return set(value) if isinstance(value, SEVERAL) else {value}
    except TypeError:  # a list of lists, or an array
        raise CheckFailed("this is a list of lists, or an array, and not an option") from None


def folded(option: Any) -> str:
    return str(option).strip().casefold()


def same(option: Any) -> str:
    return str(option).strip()


def asked(options: Collection[str], several: bool) -> str:
    return f"{'all that apply' if several else 'one'} of {', '.join(options)}"


def wrong(several: bool) -> str:
    return "a right option is missing, or a wrong one was chosen" if several else "another option is right"
