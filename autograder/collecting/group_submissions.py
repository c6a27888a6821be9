"""Groups: a submission of one member counts for all. The roster or the source says who is in a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from autograder.collecting.people import MOST_LETTERS, Person, Roster
from autograder.collecting.triage import Refusal, SafeSubmission

__all__ = ["for_groups", "groups_of"]


def groups_of(
    wanted: list[SafeSubmission], roster: Roster | None, before: Mapping[str, str]
) -> tuple[dict[str, str], bool]:
    """The name of each student's group, and whether it is to be kept: as the roster says, or as the source has one
    submission of several students, or as it was `before`. What a roster has said only a roster changes, since in a
    source students say it themselves; those of a source end when its members hand in apart."""
    if roster is not None and roster.groups:
        return roster.groups, True
    if not all(who in name.split(", ") or len(name) == MOST_LETTERS for who, name in before.items()):
        return dict(before), False
    together: dict[str, list[str]] = {}
    places: dict[str, set[str]] = {}
    for submission in wanted:
        together.setdefault(submission.found.origin, []).append(submission.student)
        places.setdefault(before.get(submission.student, ""), set()).add(submission.found.origin)
    if sharing := {who: named(students) for students in together.values() if len(students) > 1 for who in students}:
        return sharing, True
    groups = {who: name for who, name in before.items() if len(places.get(name, ())) < 2}
    return groups, groups != before


def named(members: list[str]) -> str:
    """The name of a group whose source gives it none."""
    return ", ".join(sorted(members))[:MOST_LETTERS]


def for_groups(
    wanted: list[SafeSubmission], groups: Mapping[str, str], people: Mapping[str, Person]
) -> tuple[list[SafeSubmission], list[Refusal]]:
    """The newest submission of each group, once for each of its members, and the submissions of all other students;
    `people` is what is known of members. Where several members handed in and it is not known when, all of theirs are
    refused, and so is a submission of students who are not in one group: whoever hands in may name others there."""
    refused = list(of_several_groups(wanted, groups))
    refused_origins = {found.origin for found, _, _ in refused}
    wanted = [submission for submission in wanted if submission.found.origin not in refused_origins]
    accepted = [submission for submission in wanted if submission.student not in groups]
    together: dict[str, list[SafeSubmission]] = {}
    for submission in wanted:
        if submission.student in groups:
            together.setdefault(groups[submission.student], []).append(submission)
    for name, submissions in together.items():
        times = {submission.found.origin: submission.found.at for submission in submissions}
        if len(times) > 1 and None in times.values():
            why = f"several of the group {name} handed in, and the source does not say when: leave one of them"
            refused += [(submission.found, submission.student, why) for submission in submissions]
            continue
        known = dict(people) | {submission.student: submission.person for submission in submissions}
        newest = max(submissions, key=lambda submission: submission.found.at or datetime.min)
        members = [student for student, group in groups.items() if group == name]
        accepted += [replace(newest, student=student, person=known.get(student, Person())) for student in members]
    return accepted, refused


def of_several_groups(wanted: list[SafeSubmission], groups: Mapping[str, str]) -> Iterator[Refusal]:
    """The submissions that several students share who are not in one group."""
    shared: dict[str, set[str]] = {}
    for submission in wanted:
        group = groups.get(submission.student, f"{submission.student} alone")
        shared.setdefault(submission.found.origin, set()).add(group)
    for submission in wanted:
        if len(shared[submission.found.origin]) > 1:
            several = ", ".join(sorted(shared[submission.found.origin]))
            yield submission.found, submission.student, f"it is of students who are not in one group: {several}"
