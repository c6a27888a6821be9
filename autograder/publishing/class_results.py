"""Reads an assignment's results from the gradebook, for scores, feedback and report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from nbgrader.api import MissingEntry
from sqlalchemy import select

from autograder.checking.outcomes import Verdict, split_points
from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook import tables
from autograder.gradebook.class_rows import (
    GradeRow,
    NotebookRow,
    SubmissionRow,
    full_name,
    read_submissions,
    student_rows,
)
from autograder.gradebook.due_dates import time_is_over
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.groups import read_groups
from autograder.gradebook.last_grading import Place, read_verdicts, rows_of
from autograder.gradebook.late_days import LateUse, late_days
from autograder.submission.incidents import Audience, IncidentKind, audience_of
from autograder.text import in_points, in_zone

__all__ = [
    "CellResult",
    "CheckResult",
    "ClassResults",
    "NetChange",
    "NotebookResult",
    "StudentResults",
    "graded_assignment",
    "lateness",
    "read_results",
    "why_held_back",
]

Verdicts = dict[Place, list[Verdict]]  # of one student, by check cell


@dataclass(frozen=True)
class CheckResult(Verdict):
    """A verdict with its worth in `points`. The message of a void check says why it is void; a counterexample is there
    only once students may see it."""

    points: float = 0.0


@dataclass(frozen=True)
class CellResult:
    """The points of a grade cell; `score` is None as long as a person has to give it, and `by_hand` if one has."""

    score: float | None
    max_score: float
    by_hand: bool
    checks: list[CheckResult]


@dataclass(frozen=True)
class NetChange:
    """A grade cell whose score differs from the one that its reader knows; None where there was, or is, no score. A
    `cell` without a name is the late penalty of the notebook, below zero."""

    student: str
    notebook: str
    cell: str
    before: float | None
    after: float | None
    why: str


@dataclass(frozen=True)
class NotebookResult:
    """The points, checks and comments of one submitted notebook, by grade id, and what its student must know.

    A comment is empty where nothing is said; `silent` are the answers that nbgrader found as they were released. `late`
    says how many late days it took, `group` is empty for a student alone. `refused` says that it could not be read,
    so that its points say nothing of the student. `changed` is what differs from the page that the student has; it is
    empty unless a page is made.
    """

    student: str
    assignment: str
    notebook: str
    score: float
    max_score: float
    late_penalty: float
    cells: dict[str, CellResult] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    late: str = ""
    group: str = ""
    refused: bool = False
    changed: list[NetChange] = field(default_factory=list)

    @property
    def score_before(self) -> float:
        """The points after the late penalty that the student knows."""
        return self.final_score - sum((change.after or 0.0) - (change.before or 0.0) for change in self.changed)

    @property
    def waiting(self) -> str:
        """One sentence if a person still has to give points, else nothing."""
        waits = sum(cell.score is None for cell in self.cells.values())
        parts = "One part is" if waits == 1 else f"{waits} parts are"
        return f"{parts} still to be graded by hand; this score is not final." if waits else ""

    @property
    def final_score(self) -> float:
        """The points after the late penalty."""
        return max(0.0, self.score - self.late_penalty)

    def data(self) -> dict[str, Any]:
        """The result as plain data, without what only instructors may see."""
        data = asdict(self)
        for cell in data["cells"].values():
            for check in cell["checks"]:
                del check["detail"], check["weight"]
        return data


@dataclass(frozen=True)
class StudentResults:
    """A student's submission: who, in which `group` (empty for a student alone), when, how late (`late` is None
    where the course has no late days), the results of its notebooks, and what happened while it was graded: `{"kind",
    "cell", "text"}` each."""

    student: str
    group: str
    about: dict[str, str]
    submitted: datetime | None
    seconds_late: float
    late: LateUse | None
    late_penalty: float
    max_score: float
    needs_manual_grade: bool
    results: list[NotebookResult]
    incidents: list[dict[str, str]]

    @property
    def score(self) -> float:
        """The points before the late penalty."""
        return sum(result.score for result in self.results)


@dataclass(frozen=True)
class ClassResults:
    """The submissions of an assignment in order of student id, the students of the gradebook who have none, and the
    names of all who have one, by id."""

    max_score: float
    students: list[StudentResults]
    absent: list[str]
    names: dict[str, str] = field(default_factory=dict)


def read_results(course: Course, name: str, student: str = "") -> ClassResults:
    """The results of everybody, or of `student` alone, in a number of queries that does not grow with the class. Raises
    AutograderError if the gradebook does not know the assignment, or has no submission of it."""
    with graded_assignment(course, name) as session:
        submissions = read_submissions(session, name, student)
        if not submissions:
            raise AutograderError(nothing_graded(course, name))
        withheld = () if counterexamples_are_shown(course, session, name) else ("counterexample",)
        verdicts = verdicts_by_student(session, name, student, withheld)
        incidents = incidents_by_student(session, name, student)
        plugin = late_days(course)
        uses = plugin.uses_of_all(session) if plugin else {}
        people, groups = student_rows(session), read_groups(session, name)
    students = [
        student_results(
            row,
            groups.get(row.student, ""),
            uses.get(row.student, {}).get(name),
            verdicts[row.student],
            incidents[row.student],
        )
        for row in submissions
    ]
    absent = [] if student else sorted(people.keys() - {submission.student for submission in submissions})
    names = {who: name for who, about in people.items() if (name := full_name(about))}
    return ClassResults(submissions[0].max_score, students, absent, names)


def counterexamples_are_shown(course: Course, session: Any, name: str) -> bool:
    """Whether the course shows them, and everybody's time for the assignment is over."""
    until = time_is_over(session, name) if course.settings.show_counterexamples else None
    return until is not None and until < datetime.now(UTC).replace(tzinfo=None)


