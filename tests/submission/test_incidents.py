"""Kinds of incidents, and who is told of them."""

from __future__ import annotations

import pickle

import pytest

from autograder.submission.graded import GradedSubmission
from autograder.submission.incidents import Audience, Incident, IncidentKind, audience_of


@pytest.mark.parametrize("kind", IncidentKind)
def test_a_kind_comes_back_from_a_worker_and_from_the_gradebook(kind: IncidentKind) -> None:
    """An incident would be another one, or nobody's, once it has been sent or stored."""
    assert pickle.loads(pickle.dumps(kind)) is kind
    assert IncidentKind(kind.value) is kind
    assert audience_of(str(kind)) == kind.audience


def test_who_is_reported() -> None:
    """Students would read what is the instructor's business, or instructors miss what they must decide."""
    told = {audience: {kind.name for kind in IncidentKind if audience in kind.audience} for audience in Audience}
    assert told == {
        Audience.STUDENT: {"REFUSED", "CHANGED", "FOUND", "UNSURE", "MISSING"},
        Audience.STUDENT_AT_CELL: {"TIME", "MEMORY", "OUTPUT", "DIED"},
        Audience.REPORT: {
            "DIED",
            "NETWORK",
            "OUTSIDE",
            "TOUCHED",
            "REFUSED",
            "MISSING",
            "FAULT",
            "UNTIMED",
            "FOUND",
            "UNSURE",
            "RETRIED",
        },
        Audience.PERSON: {"REFUSED", "MISSING", "FAULT", "UNTIMED", "UNSURE"},
    }


def test_an_incident_of_another_version_is_not_lost() -> None:
    """A gradebook that a newer version has written would end the report with a traceback, or hide what it says."""
    assert audience_of("did something new") is Audience.REPORT


@pytest.mark.parametrize("kind", IncidentKind)
def test_a_person_must_look_at_some_kinds(kind: IncidentKind) -> None:
    """`autograder grade` would end with 0 over a submission that nobody could grade."""
    graded = GradedSubmission("ada", "", "", incidents=[Incident(kind, "it happened")])
    assert graded.to_look_at == (kind.name in {"REFUSED", "MISSING", "FAULT", "UNTIMED", "UNSURE"})
