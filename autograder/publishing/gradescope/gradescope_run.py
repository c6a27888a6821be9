"""Grades one submission where Gradescope runs it. Whatever happens, results.json says it in words."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from autograder.course.course import Course
from autograder.course.source_notebooks import load_assignment
from autograder.grading.grader import Grader
from autograder.publishing.gradescope.bundle import BUNDLE, COURSE
from autograder.publishing.gradescope.results_json import Results
from autograder.sandbox.inside import landlock
from autograder.sandbox.levels import choose_level
from autograder.sandbox.limits import Limits
from autograder.submission.graded import GradedSubmission
from autograder.submission.incidents import Audience, Incident
from autograder.submission.reading import SubmissionRefused, read_submission
from autograder.text import storable

__all__ = ["run", "who"]

OURS = "That is not your doing, and nothing is lost: a person has to look at it. Please tell your teachers."
UNFINISHED = f"Grading was stopped before it was done, so some checks below were not reached. {OURS}"
FOR_STUDENT = Audience.STUDENT | Audience.STUDENT_AT_CELL
BEGUN = (
    "Grading has begun. If nothing follows, it was ended: there was no time or no memory left, or a check computes "
    "without end with what this submission gives."
)
BROKEN = f"The grader failed. {OURS}"


def run(root: Path) -> bool:
    """Grade what lies in `root`/submission and write `root`/results/results.json. Returns whether a person must look
    at it; why is on standard output, which Gradescope shows to instructors only."""
    path = root / "results" / "results.json"
    try:
        path.parent.mkdir(exist_ok=True)
        for private in (root, root / "source", root / "submission", root / "results"):
            private.chmod(0o700)
        settings = json.loads((root / "source" / BUNDLE).read_bytes())
        course = Course(root / "source" / COURSE)
        results = Results(load_assignment(course, settings["assignment"]), settings["hidden_checks"], path)
        results.write(UNFINISHED)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        path.write_text(json.dumps({"score": 0.0, "output": BROKEN}), encoding="utf-8")
        return True
    try:
        return grade(root, course, results)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        results.write(BROKEN)
        return True


def end_run(grader: Grader, number: int, frame: Any) -> NoReturn:
    """Gradescope ends the run, at its time limit perhaps: results.json has what is known so far, and says so."""
    print("Stopped from outside: is Gradescope's time limit long enough for this assignment?", flush=True)
    grader.close()
    os._exit(1)


def grade(root: Path, course: Course, results: Results) -> bool:
    """Grade the submission. Results are written as checks are done, and at the end with a word on the whole."""
    limits = limits_here(course)
    print(BEGUN, flush=True)
    with Grader.of(course, results.assignment, limits) as grader:
        signal.signal(signal.SIGTERM, partial(end_run, grader))
        student = who(root / "submission_metadata.json")
        try:
            submission = read_submission(student, root / "submission", course.settings.submission_mb)
        except SubmissionRefused as error:
            results.write(f"Your submission was not read: {error}. Please hand it in again.")
            return False
        graded = grader.grade(submission, writer_of(results))
    for notebook in graded.notebooks:
        for cell in notebook.grades:
            results.add(notebook.name, cell)
    results.write(text_for_student(graded))
    tell_instructors(graded)
    print(f"{graded.seconds:.1f} s, sandbox: {limits.sandbox}, Landlock: {landlock.abi()}")
    return graded.needs_a_person


def who(metadata: Path) -> str:
    """A name for the student or group that handed in, the same at every submission: Gradescope's numbers of all
    members."""
    try:
        users = json.loads(metadata.read_bytes())["users"]
        return storable("gradescope " + " ".join(sorted(str(user["id"]) for user in users)))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "gradescope"


def limits_here(course: Course) -> Limits:
    """The course's limits, in the strongest sandbox that there is. The weaker one does without Landlock here: nobody
    else's work is on this machine, and tests and answers are root's alone."""
    limits = course.settings.limits()
    return replace(limits, sandbox=choose_level(limits.sandbox, alone=True).name)


def writer_of(results: Results) -> Callable[[str, Any], None]:
    """Writes the results anew with each cell that is graded, if there is room: student code may have filled the disk
    for as long as it runs."""

    def write(notebook: str, grade: Any) -> None:
        results.add(notebook, grade)
        with suppress(OSError):
            results.write(UNFINISHED)

    return write


def text_for_student(graded: GradedSubmission) -> str:
    """The text for the student on the submission as a whole."""
    lines = [f"Part of your work could not be graded. {OURS}"] if graded.needs_a_person else []
    lines += [line_of(incident) for incident in graded.incidents if incident.kind.audience & FOR_STUDENT]
    return "\n".join(lines)


def line_of(incident: Incident) -> str:
    text = incident.text.split("\n")[0]
    where = f"{incident.cell}: " if incident.cell else ""
    return f"{where}{text}" + ("" if text.endswith((".", "!", "?")) else ".")


def tell_instructors(graded: GradedSubmission) -> None:
    """Print what only instructors may see: every check that does not hold, with its details, and every incident."""
    for notebook in graded.notebooks:
        for cell in notebook.grades:
            for verdict in cell.verdicts:
                if not verdict.passed:
                    known = f" (known mistake: {verdict.mistake})" if verdict.mistake else ""
                    print(f"{cell.grade_id} {verdict.name}: {verdict.outcome}{known}")
                    print(*dict.fromkeys((verdict.message, verdict.detail)), sep="\n", end="\n\n")
    for incident in graded.incidents:
        print(f"{incident.kind} {incident.cell}: {incident.text}")
