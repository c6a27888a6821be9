"""A sheet of points: a CSV file with a line for each answer that waits, which a grader fills in.

Its columns are `number` and `answer`, as on the page, `points`, `keys` of comments.md, and `comment`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from math import inf, isfinite
from pathlib import Path

from autograder.course.comment_bank import BankComment, comments_on
from autograder.errors import AutograderError
from autograder.gradebook.waiting import QueuedAnswer
from autograder.text import in_points, legible

__all__ = ["read_sheet", "write_sheet"]

COLUMNS = ("number", "answer", "points", "keys", "comment")

Given = dict[str, tuple[float, str]]


def write_sheet(answers: Sequence[QueuedAnswer], path: Path) -> None:
    """Write an empty sheet. Raises AutograderError if the file is there already, or cannot be written."""
    try:
        with open(path, "x", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows([number, answer.key, "", "", ""] for number, answer in enumerate(answers, 1))
    except FileExistsError:
        raise AutograderError(f"{path} is there already, perhaps with points: give another name.") from None
    except OSError as error:
        raise AutograderError(f"{path} cannot be written: {error.strerror}.") from None


def read_sheet(path: Path, answers: Sequence[QueuedAnswer], bank: Sequence[BankComment]) -> Given:
    """The points and the comment of each line that is filled in, by the answer's key. Points that are not there are the
    full marks and those of the keys. Raises AutograderError for a line that is amiss: then no line counts."""
    known = {answer.key: answer for answer in answers}
    given: Given = {}
    for where, row in rows_of(path):
        key, points, keys, comment = (row.get(name, "").strip() for name in COLUMNS[1:])
        if not (points or keys or comment):
            continue
        if key in given:
            raise AutograderError(f"{where}: the answer {key} is there twice.")
        answer = known.get(key)
        used = used_comments(keys, answer, bank, where)
        if not points and not keys:
            raise AutograderError(f"{where}: it has a comment and no points.")
        full = answer.max_score if answer else inf  # one that is gone is given nothing, whatever the line says
        score = number(points, full, where) if points else min(full, max(0.0, full + sum(c.points for c in used)))
        given[key] = (score, "\n\n".join(filter(None, [*(one.text for one in used), legible(comment)])))
    return given


def rows_of(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The lines of a sheet, with where each is. Spreadsheets may have put semicolons between cells."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AutograderError(f"{path} cannot be read as CSV in UTF-8 ({error}).") from None
    head = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in head else ",", restval="")
    try:
        if not {"answer", "points", "keys", "comment"} <= set(reader.fieldnames or ()):
            raise AutograderError(f"{path} is not a sheet of points: its first line must name {', '.join(COLUMNS)}.")
        for row in reader:
            yield f"{path}, line {reader.line_num}", row
    except csv.Error as error:
        raise AutograderError(f"{path} cannot be read as CSV below line {reader.line_num} ({error}).") from None


def used_comments(keys: str, answer: QueuedAnswer | None, bank: Sequence[BankComment], where: str) -> list[BankComment]:
    """The comments with these keys. Raises AutograderError for a key that comments.md does not have."""
    wanted = keys.replace(",", " ").split()
    if answer is None:  # it does not wait any more, whatever it is given
        return []
    known = {comment.key: comment for comment in comments_on(bank, answer.question)}
    for key in wanted:
        if key not in known:
            raise AutograderError(
                f"{where}: comments.md has no key {key!r} for {answer.question}. Keys: {', '.join(known) or 'none'}."
            )
    return [known[key] for key in wanted]


def number(points: str, full: float, where: str) -> float:
    """Points, with a comma or a dot. Raises AutograderError for anything but a number from 0 to the full marks."""
    try:
        value = float(points.replace(",", "."))
    except ValueError:
        raise AutograderError(f"{where}: {points!r} is not a number of points.") from None
    if not (isfinite(value) and 0 <= value <= full):
        raise AutograderError(f"{where}: {points} points, and the question has 0 to {in_points(full)}.")
    return value
