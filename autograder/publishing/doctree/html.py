"""HTML of outputs and Markdown, cut down to what paper can show."""

from __future__ import annotations

import re

from autograder.publishing.doctree.nodes import Styling
from autograder.text import storable

__all__ = ["FORMATS", "MAX_CHARACTERS", "has_page_content", "is_silent", "sanitised", "tag_name", "unknown_tags"]

MAX_CHARACTERS = 200_000

TAGS = frozenset([
    "table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "p", "br", "hr", "h1", "h2", "h3",
    "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "pre", "code", "kbd", "samp", "b", "strong", "i",
    "em", "u", "s", "del", "sub", "sup", "blockquote", "a", "img",
])  # fmt: skip
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
# Marks that only structure or colour a page; leaving them out loses no text.
SILENT = frozenset([
    "div", "span", "center", "details", "summary", "font", "section", "article", "p", "a", "small", "big",
    "nobr", "label", "main",
])  # fmt: skip
TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)(?:\s[^<>]*)?/?>")

FORMATS: dict[str, Styling] = {
    "b": "strong", "strong": "strong", "i": "em", "em": "em", "u": "underline", "s": "strike",
    "del": "strike", "sub": "sub", "sup": "super",
}  # fmt: skip


def sanitised(html: str) -> str:
    """Only tags and attributes that are known to be harmless; everything else as its text."""
    # Imported here because most notebooks have no HTML.
    import nh3

    return nh3.clean(
        storable(html),  # it takes no half characters
        tags=set(TAGS),
        clean_content_tags={"style", "script", "head", "title"},
        attributes={
            "a": {"href"},
            "img": {"src", "alt", "width"},
            "td": {"colspan", "rowspan"},
            "th": {"colspan", "rowspan"},
        },
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "attachment", "data"},
        link_rel=None,
    )


def attribute(tag: str, name: str, value: str) -> str | None:
    # pandoc would make a cell for each column that is asked for.
    return None if name in ("colspan", "rowspan") and not re.fullmatch(r"[1-9]\d?", value) else value


def is_silent(html: str) -> bool:
    """Whether a piece of raw HTML is a comment or layout only, with nothing to show."""
    rest = COMMENT.sub("", html).strip()
    names = [found[1].lower() for found in TAG.finditer(rest)]
    return not TAG.sub("", rest).strip() and all(name in SILENT for name in names)


def tag_name(html: str) -> tuple[str, bool]:
    """The name of a single tag and whether it closes; an empty name when it is not a single tag."""
    found = TAG.fullmatch(html.strip())
    return (found[1].lower(), html.strip().startswith("</")) if found else ("", False)


def has_page_content(html: str) -> bool:
    """Whether HTML has something that text alone would lose: a table or a picture."""
    return len(html) <= MAX_CHARACTERS and re.search(r"<(table|img)\b", html, re.IGNORECASE) is not None


def unknown_tags(html: str) -> set[str]:
    """Tags whose meaning a page would lose: forms, frames, scripts."""
    names = {found[1].lower() for found in TAG.finditer(re.sub(r"<!--.*?(?:-->|\Z)", "", html, flags=re.DOTALL))}
    return names - TAGS - SILENT - {"style"}
