"""A kernel's messages become notebook outputs as they arrive: checked, copied as plain data, and cut."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.text import storable

__all__ = ["FLOOD", "Budget", "NoOutputs", "Outputs"]

MAX_METADATA = 2_000
MAX_TRACEBACK = 200
MAX_DEPTH = 40
FLOOD = 16
MAX_DISPLAYS = 1_000
MAX_COPIES = 20
MAX_ID = 200
JSON_TYPE = re.compile(r"application/(.*\+)?json")  # under any other name, nbformat takes minutes to refuse JSON


class Budget:
    """The bytes that the outputs of a whole notebook may still take, and its displays that can be updated, by id, each
    with the outputs of the cell that shows it."""

    def __init__(self, left: float = math.inf) -> None:
        self.left = left
        self.displays: dict[str, list[tuple[Outputs, NotebookNode]]] = {}


class Outputs:
    """The outputs of one cell, at most `limit` bytes of them, and no more than the notebook's `budget`. Nothing in a
    message is trusted."""

    def __init__(self, limit: int, budget: Budget | None = None) -> None:
        self.limit = limit
        self.budget = budget or Budget()
        self.came = self.size = 0
        self.cells: list[NotebookNode] = []
        self.display_ids: set[str] = set()
        self.was_cut = False
        self.clear_next = False

    @property
    def flooded(self) -> bool:
        """Whether the cell sends so much that it should be interrupted."""
        return self.came > FLOOD * self.limit

    def take(self, kind: str, content: Any, oversized: int = 0) -> None:
        """Add one message of the kernel's if it is a well-formed output. One that was too large to be read counts with
        its `oversized` bytes."""
        if oversized:
            self.came += oversized
            self._cut("more at once than can be read")
        if kind == "clear_output" and type(content) is dict:
            self.clear_next = bool(content.get("wait"))
            if not self.clear_next:
                self._clear()
            return
        output = output_of(kind, content) if type(content) is dict else None
        if output is None:
            return
        if kind == "update_display_data":
            self._update(output, display_id_of(content))
            return
        if self.clear_next:
            self._clear()
        self._add(output, display_id_of(content))

    def _clear(self) -> None:
        """Forget the outputs so far; they leave room for new ones. An update of one of them would leave it twice."""
        self.budget.left += self.size
        for display_id in self.display_ids:
            shown = self.budget.displays[display_id]
            shown[:] = [(owner, display) for owner, display in shown if owner is not self]
        self.cells, self.size, self.display_ids, self.clear_next, self.was_cut = [], 0, set(), False, False

    def _fits(self, size: int) -> bool:
        """Whether so many bytes more may be kept; counts them if so."""
        if size > self._room():
            return False
        self.size += size
        self.budget.left -= size
        return True

    def _room(self) -> int:
        return int(max(0, min(self.limit - self.size, self.budget.left)))

    def _add(self, output: NotebookNode, display_id: str) -> None:
        size = size_of(output)
        self.came += size
        if self.was_cut:
            return
        if self._fits(size):
            self._append(output)
            self._remember(output, display_id)
            return
        room, of_all = self._room(), self.budget.left < self.limit - self.size
        if output.output_type == "stream" and room:
            output.text = output.text[:room]
            # A file takes six characters for one that is invisible.
            output.text = output.text[: len(output.text) * room // max(room, size_of(output))]
            self._append(output)
            self._fits(room)
        self._cut("too much in all" if of_all else f"more than {self.limit // 1024} kB")

    def _cut(self, why: str) -> None:
        """Say once that the rest is missing."""
        if not self.was_cut:
            self.note(f"\n[output cut here: {why}]\n")
        self.was_cut = True

    def _remember(self, output: NotebookNode, display_id: str) -> None:
        displays = self.budget.displays
        if display_id and len(displays) < MAX_DISPLAYS and len(displays.setdefault(display_id, [])) < MAX_COPIES:
            displays[display_id].append((self, output))
            self.display_ids.add(display_id)

    def _update(self, output: NotebookNode, display_id: str) -> None:
        """Show a display in its new form, wherever it stands: a progress bar is one display, updated many times."""
        size = size_of(output)
        self.came += size
        for owner, display in self.budget.displays.get(display_id, []):
            if owner._fits(size - size_of(display)):
                display.data, display.metadata = output.data, output.metadata

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
    """Drops outputs while a check runs: they could show the check's arguments."""

    def __init__(self) -> None:
        super().__init__(0)

    def take(self, kind: str, content: Any, oversized: int = 0) -> None:
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
    if kind in ("display_data", "execute_result", "update_display_data"):
        shown = "execute_result" if kind == "execute_result" else "display_data"
        node = NotebookNode(output_type=shown, data=data_of(content.get("data")), metadata=NotebookNode())
        metadata = content.get("metadata")
        if type(metadata) is dict and is_shallow(metadata) and len(json.dumps(metadata)) <= MAX_METADATA:
            node.metadata = nbformat.from_dict(copied(metadata))
        if kind == "execute_result":
            node.execution_count = None
        return node
    return None


def display_id_of(content: dict[str, Any]) -> str:
    """The id by which the kernel will update this display, if it has one."""
    transient = content.get("transient")
    return text_of(transient.get("display_id"))[:MAX_ID] if type(transient) is dict else ""


def size_of(output: NotebookNode) -> int:
    """How many characters an output takes in the notebook's file."""
    return len(json.dumps(output))


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
        elif JSON_TYPE.fullmatch(mime) and is_shallow(value):
            data[text_of(mime)] = copied(value)
    return data


def copied(value: object) -> Any:
    """JSON once more, with texts that can be stored."""
    return json.loads(storable(json.dumps(value, ensure_ascii=False)))


def is_shallow(value: object) -> bool:
    """Whether JSON is so shallow that it can be copied and written without running out of stack."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [part for whole in level for part in parts(whole)]
        if not level:
            return True
    return False


def parts(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
