"""Naming a check that is to be void. No kernel runs."""

from __future__ import annotations

import pytest
import small_course
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from autograder.course.assignment import Assignment, Template, TemplateCell
from autograder.errors import AutograderError
from autograder.gradebook.tables import make_tables
from autograder.gradebook.voids import unvoid_checks, void_checks, with_voids

MARKED = (
    '%%check\n@void("It asked too much.")\ndef test_marked(student):\n    pass\n\ndef test_both(student):\n    pass'
)


def check_cell(grade_id: str, source: str) -> TemplateCell:
    flags = {"grade_id": grade_id, "grade": True, "solution": False, "locked": True, "points": 3}
    return TemplateCell(grade_id, "code", source, True, flags)


PROSE = TemplateCell("why", "markdown", "Why (in one sentence)?", False, {"grade_id": "why"})
ASSIGNMENT = Assignment(
    "small",
    (
        Template("one", (PROSE, check_cell("means", small_course.CHECK), check_cell("marks", MARKED)), (), {}),
        Template("two", (check_cell("marks", MARKED),), (), {}),
    ),
    {},
)


@pytest.fixture
def session() -> Session:
    engine = create_engine("sqlite://")
    make_tables(engine)
    return Session(engine)


def void(session: Session) -> dict[tuple[str, str], dict[str, str]]:
    """What is void, by notebook and cell."""
    notebooks = with_voids(session, ASSIGNMENT).notebooks
    return {(n.name, c.grade_id): c.voids for n in notebooks for c in n.cells if c.voids}


def test_a_check_is_named_in_short_or_in_full(session: Session) -> None:
    """Typing a long name for the only check of that name would be a nuisance, and the wrong check worse."""
    void_checks(session, ASSIGNMENT, ["test_two_numbers", "two/marks::test_both"], "Sorry.")
    assert void(session) == {
        ("one", "means"): {"test_two_numbers": "Sorry."},
        ("two", "marks"): {"test_both": "Sorry."},
    }
    void_checks(session, ASSIGNMENT, ["means::test_two_numbers"], "It was wrong.")
    unvoid_checks(session, ASSIGNMENT, ["two/marks::test_both"])
    assert void(session) == {("one", "means"): {"test_two_numbers": "It was wrong."}}


def test_a_reason_stays_until_another_is_given(session: Session) -> None:
    """Students would read the reason that nobody gave in the place of the one that somebody did."""
    told = []
    for why in ("", "It was wrong.", "", "It asked too much."):
        void_checks(session, ASSIGNMENT, ["test_two_numbers"], why)
        told += void(session)["one", "means"].values()
    assert told == ["the check was not right", "It was wrong.", "It was wrong.", "It asked too much."]


REFUSED = {
    "test_three": "small has no check test_three. Its checks: one/means::test_two_numbers, "
    "one/means::test_like_the_answer_key, one/marks::test_marked, one/marks::test_both, two/marks::test_marked, "
    "two/marks::test_both.",
    "test_both": "test_both may be any of one/marks::test_both, two/marks::test_both: name one of them in full.",
}


def test_of_many_checks_the_nearest_are_named(session: Session) -> None:
    """A slip in a large assignment would be answered with eighty names."""
    tests = "".join(f"def test_number_{number}(student): pass\n" for number in range(20))
    cell = check_cell("means", f"%%check\n{tests}def test_medians(student): pass")
    with pytest.raises(AutograderError) as refused:
        void_checks(session, Assignment("large", (Template("one", (cell,), (), {}),), {}), ["test_median"], "Sorry.")
    told = str(refused.value)
    assert told.startswith("large has no check test_median. Of its 21 checks the nearest: means::test_medians, ")
    assert told.count("::") == 8


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("", "small has no check test_a. Its checks: none."),
        ("%%check\ndef test_a(student:", "A check cell of small cannot be read: "),
    ],
)
def test_an_assignment_without_a_check_that_can_be_read_is_told(session: Session, source: str, told: str) -> None:
    """A slip in the notebook would end in a traceback."""
    cells = (check_cell("a", source),) if source else (PROSE,)
    with pytest.raises(AutograderError) as refused:
        void_checks(session, Assignment("small", (Template("one", cells, (), {}),), {}), ["test_a"], "Sorry.")
    assert str(refused.value).startswith(told)


@pytest.mark.parametrize(("name", "told"), REFUSED.items())
def test_an_unclear_name_takes_nothing_out(session: Session, name: str, told: str) -> None:
    """A guess would change everybody's grade."""
    with pytest.raises(AutograderError) as refused:
        void_checks(session, ASSIGNMENT, ["test_two_numbers", name], "Sorry.")
    assert str(refused.value) == told
    assert void(session) == {}


def test_only_what_a_command_voided_is_unvoided_by_one(session: Session) -> None:
    """Silence would leave the instructor in the belief that the check counts."""
    with pytest.raises(AutograderError) as refused:
        unvoid_checks(session, ASSIGNMENT, ["one/marks::test_marked"])
    assert str(refused.value) == (
        "one/marks::test_marked was not voided by command, so it cannot be unvoided: "
        "remove its @void in the assignment."
    )
    with pytest.raises(AutograderError, match=r"cannot be unvoided\.$"):
        unvoid_checks(session, ASSIGNMENT, ["test_two_numbers"])


def test_who_mistypes_a_check_to_unvoid_is_told_what_is_void(session: Session) -> None:
    """The list of all checks would not help: only these can be meant."""
    void_checks(session, ASSIGNMENT, ["test_two_numbers"], "Sorry.")
    with pytest.raises(AutograderError) as refused:
        unvoid_checks(session, ASSIGNMENT, ["test_to_numbers"])
    assert str(refused.value) == "small has no check test_to_numbers. Void: one/means::test_two_numbers."
