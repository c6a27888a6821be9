"""Runs check cells in one pytest session in this process; their tests call the student's notebook elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import math
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pytest

from autograder.checking.cell import CheckCell
from autograder.checking.deadline import Overtime, ends_at
from autograder.checking.explain import no_function, verdict_of, warning_of
from autograder.checking.outcomes import CheckFailed, GraderFault, Mistake, Verdict
from autograder.checking.proxies import NotebookProxy, connection_of
from autograder.checking.pytest_session import function_name, quiet, run_item, run_session
from autograder.checking.signatures import Signature, explain_by

__all__ = ["PUBLIC", "Checks", "Seeds", "Watchers", "with_checks"]

Result = TypeVar("Result")


@dataclass(frozen=True)
class Seeds:
    """The source of every test's random numbers: the same at a regrade, and unpredictable without `secret`."""

    secret: bytes
    assignment: str
    submission: str
    cell: str = ""

    def of_attempt(self, number: int) -> Seeds:
        """Other numbers for the same submission: an attempt must not profit from what an earlier one has seen."""
        return replace(self, submission=f"{self.submission}, attempt {number}")

    def of_counterexample(self, number: int) -> Seeds:
        """Other numbers, for inputs that are shown: they say nothing of those that were graded."""
        return replace(self, submission=f"{self.submission}, counterexample {number}")

    def rng(self, test: str) -> np.random.Generator:
        """The generator of one test, keyed by (assignment, submission, cell, test)."""
        key = "\0".join((self.assignment, self.submission, self.cell, test)).encode()
        return np.random.default_rng(int.from_bytes(hmac.digest(self.secret, key, hashlib.sha256)))


# In a student's own notebook and in records, whose inputs are known to everybody.
PUBLIC = Seeds(b"public", "", "")


class Watcher(Protocol):
    """Is called when a test begins."""

    def begin(self, test: str) -> None: ...


@dataclass(frozen=True)
class Watchers:
    """Several watchers as one."""

    watchers: Sequence[Watcher]

    def begin(self, test: str) -> None:
        for watcher in self.watchers:
            watcher.begin(test)


class Checks:
    """The tests of some check cells, collected in one pytest session. `run` runs those of one cell, any number of
    times.

    `signatures` gives what the assignment's text says of its functions; `private_files` are those that tests may open.
    """

    def __init__(self, cells: Mapping[str, CheckCell]) -> None:
        self.cells = cells
        self.items: dict[str, list[pytest.Item]] = {file_name(number): [] for number in range(len(cells))}
        self.errors: dict[str, BaseException | None] = {}
        self.broken: dict[str, str] = {}
        self.ended: GraderFault | None = None
        self.name: str
        self.watcher: Watcher | None
        self.student: NotebookProxy
        self.reference: NotebookProxy | None
        self.lender: NotebookProxy | None
        self.until: float
        self.seeds: Seeds
        self.signatures: Callable[[], Mapping[str, Signature]] = dict
        self.private_files: Mapping[str, bytes] = {}

    def run(
        self,
        name: str,
        student: NotebookProxy,
        reference: NotebookProxy | None,
        seeds: Seeds,
        watcher: Watcher | None = None,
        *,
        lender: NotebookProxy | None = None,
        only: str = "",
        until: float = math.inf,
    ) -> list[Verdict]:
        """The verdict of every test of the cell `name`, in order, or of `only` one. `watcher` is told which test
        begins. What is lent comes from `lender`; without one, as in a student's own notebook, nothing is lent. After
        `until` (`time.monotonic` seconds) no test computes any more.

        Without `reference` only tests that do without it can run. A test that could not run,
        because the cell itself fails, is UNGRADED: that is never the student's fault.
        """
        self.name, self.student, self.reference, self.seeds, self.watcher = name, student, reference, seeds, watcher
        self.lender, self.until = lender, until
        if reference is not None and lender is not reference:
            connection_of(reference).lender = connection_of(lender) if lender is not None else None
        self.errors = {}
        void = {test.name for test in self.cells[name].tests() if test.void}
        for item in self._items():
            if function_name(item) not in void and only in ("", function_name(item)):
                self._run(item)
        return [verdict for verdict in self.verdicts({}) if only in ("", verdict.name)]

    def verdicts(self, named: Mapping[str, Mistake]) -> list[Verdict]:
        """The verdicts of the cell that ran last; `named` are the mistakes that explain failed tests."""
        not_run = GraderFault(f"the check could not be run:\n{self.broken.get(self._file(), '')}")
        return [
            verdict_of(test, self.errors.get(test.name, not_run), named.get(test.name))
            for test in self.cells[self.name].tests()
        ]

    def rerun(self, test: str, student: NotebookProxy, watcher: Watcher) -> BaseException | None:
        """Run a test of the cell that ran last again with another notebook; returns the exception that ended it."""
        saved = self.student, self.watcher, self.errors
        self.student, self.watcher, self.errors = student, watcher, {}
        try:
            for item in self._items():
                if function_name(item) == test:
                    self._run(item)
            return self.errors[test]
        finally:
            self.student, self.watcher, self.errors = saved

    def keep(self, test: str, error: BaseException | None) -> None:
        """Keep the exception that ended a test, or the first of its cases that raised one, with the assignment's own
        words for it."""
        if self.errors.get(test) is None:
            error = no_function(error, *connection_of(self.student).last_name) or error
            self.errors[test] = error
            if isinstance(error, CheckFailed) and error.values is not None:
                self._explain(error)

    def _explain(self, error: CheckFailed) -> None:
        """Add what the assignment says of the function whose value was compared, and what the student's code warned
        of."""
        signatures, calls = self.signatures(), connection_of(self.student).calls
        error.warned = warning_of(error, calls)
        for call in reversed(calls):
            if call.name in signatures:
                explain_by(error, call, signatures[call.name])

    def _file(self) -> str:
        return file_name(list(self.cells).index(self.name))

    def _items(self) -> list[pytest.Item]:
        return self.items[self._file()]

    def _run(self, item: pytest.Item) -> None:
        if self.ended:
            self.errors[function_name(item)] = self.ended
            return
        if time.monotonic() > self.until:
            self.errors[function_name(item)] = Overtime()
            return
        if self.watcher is not None:
            self.watcher.begin(function_name(item))
        try:
            with ends_at(self.until + 1):  # a call of the student's ends by itself, and says more
                run_item(item)
        except Overtime as error:  # between pytest's own steps
            self.errors[function_name(item)] = error
        except pytest.exit.Exception as error:
            self.ended = self.errors[function_name(item)] = GraderFault(f"{item.name} ended pytest: {error}")


