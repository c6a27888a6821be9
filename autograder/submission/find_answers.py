"""Finds answers that have lost their cell: no nbgrader metadata (conversions, Colab), the answer in a new cell beside
its place, a copy of the unsolved cells pasted behind the solved ones.

An answer is looked for only where its own cell is missing or as it was released. A cell that defines the same functions
is the answer wherever it stands; other answers are looked for between the cells of the course that surround them. What
was done is said; where several cells could be the answer, a person is asked to look.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.checking.cell import is_check_cell
from autograder.course.assignment import ReleasedCell, Template
from autograder.submission.incidents import Incident, IncidentKind

__all__ = ["count_answered", "find_answers"]

DEFINES = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
NOTHING = "no answer to this assignment was found in the notebook: is it the right one?"


def find_answers(notebook: NotebookNode, template: Template) -> list[Incident]:
    """Give the answers in a plain notebook their names back, and return incidents that say so. Cells that only repeat
    the release are taken out where they would undo an answer."""
    search = Search(notebook.cells, template)
    incidents = list(search.prefer_answered())
    search.name_repeated()
    for wanted in search.answers:
        incidents += search.find(wanted)
    notebook.cells = search.cells
    if search.answers and not search.any_named():
        incidents.append(Incident(IncidentKind.UNSURE, NOTHING))
    return incidents


def count_answered(notebook: NotebookNode, template: Template) -> int:
    """How many answers of a plain notebook, in cells that have their names, are not as they were released."""
    search = Search(notebook.cells, template)
    return len({name_of(c) for c in search.cells if name_of(c) in search.answer_ids and not search.is_unsolved(c)})


def name_of(cell: NotebookNode) -> str:
    """The grade id of a plain cell, or nothing."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def defined(*sources: str) -> set[str]:
    """The functions and classes that code defines."""
    return {name for source in sources for name in DEFINES.findall(source)}


