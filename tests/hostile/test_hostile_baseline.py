"""What an honest student gets in the course that the hostile ones attack."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_right_answers_get_full_marks(classroom):
    """Were this wrong, no attack's zero would mean anything."""
    trial = classroom.grade(classroom.solved())
    assert trial.scores == {"double_checks": 7, "mean_loss_checks": 4, "train_checks": 4, "plain_test": 1, "why": 0}
    assert trial.graded.incidents == []


def test_the_release_gets_nothing(unsolved):
    """What every cheat is compared with: no points, and nothing for a person to look at."""
    assert unsolved.scores == {"double_checks": 0, "mean_loss_checks": 0, "train_checks": 0, "plain_test": 0, "why": 0}
    assert unsolved.graded.incidents == []
