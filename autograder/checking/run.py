"""Runs check cells: one pytest session in this process, whose tests call the student's notebook elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
import os
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from autograder.checking.cell import CheckCell
from autograder.checking.explain import verdict_of
from autograder.checking.outcomes import GraderFault, Verdict
from autograder.checking.proxies import NotebookProxy

__all__ = ["Checks", "Seeds", "run_checks", "with_checks"]

Result = TypeVar("Result")

OPTIONS = [
    "--noconftest",
    "--import-mode=importlib",
    "--assert=rewrite",
    "-p",
    "no:capture",
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


class Checks:
    """The tests of some check cells by name, collected in one pytest session: `run` those of a cell when its time has
    come, as often as wanted.

    This is also that session's plugin: it has the fixtures, and keeps the exception that ended each test.
    """

    def __init__(self, cells: Mapping[str, CheckCell], work: Callable[[Checks], Any]) -> None:
        self.cells, self.work = cells, work
        self.done: Future[Any] = Future()
        self.items: dict[str, list[pytest.Item]] = {file_name(number): [] for number in range(len(cells))}
        self.errors: dict[str, BaseException | None] = {}
        self.broken: dict[str, str] = {}
        self.ended: GraderFault | None = None
        self.student: NotebookProxy
        self.reference: NotebookProxy | None
        self.seeds: Seeds

    def run(self, name: str, student: NotebookProxy, reference: NotebookProxy | None, seeds: Seeds) -> list[Verdict]:
        """The verdict of every test of the cell `name`, in order.

        Without `reference` (in a student's own notebook) only visible tests can be run. A test that did not
        run at all, because the module itself fails, is UNGRADED: that is never the student's doing.
        """
        self.student, self.reference, self.seeds, self.errors = student, reference, seeds, {}
        file, tests = file_name(list(self.cells).index(name)), self.cells[name].tests()
        void = {test.name for test in tests if test.void}
        for item in self.items[file]:
            if function_name(item) not in void:
                self._run(item)
        not_run = GraderFault(f"the check could not be run:\n{self.broken.get(file, '')}")
        return [verdict_of(test, self.errors.get(test.name, not_run)) for test in tests]

    def _run(self, item: pytest.Item) -> None:
        if self.ended:
            self.errors[function_name(item)] = self.ended
            return
        try:
            with quiet():
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        except pytest.exit.Exception as error:
            self.ended = self.errors[function_name(item)] = GraderFault(f"{item.name} ended pytest: {error}")

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """A cell that does not even load is noted, and does not keep others from it."""
        try:
            with quiet():
                report = yield
        except SystemExit as error:
            report = pytest.CollectReport(collector.nodeid, "failed", f"SystemExit: {error}", [])
        if not report.passed:
            self.broken[collector.path.name] = report.longreprtext[-4000:]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running every test now, do the work in which they are run."""
        for item in session.items:
            self.items[item.path.name].append(item)
        try:
            self.done.set_result(self.work(self))
        except BaseException as error:
            self.done.set_exception(error)
        return True

    def pytest_configure(self, config: pytest.Config) -> None:
        # Nobody reads pytest's own report of a failed test, and its default form costs more than the test.
        config.option.tbstyle = "native"

    @pytest.fixture(name="student")
    def student_fixture(self) -> NotebookProxy:
        return self.student

    @pytest.fixture(name="reference")
    def reference_fixture(self) -> NotebookProxy:
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
        name = function_name(item)
        if self.errors.get(name) is None:
            self.errors[name] = error
        return (yield)


def file_name(number: int) -> str:
    """The file that the check cell of this number is written to."""
    return f"test_check_{number}.py"


def function_name(item: pytest.Item) -> str:
    """The name of the test function that a test is, or is one case of."""
    return str(getattr(item, "originalname", item.name))


def run_checks(cell: CheckCell, student: NotebookProxy, reference: NotebookProxy | None, seeds: Seeds) -> list[Verdict]:
    """The verdict of every test of one cell, as `Checks.run` gives them."""
    return with_checks({"": cell}, lambda checks: checks.run("", student, reference, seeds))


def with_checks(cells: Mapping[str, CheckCell], work: Callable[[Checks], Result]) -> Result:
    """What `work` returns, or raises, that is given the tests of `cells`: one pytest session lasts as long as it does,
    and has nothing of this machine's own configuration. Raises GraderFault if there can be none."""
    checks = Checks(cells, work)
    with tempfile.TemporaryDirectory(prefix="check-") as folder:
        Path(folder, "pytest.ini").write_text("[pytest]\n")
        for file, cell in zip(checks.items, cells.values(), strict=True):
            Path(folder, file).write_text(cell.module, encoding="utf-8")
        known = set(sys.modules)
        own = ["--rootdir", folder, "-c", str(Path(folder, "pytest.ini")), folder]
        with alone():
            code = pytest.main([*OPTIONS, *own], plugins=[checks])
        for name in set(sys.modules) - known:
            if "test_check" in name:
                del sys.modules[name]
    if not checks.done.done():
        raise KeyboardInterrupt if code == pytest.ExitCode.INTERRUPTED else GraderFault(f"pytest ended with {code}")
    return checks.done.result()  # type: ignore[no-any-return]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What checks print is for nobody."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


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
