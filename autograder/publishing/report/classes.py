"""A class as the report shows it: numbers, and the most striking of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from sqlalchemy import select

from autograder.course.assignment import Assignment
from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.errors import AutograderError
from autograder.gradebook import tables
from autograder.gradebook.gradebook import open_gradebook
from autograder.publishing.class_results import NetChange, StudentResults, lateness, read_results
from autograder.publishing.doctree.parsed_notebook import ParsedCell, from_json
from autograder.publishing.report.numbers import (
    WEAK_STUDENT,
    CheckNumbers,
    CountedSubmission,
    Points,
    QuestionNumbers,
    check_numbers,
    points_so_far,
    question_numbers,
    summary,
)
from autograder.publishing.report.similar import Gram, Pair, grams, grams_of_code, grams_of_students, similar_pairs
from autograder.submission.incidents import Audience, audience_of
from autograder.text import in_percent, in_points

__all__ = ["WEAK_QUESTION", "ClassNumbers", "Student", "read_class", "to_teach"]

WEAK_QUESTION = 0.7
DEFINED = re.compile(r"(?m)^(?:def|class)\s+(\w+)")

Cost = tuple[float | None, float | None]


@dataclass(frozen=True)
class Student:
    """One line of the table of students: the score so far, after the penalty, how late it was, and what grading took.

    `group` is empty for a student alone, `score` is None where nothing could be read, `seconds` and `memory_mb`
    where they were not recorded.
    """

    student: str
    group: str
    score: float | None
    penalty: float
    late: str
    passed: int
    checks: int
    waiting: int
    seconds: float | None
    memory_mb: float | None
    incidents: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Advice:
    """Where to look first: questions to teach again, students to talk to, checks to doubt; each with the reason."""

    teach: list[tuple[str, str]]
    talk: list[tuple[str, str]]
    doubt: list[tuple[str, str]]


@dataclass(frozen=True)
class ClassNumbers:
    """All that the report shows. `scores` sums up `points`; `absent` are students of the gradebook who handed in
    nothing, `also` the folders of earlier terms with how many submissions of theirs were compared, `not_compared` those
    whose notebooks take too much time or memory to be read, `changed` the scores that differ from those of the last
    report, `names` those of students by their id, where they have one."""

    assignment: str
    max_score: float
    scores: dict[str, float]
    points: Points
    absent: list[str]
    questions: list[QuestionNumbers]
    checks: list[CheckNumbers]
    students: list[Student]
    similar: list[Pair]
    also: dict[str, int]
    not_compared: list[str]
    advice: Advice
    changed: list[NetChange]
    names: dict[str, str]


def read_class(course: Course, name: str, changed: Sequence[NetChange] = (), also: Sequence[Path] = ()) -> ClassNumbers:
    """The class of an assignment, with what `changed` since the last report, compared `also` with these folders of
    submissions of earlier terms. Raises AutograderError if nothing of it was graded, or such a folder has none."""
    assignment, results = load_assignment(course, name), read_results(course, name)
    names = frozenset(names_wanted(assignment))
    submissions = [CountedSubmission(student.student, student.results, names) for student in results.students]
    costs = costs_of(course, name)
    points = points_so_far(submissions)
    students = [
        student_of(submission, student, costs.get(student.student))
        for submission, student in zip(submissions, results.students, strict=True)
    ]
    questions, checks = question_numbers(submissions), check_numbers(submissions)
    terms = {folder: earlier_answers(folder, assignment) for folder in also}
    files = {submission.student: answers_of(course, assignment, submission) for submission in submissions}
    answers = grams_of_students(files | {who: paths for term in terms.values() for who, paths in term.items()})
    compared = {student: pieces for student, pieces in answers.items() if pieces is not None}
    earlier = {student: pieces for student, pieces in compared.items() if student not in files}
    current = {student: pieces for student, pieces in compared.items() if student in files}
    groups = {student.student: student.group for student in results.students if student.group}
    similar = list(not_together(similar_pairs(current, known(course, assignment), earlier), groups))
    advice = Advice(list(to_teach(questions)), list(to_talk_to(students, points, similar)), list(to_doubt(checks)))
    scores = summary(list(points.scores.values()))
    return ClassNumbers(
        name,
        results.max_score,
        scores,
        points,
        results.absent,
        questions,
        checks,
        students,
        similar,
        {str(folder): sum(who in earlier for who in paths) for folder, paths in terms.items()},
        sorted(answers.keys() - compared.keys()),
        advice,
        list(changed),
        results.names,
    )


def names_wanted(assignment: Assignment) -> Iterator[str]:
    """The functions and classes that students are to write, as the release names them."""
    for template in assignment.notebooks:
        for cell in template.cells:
            if cell.cell_type == "code" and not cell.locked:
                yield from DEFINED.findall(cell.source)


def costs_of(course: Course, name: str) -> dict[str, Cost]:
    """The seconds and the MB of memory that each student's submission took to grade."""
    of = tables.graded.c
    with open_gradebook(course) as gradebook:
        found = gradebook.db.execute(select(of.student, of.seconds, of.memory_mb).where(of.assignment == name))
        return {student: (seconds, memory) for student, seconds, memory in found}


