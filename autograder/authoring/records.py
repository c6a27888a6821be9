"""Makes the records of a release: what the answer key and the known mistakes give in the visible checks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from urllib.parse import unquote

from nbformat import NotebookNode
from nbgrader import utils

from autograder.checking.answer_record import (
    KnownMistake,
    Record,
    RecordedReplies,
    RecordedReply,
    ReplyRecorder,
    digest_of_test,
    read_record,
    record_line,
)
from autograder.checking.call_recorder import CallRecorder
from autograder.checking.cell import CheckCell, without_record
from autograder.checking.check_runner import PUBLIC, Checks, Watchers, with_checks
from autograder.checking.outcomes import Mistake, Outcome
from autograder.checking.proxies import NotebookProxy
from autograder.course.assignment import Assignment, Template, TemplateCell, digest_of
from autograder.course.made_from_text import MADE
from autograder.errors import AutograderError
from autograder.grading.answer_key import AnswerKey
from autograder.sandbox.limits import Limits

__all__ = ["add_records", "stale_records"]

MAX_LINE = 12_000


def add_records(notebook: NotebookNode, template: Template, assignment: Assignment, limits: Limits) -> None:
    """Add its record to every check cell of a released notebook, set the checksums anew, and take out what nbgrader's
    steps leave of answers. Raises AutograderError if the answer key loses a visible check there, or if a record is too
    large."""
    take_out_leftovers(notebook)
    released = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    cells = {cell.grade_id: cell for cell in template.cells if cell.is_check}
    if not cells:
        return
    visible = {grade_id: CheckCell(released[grade_id].source) for grade_id in cells}
    files = assignment.key_files(template)
    with AnswerKey(template.key, files, limits) as key, AnswerKey(template.key, files, limits) as other:
        keys = key, other
        made = with_checks(visible, lambda checks: {c.grade_id: record_of(c, checks, keys) for c in cells.values()})
    for grade_id, record in made.items():
        line = record_line(Record(made_from(cells[grade_id]), *record))
        if len(line) > MAX_LINE:
            raise AutograderError(
                f"{grade_id}: the record of the visible checks takes {len(line) / 1000:.0f} kB, and may take "
                f"{MAX_LINE // 1000}: compare smaller arrays there, or hide a check."
            )
        released[grade_id].source += f"\n{line}"
        released[grade_id].metadata.nbgrader.checksum = utils.compute_checksum(released[grade_id])


def take_out_leftovers(notebook: NotebookNode) -> None:
    """Take out what an author's notebook holds of answers beside its cells' text and outputs: a digest of them, what
    widgets have shown, and pictures of which the text that is left says nothing."""
    for key in (MADE, "widgets"):
        notebook.metadata.pop(key, None)
    for cell in notebook.cells:
        attached = cell.pop("attachments", {})
        if kept := {name: data for name, data in attached.items() if f"attachment:{name}" in unquote(cell.source)}:
            cell["attachments"] = kept


def record_of(
    cell: TemplateCell, checks: Checks, keys: tuple[AnswerKey, AnswerKey]
) -> tuple[dict[str, list[RecordedReply]], list[KnownMistake], list[str]]:
    """The record of a check cell: the answer key's replies, known mistakes, and the docstrings of hidden checks."""
    key = keys[0]
    with key.stand_in(cell.grade_id, math.inf, None) as student, key.copy(cell.grade_id) as reference:
        recorder = ReplyRecorder(reference)
        proxies = NotebookProxy(student), NotebookProxy(recorder, trusted=True)
        for verdict in checks.run(cell.grade_id, *proxies, PUBLIC, recorder):
            if not (verdict.passed or verdict.void):
                reason = (verdict.detail or verdict.message).strip().split("\n")[-1].rstrip(".")
                raise AutograderError(f"{cell.grade_id}: in the release the answer key loses {verdict.name}: {reason}.")
    known = [known_mistake(mistake, cell, checks, keys, recorder.replies) for mistake in shown_mistakes(cell)]
    return recorder.replies, [mistake for mistake in known if mistake.loses], hidden_descriptions(cell)


