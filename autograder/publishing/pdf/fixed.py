"""The fixed layout: every student's answer to a question begins on the same page.

The release decides how many pages a question has. What does not fit goes on in an appendix, which
the question's first page names: nothing is cut off.
"""

from collections.abc import Sequence

from autograder.publishing.doctree.context import Node, Notice
from autograder.publishing.doctree.parsed_notebook import ParsedNotebook
from autograder.publishing.pdf.document import Document, Heading, build
from autograder.publishing.pdf.typeset import Typesetter, typesetter

__all__ = ["ROOM", "allotments", "fix"]

ROOM = 1


def allotments(release: ParsedNotebook, heading: Heading, room: int = ROOM) -> list[int]:
    """How many pages the introduction and each question have, ``room`` more than in the release.

    The first number is the introduction's, 0 when the release has none.
    """
    document = build(release, heading)
    with typesetter(document.files) as setter:
        lengths = section_lengths(document, setter)
    pages = [length + room for section, length in zip(document.sections, lengths, strict=True) if is_fixed(section)]
    return pages if document.sections and "number" not in document.sections[0] else [0, *pages]


def fix(document: Document, allotted: Sequence[int], setter: Typesetter) -> None:
    """Pad each question to its pages, and move what is too much to an appendix."""
    if not document.sections or "number" in document.sections[0]:
        document.sections.insert(0, {"blocks": []})
    move_remarks(document)
    starts, ends = setter.places(document.data())
    appendix = []
    for number, (section, pages) in enumerate(zip(list(document.sections), allotted, strict=False)):
        first = starts[number]["page"]
        used = [end["page"] - first + 1 for end in ends if end["section"] == number]
        kept = sum(page <= pages for page in used)
        if kept < len(used):
            appendix.append(move_overflow(section, kept, document))
        section["blank"] = pages - (used[kept - 1] if kept else 1)
    document.sections += appendix
    if allotted[0] == 0 and not document.sections[0]["blocks"]:
        del document.sections[0]


def move_overflow(section: Node, kept: int, document: Document) -> Node:
    name = f"question {section['number']}" if "number" in section else "the introduction"
    document.notices.append(Notice(f"{name} is longer than its pages and goes on in the appendix", serious=True))
    rest = {**section, "blocks": section["blocks"][kept:], "overflow": "here"}
    section["blocks"] = section["blocks"][:kept]
    section["overflow"] = "there"
    return rest


def move_remarks(document: Document) -> None:
    # On the first page they would push the questions about.
    if document.remarks:
        blocks = [{"t": "par", "c": [remark]} for remark in document.remarks]
        document.sections.append({"title": "Remarks", "blocks": blocks})
        document.remarks = []


def section_lengths(document: Document, setter: Typesetter) -> list[int]:
    starts, ends = setter.places(document.data())
    last = {end["section"]: end["page"] for end in ends}
    return [last.get(start["section"], start["page"]) - start["page"] + 1 for start in starts]


def is_fixed(section: Node) -> bool:
    return "number" in section or not ("title" in section or "closing" in section)
