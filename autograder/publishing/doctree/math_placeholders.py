"""Formulas, found in Markdown as Jupyter finds them."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

__all__ = ["Formulas"]

# The order in which JupyterLab looks: code first, then escapes, then mathematics.
PARTS = re.compile(
    r"""
    (?P<fence>^[ ]{0,3}(?P<ticks>`{3,}|~{3,})[^\n]*\n(?s:.*?)(?:^[ ]{0,3}(?P=ticks)[`~]*[ \t]*$|\Z))
    | (?P<code>(?<!`)(?P<tick>`{1,8})(?!`)(?s:.{1,5000}?)(?<!`)(?P=tick)(?!`))
    | \\\\\[ (?P<display2>(?s:.{1,5000}?)) \\\\\]
    | \\\\\( (?P<inline2>(?s:.{1,5000}?)) \\\\\)
    | (?P<env>\\begin\{(?P<name>[a-zA-Z]{1,20}\*?)\}(?s:.{0,5000}?)\\end\{(?P=name)\})
    | (?P<escape>\\[^\n])
    | \$\$ (?P<display>(?s:.{1,5000}?)) \$\$
    | \$ (?P<inline>(?:\\[^\n]|[^$\\\n]|\n(?![ \t]*\n)){1,5000}?) \$
    """,
    re.VERBOSE | re.MULTILINE,
)


# The writer of a notebook must not be able to write a placeholder. It is never printed. It is the same
# for all notebooks of a process, so that pandoc is asked only once for prose that a class shares.
TOKEN = f"F{secrets.token_hex(8)}x"


@dataclass(frozen=True)
class TexSpan:
    """A formula as it was written, without its delimiters."""

    tex: str
    display: bool
    written: str


@dataclass
class Formulas:
    """Stands in for formulas while Markdown is read, so that none of it is taken for emphasis."""

    token: str = TOKEN
    found: list[TexSpan] = field(default_factory=list)

    def hide(self, markdown: str) -> str:
        """Replace each formula by a placeholder."""
        return PARTS.sub(self._placeholder, markdown)

    def split(self, text: str) -> list[str | TexSpan]:
        """Text and the formulas in it, in order."""
        parts = re.split(rf"{self.token}(\d+)z", text)
        return [self.found[int(part)] if index % 2 else part for index, part in enumerate(parts) if part]

    def restore(self, text: str) -> str:
        """The text as it was written."""
        return "".join(part if isinstance(part, str) else part.written for part in self.split(text))

    def _placeholder(self, match: re.Match[str]) -> str:
        groups = match.groupdict()
        for group in ("display", "display2", "env", "inline", "inline2"):
            if (tex := groups[group]) is not None and tex.strip():
                self.found.append(TexSpan(tex.strip(), not group.startswith("inline"), match[0]))
                return f"{self.token}{len(self.found) - 1}z"
        return match[0]
