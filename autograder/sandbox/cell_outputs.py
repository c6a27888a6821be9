"""A kernel's messages become notebook outputs as they arrive: checked, copied as plain data, and cut."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.text import storable

__all__ = ["NoOutputs", "Outputs"]

MAX_METADATA = 2_000
MAX_TRACEBACK = 200
MAX_DEPTH = 40
FLOOD = 16


class Outputs:
    """The outputs of one cell, at most `limit` bytes of them. Nothing in a message is trusted."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.cells: list[NotebookNode] = []
        self.was_cut = False
        self.clear_next = False

    @property
    def flooded(self) -> bool:
        """Whether the cell sends so much that it should be interrupted."""
        return self.size > FLOOD * self.limit

    def take(self, kind: str, content: Any) -> None:
        """Add one message of the kernel's if it is a well-formed output."""
        if kind == "clear_output" and type(content) is dict:
            self.clear_next = bool(content.get("wait"))
            if not self.clear_next:
                self.cells = []
            return
        output = output_of(kind, content) if type(content) is dict else None
        if output is None:
            return
        if self.clear_next:
            self.cells, self.clear_next = [], False
        self._add(output)

    def _add(self, output: NotebookNode) -> None:
        size = len(json.dumps(output))
        left = self.limit - self.size
        self.size += size
        if size <= left:
            self._append(output)
        elif not self.was_cut:
            self.was_cut = True
            if output.output_type == "stream":
                output.text = output.text[: max(left, 0)]
                self._append(output)
            self.note(f"\n[output cut here: more than {self.limit // 1024} kB]\n")

    def _append(self, output: NotebookNode) -> None:
        last = self.cells[-1] if self.cells else None
        if last is not None and output.output_type == "stream" == last.output_type and last.name == output.name:
            last.text += output.text
        else:
            self.cells.append(output)

    def note(self, text: str) -> None:
        """Add a text of the grader's own, whatever the limit."""
        self.cells.append(NotebookNode(output_type="stream", name="stdout", text=text))

    def error(self, name: str, text: str) -> None:
        """Add an error of the grader's own, as nbgrader and Jupyter show errors."""
        self.cells.append(NotebookNode(output_type="error", ename=name, evalue=text, traceback=[f"{name}: {text}"]))


class NoOutputs(Outputs):
    """Drops outputs: what a kernel sends while a check runs could show the check's arguments."""

    def __init__(self) -> None:
        super().__init__(0)

    def take(self, kind: str, content: Any) -> None:
        """Drop the message."""


def output_of(kind: str, content: dict[str, Any]) -> NotebookNode | None:
    """The output that a message stands for, or None."""
    if kind == "stream":
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return NotebookNode(output_type="stream", name=name, text=text_of(content.get("text")))
    if kind == "error":
        lines = content.get("traceback")
        traceback = [text_of(line) for line in lines[:MAX_TRACEBACK]] if type(lines) is list else []
        names = {"ename": text_of(content.get("ename")), "evalue": text_of(content.get("evalue"))}
        return NotebookNode(output_type="error", traceback=traceback, **names)
    if kind in ("display_data", "execute_result"):
        node = NotebookNode(output_type=kind, data=data_of(content.get("data")), metadata=NotebookNode())
        metadata = content.get("metadata")
        if type(metadata) is dict and is_shallow(metadata) and len(json.dumps(metadata)) <= MAX_METADATA:
            node.metadata = nbformat.from_dict(copied(metadata))
        if kind == "execute_result":
            node.execution_count = None
        return node
    return None


def text_of(value: object) -> str:
    """`value` if it is text that can be stored, else nothing."""
    return storable(value) if type(value) is str else ""


def data_of(bundle: object) -> NotebookNode:
    """The parts of a MIME bundle that notebooks may hold: text, and JSON under a JSON type."""
    data = NotebookNode()
    if type(bundle) is not dict:
        return data
    for mime, value in bundle.items():
        if type(value) is str:
            data[text_of(mime)] = text_of(value)
        elif (mime == "application/json" or mime.endswith("+json")) and is_shallow(value):
            data[text_of(mime)] = copied(value)
    return data


def copied(value: object) -> Any:
    """JSON once more, with texts that can be stored."""
    return json.loads(storable(json.dumps(value, ensure_ascii=False)))


def is_shallow(value: object) -> bool:
    """Whether JSON is nested so little that nothing that copies or writes it runs out of stack."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [part for whole in level for part in parts(whole)]
        if not level:
            return True
    return False


def parts(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