def text_of(source: str) -> str:
    """A text as it is compared: without blanks at the ends of lines, which editors change."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


@dataclass
class Search:
    """The cells of a submission while answers are looked for, and what the template says of them."""

    cells: list[NotebookNode]
    template: Template

    def __post_init__(self) -> None:
        release = self.template.release
        self.known = {cell.grade_id for cell in self.template.cells}
        self.order = {cell.grade_id: number for number, cell in enumerate(release) if cell.grade_id}
        self.released = {cell.grade_id: text_of(cell.source) for cell in release if cell.grade_id}
        open_cells = {cell.grade_id for cell in self.template.cells if not cell.locked}
        self.answers = [cell for cell in release if cell.grade_id in open_cells]
        self.answer_ids = {cell.grade_id for cell in self.answers}
        self.course_texts = {text_of(cell.source) for cell in release}
        key = {cell.grade_id: cell.source for cell in self.template.key}
        self.functions = {cell.grade_id: defined(cell.source, key.get(cell.grade_id, "")) for cell in self.answers}
        # Looked at once: a notebook may be large, and an assignment have many answers.
        self.number = {id(cell): number for number, cell in enumerate(self.cells, start=1)}
        self.text = {id(cell): text_of(cell.source) for cell in self.cells}
        self.defines = {id(cell): defined(cell.source) for cell in self.cells}

    def any_named(self) -> bool:
        """Whether any answer has its name."""
        return any(name_of(cell) in self.answer_ids for cell in self.cells)

    def is_unsolved(self, cell: NotebookNode) -> bool:
        """Whether a named answer is as it was released, or empty."""
        return self.text[id(cell)] in ("", self.released[name_of(cell)])

    def prefer_answered(self) -> Iterator[Incident]:
        """Take out the unsolved copies of an answer that is solved elsewhere in the notebook."""
        copies: dict[str, list[NotebookNode]] = {}
        for cell in self.cells:
            if name_of(cell) in self.answer_ids:
                copies.setdefault(name_of(cell), []).append(cell)
        gone: set[int] = set()
        for name, cells in copies.items():
            solved = [cell for cell in cells if not self.is_unsolved(cell)]
            if solved and self.is_unsolved(cells[-1]):
                yield self.incident(name, solved[-1:], len({self.text[id(cell)] for cell in solved}) > 1)
            if solved:
                gone |= {id(cell) for cell in cells if self.is_unsolved(cell)}
        self.cells = [cell for cell in self.cells if id(cell) not in gone]

    def name_repeated(self) -> None:
        """Name cells without a name that repeat a released cell: the names show where in the assignment they are.
        Further copies of unsolved answers and of checks are taken out."""
        times = Counter(text_of(cell.source) for cell in self.template.release)
        names = {text: name for name, text in self.released.items() if text and times[text] == 1}
        undo = {self.released[name] for name in self.answer_ids} - {""}
        present = {name_of(cell) for cell in self.cells}
        kept = []
        for cell in self.cells:
            name = names.get(self.text[id(cell)], "")
            if name_of(cell) in self.known:
                kept.append(cell)
            elif name and name not in present:
                cell.metadata["nbgrader"] = NotebookNode(grade_id=name)
                present.add(name)
                kept.append(cell)
            elif self.text[id(cell)] not in undo and not is_check_cell(cell.source):
                kept.append(cell)
        self.cells = kept

    def find(self, wanted: ReleasedCell) -> Iterator[Incident]:
        """Find one answer, if it is missing or as it was released; returns incidents that say where."""
        of_id = [index for index, cell in enumerate(self.cells) if name_of(cell) == wanted.grade_id]
        if of_id and not self.is_unsolved(self.cells[of_id[-1]]):
            return
        gap, functions = self.gap(wanted), self.functions[wanted.grade_id]
        own = [index for index, cell in enumerate(self.cells) if self.is_own(cell, wanted)]
        if functions:
            found = [index for index in own if functions & self.defines[id(self.cells[index])]]
            taken, unsure = found[-1:], len({self.text[id(self.cells[index])] for index in found}) > 1
        else:
            taken = [index for index in own if index in gap]
            unsure = len(taken) > 1
        if taken:
            yield self.incident(wanted.grade_id, [self.cells[index] for index in taken], unsure)
            self.take(wanted, taken, of_id, gap)

    def is_own(self, cell: NotebookNode, wanted: ReleasedCell) -> bool:
        """Whether a cell is the student's own, and of a kind that can hold the answer."""
        kinds = {"code"} if wanted.cell_type == "code" else {"markdown", "raw"}
        text = self.text[id(cell)]
        own = bool(text) and text not in self.course_texts and name_of(cell) not in self.known
        return own and cell.cell_type in kinds

    def gap(self, wanted: ReleasedCell) -> range:
        """The cells between those of the course's that come before and after an answer in the assignment; none if
        nothing of the course's is there."""
        place, anchors = self.order[wanted.grade_id], self.anchors()
        first, last = 0, len(self.cells) if anchors else 0
        for index, order in anchors:
            if order < place:
                first = index + 1
            elif order > place:
                last = index
                break
        return range(first, max(first, last))

    def anchors(self) -> list[tuple[int, int]]:
        """Named cells of the submission with their places in the assignment, as many as are in its order."""
        pairs = [(i, self.order[name_of(cell)]) for i, cell in enumerate(self.cells) if name_of(cell) in self.order]
        return longest_rise(pairs)

    def take(self, wanted: ReleasedCell, taken: list[int], here: list[int], gap: range) -> None:
        """Make one named cell, in its place, of the cells that hold the answer."""
        parts, answer = [self.cells[index] for index in taken], self.cells[taken[-1]]
        attachments = NotebookNode()
        for part in parts:
            attachments.update(part.get("attachments", {}))
        if attachments:
            answer["attachments"] = attachments
        answer.source = "\n\n".join(part.source for part in parts)
        answer.metadata["nbgrader"] = NotebookNode(grade_id=wanted.grade_id)
        at = here[-1] if here else taken[-1] if taken[-1] in gap else gap.stop
        gone = {*taken, *here}
        before = [cell for index, cell in enumerate(self.cells) if index < at and index not in gone]
        behind = [cell for index, cell in enumerate(self.cells) if index >= at and index not in gone]
        self.cells = [*before, answer, *behind]

    def incident(self, name: str, cells: list[NotebookNode], unsure: bool) -> Incident:
        """The incident that the answer `name` was taken from `cells`."""
        where = " and ".join(f"cell {self.number[id(cell)]}" for cell in cells)
        if unsure:
            text = f"its own cell has no answer; what stands in {where} was graded, but several cells could be meant"
            return Incident(IncidentKind.UNSURE, text, name)
        return Incident(IncidentKind.FOUND, f"its own cell has no answer; the one in {where} was graded", name)


def longest_rise(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of a list of pairs whose second numbers rise (patience sorting, O(n log n))."""
    tops: list[int] = []  # the smallest second number that ends a rise of this length, and where it is
    ends: list[int] = []
    before: list[int] = []
    for number, (_, value) in enumerate(pairs):
        length = bisect_left(tops, value)
        tops[length : length + 1], ends[length : length + 1] = [value], [number]
        before.append(ends[length - 1] if length else -1)
    rise, number = [], ends[-1] if ends else -1
    while number >= 0:
        rise.append(pairs[number])
        number = before[number]
    return rise[::-1]
