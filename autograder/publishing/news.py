"""What changed since somebody was told: a student by their page, the course by the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from autograder.grading.course import Course
from autograder.grading.groups import notice_given
from autograder.grading.last_told import REPORT, LastTold, Reader, keep_last_told, read_last_told
from autograder.publishing.changes import ScoreChange, all_changes
from autograder.publishing.class_results import NetChange, graded_assignment

__all__ = ["News", "read_news"]


@dataclass(frozen=True)
class News:
    """The changes of an assignment's scores, and what each reader was told of them."""

    course: Course
    assignment: str
    changes: list[ScoreChange]
    told: dict[Reader, LastTold]

    @cached_property
    def by_reader(self) -> dict[Reader, list[ScoreChange]]:
        """The changes that concern each reader."""
        found: dict[Reader, list[ScoreChange]] = {REPORT: self.changes}
        for change in self.changes:
            found.setdefault((change.student, change.notebook), []).append(change)
        return found

    def told_now(self, reader: Reader) -> LastTold:
        """What a reader knows already, and what they are told now. News stays until there is newer; whoever is told for
        the first time is told of no change."""
        newest = max((change.number for change in self.by_reader.get(reader, ())), default=0)
        before = self.told.get(reader, LastTold(newest, newest))
        return LastTold(before.told, newest) if newest > before.told else before

    def for_reader(self, reader: Reader) -> list[NetChange]:
        """The scores that differ from those that the reader knows."""
        known = self.told_now(reader).seen
        return net(change for change in self.by_reader.get(reader, ()) if change.number > known)

    def keep(self, readers: Iterable[Reader]) -> None:
        """Keep that these readers have been told."""
        now = {reader: self.told_now(reader) for reader in readers}
        new = {reader: told for reader, told in now.items() if told != self.told.get(reader)}
        if new:
            with graded_assignment(self.course, self.assignment) as session:
                keep_last_told(session, self.assignment, new)


def read_news(course: Course, name: str) -> News:
    """The news of an assignment; what was given by hand is noticed first. Raises AutograderError if the gradebook does
    not know the assignment."""
    with graded_assignment(course, name) as session:
        notice_given(course, session, name)
        return News(course, name, all_changes(session, name), read_last_told(session, name))


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
