"""comments.md: comments that graders use again, each with a key and the points that it costs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.course.course import Course
from autograder.errors import AutograderError

__all__ = ["BankComment", "bank_path", "comments_on", "read_bank"]

ENTRY = re.compile(r"- (?P<key>[\w-]+)(?: (?P<points>[+\-−]?\d+(?:\.\d+)?))?: (?P<text>.+)")


@dataclass(frozen=True)
class BankComment:
    """A comment on answers to `question`, or to any if that is empty; `points` are added to the full marks."""

    question: str
    key: str
    points: float
    text: str


def bank_path(course: Course, name: str) -> Path:
    return course.root / "assignments" / name / "comments.md"


def read_bank(course: Course, name: str, questions: Iterable[str]) -> list[BankComment]:
    """The comments of an assignment in order; none without the file. Raises AutograderError for one amiss, and for a
    heading that is none of `questions`."""
    path, known, found, question = bank_path(course, name), set(questions), list[BankComment](), ""
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise AutograderError(f"{path} is not UTF-8: save it as UTF-8 and run this again.") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("## "):
            question = line[3:].strip()
            if question not in known:
                raise AutograderError(
                    f"{path}, line {number}: no question {question!r} is graded by hand. Questions: "
                    f"{', '.join(sorted(known)) or 'none'}."
                )
        elif line.startswith("- "):
            found.append(comment_of(line, question, f"{path}, line {number}"))
            if len({comment.key for comment in comments_on(found, question)}) < len(comments_on(found, question)):
                raise AutograderError(f"{path}, line {number}: the key {found[-1].key!r} is there twice.")
        elif line.startswith("  ") and found:
            found[-1] = BankComment(question, found[-1].key, found[-1].points, f"{found[-1].text} {line.strip()}")
    return found


def comment_of(line: str, question: str, where: str) -> BankComment:
    entry = ENTRY.fullmatch(line.rstrip())
    if entry is None:
        raise AutograderError(f"{where}: write a comment as `- KEY POINTS: TEXT`, such as `- axes −1: Label both.`")
    return BankComment(question, entry["key"], float((entry["points"] or "0").replace("−", "-")), entry["text"])


def comments_on(bank: Sequence[BankComment], question: str) -> list[BankComment]:
    """The comments that an answer to `question` may get."""
    return [comment for comment in bank if comment.question in ("", question)]
