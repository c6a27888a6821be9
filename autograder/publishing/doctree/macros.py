"""A notebook's own TeX commands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["MAX_LENGTH", "Macros", "braced_group"]

MAX_LENGTH = 5_000

DEFINITION = re.compile(
    r"\\(?:re|provide)?newcommand\*?\s*(?:\{\s*\\(?P<a>[A-Za-z]+)\s*\}|\\(?P<b>[A-Za-z]+))\s*"
    r"(?:\[(?P<n>\d)\]\s*(?:\[(?P<default>[^][]*)\])?)?\s*(?=\{)"
    r"|\\def\s*\\(?P<c>[A-Za-z]+)\s*(?P<params>(?:\#\d)*)\s*(?=\{)"
    r"|\\DeclareMathOperator(?P<star>\*?)\s*(?:\{\s*\\(?P<d>[A-Za-z]+)\s*\}|\\(?P<e>[A-Za-z]+))\s*(?=\{)"
    r"|\\let\s*\\(?P<f>[A-Za-z]+)\s*=?\s*(?=\\[A-Za-z])"
)


OPTION = re.compile(r"\s*\[(?P<option>[^][]*)\]")


@dataclass(frozen=True)
class Macro:
    """A command: its body, how many arguments it takes, and what the first is if it is left out (None: it is not)."""

    body: str
    count: int = 0
    default: str | None = None


@dataclass
class Macros:
    """The notebook's own TeX commands: as in MathJax, they hold from their definition on."""

    known: dict[str, Macro] = field(default_factory=dict)

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
        while found := DEFINITION.search(tex):
            body, end = braced_group(tex, found.end())
            names = found.groupdict()
            if names["d"] or names["e"]:
                body = rf"\operatorname{found['star']}{{{body}}}"
            if names["f"] and body[1:] in self.known:
                macro = self.known[body[1:]]  # \let keeps what the other one is now
            else:
                macro = Macro(body, int(found["n"] or 0) or (found["params"] or "").count("#"), found["default"])
            self.known[next(names[key] for key in "abcdef" if names[key])] = macro
            tex = tex[: found.start()] + tex[end:]
        return tex

    def _once(self, tex: str) -> str:
        out, position = [], 0
        for found in re.finditer(r"\\([A-Za-z]+)", tex):
            if found.start() < position or found[1] not in self.known:
                continue
            macro = self.known[found[1]]
            arguments, end = read_arguments(tex, found.end(), macro)
            out.append(tex[position : found.start()] + filled(macro.body, arguments))
            position = end
        return "".join(out) + tex[position:]


def filled(body: str, arguments: list[str]) -> str:
    def argument(found: re.Match[str]) -> str:
        index = int(found[1]) - 1
        return arguments[index] if 0 <= index < len(arguments) else ""

    # The space keeps "\R x" from becoming one command with what follows.
    return re.sub(r"#(\d)", argument, body)[:MAX_LENGTH] + " "


def read_arguments(tex: str, start: int, macro: Macro) -> tuple[list[str], int]:
    arguments = []
    if macro.default is not None:
        given = OPTION.match(tex, start)
        arguments.append(given["option"] if given else macro.default)
        start = given.end() if given else start
    while len(arguments) < macro.count:
        argument, start = braced_group(tex, start)
        arguments.append(argument)
    return arguments, start


def braced_group(tex: str, start: int) -> tuple[str, int]:
    """The braced group (or single token) at `start`, and where it ends."""
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
