"""A progress bar with rate and time left, and lines above it as things happen; plain lines where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autograder.text import printable

__all__ = ["progress_bar"]

Bar = tuple[Callable[[int], None], Callable[[], None], Callable[..., None]]


@contextmanager
def progress_bar(title: str) -> Iterator[Bar]:
    """`start(total)`, `advance()` and `say(line, style)`; written to standard error, so that output can be piped."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, soft_wrap=True)  # a line stays one where it is piped
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=console)
    task = progress.add_task(title, total=None)

    def start(total: int) -> None:
        progress.update(task, total=total)
        progress.start()  # not before: an error of the user's stands without an empty bar above it

    def say(line: str, style: str | None = None) -> None:
        progress.console.print(printable(line), style=style, markup=False, highlight=False)

    try:
        yield start, lambda: progress.advance(task), say
    finally:
        if progress.live.is_started:
            progress.stop()
