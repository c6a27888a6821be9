"""Source code as highlighted text."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.text import Text

__all__ = ["highlighted"]

# Readable in black and white too: words of the language are bold, comments are italic.
THEME = ANSISyntaxTheme(
    {
        Comment: Style(color="#4f6a4f", italic=True),
        Comment.Preproc: Style(color="#5c4a8a", bold=True),
        Keyword: Style(color="#1f3f8f", bold=True),
        Keyword.Constant: Style(color="#1f3f8f"),
        Name.Function: Style(color="#6a2f7a"),
        Name.Class: Style(color="#6a2f7a", bold=True),
        Name.Decorator: Style(color="#6a2f7a"),
        Number: Style(color="#8a4b00"),
        String: Style(color="#96281b"),
    }
)
# Pygments has lexers that take exponential time, and the student names the language: only these are used.
LANGUAGES = {
    "python": "python", "python3": "python", "py": "python", "ipython": "python", "ipython3": "python",
    "bash": "bash", "sh": "bash", "json": "json",
}  # fmt: skip
PYTHON_MAGICS = ("%%check", "%%time", "%%timeit", "%%capture", "%%prun")
MAGIC = Style(color="#5c4a8a", bold=True)
MAX_CHARACTERS = 60_000
# Lexers are quadratic in blanks, so code is read in pieces between long rows of them.
BLANKS = re.compile(r"(\s{100,})")


@lru_cache(500)
def highlighted(source: str, language: str) -> Text:
    """Colour a source text; text in a language that is not one of LANGUAGES, or too much of it, stays plain.

    Remembered, because most cells of a class are the same: the result is not to be changed.
    """
    source = source.expandtabs(4)
    magic, newline, rest = source.partition("\n")
    if not magic.startswith("%%"):
        return coloured(source, language)
    # The lexers would read a cell magic as a syntax error and all that follows with it.
    head = Text.assemble((magic + newline, MAGIC))
    return head + coloured(rest, language if magic.startswith(PYTHON_MAGICS) else "")


def coloured(source: str, language: str) -> Text:
    name = LANGUAGES.get(language.lower()) if len(source) <= MAX_CHARACTERS else None
    if name is None:
        return Text(source)
    return Text.assemble(*(part if part.isspace() else lexed(part, lexer_for(name)) for part in BLANKS.split(source)))


def lexed(source: str, lexer: Lexer) -> Text:
    text = Syntax("", lexer, theme=THEME).highlight(source)
    if (extra := len(text.plain) - len(source)) > 0:
        text.right_crop(extra)
    return text


@cache
def lexer_for(name: str) -> Lexer:
    return get_lexer_by_name(name, ensurenl=False, stripnl=False)
