"""Source code as highlighted text."""

from functools import cache, lru_cache

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String
from pygments.util import ClassNotFound
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
MAX_CHARACTERS = 400_000


@lru_cache(500)
def highlighted(source: str, language: str) -> Text:
    """Colour a source text; text in an unknown language, or too much of it, stays plain.

    Remembered, because most cells of a class are the same: the result is not to be changed.
    """
    source = source.expandtabs(4)
    magic, newline, rest = source.partition("\n")
    if magic.startswith("%%"):
        # The lexers would read a cell magic as a syntax error and all that follows with it.
        head = Text.assemble((magic + newline, Style(color="#5c4a8a", bold=True)))
        return head + highlighted(rest, language if magic.startswith(PYTHON_MAGICS) else "")
    lexer = lexer_for(language) if len(source) <= MAX_CHARACTERS else None
    if lexer is None:
        return Text(source)
    text = Syntax("", lexer, theme=THEME).highlight(source)
    if (extra := len(text.plain) - len(source)) > 0:
        text.right_crop(extra)
    return text


PYTHON_MAGICS = ("%%check", "%%time", "%%timeit", "%%capture", "%%prun")


@cache
def lexer_for(language: str) -> Lexer | None:
    name = {"ipython": "python", "ipython3": "python"}.get(language.lower(), language)
    try:
        return get_lexer_by_name(name, ensurenl=False, stripnl=False)
    except ClassNotFound:
        return None
