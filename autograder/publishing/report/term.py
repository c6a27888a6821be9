"""A term as the report shows it: points by assignment and by topic, who falls behind, and which mistakes come back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from nbgrader.api import Assignment, SubmittedAssignment
from sqlalchemy import select

from autograder.course.course import Course
from autograder.course.topics import Question, read_topics
from autograder.errors import AutograderError
from autograder.gradebook.gradebook import open_gradebook
from autograder.publishing.class_results import ClassResults, read_results
from autograder.publishing.pages import title
from autograder.publishing.report.classes import to_teach
from autograder.publishing.report.numbers import (
    WEAK_STUDENT,
    CountedSubmission,
    cause_without_details,
    points_so_far,
    question_numbers,
    summary,
)
from autograder.text import in_percent, in_zone

__all__ = ["AssignmentNumbers", "ReturningMistake", "StudentTerm", "TermNumbers", "TopicNumbers", "read_term"]

HALF = 0.5  # of the points for a topic
DROP = 0.25  # so much less of the points than before
MANY = 2  # assignments
NOTHING_GRADED = "Nothing was graded yet: run `autograder grade NAME` first."


@dataclass(frozen=True)
class AssignmentNumbers:
    """How an assignment went: the points that are given so far, how many handed in, and `median` and `mean` of their
    scores after the late penalty, None where nobody has one yet."""

    assignment: str
    due: str | None
    max_score: float
    submissions: int
    absent: int
    waiting: int
    median: float | None
    mean: float | None


@dataclass(frozen=True)
class StudentTerm:
    """A student's share of the points that are given, by assignment: 0 where nothing was handed in, None where points
    are missing still or nothing could be read. `behind` says why they are falling behind; it is empty if they are
    not."""

    student: str
    shares: dict[str, float | None]
    missing: list[str]
    share: float | None
    behind: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReturningMistake:
    """A mistake of several assignments: how many students made it in each, and who in several, with the names of
    these assignments."""

    text: str
    counts: dict[str, int]
    again: dict[str, list[str]]


@dataclass(frozen=True)
class TopicNumbers:
    """How a topic went: the mean share of its points, by assignment (those without it are left out) and of all
    together, None where no points are given yet; `below_half` are the students with less than half of its points, the
    lowest first, with their share."""

    topic: str
    shares: dict[str, float | None]
    share: float | None
    below_half: dict[str, float]


@dataclass(frozen=True)
class TermNumbers:
    """All that the report on a term shows. `teach` has the questions of each assignment to teach again and why;
    `names` are those of students by their id, where they have one."""

    assignments: list[AssignmentNumbers]
    topics: list[TopicNumbers]
    teach: dict[str, list[tuple[str, str]]]
    students: list[StudentTerm]
    mistakes: list[ReturningMistake]
    names: dict[str, str]


def read_term(course: Course) -> TermNumbers:
    """The term of a course, in the order in which its assignments are due. Raises AutograderError if nothing was
    graded."""
    dues = due_dates(course)
    classes = {name: read_results(course, name) for name in dues}
    submissions = {name: counted_submissions(found) for name, found in classes.items()}
    mistakes = {name: list(mistakes_of(of)) for name, of in submissions.items()}
    shares = {name: shares_of(found) for name, found in classes.items()}
    people = sorted(set().union(*(shares[name].keys() | set(classes[name].absent) for name in classes)))
    names = {student: name for found in classes.values() for student, name in found.names.items()}
    return TermNumbers(
        [assignment_numbers(name, dues[name], found) for name, found in classes.items()],
        list(topic_numbers(submissions, {key: of for name in dues for key, of in read_topics(course, name).items()})),
        {name: list(to_teach(question_numbers(of))) for name, of in submissions.items()},
        [student_term(student, shares, classes) for student in people],
        list(returning(mistakes)),
        names,
    )


def due_dates(course: Course) -> dict[str, str | None]:
    """The assignments that somebody has handed in, in the order in which they are due, those without a date last."""
    if course.gradebook_file and not course.gradebook_file.is_file():
        raise AutograderError(NOTHING_GRADED)
    with open_gradebook(course) as gradebook:
        query = select(Assignment.name, Assignment.duedate).join(SubmittedAssignment).distinct()
        found = gradebook.db.execute(query).all()
    if not found:
        raise AutograderError(NOTHING_GRADED)
    order = sorted(found, key=lambda row: (row[1] is None, row[1] and row[1].isoformat(), row[0]))
    return {name: in_zone(due, course.zone) if due else None for name, due in order}


def counted_submissions(found: ClassResults) -> list[CountedSubmission]:
    return [CountedSubmission(student.student, student.results) for student in found.students]


def assignment_numbers(name: str, due: str | None, found: ClassResults) -> AssignmentNumbers:
    points = points_so_far(counted_submissions(found))
    scores = summary(list(points.scores.values()))
    counts = (len(found.students), len(found.absent), len(points.waiting))
    return AssignmentNumbers(name, due, points.max_score, *counts, scores.get("median"), scores.get("mean"))


def topic_numbers(
    submissions: dict[str, list[CountedSubmission]], topics: dict[Question, list[str]]
) -> Iterator[TopicNumbers]:
    """The topics in the order in which they come first."""
    everybody = list(chain.from_iterable(submissions.values()))
    for topic in dict.fromkeys(chain.from_iterable(topics.values())):
        questions = {question: question[0] for question, named in topics.items() if topic in named}
        shares = shares_on(questions, everybody)
        below = sorted((share, student) for student, share in shares.items() if share < HALF)
        yield TopicNumbers(
            topic,
            {
                name: mean(shares_on(questions, submissions[name]).values())
                for name in dict.fromkeys(questions.values())
            },
            mean(shares.values()),
            {student: share for share, student in below},
        )


def shares_on(questions: Collection[Question], submissions: Sequence[CountedSubmission]) -> dict[str, float]:
    """Each student's share of the points for these questions. What was not handed in, could not be read or has no score
    yet does not count."""
    scores: dict[str, float] = defaultdict(float)
    full: dict[str, float] = defaultdict(float)
    for submission in submissions:
        for result in submission.results:
            for name, cell in result.cells.items() if not result.refused else ():
                if (result.assignment, result.notebook, name) in questions and cell.score is not None:
                    scores[submission.student] += cell.score
                    full[submission.student] += cell.max_score
    return {student: scores[student] / points for student, points in full.items() if points}


def mean(values: Collection[float]) -> float | None:
    return sum(values) / len(values) if values else None


def shares_of(found: ClassResults) -> dict[str, float | None]:
    """Each student's share of the points that are given, None where some are missing."""
    points = points_so_far(counted_submissions(found))
    return {
        student.student: points.scores[student.student] / points.max_score
        if student.student in points.scores and points.max_score
        else None
        for student in found.students
    }


