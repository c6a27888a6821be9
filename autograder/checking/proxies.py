"""`student` and `reference`: proxies for a notebook whose functions are called across a process border."""

from __future__ import annotations

import ast
from typing import Any

from autograder.checking.import_analysis import ImportAnalysis
from autograder.checking.notebook_connection import NotebookConnection
from autograder.checking.outcomes import GraderFault
from autograder.checking.transports import Transport

__all__ = ["NotebookProxy", "connection_of", "evaluate"]


class NotebookProxy:
    """Gives access to the names that a notebook defines: functions to call, values to look at.

    They are attributes here, so all that this class does itself is in its connection.
    """

    def __init__(self, transport: Transport, imports: ImportAnalysis | None = None, *, trusted: bool = False) -> None:
        self._connection = NotebookConnection(transport, imports or ImportAnalysis(), trusted)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._connection.name(name)


def connection_of(notebook: NotebookProxy) -> NotebookConnection:
    """The connection behind `student` or `reference`."""
    return notebook._connection


def evaluate(notebook: NotebookProxy, expression: str, **names: Any) -> Any:
    """The value of a Python expression in the notebook's process, where `names` stand for these values or objects.

    For what a handle does not do by itself: operators, comparisons, `str`, `isinstance`. Raises GraderFault if the
    expression is not Python.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as error:
        raise GraderFault(f"evaluate: {expression!r} is not an expression: {error.msg}") from None
    connection = connection_of(notebook)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in names:
            connection.refuse_forbidden(node.id)
    return connection.evaluate(expression.strip(), names)
