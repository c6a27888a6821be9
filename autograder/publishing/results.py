"""What the gradebook says of an assignment's submissions, read for whatever leaves: scores, feedback, report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from nbgrader.api import MissingEntry
from sqlalchemy import select

from autograder.checking.outcomes import Verdict, shares
from autograder.errors import AutograderError
from autograder.grading import tables
from autograder.grading.course import Course
from autograder.grading.gradebook import open_gradebook
from autograder.grading.late_days import LateUse, late_days
from autograder.grading.recorded import read_verdict
from autograder.grading.results import Audience, audience_of

__all__ = ["Cell", "Check", "Result", "graded_submissions", "incidents_of", "lateness", "results_of"]


@dataclass(frozen=True)
class Check:
    """One check: `points` of it were to be had, `outcome` says how it ended, `message` is what its student is told, and
    `void` says why it is void, if it is: then it has no points and does not count. `mistake` is the title of
    the known mistake that explains it."""

    name: str
    description: str
    hidden: bool
    outcome: str
    points: float
    message: str
    void: str = ""
    mistake: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"


@dataclass(frozen=True)
class Cell:
    """The points of a grade cell; `score` is None as long as a person has to give it, and `by_hand` if one has."""

    score: float | None
    max_score: float
    by_hand: bool
    checks: list[Check]


@dataclass(frozen=True)
class Result:
    """The points, checks and comments of one submitted notebook, by grade id, and what its student must know.

    A comment is empty where nothing is said; `silent` are the answers of which nbgrader says that they are as they were
    released. `late` says how many late days it took.
    """

    student: str
    assignment: str
    notebook: str
    score: float
    max_score: float
    late_penalty: float
    cells: dict[str, Cell] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    late: str = ""

    @property
    def final_score(self) -> float:
        """The points after the late penalty."""
        return max(0.0, self.score - self.late_penalty)

    def data(self) -> dict[str, Any]:
        """All of it, as data that can be digested."""
        return asdict(self)


@contextmanager
def graded_submissions(course: Course, name: str) -> Iterator[tuple[list[tuple[Any, LateUse | None]], Any]]:
    """nbgrader's rows of an assignment's submissions in order of student id, each with the late days that it took (None
    where the course has none), and a session to read our own rows with.

    Raises AutograderError if the gradebook does not know the assignment.
    """
    known = ", ".join(course.assignments()) or "none yet"
    nothing = f"Nothing of {name} was graded yet: run `autograder grade {name}` first. Assignments here: {known}."
    if course.gradebook_file and not course.gradebook_file.is_file():
        raise AutograderError(nothing)  # opening it would make one
    with open_gradebook(course) as gradebook:
        try:
            assignment = gradebook.find_assignment(name)
        except MissingEntry:
            raise AutograderError(nothing) from None
        if not assignment.submissions:
            raise AutograderError(nothing)
        plugin = late_days(course)
        submissions = sorted(assignment.submissions, key=lambda submission: submission.student_id)
        uses = [plugin.uses(gradebook, s.student_id).get(name) if plugin else None for s in submissions]
        yield list(zip(submissions, uses, strict=True)), gradebook.db


def results_of(submission: Any, use: LateUse | None, session: Any) -> list[Result]:
    """The results of a submission's notebooks; `use` is None where the course has no late days."""
    checks, incidents = rows(session, tables.checks, submission), rows(session, tables.incidents, submission)
    return [result_of(submission, notebook, use, checks, incidents) for notebook in submission.notebooks]


def result_of(submission: Any, notebook: Any, use: LateUse | None, checks: list[Any], incidents: list[Any]) -> Result:
    mine = [row for row in checks if row["notebook"] == notebook.name]
    here = [row for row in incidents if row["notebook"] in ("", notebook.name)]
    told = [row for row in here if Audience.STUDENT in audience_of(row["kind"])]
    silent = [comment for comment in notebook.comments if comment.manual_comment is None and comment.auto_comment]
    return Result(
        submission.student_id,
        submission.name,
        notebook.name,
        notebook.score,
        notebook.max_score,
        notebook.late_submission_penalty or 0.0,
        {grade.name: cell_of(grade, mine) for grade in notebook.grades},
        {comment.name: comment.comment or "" for comment in notebook.comments},
        [comment.name for comment in silent],
        [row["text"] for row in told],
        lateness(use, 0.0),
    )


def incidents_of(submission: Any, session: Any) -> list[dict[str, str]]:
    """What happened while a submission was graded: `{"kind", "cell", "text"}` each."""
    found = rows(session, tables.incidents, submission)
    return [{key: row[key] for key in ("kind", "cell", "text")} for row in found]


def rows(session: Any, table: Any, submission: Any) -> list[Any]:
    """Our own rows on a submission."""
    mine = (table.c.assignment == submission.name, table.c.student == submission.student_id)
    order = [table.c.cell, table.c.position] if "position" in table.c else []
    return list(session.execute(select(table).where(*mine).order_by(*order)).mappings())


def cell_of(grade: Any, checks: list[Any]) -> Cell:
    """The points of one grade cell, and its checks with their share of them."""
    verdicts = [read_verdict(row) for row in checks if row["cell"] == grade.name]
    waits = grade.auto_score is None and grade.manual_score is None
    found = [check_of(*pair) for pair in zip(verdicts, shares(verdicts, grade.max_score), strict=True)]
    return Cell(None if waits else grade.score, grade.max_score, grade.manual_score is not None, found)


def check_of(verdict: Verdict, points: float) -> Check:
    about = (verdict.name, verdict.description, verdict.hidden, verdict.outcome.value)
    return Check(*about, points, verdict.told, verdict.void, verdict.mistake)


def lateness(use: LateUse | None, penalty: float) -> str:
    """How late a submission was and what that costs; empty for one in time."""
    said = []
    if use and use.days:
        said.append(f"{use.days} day{'s' if use.days > 1 else ''}, {use.free} free, {use.left} left")
    if penalty:
        said.append(f"−{round(penalty, 2):g} points")
    return ": ".join(said)
