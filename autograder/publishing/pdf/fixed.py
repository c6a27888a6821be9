"""The fixed layout: every student's answer to a question begins on the same page.

The release decides how many pages a question has. What does not fit goes on in an appendix, which
the question's first page names: nothing is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autograder.publishing.doctree.context import Notice
from autograder.publishing.doctree.nodes import Paragraph
from autograder.publishing.doctree.parsed_notebook import ParsedNotebook
from autograder.publishing.pdf.document import Document, PageHeader, Section, build
from autograder.publishing.pdf.typeset import Typesetter, typesetter

__all__ = ["ROOM", "allotments", "fix"]

ROOM = 1


def allotments(release: ParsedNotebook, header: PageHeader, room: int = ROOM) -> list[int]:
    """How many pages the introduction and each question have, `room` more than in the release.

    The first number is the introduction's, 0 when the release has none.
    """
    document = build(release, header)
    with typesetter(document.files) as setter:
        lengths = section_lengths(document, setter)
    pages = [length + room for section, length in zip(document.sections, lengths, strict=True) if is_fixed(section)]
    return pages if document.sections and not document.sections[0].number else [0, *pages]


def fix(document: Document, allotted: Sequence[int], setter: Typesetter) -> None:
    """Pad each question to its pages, and move the rest to an appendix."""
    move_from_first_page(document)
    if not document.sections or document.sections[0].number:
        document.sections.insert(0, Section(()))
    starts, ends = setter.places(document.data())
    appendix = []
    for number, (section, pages) in enumerate(zip(list(document.sections), allotted, strict=False)):
        first = starts[number]["page"]
        used = [end["page"] - first + 1 for end in ends if end["section"] == number]
        kept = sum(page <= pages for page in used)
        if kept < len(used):
            appendix.append(replace(section, blocks=section.blocks[kept:], overflow="here"))
            section = replace(section, blocks=section.blocks[:kept], overflow="there")
            name = f"question {section.number}" if section.number else "the introduction"
            notice = Notice(f"{name} is longer than its pages and goes on in the appendix", serious=True)
            document.notices.append(notice)
        document.sections[number] = replace(section, blank=pages - (used[kept - 1] if kept else 1))
    document.sections += appendix
    if allotted[0] == 0 and not document.sections[0].blocks:
        del document.sections[0]


def move_from_first_page(document: Document) -> None:
    # Its length differs between students, and would push the questions about.
    moved = [replace(section, first_page=False) for section in document.sections if section.first_page]
    document.sections = [section for section in document.sections if not section.first_page] + moved
    if document.remarks:
        blocks = tuple(Paragraph((remark,)) for remark in document.remarks)
        document.sections.append(Section(blocks, "Remarks"))
        document.remarks = []


def section_lengths(document: Document, setter: Typesetter) -> list[int]:
    starts, ends = setter.places(document.data())
    last = {end["section"]: end["page"] for end in ends}
    return [last.get(start["section"], start["page"]) - start["page"] + 1 for start in starts]


def is_fixed(section: Section) -> bool:
    return bool(section.number) or not (section.title or section.closing)
