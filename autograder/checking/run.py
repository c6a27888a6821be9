"""Runs a check cell: one pytest session in this process, whose tests call the student's notebook elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.checking.cell import CheckCell, Test
from autograder.checking.explain import verdict_of
from autograder.checking.notebook import Notebook
from autograder.checking.outcomes import GraderFault, Verdict

__all__ = ["Seeds", "run_checks"]

OPTIONS = [
    "--noconftest",
    "--import-mode=importlib",
    "--capture=no",
    "--assert=rewrite",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:terminal",
    "-p",
    "no:doctest",
    "-p",
    "no:unittest",
    "-p",
    "no:junitxml",
    "-p",
    "no:faulthandler",
    "-p",
    "no:logging",
    "-p",
    "no:stepwise",
    "-p",
    "no:pastebin",
    "-p",
    "no:setuponly",
    "-p",
    "no:setupplan",
    "-p",
    "no:threadexception",
    "-p",
    "no:unraisableexception",
    "-p",
    "no:warnings",
    "-p",
    "no:debugging",
    "-p",
    "no:recwarn",
    "-p",
    "no:monkeypatch",
    "-p",
    "no:tmpdir",
    "-p",
    "no:legacypath",
    "-p",
    "no:nose",
    "-p",
    "no:reports",
    "-p",
    "no:subtests",
]


@dataclass(frozen=True)
class Seeds:
    """Where a test's random numbers come from: the same at a regrade, and not to be guessed without `secret`."""

    secret: bytes
    assignment: str
    submission: str
    cell: str = ""

    def rng(self, test: str) -> np.random.Generator:
        """The generator of one test, keyed by (assignment, submission, cell, test)."""
        key = "\0".join((self.assignment, self.submission, self.cell, test)).encode()
        return np.random.default_rng(int.from_bytes(hmac.digest(self.secret, key, hashlib.sha256)))


@dataclass
class Session:
    """The pytest plugin of one check cell: its fixtures, and the exception that ended each test."""

    student: Notebook
    reference: Notebook | None
    seeds: Seeds
    void: frozenset[str] = frozenset()
    errors: dict[str, BaseException | None] = field(default_factory=dict)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if getattr(item, "originalname", item.name) not in self.void]

    def pytest_configure(self, config: pytest.Config) -> None:
        # Nobody reads pytest's own report of a failed test, and its default form costs more than the test.
        config.option.tbstyle = "native"

    @pytest.fixture(name="student")
    def student_fixture(self) -> Notebook:
        return self.student

    @pytest.fixture(name="reference")
    def reference_fixture(self) -> Notebook:
        if self.reference is None:
            raise GraderFault("there is no answer key here: only a hidden test may use reference")
        return self.reference

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        return self.seeds.rng(request.node.name)

    @pytest.fixture(autouse=True)
    def _lent(self, request: pytest.FixtureRequest) -> Iterator[None]:
        self.student._forget()
        if self.reference is not None:
            self.reference._forget()
        names = getattr(request.function, "given", ())
        if not names:
            yield
            return
        if self.reference is None:
            raise GraderFault("there is no answer key here: only a hidden test may use @given")
        self.student._lend({name: getattr(self.reference, name) for name in names})
        yield
        self.student._restore()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
        error = call.excinfo.value if call.excinfo is not None else None
        name = getattr(item, "originalname", item.name)
        if self.errors.get(name) is None:
            self.errors[name] = error
        return (yield)


def run_checks(cell: CheckCell, student: Notebook, reference: Notebook | None, seeds: Seeds) -> list[Verdict]:
    """The verdict of every test of `cell`, in order.

    Without `reference` (in a student's own notebook) only visible tests can be run. A test that did not
    run at all, because the module itself fails, is UNGRADED: that is never the student's doing.
    """
    tests = cell.tests()
    session = Session(student, reference, seeds, frozenset(test.name for test in tests if test.void))
    log = run_module(cell.module, session)
    verdicts = []
    for test in tests:
        if test.name in session.errors:
            verdicts.append(verdict_of(test, session.errors[test.name]))
        else:
            verdicts.append(not_run(test, log))
    return verdicts


def not_run(test: Test, log: str) -> Verdict:
    """The verdict of a test that never started."""
    return verdict_of(test, GraderFault(f"the check could not be run:\n{log}"))


def run_module(module: str, session: Session) -> str:
    """Run the text of a test module under pytest with nothing of this machine's own configuration; returns what
    pytest printed."""
    said = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="check-") as folder:
        Path(folder, "pytest.ini").write_text("[pytest]\n")
        path = Path(folder, "test_check.py")
        path.write_text(module, encoding="utf-8")
        known = set(sys.modules)
        own = ["--rootdir", folder, "-c", str(Path(folder, "pytest.ini"))]
        with alone(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            pytest.main([*OPTIONS, *own, str(path)], plugins=[session])
        for name in set(sys.modules) - known:
            if "test_check" in name:
                del sys.modules[name]
    return said.getvalue()[-4000:]


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """pytest as on an empty machine: no plugin of the environment, no bytecode left behind, and back as it was. The
    working folder stays: in a student's own notebook their functions run in this process, and may read files."""
    kept = {
        name: os.environ.get(name) for name in ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")
    }
    bytecode = sys.dont_write_bytecode
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTEST_PLUGINS", None)
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
