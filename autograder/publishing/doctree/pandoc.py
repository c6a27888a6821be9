"""One pandoc process for all of a notebook's Markdown, formulas and HTML."""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

__all__ = ["Item", "Kind", "Pandoc"]

Kind = Literal["markdown", "html", "display", "inline", "mathml display", "mathml inline"]
Item = tuple[Kind, str]
Block = dict[str, Any]

READER = Path(__file__).with_name("items.lua")
# Seconds of processor time, so that a busy machine leaves nothing out; by the clock it may take so many times as long.
SECONDS = 5.0
BUSY = 12
# The seconds that a document may lose on texts which pandoc does not finish, and the characters that it may ask about.
PATIENCE = 20.0
MAX_CHARACTERS = 3_000_000
CACHE_ITEMS = 5_000
MEMORY = ("+RTS", "-M512m", "-RTS")


@cache
def executable() -> str:
    """The pandoc that came with pypandoc_binary, or the system's."""
    import pypandoc

    bundled = Path(pypandoc.__file__).parent / "files" / "pandoc"
    return str(bundled) if bundled.exists() else str(pypandoc.get_pandoc_path())


@dataclass
class Pandoc:
    """Remembers its conversions; asks pandoc for all missing ones at once."""

    seconds: float = SECONDS
    patience: float = PATIENCE
    characters: int = MAX_CHARACTERS
    _known: dict[Item, Block | None] = field(default_factory=dict)

    def convert(self, items: Iterable[Item]) -> None:
        """Convert items that are not known yet. Those that pandoc cannot finish become None."""
        wanted = dict.fromkeys(items)
        self._known.update({item: CACHE[item] for item in wanted if item in CACHE})
        self._fill([item for item in wanted if item not in self._known])

    def _fill(self, missing: list[Item]) -> None:
        """Ask for all at once. If pandoc does not finish, ask again without the text that it was busy with, or by
        halves."""
        if not missing:
            return
        self.characters -= sum(len(text) for _, text in missing)
        if self.patience < 0 or self.characters < 0:
            self._known.update(dict.fromkeys(missing))
            return
        begun = spent()
        try:
            done = dict(zip(missing, run_pandoc(missing, self.seconds), strict=True))
            self._known.update(done)
            remember(done)
            return
        except TooSlow as slow:
            self._known[missing.pop(slow.index)] = None
            parts = [missing]
        except Failed:
            half = len(missing) // 2
            if half == 0:
                self._known[missing[0]] = None
            parts = [missing[:half], missing[half:]] if half else []
        self.patience -= spent() - begun
        for part in parts:
            self.characters += sum(len(text) for _, text in part)
            self._fill(part)

    def blocks(self, kind: Kind, text: str) -> list[Block] | None:
        """pandoc's blocks for Markdown or HTML, None when there are none to be had."""
        block = self._get((kind, text))
        return block["c"][1] if block and block["t"] == "Div" else None

    def formula(self, tex: str, display: bool) -> str | None:
        """A formula in Typst's math syntax, None when it is not one that pandoc understands."""
        block = self._get(("display" if display else "inline", tex))
        if not block or block["t"] != "CodeBlock":
            return None
        # A formula that was not understood comes back as escaped text; one with \label ends in "<name>".
        found = re.fullmatch(r"\$(.*)\$(?:<[^<>$]*>)?", block["c"][1], re.DOTALL)
        return found[1].strip() if found else None

    def mathml(self, tex: str, display: bool) -> str | None:
        """A formula in MathML, None when it is not one that pandoc understands."""
        block = self._get(("mathml display" if display else "mathml inline", tex))
        found = (
            re.fullmatch(r"<math .*</math>", block["c"][1], re.DOTALL) if block and block["t"] == "CodeBlock" else None
        )
        return found[0] if found else None

    def _get(self, item: Item) -> Block | None:
        self.convert([item])
        return self._known[item]


# What this process has converted: most of a class's Markdown and formulas are the assignment's own.
CACHE: dict[Item, Block] = {}


def remember(done: dict[Item, Block]) -> None:
    if len(CACHE) > CACHE_ITEMS:
        CACHE.clear()
    CACHE.update((item, block) for item, block in done.items() if len(item[1]) < 20_000)


class Failed(Exception):
    """pandoc ended without an answer, or with one that cannot be read."""


class TooSlow(Exception):
    """pandoc was still busy with the item of this index."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def spent() -> float:
    """Seconds of processor time that ended children of this process have taken."""
    times = os.times()
    return times.children_user + times.children_system


def run_pandoc(items: Sequence[Item], seconds: float) -> list[Block]:
    command = [executable(), *MEMORY, "--sandbox", "--quiet", "--from", str(READER), "--to", "json"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as pandoc:  # type: ignore[call-overload]
        limit_processor_time(pandoc.pid, seconds)
        try:
            written, errors = pandoc.communicate(json.dumps(items).encode(), BUSY * seconds)
            ended = pandoc.returncode < 0  # by the system, when its time was over
        except subprocess.TimeoutExpired as error:
            written, errors, ended = b"", error.stderr, True
        finally:
            pandoc.kill()
    if ended:
        begun = re.findall(rb"^item (\d+)$", errors or b"", re.MULTILINE)
        raise TooSlow(min(int(begun[-1]), len(items) - 1) if begun else 0)
    try:
        blocks: list[Block] = json.loads(written)["blocks"]
    except (ValueError, RecursionError) as error:
        raise Failed(str(error)) from None
    if len(blocks) != len(items):
        raise Failed("an item is missing")
    return blocks


def limit_processor_time(pid: int, seconds: float) -> None:
    """Have the system end a process after so many seconds of processor time. Linux alone can do it; elsewhere, and if
    it refuses, the clock does."""
    resource = importlib.import_module("resource") if os.name == "posix" else None
    if resource is not None and hasattr(resource, "prlimit"):
        whole = math.ceil(seconds)
        with suppress(OSError):
            resource.prlimit(pid, resource.RLIMIT_CPU, (whole, whole))