def why_held_back(course: Course, name: str) -> str:
    """Why students do not see counterexamples yet, where the course shows them; empty if they do."""
    if not course.settings.show_counterexamples:
        return ""
    with graded_assignment(course, name) as session:
        if counterexamples_are_shown(course, session, name):
            return ""
        until = time_is_over(session, name)
    if until is None:
        return f"Counterexamples are shown after the due date, and {name} has none."
    return f"Counterexamples are shown when everybody's time is over: {in_zone(until, course.zone)}."


@contextmanager
def graded_assignment(course: Course, name: str) -> Iterator[Any]:
    """A session of a gradebook that knows the assignment. Raises AutograderError for another."""
    if course.gradebook_file and not course.gradebook_file.is_file():
        raise AutograderError(nothing_graded(course, name))  # opening it would make one
    with open_gradebook(course) as gradebook:
        try:
            gradebook.find_assignment(name)
        except MissingEntry:
            raise AutograderError(nothing_graded(course, name)) from None
        yield gradebook.db


def nothing_graded(course: Course, name: str) -> str:
    known = ", ".join(course.assignments()) or "none yet"
    return f"Nothing of {name} was graded yet: run `autograder grade {name}` first. Assignments here: {known}."


def verdicts_by_student(session: Any, assignment: str, student: str, withheld: Collection[str]) -> dict[str, Verdicts]:
    """The verdicts of everybody, or of `student` alone, empty in the columns `withheld`."""
    by_student: dict[str, Verdicts] = defaultdict(lambda: defaultdict(list))
    for who, place, verdict in read_verdicts(session, assignment, student, withheld):
        by_student[who][place].append(verdict)
    return by_student


def incidents_by_student(session: Any, assignment: str, student: str) -> dict[str, list[Any]]:
    """The incidents of everybody, or of `student` alone."""
    table = tables.incidents
    query = select(table).where(rows_of(table, assignment, student) if student else table.c.assignment == assignment)
    by_student: dict[str, list[Any]] = defaultdict(list)
    for row in session.execute(query).mappings():
        by_student[row["student"]].append(row)
    return by_student


def student_results(
    row: SubmissionRow, group: str, use: LateUse | None, verdicts: Verdicts, recorded: list[Any]
) -> StudentResults:
    """One student's results. A changed answer is no incident any more once a person has looked at it again."""
    to_grade = {
        (notebook.name, grade.cell)
        for notebook in row.notebooks
        for grade in notebook.grades
        if grade.needs_manual_grade
    }
    incidents = [
        incident
        for incident in recorded
        if incident["kind"] != IncidentKind.BY_HAND or (incident["notebook"], incident["cell"]) in to_grade
    ]
    return StudentResults(
        row.student,
        group,
        row.about,
        row.timestamp,
        row.seconds_late,
        use,
        row.late_penalty,
        row.max_score,
        row.needs_manual_grade,
        [result_of(row, notebook, group, use, verdicts, incidents) for notebook in row.notebooks],
        [{key: incident[key] for key in ("kind", "cell", "text")} for incident in incidents],
    )


def result_of(
    submission: SubmissionRow,
    notebook: NotebookRow,
    group: str,
    use: LateUse | None,
    verdicts: Verdicts,
    incidents: list[Any],
) -> NotebookResult:
    rows = [row for row in incidents if row["notebook"] in ("", notebook.name)]
    for_student = [row for row in rows if Audience.STUDENT in audience_of(row["kind"])]
    silent = [comment.cell for comment in notebook.comments if comment.manual_comment is None and comment.auto_comment]
    return NotebookResult(
        submission.student,
        submission.assignment,
        notebook.name,
        notebook.score,
        notebook.max_score,
        notebook.late_penalty,
        {grade.cell: cell_of(grade, verdicts.get((notebook.name, grade.cell), [])) for grade in notebook.grades},
        {comment.cell: comment.comment for comment in notebook.comments},
        silent,
        [row["text"] for row in for_student],
        lateness(use, 0.0),
        group,
        any(row["kind"] == IncidentKind.REFUSED for row in rows),
    )


def cell_of(grade: GradeRow, verdicts: list[Verdict]) -> CellResult:
    """The points of one grade cell, and its checks with their share of them."""
    checks = [check_of(*pair) for pair in zip(verdicts, split_points(verdicts, grade.max_score), strict=True)]
    return CellResult(None if grade.waits else grade.score, grade.max_score, grade.manual_score is not None, checks)


def check_of(verdict: Verdict, points: float) -> CheckResult:
    return CheckResult(**vars(verdict) | {"message": verdict.shown_message}, points=points)


def lateness(use: LateUse | None, penalty: float) -> str:
    """How late a submission was and what that costs; empty for one in time."""
    parts = []
    if use and use.days:
        parts.append(f"{use.days} day{'s' if use.days > 1 else ''}, {use.free} free, {use.left} left")
    if penalty:
        parts.append(f"−{in_points(penalty)} points")
    return ": ".join(parts)
