"""Notebooks that no program writes: parts of a real one lost, doubled, moved, and replaced by anything in JSON."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.submission.graded import GradedSubmission, Submission
from autograder.submission.incidents import IncidentKind
from autograder.submission.sanitize import NotANotebook, read_notebook, restore

pytestmark = pytest.mark.slow

NAMES = ("double", "double_checks", "why", "train_checks", "setup", "nobody", "", "\0")
SOURCES = ("\0\ud800", "%%check", "%%bash\nexit 1", "!kill -9 -1", "import os\nos._exit(1)", "1/0")
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(NAMES + SOURCES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["lose", "double", "move", "replace", "rename"]), st.lists(st.integers(0, 40)), JUNK),
    min_size=1,
    max_size=12,
)
ON_A_FIXTURE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def changed(notebook, changes):
    """The notebook as JSON after some changes, each at a place that is reached by going down so many steps."""
    whole = [copy.deepcopy(notebook)]
    for what, steps, junk in changes:
        inside, key = whole, 0
        for step in steps:
            below = inside[key]
            if not isinstance(below, (dict, list)) or not below:
                break
            keys = sorted(below, key=str) if isinstance(below, dict) else range(len(below))
            inside, key = below, keys[step % len(keys)]
        apply(what, inside, key, junk)
        whole = whole or [junk]
    return json.dumps(whole[0]).encode()


def apply(what, inside, key, junk):
    """Change what `inside` holds at `key`."""
    if what == "lose":
        del inside[key]
    elif what == "rename" and isinstance(inside[key], dict):
        inside[key]["metadata"] = {"nbgrader": {"grade_id": junk}}
    elif what in ("replace", "rename") or not isinstance(inside, list):
        inside[key] = junk
    elif what == "double":
        inside.append(copy.deepcopy(inside[key]))
    else:
        inside.insert(len(inside) // 2, inside.pop(key))


@given(changes=CHANGES)
@settings(ON_A_FIXTURE, max_examples=150)
def test_whatever_a_notebook_holds_it_is_refused_or_can_be_graded(classroom, changes):
    """One that stops the grader stops the class."""
    template = classroom.assignment.notebooks[0]
    try:
        book = restore(read_notebook(changed(classroom.unsolved(), changes)), template)
    except NotANotebook:
        return
    nbformat.validate(nbformat.reads(nbformat.writes(book), as_version=4))
    named = [cell.metadata.nbgrader.grade_id for cell in book.cells if "nbgrader" in cell.metadata]
    assert named == [cell.grade_id for cell in template.cells]


@given(changes=CHANGES)
@settings(ON_A_FIXTURE, max_examples=6)
def test_whatever_is_handed_in_ends_as_a_result(classroom, changes):
    """A worker that fails gives no grade and no reason, and nobody's own fault may wait for a person."""
    submission = Submission("mallory", {"trust.ipynb": changed(classroom.unsolved(), changes)}, "digest")
    graded = classroom.grader().grade(submission)
    assert isinstance(graded, GradedSubmission)
    assert graded.notebooks or {incident.kind for incident in graded.incidents} == {IncidentKind.REFUSED}
    assert not graded.needs_a_person
