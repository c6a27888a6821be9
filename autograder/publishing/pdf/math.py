"""Formulas: found in Markdown as Jupyter finds them, macros expanded, checked before Typst sees them."""

import re
import secrets
from dataclasses import dataclass, field

MAX_LENGTH = 5_000
# texmath takes time that grows exponentially with nested scripts; real formulas stay below this.
MAX_DEPTH = 9

# The order in which JupyterLab looks: code first, then escapes, then mathematics.
_PARTS = re.compile(
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
_CONTROL = re.compile(r"\\(?:[A-Za-z]+|[^A-Za-z])|%[^\n]*", re.DOTALL)
# What texmath renders too wide, too narrow, or as an alignment point.
_REWRITES = {r"\!": "", r"\;": r"\:", r"\enspace": r"\ ", r"\&": r"\text{&}"}
_FRACTION = re.compile(r"\\([dt]?frac)\s*\{")
_TAG = re.compile(r"\\tag\*?\s*\{([^{}\\]{1,40})\}")


@dataclass(frozen=True)
class Formula:
    """A formula as it was written, without its delimiters."""

    tex: str
    display: bool
    written: str


@dataclass
class Formulas:
    """Stands in for formulas while Markdown is read, so that none of it is taken for emphasis."""

    # A reader of the notebook must not be able to write a placeholder. It is never printed.
    token: str = field(default_factory=lambda: f"F{secrets.token_hex(8)}x")
    found: list[Formula] = field(default_factory=list)

    def hide(self, markdown: str) -> str:
        """Replace each formula by a placeholder."""
        return _PARTS.sub(self._placeholder, markdown)

    def split(self, text: str) -> list[str | Formula]:
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
                self.found.append(Formula(tex.strip(), not group.startswith("inline"), match[0]))
                return f"{self.token}{len(self.found) - 1}z"
        return match[0]


def prepared(tex: str) -> str | None:
    """TeX that texmath reads as MathJax does; None where reading it could take for ever."""
    if len(tex) > MAX_LENGTH or _depth(tex) > MAX_DEPTH:
        return None
    tex = _TAG.sub(r"\\qquad \\text{(\1)}", tex)
    tex = _CONTROL.sub(lambda found: "" if found[0][0] == "%" else _REWRITES.get(found[0], found[0]), tex)
    # An empty group keeps texmath from writing a/b/c for a fraction within a fraction,
    # which Typst reads as (a/b)/c.
    return _FRACTION.sub(r"\\\1{{}", tex)


def _depth(tex: str) -> int:
    depth = deepest = 0
    for character in tex:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return deepest


# texmath's own Typst functions; a formula that calls anything else is not shown as a formula.
_CALLS = frozenset([
    "frac", "sqrt", "root", "cases", "mat", "vec", "binom", "op", "lr", "abs", "norm", "accent", "hat",
    "tilde", "macron", "dot", "arrow", "overline", "underline", "overbrace", "underbrace", "overbracket",
    "underbracket", "overparen", "underparen", "cancel", "upright", "italic", "bold", "bb", "cal", "frak",
    "mono", "sans", "serif", "scr", "display", "inline", "limits", "scripts", "class", "breve", "caron",
    "grave", "acute", "circle", "diaer", "harpoon", "stretch", "mid",
])  # fmt: skip
_STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_KNOWN_CODE = re.compile(
    r"#h\(-?\d+(?:\.\d+)?em\)"
    r"|#scale\(x: \d+%, y: \d+%\)\[[^\[\]#$`/]{0,30}\]"
    r"|#box\(stroke: black, inset: 3pt, \[\$"
    r"|\$\]\)"
)
_CODE = re.compile(r"[#$`@<>]|//|/\*|\bstd\b|\bsys\b")
_CALL = re.compile(r"([A-Za-z][A-Za-z0-9.]*)\(")


def is_safe(typst: str) -> bool:
    """Whether a formula in Typst's math syntax holds no code, comment, label or unknown call.

    Typst's ``eval`` may read files and fetch packages, so what it is given is checked here,
    however sure one may be of texmath's escaping.
    """
    bare = _KNOWN_CODE.sub(" ", _ESCAPE.sub(" ", _STRING.sub(" ", typst)))
    relations = re.sub(r"(?<=\s)[<>](?=\s|$)", " ", f" {bare} ")
    if _CODE.search(relations):
        return False
    return all(name.rpartition(".")[2] in _CALLS or name == "dot.double" for name in _CALL.findall(bare))


# Symbols that pandoc still calls by names which Typst has given up.
_RENAMED = re.compile(r'"(?:\\.|[^"\\])*"|\b(?:sect\b|(?:dot|times|minus|dash|plus)\.circle\b)', re.DOTALL)


def renamed(typst: str) -> str:
    """A formula with the names that the installed Typst knows."""
    return _RENAMED.sub(
        lambda found: (
            found[0] if found[0][0] == '"' else found[0].replace("sect", "inter").replace("circle", "o")
        ),
        typst,
    )


_DEFINITION = re.compile(
    r"\\(?:re|provide)?newcommand\*?\s*(?:\{\\(?P<a>[A-Za-z]+)\}|\\(?P<b>[A-Za-z]+))\s*(?:\[(?P<n>\d)\])?\s*(?=\{)"
    r"|\\def\s*\\(?P<c>[A-Za-z]+)\s*(?P<params>(?:\#\d)*)\s*(?=\{)"
    r"|\\DeclareMathOperator(?P<star>\*?)\s*\{\\(?P<d>[A-Za-z]+)\}\s*(?=\{)"
)


@dataclass
class Macros:
    """The notebook's own TeX commands: as in MathJax, they hold from their definition on."""

    known: dict[str, tuple[int, str]] = field(default_factory=dict)

    def expand(self, tex: str) -> str:
        """Take definitions out of a formula and replace the commands that are known."""
        tex = self._define(tex)
        for _ in range(8):
            # Not to a fixed point: definitions may go round in a circle, or double each time.
            expanded = self._once(tex)
            if expanded == tex or len(expanded) > MAX_LENGTH:
                break
            tex = expanded
        return tex.strip()

    def _define(self, tex: str) -> str:
        while found := _DEFINITION.search(tex):
            body, end = _group(tex, found.end())
            if found["d"]:
                body = rf"\operatorname{found['star']}{{{body}}}"
            count = int(found["n"] or 0) or (found["params"] or "").count("#")
            self.known[found["a"] or found["b"] or found["c"] or found["d"]] = (count, body)
            tex = tex[: found.start()] + tex[end:]
        return tex

    def _once(self, tex: str) -> str:
        out, position = [], 0
        for found in re.finditer(r"\\([A-Za-z]+)", tex):
            if found.start() < position or found[1] not in self.known:
                continue
            count, body = self.known[found[1]]
            arguments, end = _arguments(tex, found.end(), count)
            out.append(tex[position : found.start()] + _filled(body, arguments))
            position = end
        return "".join(out) + tex[position:]


def _filled(body: str, arguments: list[str]) -> str:
    def argument(found: re.Match[str]) -> str:
        index = int(found[1]) - 1
        return arguments[index] if 0 <= index < len(arguments) else ""

    # The space keeps "\R x" from becoming one command with what follows.
    return re.sub(r"#(\d)", argument, body)[:MAX_LENGTH] + " "


def _arguments(tex: str, start: int, count: int) -> tuple[list[str], int]:
    arguments = []
    for _ in range(count):
        argument, start = _group(tex, start)
        arguments.append(argument)
    return arguments, start


def _group(tex: str, start: int) -> tuple[str, int]:
    """The braced group (or single token) at ``start``, and where it ends."""
    while start < len(tex) and tex[start].isspace():
        start += 1
    if tex[start : start + 1] != "{":
        token = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL).match(tex, start)
        return (token[0], token.end()) if token else ("", len(tex))
    depth = 0
    for index in range(start, len(tex)):
        depth += (tex[index] == "{") - (tex[index] == "}")
        if depth == 0:
            return tex[start + 1 : index], index + 1
    return tex[start + 1 :], len(tex)