def student_term(
    student: str, shares: dict[str, dict[str, float | None]], classes: dict[str, ClassResults]
) -> StudentTerm:
    missing = [name for name, found in classes.items() if student in found.absent]
    own_shares = {name: 0.0 if name in missing else shares[name].get(student) for name in classes}
    given = [share for share in own_shares.values() if share is not None]
    return StudentTerm(student, own_shares, missing, mean(given), list(falling_behind(own_shares, missing)))


def falling_behind(shares: dict[str, float | None], missing: Sequence[str]) -> Iterator[str]:
    """Why a student is falling behind: nothing handed in for the last assignment or for several, few points in all, or
    fewer than before."""
    last = list(shares)[-1]
    if last in missing or len(missing) >= MANY:
        yield f"handed in nothing for {', '.join(missing)}"
    handed_in = [share for name, share in shares.items() if share is not None and name not in missing]
    if handed_in and sum(handed_in) / len(handed_in) < WEAK_STUDENT:
        yield f"{in_percent(sum(handed_in) / len(handed_in))} of the points of what was handed in"
    elif len(handed_in) > 1 and (before := sum(handed_in[:-1]) / len(handed_in[:-1])) - handed_in[-1] >= DROP:
        yield f"{in_percent(handed_in[-1])} of the points last, {in_percent(before)} before"


def mistakes_of(submissions: Sequence[CountedSubmission]) -> Iterator[tuple[str, str]]:
    """Each student, once, with each cause that their lost checks name."""
    found = {
        (submission.student, cause)
        for submission in submissions
        for name, cell, _ in submission.cells()
        for check in cell.checks
        if (cause := cause_without_details(check, title(name.split("/")[-1])))
    }
    yield from sorted(found)


def returning(mistakes: dict[str, list[tuple[str, str]]]) -> Iterator[ReturningMistake]:
    """The mistakes of several assignments, those first that come back for most."""
    counts = {name: Counter(text for _, text in pairs) for name, pairs in mistakes.items()}
    mistakes_again = []
    for text in sorted(set().union(*counts.values())):
        in_assignments = {name: count[text] for name, count in counts.items() if text in count}
        if len(in_assignments) < MANY:
            continue
        by_student: dict[str, list[str]] = {}
        for name in in_assignments:
            for student, other in mistakes[name]:
                if other == text:
                    by_student.setdefault(student, []).append(name)
        again = {student: names for student, names in sorted(by_student.items()) if len(names) >= MANY}
        mistakes_again.append(ReturningMistake(text, in_assignments, again))
    yield from sorted(mistakes_again, key=lambda one: (-len(one.again), -sum(one.counts.values()), one.text))
