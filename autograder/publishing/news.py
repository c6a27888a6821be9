"""What changed since somebody last looked: a student at their page, the course at the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from autograder.course.course import Course
from autograder.gradebook.groups import notice_given
from autograder.gradebook.last_shown import REPORT, LastShown, Reader, keep_last_shown, read_last_shown
from autograder.publishing.changes import ScoreChange, all_changes
from autograder.publishing.class_results import NetChange, graded_assignment

__all__ = ["News", "read_news"]


@dataclass(frozen=True)
class News:
    """The changes of an assignment's scores, and which of them each reader was shown."""

    course: Course
    assignment: str
    changes: list[ScoreChange]
    shown: dict[Reader, LastShown]

    @cached_property
    def by_reader(self) -> dict[Reader, list[ScoreChange]]:
        """The changes that concern each reader."""
        found: dict[Reader, list[ScoreChange]] = {REPORT: self.changes}
        for change in self.changes:
            found.setdefault((change.student, change.notebook), []).append(change)
        return found

    def shown_now(self, reader: Reader) -> LastShown:
        """What a reader has seen already, and what they are shown now. News stays until there is newer; who reads for
        the first time is shown no change."""
        newest = max((change.number for change in self.by_reader.get(reader, ())), default=0)
        before = self.shown.get(reader, LastShown(newest, newest))
        return LastShown(before.shown, newest) if newest > before.shown else before

    def for_reader(self, reader: Reader) -> list[NetChange]:
        """The scores that differ from those that the reader knows."""
        known = self.shown_now(reader).seen
        return net(change for change in self.by_reader.get(reader, ()) if change.number > known)

    def keep(self, readers: Iterable[Reader]) -> None:
        """Keep that these readers have been shown their changes."""
        now = {reader: self.shown_now(reader) for reader in readers}
        new = {reader: mark for reader, mark in now.items() if mark != self.shown.get(reader)}
        if new:
            with graded_assignment(self.course, self.assignment) as session:
                keep_last_shown(session, self.assignment, new)


def read_news(course: Course, name: str) -> News:
    """The news of an assignment; what was given by hand is noticed first. Raises AutograderError if the gradebook does
    not know the assignment."""
    with graded_assignment(course, name) as session:
        notice_given(course, session, name)
        return News(course, name, all_changes(session, name), read_last_shown(session, name))


def net(changes: Iterable[ScoreChange]) -> list[NetChange]:
    """Each cell's change from first to last, with all reasons. A score that is back at its first value did not
    change."""
    found: dict[tuple[str, str, str], NetChange] = {}
    for change in changes:
        key = (change.student, change.notebook, change.cell)
        before, why = change.before, [change.why]
        if key in found:
            before, why = found[key].before, [found[key].why, change.why]
        reasons = ", ".join(dict.fromkeys(", ".join(why).split(", ")))
        found[key] = NetChange(*key, before, change.after, reasons)
    return [change for change in found.values() if change.before != change.after]
