"""pytest without anything of the machine that it runs on: the one place that relies on names inside pytest."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["KEPT", "UNUSED", "function_name", "quiet", "run_item", "run_session"]

# pytest's own plugins: a check needs the first, and the others would read the machine's settings or cost time. Older
# and newer versions lack some of them; `-p no:` passes over a name that pytest does not know.
KEPT = frozenset({"mark", "main", "runner", "fixtures", "helpconfig", "python", "skipping", "assertion"})
# fmt: off
UNUSED = (
    "capture", "cacheprovider", "terminal", "doctest", "unittest", "junitxml", "faulthandler", "logging", "stepwise",
    "pastebin", "setuponly", "setupplan", "threadexception", "unraisableexception", "warnings", "debugging",
    "recwarn", "monkeypatch", "tmpdir", "legacypath", "nose", "reports", "subtests",
)
# fmt: on
VARIABLES = ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")


def run_session(folder: Path, plugin: object) -> int:
    """Collect the tests in `folder` in a session of their own with `plugin`, and return pytest's exit code."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    options = ["--noconftest", "--import-mode=importlib", "--assert=rewrite"]
    options += [word for name in UNUSED for word in ("-p", f"no:{name}")]
    known = set(sys.modules)
    with clean_environment():
        code = pytest.main(
            [*options, "--rootdir", str(folder), "-c", str(folder / "pytest.ini"), str(folder)], plugins=[plugin]
        )
    for name in set(sys.modules) - known:
        if "test_check" in name:
            del sys.modules[name]
    return int(code)


def run_item(item: pytest.Item) -> None:
    """Run one collected test with its fixtures, without printing anything."""
    with quiet():
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def function_name(item: pytest.Item) -> str:
    """The test function that an item is, or is one parametrized case of."""
    return str(getattr(item, "originalname", item.name))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nobody reads what checks print."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def clean_environment() -> Iterator[None]:
    """No plugins or options from the environment, and no bytecode left behind. The working folder stays: in a
    student's own notebook their functions run in this process, and may read files."""
    kept = {name: os.environ.get(name) for name in VARIABLES}
    bytecode = sys.dont_write_bytecode
    for name in VARIABLES:
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = bytecode
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
