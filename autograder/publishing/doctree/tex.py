"""TeX as texmath reads it best."""

from __future__ import annotations

import re

from autograder.publishing.doctree.macros import MAX_LENGTH, braced_group

__all__ = ["candidates"]

# texmath takes time that grows exponentially with nested scripts; real formulas stay below this.
MAX_DEPTH = 9

CONTROL = re.compile(r"\\(?:[A-Za-z]+|[^A-Za-z])|%[^\n]*", re.DOTALL)
# What texmath draws too wide, too narrow, as an alignment point, or not at all.
REWRITES = {r"\!": "", r"\;": r"\:", r"\enspace": r"\ ", r"\&": r"\text{&}", r"\mathop": ""}
FRACTION = re.compile(r"\\([dt]?frac)\s*\{")
TAG = re.compile(r"\\tag\*?\s*\{([^{}\\]{1,40})\}")
CASES = re.compile(r"\\begin\{d?cases\}.*?\\end\{d?cases\}", re.DOTALL)
SIZE = re.compile(r"\\[bB]igg?([lrm]?)(?![A-Za-z])")
# texmath sets \underset as a subscript. A grave accent, which no formula here has, keeps the place of
# Typst's "limits", which sets it below.
BELOW = r"\grave "
UNDER = re.compile(r"\\underset(?![A-Za-z])")


def candidates(tex: str) -> list[str]:
    """The forms of a formula to try, best first; none where reading it could take for ever."""
    if len(tex) > MAX_LENGTH or depth_of(tex) > MAX_DEPTH:
        return []
    tex = rewritten(tex)
    plain = SIZE.sub("", tex)
    tries = [sized(tex), plain]
    if "\\\\" in plain or "&" in plain:
        # MathJax takes several lines without an environment too.
        tries.append(rf"\begin{{aligned}}{plain}\end{{aligned}}")
    return list(dict.fromkeys(tries))


def rewritten(tex: str) -> str:
    tex = TAG.sub(r"\\qquad \\text{(\1)}", tex)
    tex = CONTROL.sub(lambda found: "" if found[0][0] == "%" else REWRITES.get(found[0], found[0]), tex)
    tex = CASES.sub(lambda found: found[0].replace("&", r"&\quad "), tex)
    while r"\grave{" not in tex and (found := UNDER.search(tex)):
        below, end = braced_group(tex, found.end())
        above, end = braced_group(tex, end)
        tex = tex[: found.start()] + rf"{BELOW}{{{above}}}_{{{below}}}" + tex[end:]
    # An empty group keeps texmath from writing a/b/c for a fraction within a fraction,
    # which Typst reads as (a/b)/c.
    return FRACTION.sub(r"\\\1{{}", tex)


def sized(tex: str) -> str:
    """Delimiters of a given size as ones that fit their content, when they come in pairs."""
    sides = [found[1] for found in SIZE.finditer(tex)]
    if sides != ["l", "r"] * (len(sides) // 2):
        return SIZE.sub("", tex)
    return SIZE.sub(lambda found: r"\left" if found[1] == "l" else r"\right", tex)


def depth_of(tex: str) -> int:
    depth = deepest = 0
    for character in tex:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return deepest
