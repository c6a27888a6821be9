"""Grades one submission: a pure function of bytes and plain data, for a process that does one after another.

The answer key of the assignment at hand is kept between submissions; everything of a student's is new
for each of them.
"""

from __future__ import annotations

import atexit
import copy
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

from autograder.checking.outcomes import GraderFault
from autograder.checking.run import Seeds
from autograder.grading.answer_key import AnswerKey
from autograder.grading.assignment import Assignment, Template
from autograder.grading.notebook_run import Restored, grade_notebook
from autograder.grading.results import CellGrade, GradedNotebook, GradedSubmission, Incident, IncidentKind, Submission
from autograder.grading.sanitize import NotANotebook, read_notebook, restore
from autograder.sandbox.base import Sandbox
from autograder.sandbox.errors import SandboxBroken, SandboxError
from autograder.sandbox.levels import confines, open_sandbox
from autograder.sandbox.limits import Limits

__all__ = ["answer_key", "close_boxes", "execute", "execute_restored", "files_beside", "forget_keys", "warm_box"]

UNCONFINED = "its code could read and change whatever the grader could: nothing of this grade is promised"

KEYS: dict[tuple[str, str, Limits], AnswerKey] = {}
BOXES: dict[Limits, Sandbox] = {}


def execute(
    submission: Submission,
    assignment: Assignment,
    own_files: frozenset[str],
    secret: bytes,
    limits: Limits,
    *,
    on_grade: Callable[[str, CellGrade], None] = lambda notebook, grade: None,
) -> GradedSubmission:
    """Grade one submission. Whatever it is, there is a result: a fault of ours is an incident in it. `on_grade` is
    told the notebook and the grade of each check cell when it is done, and again if the notebook is tried again."""
    started = time.monotonic()
    graded = GradedSubmission(submission.student, submission.digest, assignment.digest)
    graded.files = files_beside(submission, assignment, own_files)
    for template in assignment.notebooks:
        wanted, seeds = f"{template.name}.ipynb", Seeds(secret, assignment.name, submission.identity)
        standing, tell = submission.standing_in(template.name), partial(on_grade, template.name)
        incidents: list[Incident] = []
        try:
            name, data = submitted_notebook(submission, wanted, only=len(assignment.notebooks) == 1)
            if name != wanted:
                incidents.append(Incident(IncidentKind.CHANGED, f"the notebook is named {name} instead of {wanted}"))
            notebook = restore(read_notebook(data), template)
            restored = Restored(notebook, template, graded.files, seeds, standing, tell)
            done, happened = execute_restored(restored, assignment, limits)
            graded.notebooks.append(done)
            incidents += happened
        except NotANotebook as error:
            incidents.append(Incident(IncidentKind.REFUSED, f"{wanted}: {error}"))
        except (SandboxError, GraderFault) as error:
            incidents.append(Incident(IncidentKind.FAULT, str(error)))
        graded.incidents += [replace(incident, notebook=template.name) for incident in incidents]
    graded.seconds = time.monotonic() - started
    graded.memory_mb = max((notebook.memory_mb for notebook in graded.notebooks), default=0.0)
    return graded


def files_beside(submission: Submission, assignment: Assignment, own_files: frozenset[str]) -> dict[str, bytes]:
    """What lies beside the notebook while it runs: the assignment's files, then the student's own; of one name the
    assignment's, unless it is one of `own_files`."""
    own = {name: data for name, data in submission.files.items() if not name.endswith(".ipynb")}
    return own | {name: data for name, data in assignment.files.items() if name not in own_files & own.keys()}


def execute_restored(
    restored: Restored, assignment: Assignment, limits: Limits
) -> tuple[GradedNotebook, list[Incident]]:
    """Grade one restored notebook with this process's answer key. Raises SandboxBroken, SandboxMissing, GraderFault.

    What ended by itself is tried once more from the start: a machine that was short of memory, or somebody who
    ended the wrong process, must not cost a student a point.
    """

    def attempt() -> tuple[GradedNotebook, list[Incident]]:
        box = warm_box(limits)  # first, so that it gets warm while the answer key runs
        key = answer_key(restored.template, assignment, limits)
        fresh = replace(restored, notebook=copy.deepcopy(restored.notebook))
        done, incidents = grade_notebook(fresh, key, box)
        unconfined = [] if confines(limits.sandbox) else [Incident(IncidentKind.UNCONFINED, UNCONFINED)]
        return done, unconfined + incidents

    try:
        graded, incidents = attempt()
        if not any(incident.sudden for incident in incidents):
            return graded, incidents
    except (SandboxBroken, GraderFault):
        pass
    forget_keys()
    close_boxes()
    return attempt()


def warm_box(limits: Limits) -> Sandbox:
    """This process's sandbox for students, started again if the last one cannot take another job."""
    box = BOXES.get(limits)
    if box is None or not box.usable:
        if box is not None:
            box.close()
        BOXES[limits] = box = open_sandbox(limits)
    return box


def answer_key(template: Template, assignment: Assignment, limits: Limits) -> AnswerKey:
    """The answer key of `template`, started when this process first needs it."""
    wanted = (assignment.digest, template.name, limits)
    if wanted not in KEYS:
        if any(digest != assignment.digest for digest, _, _ in KEYS):
            forget_keys()
        KEYS[wanted] = AnswerKey(template.key, assignment.files, limits)
    return KEYS[wanted]


@atexit.register
def forget_keys() -> None:
    """End every answer key of this process."""
    while KEYS:
        KEYS.popitem()[1].close()


@atexit.register
def close_boxes() -> None:
    """End this process's sandboxes."""
    while BOXES:
        BOXES.popitem()[1].close()


def submitted_notebook(submission: Submission, name: str, *, only: bool) -> tuple[str, bytes]:
    """The notebook that was handed in as `name`, and what it is called: where the assignment has `only` this one, the
    only one that was handed in will do. Raises NotANotebook if there is none."""
    notebooks = {other: data for other, data in submission.files.items() if other.endswith(".ipynb")}
    top = [other for other in notebooks if len(PurePosixPath(other).parts) == 1]
    if name in notebooks:
        return name, notebooks[name]
    if only and len(top) == 1:
        return top[0], notebooks[top[0]]
    others = ", ".join(sorted(notebooks)[:5])
    raise NotANotebook(f"there is none of this name, only {others}" if others else "no notebook was handed in")