def shown_mistakes(cell: TemplateCell) -> list[Mistake]:
    """The known mistakes that lose a visible check."""
    visible = {test.name for test in cell.check.tests() if not test.hidden}
    return [mistake for mistake in cell.mistakes if mistake.loses & visible]


def hidden_descriptions(cell: TemplateCell) -> list[str]:
    return [test.description for test in cell.check.tests() if test.hidden and not test.void]


def known_mistake(
    mistake: Mistake,
    cell: TemplateCell,
    checks: Checks,
    keys: tuple[AnswerKey, AnswerKey],
    replies: dict[str, list[RecordedReply]],
) -> KnownMistake:
    """A known mistake with the visible checks of a cell that it loses, run in two processes; with none if chance
    decides."""
    once, again = (lost_checks(mistake, cell, checks, key, replies) for key in keys)
    return KnownMistake(mistake.says, mistake.defines, once if once == again else {})


def lost_checks(
    mistake: Mistake, cell: TemplateCell, checks: Checks, key: AnswerKey, replies: dict[str, list[RecordedReply]]
) -> dict[str, str]:
    """The visible checks that a known mistake loses, run as in a student's notebook, with digests of its replies."""
    recorded = RecordedReplies(Record(replies=replies))
    with key.stand_in(cell.grade_id, math.inf, mistake) as transport:
        recorder = CallRecorder(transport)
        proxies = NotebookProxy(recorder), NotebookProxy(recorded, trusted=True)
        verdicts = checks.run(cell.grade_id, *proxies, PUBLIC, Watchers([recorder, recorded]))
        lost = [verdict.name for verdict in verdicts if verdict.outcome in (Outcome.WRONG, Outcome.RAISED)]
        return {test: digest_of_test(recorder, test, checks.errors[test]) for test in lost}


def made_from(cell: TemplateCell) -> str:
    """A digest of the mistakes and descriptions in a check cell's record. It must not depend on answers or on the code
    of hidden tests: whoever can compute a digest can try every option of a multiple-choice question."""
    mistakes = [[mistake.source, mistake.says] for mistake in shown_mistakes(cell)]
    return digest_of([mistakes, hidden_descriptions(cell)])[:16]


def stale_records(notebook: NotebookNode, template: Template, assignment: Assignment, limits: Limits) -> Iterator[str]:
    """The check cells of a released notebook that are not today's, whose record is missing or of other mistakes, or
    whose record is not what the answer key gives. Raises GraderFault for an answer key that does not run."""
    released = {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook.cells if "nbgrader" in cell.metadata}
    today = {cell.grade_id: cell.source for cell in template.release}
    records = {}
    for cell in filter(lambda cell: cell.is_check, template.cells):
        name, source = cell.grade_id, released.get(cell.grade_id, "")
        record = read_record(source)
        if record is None or record.made_from != made_from(cell) or without_record(source) != today[name]:
            yield name
        else:
            records[name] = record
    if not records:
        return
    visible = {name: CheckCell(today[name]) for name in records}
    with AnswerKey(template.key, assignment.key_files(template), limits) as key:
        yield from with_checks(
            visible, lambda checks: [name for name in records if not agrees(name, records[name], checks, key)]
        )


def agrees(grade_id: str, record: Record, checks: Checks, key: AnswerKey) -> bool:
    """Whether the answer key passes the visible checks of a cell if they compare with its record."""
    recorded = RecordedReplies(record)
    with key.stand_in(grade_id, math.inf, None) as student:
        proxies = NotebookProxy(student), NotebookProxy(recorded, trusted=True)
        return all(verdict.passed or verdict.void for verdict in checks.run(grade_id, *proxies, PUBLIC, recorded))