class CheckPlugin:
    """The pytest plugin of a session of `checks`: the fixtures, tests that failed to load, and the exception that ended
    each test. In place of pytest's own loop over the tests it does `work`."""

    def __init__(self, checks: Checks, work: Callable[[Checks], Any]) -> None:
        self.checks, self.work = checks, work
        self.done: Future[Any] = Future()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Note a cell that fails to load; the other cells run."""
        try:
            with quiet():
                report = yield
        except SystemExit as error:
            report = pytest.CollectReport(collector.nodeid, "failed", f"SystemExit: {error}", [])
        if not report.passed:
            self.checks.broken[collector.path.name] = report.longreprtext[-4000:]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Do the work that runs the tests, instead of running them all now."""
        for item in session.items:
            self.checks.items[item.path.name].append(item)
        try:
            self.done.set_result(self.work(self.checks))
        except BaseException as error:
            self.done.set_exception(error)
        return True

    def pytest_configure(self, config: pytest.Config) -> None:
        # The report of a cell that fails to load goes to the author, who needs no more than a traceback.
        config.option.tbstyle = "native"

    @pytest.fixture(name="student")
    def student_fixture(self) -> NotebookProxy:
        return self.checks.student

    @pytest.fixture(name="reference")
    def reference_fixture(self) -> NotebookProxy:
        if self.checks.reference is None:
            raise GraderFault("there is no answer key here")
        return self.checks.reference

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        return self.checks.seeds.rng(request.node.name)

    @pytest.fixture
    def private(self) -> Callable[[str], BytesIO]:
        """Opens a private file of the assignment, from memory: nothing of it is on a disk that others may read."""

        def opened(name: str) -> BytesIO:
            files = self.checks.private_files
            if name not in files:
                names = ", ".join(files) or "none"
                raise GraderFault(f"there is no file {name!r} in the assignment's folder private (there: {names})")
            return BytesIO(files[name])

        return opened

    @pytest.fixture(autouse=True)
    def _lent(self, request: pytest.FixtureRequest) -> Iterator[None]:
        student, lender = self.checks.student, self.checks.lender
        for notebook in (student, self.checks.reference, lender):
            if notebook is not None:
                connection_of(notebook).start_test()
        names = getattr(request.function, "given", ())
        if not names or lender is None:
            yield
            return
        connection_of(student).lend({name: getattr(lender, name) for name in names})
        yield
        connection_of(student).restore()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Keep the exception. The report only says whether there was one: nobody reads more, and pytest's own costs
        more than many a test."""
        error = call.excinfo.value if call.excinfo is not None else None
        self.checks.keep(function_name(item), error)
        assert call.when != "collect"
        return pytest.TestReport(item.nodeid, item.location, {}, "failed" if error else "passed", None, call.when)


def file_name(number: int) -> str:
    """The file of the check cell with this number."""
    return f"test_check_{number}.py"


def with_checks(cells: Mapping[str, CheckCell], work: Callable[[Checks], Result]) -> Result:
    """Collect the tests of `cells` in one pytest session, and return (or raise) what `work` does with them. Raises
    GraderFault if pytest cannot start."""
    checks = Checks(cells)
    plugin = CheckPlugin(checks, work)
    with tempfile.TemporaryDirectory(prefix="check-") as folder:
        for file, cell in zip(checks.items, cells.values(), strict=True):
            Path(folder, file).write_text(cell.module, encoding="utf-8")
        code = run_session(Path(folder), plugin)
    if not plugin.done.done():
        raise KeyboardInterrupt if code == pytest.ExitCode.INTERRUPTED else GraderFault(f"pytest ended with {code}")
    return plugin.done.result()  # type: ignore[no-any-return]