def not_together(pairs: Iterable[Pair], groups: Mapping[str, str]) -> Iterator[Pair]:
    """The pairs who did not hand in together."""
    return (pair for pair in pairs if pair.one not in groups or groups[pair.one] != groups.get(pair.other))


def lateness_of(student: StudentResults) -> str:
    """How late a submission was: in late days where the course has them, else in hours; empty for one in time."""
    cost = lateness(student.late, student.late_penalty)
    hours = f"{student.seconds_late / 3600:.1f} h" if student.seconds_late and not student.late else ""
    return ", ".join(filter(None, (hours, cost)))


def student_of(submission: CountedSubmission, student: StudentResults, cost: Cost | None) -> Student:
    cells = [cell for _, cell, _ in submission.cells()]
    checks = [check for cell in cells for check in cell.checks if not check.void]
    return Student(
        submission.student,
        student.group,
        None if submission.refused else max(0.0, student.score - student.late_penalty),
        student.late_penalty,
        lateness_of(student),
        sum(check.passed for check in checks),
        len(checks),
        sum(cell.score is None for cell in cells),
        *(cost or (None, None)),
        student.incidents,
    )


def answers_of(course: Course, assignment: Assignment, submission: CountedSubmission) -> list[Path]:
    """A student's notebooks and modules, as they were graded."""
    folder = course.path("autograded", submission.student, assignment.name)
    return [
        folder / name for name in (*(f"{result.notebook}.ipynb" for result in submission.results), *assignment.modules)
    ]


def earlier_answers(folder: Path, assignment: Assignment) -> dict[str, list[Path]]:
    """The notebooks and modules of each student of an earlier term, in `folder` by STUDENT/NAME as in a course's own
    folders. Raises AutograderError if nobody has any."""
    names = (*(f"{template.name}.ipynb" for template in assignment.notebooks), *assignment.modules)
    found = {}
    try:
        for student in sorted(os.listdir(folder)):
            paths = [folder / student / assignment.name / name for name in names]
            if there := [path for path in paths if path.exists()]:
                found[f"{student} ({folder})"] = there
    except OSError as error:
        raise AutograderError(f"{folder} cannot be read: {error.strerror}.") from None
    if not found:
        raise AutograderError(
            f"{folder} has no {names[0]} in STUDENT/{assignment.name}/: name a folder like submitted/ or autograded/ "
            "of an earlier term."
        )
    return found


def known(course: Course, assignment: Assignment) -> set[Gram]:
    """The pieces that students were given, and those of the answer key: right answers are alike."""
    given = [
        ParsedCell(0, cell.cell_type, cell.source, nbgrader=cell.nbgrader)
        for template in assignment.notebooks
        for cell in template.cells
    ]
    paths = course.source(assignment.name).glob("*.ipynb")
    sources = [from_json(nbformat.read(path, as_version=4)) for path in paths]
    modules = [data for name in assignment.modules for data in (assignment.files[name], assignment.modules[name])]
    texts = (grams_of_code(data.decode(errors="replace")) for data in modules)
    return grams(given).union(*(grams(source.cells) for source in sources), *texts)


def to_teach(questions: list[QuestionNumbers]) -> Iterator[tuple[str, str]]:
    """Questions that cost those who answered many points, the worst first, with the most frequent mistake."""
    weak = [(q.share, q) for q in questions if q.share is not None and q.share < WEAK_QUESTION]
    for share, question in sorted(weak, key=lambda pair: pair[0])[:5]:
        why = f"; {question.mistake.count} × {question.mistake.text}" if question.mistake else ""
        yield question.name, f"{in_percent(share)} of the points of those who answered{why}"


def to_talk_to(students: list[Student], points: Points, similar: list[Pair]) -> Iterator[tuple[str, str]]:
    """Students with few of the points that are given, those whose submission did something that a person should
    hear of, and pairs."""
    for pair in similar:
        yield f"{pair.one} and {pair.other}", f"their answers are alike ({in_percent(pair.share)})"
    for student in sorted(students, key=lambda student: points.scores.get(student.student, 0.0)):
        kinds = dict.fromkeys(incident["kind"] for incident in student.incidents)
        reasons = [kind for kind in kinds if Audience.REPORT in audience_of(kind)]
        score = points.scores.get(student.student)
        if score is not None and score < WEAK_STUDENT * points.max_score:
            reasons.insert(0, f"{in_points(score)} of {in_points(points.max_score)} points")
        if reasons:
            yield student.student, ", ".join(reasons)


def to_doubt(checks: list[CheckNumbers]) -> Iterator[tuple[str, str]]:
    """Checks that may be unfair: the strong fail them, nobody passes, or they could not be graded."""
    for check in checks:
        if check.ungraded:
            yield check.name, f"could not be graded for {check.ungraded}"
        if check.of > 1 and not check.passed:
            yield check.name, f"none of {check.of} passes it"
        elif check.is_reversed:
            yield check.name, "the weak pass it and the strong do not"
