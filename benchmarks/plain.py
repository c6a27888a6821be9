"""What the cells of a class cost by themselves: run in one warm process, without sandbox, grader or gradebook.

    python benchmarks/plain.py softmax 10

prints two processor times in seconds as JSON: of the students' cells, and of these and the check cells, which run
here in the process of the notebook, as they do for a student, but with the hidden tests.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from material import CLASSES, is_check, students, submitted
from nbformat import NotebookNode

from autograder.checking.cell import CheckCell
from autograder.checking.check_runner import Checks, Seeds, with_checks
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import InProcessTransport


class Shell(InteractiveShell):
    """IPython without anybody to show a window to."""

    def enable_gui(self, gui: Any = None) -> None:
        """`%matplotlib` asks for this."""


def run_checks(cell: CheckCell, student: NotebookProxy, reference: NotebookProxy) -> None:
    """Run the tests of a check cell."""

    def run(checks: Checks) -> None:
        checks.run("", student, reference, Seeds(b"", "", "", ""), lender=reference)

    with_checks({"": cell}, run)


def run_notebook(shell: Shell, book: NotebookNode, key: dict[str, Any] | None) -> tuple[float, float]:
    """Run a notebook's cells, and with `key`, the answer key's names, its check cells; seconds of each kind."""
    shell.reset(new_session=False)
    cells = checks = 0.0
    for node in book.cells:
        started = time.process_time()
        if is_check(node):
            if key is not None:
                here, there = (
                    NotebookProxy(InProcessTransport(shell.user_ns)),
                    NotebookProxy(InProcessTransport(key), trusted=True),
                )
                run_checks(CheckCell(node.source), here, there)
            checks += time.process_time() - started
        elif node.cell_type == "code":
            shell.run_cell(node.source, store_history=True)
            cells += time.process_time() - started
    return cells, checks


def main(name: str, size: int) -> None:
    shell = Shell.instance()
    source, cells, checks = CLASSES[name].ours(), 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        run_notebook(shell, source, None)
        key = dict(shell.user_ns)
        run_notebook(shell, source, key)  # now everything is warm
        for number, _ in students(size):
            seconds = run_notebook(shell, submitted(source, CLASSES[name].answers(number)), key)
            cells, checks = cells + seconds[0], checks + seconds[1]
        os.chdir("/")
    print(json.dumps({"cells": cells, "with_checks": cells + checks}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
