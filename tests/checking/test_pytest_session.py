"""What this project assumes about pytest's inside: an upgrade that changes it fails here, with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest import config

from autograder.checking.pytest_session import KEPT, UNUSED, function_name, run_item, run_session

# Named in UNUSED for other versions of pytest.
OTHER_VERSIONS = {"nose", "reports", "subtests", "threadexception", "unraisableexception", "legacypath"}


def test_every_plugin_of_pytest_is_kept_or_left_out_on_purpose() -> None:
    """A new plugin of pytest's would read the machine's settings within a check."""
    known = KEPT | set(UNUSED)
    new = set(config.default_plugins) - known
    assert not new, f"pytest {pytest.__version__} has new plugins {new}: add them to KEPT or UNUSED in pytest_session"
    gone = known - set(config.default_plugins) - OTHER_VERSIONS
    assert not gone, f"pytest {pytest.__version__} has no plugins {gone}: take them out of pytest_session"
    assert set(config.essential_plugins) <= KEPT, "pytest needs more plugins than KEPT in pytest_session names"


def test_a_session_collects_a_folder_and_runs_each_item_when_asked(tmp_path: Path) -> None:
    """If pytest changed its hooks, every check of every student would pass or fail unseen."""
    (tmp_path / "test_check_0.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_it(n): print(n); assert n == 1\n"
    )
    errors: list[tuple[str, str]] = []

    class Plugin:
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtestloop(self, session: pytest.Session) -> bool:
            for item in session.items:
                run_item(item)
            return True

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
            if call.excinfo is not None:
                errors.append((function_name(item), type(call.excinfo.value).__name__))
            return (yield)

    assert run_session(tmp_path, Plugin()) in (0, 1)
    told = f"pytest {pytest.__version__} runs a test in another way: look at run_item in pytest_session"
    assert errors == [("test_it", "AssertionError")], told
