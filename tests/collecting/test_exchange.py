"""nbgrader's exchange as formgrader looks for it. What is collected from it: test_hostile_nbgrader.py."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder.authoring.new_course import start_course
from autograder.collecting.exchange import ListToldOnce
from autograder.course.course import Course


def test_the_log_says_once_that_there_is_no_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no exchange is used, each click in formgrader would leave a critical line in the terminal."""
    monkeypatch.setattr(ListToldOnce, "told", set())
    start_course(tmp_path)
    log, config = logging.getLogger("formgrader"), Course(tmp_path).config
    for folder in ("one", "one", "other", "one"):
        config.Exchange.root = str(tmp_path / folder)
        api = NbGraderAPI(CourseDirectory(config=config), config=config, log=log)
        assert api.exchange_missing  # which the page shows
    told = [f"Unwritable directory, please contact your instructor: {tmp_path / name}" for name in ("one", "other")]
    assert caplog.messages == told
    (tmp_path / "one").mkdir(mode=0o777)
    assert not NbGraderAPI(CourseDirectory(config=config), config=config, log=log).exchange_missing
